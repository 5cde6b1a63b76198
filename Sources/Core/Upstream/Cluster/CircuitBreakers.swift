// Concurrency caps of one cluster, shared by all workers.

import Synchronization

/// Priority of a request, as routes name it. Circuit breakers exist once per priority.
public enum RoutingPriority: Int, CaseIterable, Sendable {
    case `default`, high

    /// In stat names and runtime keys.
    public var text: String { self == .default ? "default" : "high" }
}

/// What a breaker caps.
public enum BreakerResource: Int, CaseIterable, Sendable {
    case connections, pendingRequests, requests, retries, connectionPools

    /// In runtime keys: `circuit_breakers.<cluster>.<priority>.<this>`.
    public var runtimeName: String {
        switch self {
        case .connections: "max_connections"
        case .pendingRequests: "max_pending_requests"
        case .requests: "max_requests"
        case .retries: "max_retries"
        case .connectionPools: "max_connection_pools"
        }
    }

    /// Gauge that is 1 while the cap is reached.
    public var openStat: String {
        switch self {
        case .connections: "cx_open"
        case .pendingRequests: "rq_pending_open"
        case .requests: "rq_open"
        case .retries: "rq_retry_open"
        case .connectionPools: "cx_pool_open"
        }
    }

    /// Gauge of what is left, kept with `track_remaining`.
    public var remainingStat: String {
        switch self {
        case .connections: "remaining_cx"
        case .pendingRequests: "remaining_pending"
        case .requests: "remaining_rq"
        case .retries: "remaining_retries"
        case .connectionPools: "remaining_cx_pools"
        }
    }
}

/// The configured caps of one priority.
public struct BreakerThresholds: Hashable, Sendable {
    public var maxConnections: UInt64 = 1024
    public var maxPendingRequests: UInt64 = 1024
    public var maxRequests: UInt64 = 1024
    public var maxRetries: UInt64 = 3
    public var maxConnectionPools: UInt64 = .max
    /// Retries allowed as a share of active and pending requests; replaces `maxRetries`.
    public var retryBudget: RetryBudget?
    public var tracksRemaining = false

    public struct RetryBudget: Hashable, Sendable {
        public var percent = 20.0
        public var minRetryConcurrency: UInt64 = 3

        public init() {}
    }

    public init() {}

    public subscript(resource: BreakerResource) -> UInt64 {
        switch resource {
        case .connections: maxConnections
        case .pendingRequests: maxPendingRequests
        case .requests: maxRequests
        case .retries: maxRetries
        case .connectionPools: maxConnectionPools
        }
    }
}

/// Live counts against the caps. One relaxed atomic add per acquisition, another per release; the caps are plain
/// atomics that the main thread rewrites when a runtime key changes.
///
/// Reserve first, look after: with `max_connections` n, the (n+1)th concurrent acquisition fails, on whichever worker
/// it comes. Envoy looks first and may exceed its caps a little.
public final class CircuitBreakers: Sendable {
    private let standard: PriorityBreakers
    private let high: PriorityBreakers
    /// Connections per host, over all workers; `.max` = no cap.
    public let maxConnectionsPerHost: UInt64

    public init(
        default standard: BreakerThresholds = BreakerThresholds(), high: BreakerThresholds = BreakerThresholds(),
        maxConnectionsPerHost: UInt64 = .max
    ) {
        self.standard = PriorityBreakers(standard)
        self.high = PriorityBreakers(high)
        self.maxConnectionsPerHost = maxConnectionsPerHost
    }

    public subscript(priority: RoutingPriority) -> PriorityBreakers { priority == .default ? standard : high }
}

/// The breakers of one priority.
public final class PriorityBreakers: Sendable {
    public let thresholds: BreakerThresholds

    private let connections: Breaker
    private let pendingRequests: Breaker
    private let requests: Breaker
    private let retries: Breaker
    private let connectionPools: Breaker

