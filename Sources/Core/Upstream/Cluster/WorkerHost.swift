// One host as one worker uses it: the figures of its connections and requests.

import Synchronization

/// Told about a host it uses. Called on the worker, from a snapshot's arrival; the callee may close connections.
public protocol HostWatcher: AnyObject {
    /// Discovery removed the host (and it is not draining on passing health checks).
    func onHostRemoved(_ host: WorkerHost)
    /// The host's active health check failed; told only with `close_connections_on_host_health_failure`.
    func onHostHealthFailure(_ host: WorkerHost)
    /// Hosts came or went; told only with `close_connections_on_host_set_change`. Pools let connections go as they fall
    /// idle. A relayed TCP connection is never idle in this sense and stays, as in Envoy.
    func onHostSetChange(_ host: WorkerHost)
}

extension HostWatcher {
    public func onHostSetChange(_ host: WorkerHost) {}
}

/// Which side ended a connection.
public enum ClosingSide: Sendable {
    case local, remote
}

/// Why a connection did not come to be.
public enum ConnectFailure: Sendable {
    case refused, timedOut
    /// The source address could not be bound.
    case bindFailed
    /// Nobody waits for the connection any more.
    case abandoned
}

/// Identity and account book of a host on one worker. Sessions keep it as long as they keep a connection to the host;
/// it outlives the host's membership and the snapshot it came from.
///
///     openConnection ─▶ connectionReady ─▶ beginRequest ─▶ endRequest ─▶ closeConnection
///                  └──▶ connectionFailed
///
/// Counts the cluster's stats, the host's figures, the breakers and the balancer's loads together, so that no caller
/// can raise one and forget the other. Not `Sendable`.
public final class WorkerHost {
    public let cluster: WorkerCluster

    private var current: Host {
        didSet {
            if current.address == oldValue.address { return }
            prepared = PreparedSocket(cluster.config.connect.spec(for: current.address))
        }
    }
    private var prepared: PreparedSocket

    private let tally: HostTally
    private let counters: HostCounters
    /// The balancer's place for this host, while requests are out.
    private var slot: HostSlot?
    private var activeRequests: UInt32 = 0
    /// Requests begun while the host was in no snapshot: the balancer does not know them.
    private var slotlessRequests: UInt32 = 0
    /// Index in the current snapshot; nil when the host is in none.
    private var index: HostIndex?
    private var isFailing: Bool
    private var watchers: [Int: any HostWatcher] = [:]
    private var nextWatcher = 0

    init(_ host: Host, index: HostIndex?, cluster: WorkerCluster) {
        current = host
        prepared = PreparedSocket(cluster.config.connect.spec(for: host.address))
        self.index = index
        self.cluster = cluster
        tally = cluster.shared.tally(of: host)
        counters = tally.makeCounters()
        isFailing = host.flags.contains(.failedActiveHC)
    }

    /// The host with its newest attributes.
    public var host: Host { current }
    public var address: SocketAddress { current.address }
    /// The name the host was found by, empty where it has none but its address.
    public var hostname: String { current.hostname }
    /// Whether the newest snapshot has the host.
    public var isMember: Bool { index != nil }

    /// How to open a connection to the host.
    public var socket: PreparedSocket { prepared }

    // MARK: Connections

    /// Takes a connection's place under the breakers and counts it. False when a breaker is open: counted as
    /// `upstream_cx_overflow`, and nothing is taken.
    public func openConnection(_ priority: RoutingPriority = .default) -> Bool {
        guard cluster.breakers[priority].tryAcquire(.connections) else {
            cluster.stats.add(.upstreamCxOverflow)
            return false
        }
        if cluster.breakers.maxConnectionsPerHost != .max {
            let now = tally.cappedConnections.wrappingAdd(1, ordering: .relaxed).newValue
            if now > cluster.breakers.maxConnectionsPerHost {
                tally.cappedConnections.wrappingSubtract(1, ordering: .relaxed)
                cluster.breakers[priority].release(.connections)
                cluster.stats.add(.upstreamCxOverflow)
                return false
            }
        }
        if cluster.isOriginalDestination { tally.wasUsed.store(true, ordering: .relaxed) }
        cluster.markUsed()
        cluster.stats.add(.upstreamCxTotal)
        cluster.stats.add(.upstreamCxActive)
        counters.cxTotal.bump()
        counters.cxActive.bump()
        cluster.stats.add(.upstreamRqPendingTotal)
        cluster.stats.add(.upstreamRqPendingActive)
        counters.rqPendingActive.bump()
        return true
    }

