/// What one request or connection brings to a choice. Everything is optional; the default value fits a plain choice.
///
/// Built by the session, borrowed by the balancer for one call.
public struct LoadBalancerContext {
    /// Hash from the hash policy; without one the hashing balancers take a random number.
    public var hash: UInt64?
    /// The turn's time, for slow start.
    public var now = Instant(nanoseconds: 0)
    /// Metadata the subset must have, from the route.
    public var metadataMatch: MetadataMatchCriteria?
    /// Refuses hosts (already tried, wrong metadata); asked after each attempt.
    public var predicate: HostPredicate?
    /// Choices tried before a refused host is given after all: `host_selection_retry_max_attempts` + 1.
    public var maxHostAttempts: UInt32 = 1
    /// Load by priority that replaces the snapshot's (retry priority plug-in).
    public var priorityLoad: PriorityLoad?
    /// A host named by the request; taken when its status allows.
    public var overrideHost: OverrideHost?
    /// Where the connection was going, or what a header named.
    public var originalDestination: SocketAddress?

    public init(hash: UInt64? = nil, now: Instant = Instant(nanoseconds: 0)) {
        self.hash = hash
        self.now = now
    }

    /// The host a request asks for.
    public struct OverrideHost: Sendable {
        public var address: SocketAddress
        /// No other host when this one cannot be used.
        public var isStrict: Bool

        public init(address: SocketAddress, isStrict: Bool = false) {
            self.address = address
            self.isStrict = isStrict
        }
    }
}

/// Refuses hosts during a choice. A class hierarchy and not a closure: it is called on the data path.
open class HostPredicate {
    public init() {}

    open func rejects(_ host: Host) -> Bool { false }
}

/// Refuses hosts that were tried before in the same request (`envoy.retry_host_predicates.previous_hosts`).
public final class TriedHosts: HostPredicate {
    private var hosts: [Host] = []

    public override init() { super.init() }

    public func add(_ host: Host) { hosts.append(host) }

    public override func rejects(_ host: Host) -> Bool { hosts.contains { $0.isSame(as: host) } }
}