    init(_ thresholds: BreakerThresholds) {
        self.thresholds = thresholds
        connections = Breaker(thresholds.maxConnections)
        pendingRequests = Breaker(thresholds.maxPendingRequests)
        requests = Breaker(thresholds.maxRequests)
        retries = Breaker(thresholds.maxRetries)
        connectionPools = Breaker(thresholds.maxConnectionPools)
    }

    /// Takes one unit; false when the cap is reached, and then nothing is taken.
    public func tryAcquire(_ resource: BreakerResource) -> Bool {
        switch resource {
        case .connections: connections.tryAcquire(cap: connections.cap)
        case .pendingRequests: pendingRequests.tryAcquire(cap: pendingRequests.cap)
        case .requests: requests.tryAcquire(cap: requests.cap)
        case .retries: retries.tryAcquire(cap: limit(of: .retries))
        case .connectionPools: connectionPools.tryAcquire(cap: connectionPools.cap)
        }
    }

    /// Takes one unit over the cap, where refusing would starve somebody.
    public func acquire(_ resource: BreakerResource) {
        switch resource {
        case .connections: connections.acquire()
        case .pendingRequests: pendingRequests.acquire()
        case .requests: requests.acquire()
        case .retries: retries.acquire()
        case .connectionPools: connectionPools.acquire()
        }
    }

    public func release(_ resource: BreakerResource) {
        switch resource {
        case .connections: connections.release()
        case .pendingRequests: pendingRequests.release()
        case .requests: requests.release()
        case .retries: retries.release()
        case .connectionPools: connectionPools.release()
        }
    }

    public func count(_ resource: BreakerResource) -> UInt64 {
        switch resource {
        case .connections: connections.count
        case .pendingRequests: pendingRequests.count
        case .requests: requests.count
        case .retries: retries.count
        case .connectionPools: connectionPools.count
        }
    }

    /// The cap in force: configured, from the runtime, or from the retry budget.
    public func limit(of resource: BreakerResource) -> UInt64 {
        switch resource {
        case .connections: return connections.cap
        case .pendingRequests: return pendingRequests.cap
        case .requests: return requests.cap
        case .retries:
            guard let budget = thresholds.retryBudget else { return retries.cap }
            let active = Double(requests.count &+ pendingRequests.count)
            return max(budget.minRetryConcurrency, UInt64(active * budget.percent / 100))
        case .connectionPools: return connectionPools.cap
        }
    }

    public func isOpen(_ resource: BreakerResource) -> Bool { count(resource) >= limit(of: resource) }

    public func remaining(_ resource: BreakerResource) -> UInt64 {
        let used = count(resource)
        let limit = limit(of: resource)
        return limit > used ? limit - used : 0
    }

    /// Main thread: a runtime value replaces the configured cap, nil restores it.
    public func override(_ resource: BreakerResource, with cap: UInt64?) {
        let cap = cap ?? thresholds[resource]
        switch resource {
        case .connections: connections.setCap(cap)
        case .pendingRequests: pendingRequests.setCap(cap)
        case .requests: requests.setCap(cap)
        case .retries: retries.setCap(cap)
        case .connectionPools: connectionPools.setCap(cap)
        }
    }
}

/// One count with its cap.
private struct Breaker: ~Copyable {
    private let used = Atomic<UInt64>(0)
    private let limit: Atomic<UInt64>

    init(_ cap: UInt64) { limit = Atomic(cap) }

    var count: UInt64 { used.load(ordering: .relaxed) }
    var cap: UInt64 { limit.load(ordering: .relaxed) }

    func setCap(_ cap: UInt64) { limit.store(cap, ordering: .relaxed) }

    func tryAcquire(cap: UInt64) -> Bool {
        let now = used.wrappingAdd(1, ordering: .relaxed).newValue
        if now <= cap { return true }
        used.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    func acquire() { used.wrappingAdd(1, ordering: .relaxed) }

    func release() {
        let before = used.wrappingSubtract(1, ordering: .relaxed).oldValue
        precondition(before > 0, "A breaker unit returns once.")
    }
}