    /// The connect succeeded after this time.
    public func connectionReady(afterMS milliseconds: Int64) {
        endPending()
        cluster.stats.record(.upstreamCxConnectMS, Int(milliseconds))
    }

    /// The connect failed: ends what ``openConnection(_:)`` began.
    public func connectionFailed(_ failure: ConnectFailure, _ priority: RoutingPriority = .default) {
        if failure == .timedOut { cluster.stats.add(.upstreamCxConnectTimeout) }
        if failure == .bindFailed { cluster.stats.add(.bindErrors) }
        endPending()
        cluster.stats.add(failure == .abandoned ? .upstreamRqCancelled : .upstreamRqPendingFailureEject)
        cluster.stats.add(.upstreamCxConnectFail)
        counters.cxConnectFail.bump()
        release(priority, end: failure == .refused ? .remote : .local, hadActiveRequest: false)
    }

    /// What asked for the connection waits no longer.
    private func endPending() {
        cluster.stats.sub(.upstreamRqPendingActive)
        counters.rqPendingActive.drop()
    }

    /// An established connection ended.
    public func closeConnection(
        _ end: ClosingSide, lengthMS: Int64, hadActiveRequest: Bool, _ priority: RoutingPriority = .default
    ) {
        cluster.stats.record(.upstreamCxLengthMS, Int(lengthMS))
        release(priority, end: end, hadActiveRequest: hadActiveRequest)
    }

    private func release(_ priority: RoutingPriority, end: ClosingSide, hadActiveRequest: Bool) {
        cluster.stats.sub(.upstreamCxActive)
        cluster.stats.add(.upstreamCxDestroy)
        cluster.stats.add(end == .local ? .upstreamCxDestroyLocal : .upstreamCxDestroyRemote)
        if hadActiveRequest {
            cluster.stats.add(.upstreamCxDestroyWithActiveRq)
            cluster.stats.add(
                end == .local ? .upstreamCxDestroyLocalWithActiveRq : .upstreamCxDestroyRemoteWithActiveRq)
        }
        counters.cxActive.drop()
        if cluster.breakers.maxConnectionsPerHost != .max {
            tally.cappedConnections.wrappingSubtract(1, ordering: .relaxed)
        }
        cluster.breakers[priority].release(.connections)
    }

    // MARK: Requests

    /// A request (for TCP: a relayed connection) is on the host. Counts towards least request and bounded loads.
    public func beginRequest() {
        cluster.stats.add(.upstreamRqTotal)
        cluster.stats.add(.upstreamRqActive)
        counters.rqTotal.bump()
        counters.rqActive.bump()
        activeRequests += 1
        if let index { slot = cluster.balancer.acquire(index) } else { slotlessRequests += 1 }
    }

    /// `isSuccess` is nil where a request has no outcome to judge: a relayed connection is neither, as in Envoy.
    public func endRequest(isSuccess: Bool? = nil) {
        precondition(activeRequests > 0, "A request ends once.")
        cluster.stats.sub(.upstreamRqActive)
        counters.rqActive.drop()
        switch isSuccess {
        case true?: counters.rqSuccess.bump()
        case false?: counters.rqError.bump()
        case nil: break
        }
        activeRequests -= 1
        if slotlessRequests > 0 {
            slotlessRequests -= 1
        } else if let slot {
            cluster.balancer.release(slot)
        }
        if activeRequests == 0 { slot = nil }
    }

    // MARK: Membership

    /// Adds a watcher, held strongly until it is removed. Returns the token to remove it with.
    public func addWatcher(_ watcher: any HostWatcher) -> Int {
        nextWatcher += 1
        watchers[nextWatcher] = watcher
        return nextWatcher
    }

    public func removeWatcher(_ token: Int) { watchers[token] = nil }

    /// A snapshot arrived that has the host at `index`.
    func move(to index: HostIndex, _ host: Host) {
        self.index = index
        current = host
        let isFailing = host.flags.contains(.failedActiveHC)
        defer { self.isFailing = isFailing }
        if isFailing, !self.isFailing, cluster.config.closesConnectionsOnHostHealthFailure {
            for watcher in Array(watchers.values) { watcher.onHostHealthFailure(self) }
        }
    }

    func tellHostSetChange() {
        for watcher in Array(watchers.values) { watcher.onHostSetChange(self) }
    }

    /// A snapshot arrived without the host.
    func leave() {
        index = nil
        for watcher in Array(watchers.values) { watcher.onHostRemoved(self) }
    }
}
