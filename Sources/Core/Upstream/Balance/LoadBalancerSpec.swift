/// What a cluster's configuration says about load balancing, as plain values with every default filled in.
///
/// ``LoadBalancerSpec/init(_:runtime:warn:report:)`` reads it from a cluster message; tests and other discovery build it by hand.
public struct LoadBalancerSpec: Hashable, Sendable {
    public var policy: Policy
    /// Percent of usable hosts below which a priority uses all its hosts; 0 = never.
    public var panicThresholdPercent: UInt32 = 50
    public var localityMode = LocalityMode.none
    /// Which hosts an override may name.
    public var overrideHostStatus: OverrideStatus = [.unknown, .healthy, .degraded]

    public init(_ policy: Policy = .roundRobin(slowStart: nil)) { self.policy = policy }

    public indirect enum Policy: Hashable, Sendable {
        case roundRobin(slowStart: SlowStart?)
        case leastRequest(LeastRequest)
        case random
        case ringHash(RingHash)
        case maglev(Maglev)
        case subset(Subset)
        /// The cluster type brings its own balancer (`envoy.clusters.redis` and the like).
        case clusterProvided
        /// Original destination: the address comes with the connection.
        case originalDestination(OriginalDestination)
    }

    /// How a new or newly healthy host's weight rises to its full value.
    public struct SlowStart: Hashable, Sendable {
        public var windowMS: UInt64
        /// Curve: (t / window) ^ (1 / aggression). 1 = linear.
        public var aggression: Double
        public var minWeightPercent: Double

        public init(windowMS: UInt64, aggression: Double = 1, minWeightPercent: Double = 10) {
            self.windowMS = windowMS
            self.aggression = aggression
            self.minWeightPercent = minWeightPercent
        }
    }

    public struct LeastRequest: Hashable, Sendable {
        /// Random hosts compared per choice, at least 2.
        public var choiceCount: UInt32 = 2
        /// Exponent of (active + 1) in the weighted form; 0 ignores activity.
        public var activeRequestBias = 1.0
        public var slowStart: SlowStart?
        /// Compare all hosts instead of a sample.
        public var isFullScan = false

        public init() {}
    }

    public enum HashFunction: Hashable, Sendable { case xxHash, murmurHash2 }

    /// What ring hash and Maglev share.
    public struct ConsistentHashing: Hashable, Sendable {
        public var useHostnameForHashing = false
        /// Cap of a host's activity, in percent of the average; 0 = no cap, else at least 100.
        public var balanceFactorPercent: UInt32 = 0

        public init() {}
    }

    public struct RingHash: Hashable, Sendable {
        public static let maxRingSize: UInt64 = 8_388_608

        public var minimumRingSize: UInt64 = 1024
        public var maximumRingSize: UInt64 = RingHash.maxRingSize
        public var hashFunction = HashFunction.xxHash
        public var hashing = ConsistentHashing()

        public init() {}
    }

    public struct Maglev: Hashable, Sendable {
        public static let maxTableSize: UInt64 = 5_000_011

        /// Prime.
        public var tableSize: UInt64 = 65_537
        public var hashing = ConsistentHashing()

        public init() {}
    }

    public struct OriginalDestination: Hashable, Sendable {
        public var useHTTPHeader = false
        public var httpHeaderName = "x-envoy-original-dst-host"
        public var upstreamPortOverride: UInt16?

        public init() {}
    }

    public enum LocalityMode: Hashable, Sendable {
        case none
        case weighted
        case zoneAware(ZoneAware)
    }

    public struct ZoneAware: Hashable, Sendable {
        public var routingEnabledPercent: UInt32 = 100
        public var minClusterSize: UInt64 = 6
        public var failTrafficOnPanic = false

        public init() {}
    }

    /// Health statuses in which a host named by an override is taken.
    public struct OverrideStatus: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let unknown = OverrideStatus(rawValue: 1 << 0)
        public static let healthy = OverrideStatus(rawValue: 1 << 1)
        public static let degraded = OverrideStatus(rawValue: 1 << 2)
        public static let unhealthy = OverrideStatus(rawValue: 1 << 3)
        public static let draining = OverrideStatus(rawValue: 1 << 4)
        public static let timeout = OverrideStatus(rawValue: 1 << 5)
    }

    /// Whether host sets need their hosts grouped by locality.
    var needsLocalities: Bool { localityMode != .none }

    var failsTrafficOnPanic: Bool {
        if case .zoneAware(let zone) = localityMode { return zone.failTrafficOnPanic }
        return false
    }
}
