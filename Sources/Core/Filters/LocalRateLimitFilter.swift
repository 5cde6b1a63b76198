// envoy.filters.network.local_ratelimit: a token per connection, or no connection.

import ConfigAPI
import SwiftProtobuf

/// `local_rate_limit.<stat_prefix>.`
enum LocalRateLimitStat: Int, StatKey {
    case rateLimited

    var definition: StatDefinition { .counter("rate_limited") }
}

/// Takes a token when the connection arrives; without one the connection is closed at once.
final class LocalRateLimitFilter: NetworkFilter {
    private let factory: LocalRateLimitFactory

    init(_ factory: LocalRateLimitFactory) {
        self.factory = factory
        super.init()
    }

    override func onNewConnection() -> FilterStatus {
        let worker = factory.worker
        guard factory.config.enabled.isOn(worker.runtime) else { return .proceed }
        if factory.config.bucket.take(now: worker.loop.now) { return .proceed }
        factory.stats.add(.rateLimited)
        // Envoy's choice of flag; dashboards look for URX.
        downstream.info.responseFlags.insert(.upstreamRetryLimitExceeded)
        downstream.info.details.downstreamLocalCloseReason = "local_ratelimit_close_over_limit"
        downstream.close(.now)
        return .pause
    }
}

/// The filter's counter on one worker.
final class LocalRateLimitFactory: NetworkFilterFactory {
    let config: LocalRateLimitConfig
    let worker: Worker
    let stats: StatBlock<LocalRateLimitStat>

    init(_ config: LocalRateLimitConfig, on worker: Worker) {
        self.config = config
        self.worker = worker
        stats = worker.stats.block(config.stats)
        super.init()
    }

    override func makeFilter() -> NetworkFilter { LocalRateLimitFilter(self) }
}

/// The compiled message; the bucket is shared by all workers.
package final class LocalRateLimitConfig: NetworkFilterConfig {
    let bucket: SharedTokenBucket
    let enabled: RuntimeFlag
    let stats: StatScope<LocalRateLimitStat>

    package var isTerminal: Bool { false }

    package func makeFactory(on worker: Worker) -> NetworkFilterFactory { LocalRateLimitFactory(self, on: worker) }

    init(
        _ message: Envoy_Extensions_Filters_Network_LocalRatelimit_V3_LocalRateLimit, shares: TokenBucketShares,
        stats store: StatsStore, now: Instant
    ) throws(CompileFailure) {
        let rate: TokenBucketRate
        do { rate = try TokenBucketRate(message.tokenBucket) } catch { throw error.inside("token_bucket") }
        bucket = shares.bucket(message.shareKey, rate, now: now)
        enabled = message.hasRuntimeEnabled ? RuntimeFlag(message.runtimeEnabled) : RuntimeFlag()
        stats = store.scope(prefix: "local_rate_limit.\(message.statPrefix).")
    }
}
