// A listener's compiled configuration: immutable, shared by all workers.

import Synchronization

/// What a worker needs to run a listener, checked and compiled on the main thread.
package final class ListenerSpec: Sendable {
    /// Unique in the process; names the listener in mail between threads.
    package let id: Int
    package let name: String
    /// All addresses, the primary one first; with the ports the kernel gave once bound.
    package let addresses: [SocketAddress]
    package let statPrefix: String
    package let bufferLimitBytes: Int
    package let acceptsPerEvent: Int
    package let listenerFilters: [any ListenerFilterConfig]
    /// 0 = none.
    package let listenerFiltersTimeoutMS: Int64
    package let continueOnListenerFiltersTimeout: Bool
    package let chains: [FilterChainSpec]
    /// Position of the default chain in `chains`, or nil.
    package let defaultChain: Int?
    package let chainIndex: FilterChainIndex
    /// The chain of every connection, where there is one without conditions and none beside it.
    package let onlyChain: Int?
    package let accessLogs: [AccessLog]
    package let limits: ConnectionLimits
    package let ignoresGlobalLimit: Bool
    package let balancer: ExactBalancer?
    let stats: StatScope<ListenerStat>
    let workerStats: [StatScope<ListenerWorkerStat>]

    init(
        id: Int, name: String, addresses: [SocketAddress], statPrefix: String, bufferLimitBytes: Int,
        acceptsPerEvent: Int,
        listenerFilters: [any ListenerFilterConfig], listenerFiltersTimeoutMS: Int64,
        continueOnListenerFiltersTimeout: Bool, chains: [FilterChainSpec], defaultChain: Int?,
        chainIndex: FilterChainIndex, onlyChain: Int?, accessLogs: [AccessLog], limits: ConnectionLimits,
        ignoresGlobalLimit: Bool,
        balancer: ExactBalancer?, stats: StatScope<ListenerStat>, workerStats: [StatScope<ListenerWorkerStat>]
    ) {
        self.id = id
        self.name = name
        self.addresses = addresses
        self.statPrefix = statPrefix
        self.bufferLimitBytes = bufferLimitBytes
        self.acceptsPerEvent = acceptsPerEvent
        self.listenerFilters = listenerFilters
        self.listenerFiltersTimeoutMS = listenerFiltersTimeoutMS
        self.continueOnListenerFiltersTimeout = continueOnListenerFiltersTimeout
        self.chains = chains
        self.defaultChain = defaultChain
        self.chainIndex = chainIndex
        self.onlyChain = onlyChain
        self.accessLogs = accessLogs
        self.limits = limits
        self.ignoresGlobalLimit = ignoresGlobalLimit
        self.balancer = balancer
        self.stats = stats
        self.workerStats = workerStats
    }
}

/// One filter chain of a listener.
package struct FilterChainSpec: Sendable {
    package var name: String
    /// All but the last.
    package var leading: [any NetworkFilterConfig]
    package var terminal: any NetworkFilterConfig
}

/// Open connections of one listener over all workers, against its limit.
///
/// One relaxed atomic add per connection, none per byte. The limit follows the runtime key
/// `envoy.resource_limits.listener.<name>.connection_limit`.
package final class ConnectionLimits: Sendable {
    private let open = Atomic<Int>(0)
    private let limit: Atomic<Int>

    package init(limit: Int = .max) { self.limit = Atomic(limit) }

    package func set(limit: Int) { self.limit.store(limit, ordering: .relaxed) }
    package var openCount: Int { open.load(ordering: .relaxed) }

    /// Counts one more connection if the limit allows it.
    func admit() -> Bool {
        if open.add(1, ordering: .relaxed).newValue <= limit.load(ordering: .relaxed) { return true }
        open.subtract(1, ordering: .relaxed)
        return false
    }

    func release() { open.subtract(1, ordering: .relaxed) }
}

/// `exact_balance`: new connections go to the worker with the fewest of this listener's, under one lock.
package final class ExactBalancer: Sendable {
    private let counts: Locked<[Int]>

    package init(workerCount: Int) { counts = Locked(Array(repeating: 0, count: workerCount)) }

    /// Chooses a worker and counts the connection there. Ties go to `preferred`, where the connection was accepted.
    func choose(preferred: Int) -> Int {
        counts.withLock { counts in
            var best = preferred
            for worker in counts.indices where counts[worker] < counts[best] { best = worker }
            counts[best] += 1
            return best
        }
    }

    func release(_ worker: Int) { counts.withLock { $0[worker] -= 1 } }
}
