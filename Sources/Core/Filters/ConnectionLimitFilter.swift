// envoy.filters.network.connection_limit: so many connections at a time, over all workers.

import ConfigAPI
import SwiftProtobuf
import Synchronization

/// `connection_limit.<stat_prefix>.`
enum ConnectionLimitStat: Int, StatKey {
    case limitedConnections, activeConnections

    var definition: StatDefinition {
        switch self {
        case .limitedConnections: .counter("limited_connections")
        case .activeConnections: .gauge("active_connections")
        }
    }
}

/// Counts a connection in and out, and closes the one that is too many: at once, or after `delay`, which keeps a client
/// that retries in a loop busy. Until then it counts as a connection, as in Envoy.
final class ConnectionLimitFilter: NetworkFilter {
    private let factory: ConnectionLimitFactory
    private var isCounted = false
    private var timer = TimerHandle.none

    init(_ factory: ConnectionLimitFactory) {
        self.factory = factory
        super.init()
    }

    override func onNewConnection() -> FilterStatus {
        let config = factory.config
        // Remembered: the flag may change while the connection lives, the account must not.
        guard config.enabled.isOn(factory.worker.runtime) else { return .proceed }
        isCounted = true
        factory.stats.add(.activeConnections)
        if config.admit() { return .proceed }
        factory.stats.add(.limitedConnections)
        if config.delayMS > 0 {
            timer = factory.worker.loop.schedule(afterMS: config.delayMS, target: self)
        } else {
            refuse()
        }
        return .pause
    }

    override func onTimer(_ tag: Int) {
        timer = .none
        refuse()
    }

    override func onDownstreamClosed(_ end: ConnectionEnd) {
        factory.worker.loop.cancel(&timer)
        guard isCounted else { return }
        isCounted = false
        factory.config.release()
        factory.stats.sub(.activeConnections)
    }

    private func refuse() {
        downstream.info.details.downstreamLocalCloseReason = "over_connection_limit"
        downstream.close(.now)
    }
}

/// The filter's counters on one worker.
final class ConnectionLimitFactory: NetworkFilterFactory {
    let config: ConnectionLimitConfig
    let worker: Worker
    let stats: StatBlock<ConnectionLimitStat>

    init(_ config: ConnectionLimitConfig, on worker: Worker) {
        self.config = config
        self.worker = worker
        stats = worker.stats.block(config.stats)
        super.init()
    }

    override func makeFilter() -> NetworkFilter { ConnectionLimitFilter(self) }
}

/// The compiled message and the count, shared by all workers.
package final class ConnectionLimitConfig: NetworkFilterConfig {
    let delayMS: Int64
    let enabled: RuntimeFlag
    let stats: StatScope<ConnectionLimitStat>
    private let maxConnections: UInt64
    private let open = Atomic<UInt64>(0)

    package var isTerminal: Bool { false }

    package func makeFactory(on worker: Worker) -> NetworkFilterFactory { ConnectionLimitFactory(self, on: worker) }

    init(
        _ message: Envoy_Extensions_Filters_Network_ConnectionLimit_V3_ConnectionLimit, stats store: StatsStore
    ) throws(CompileFailure) {
        guard message.hasMaxConnections, message.maxConnections.value > 0 else {
            throw CompileFailure("must be at least 1", at: "max_connections")
        }
        maxConnections = message.maxConnections.value
        delayMS = message.hasDelay ? message.delay.milliseconds : 0
        enabled = message.hasRuntimeEnabled ? RuntimeFlag(message.runtimeEnabled) : RuntimeFlag()
        stats = store.scope(prefix: "connection_limit.\(message.statPrefix).")
    }

    /// Counts one more; false when that is one too many. A refused one is counted too, until it is closed.
    func admit() -> Bool { open.add(1, ordering: .relaxed).newValue <= maxConnections }

    func release() { open.subtract(1, ordering: .relaxed) }
}
