// The filters that every proxy has, for its registry.

import ConfigAPI

/// Registers echo, direct_response, connection_limit, sni_cluster, rbac and local_ratelimit, and
/// the listener filter original_dst.
package enum SharedNetworkFilters {
    package static func register(in registry: inout ExtensionRegistry) {
        let shares = TokenBucketShares()
        registry.addNetworkFilter(Envoy_Extensions_Filters_Network_Echo_V3_Echo.self) { _, _ in EchoConfig() }
        registry.addNetworkFilter(Envoy_Extensions_Filters_Network_SniCluster_V3_SniCluster.self) { _, _ in
            SNIClusterConfig()
        }
        registry.addListenerFilter(Envoy_Extensions_Filters_Listener_OriginalDst_V3_OriginalDst.self) { _, _ in
            OriginalDestinationConfig()
        }
        registry.addNetworkFilter(Envoy_Extensions_Filters_Network_DirectResponse_V3_Config.self) { message, context in
            context.attempt { () throws(CompileFailure) in try DirectResponseConfig(message) }
        }
        registry.addNetworkFilter(Envoy_Extensions_Filters_Network_ConnectionLimit_V3_ConnectionLimit.self) {
            message, context in
            let stats = context.process.stats
            return context.attempt { () throws(CompileFailure) in try ConnectionLimitConfig(message, stats: stats) }
        }
        registry.addNetworkFilter(Envoy_Extensions_Filters_Network_Rbac_V3_RBAC.self) { message, context in
            let stats = context.process.stats
            return context.attempt { () throws(CompileFailure) in try RBACFilterConfig(message, stats: stats) }
        }
        registry.addNetworkFilter(Envoy_Extensions_Filters_Network_LocalRatelimit_V3_LocalRateLimit.self) {
            message, context in
            let stats = context.process.stats
            return context.attempt { () throws(CompileFailure) in
                try LocalRateLimitConfig(message, shares: shares, stats: stats, now: Instant.read())
            }
        }
    }
}

extension FilterBuildContext {
    /// Runs `body`; its problems are reported at their places below this filter's configuration.
    mutating func attempt<Config>(_ body: () throws(CompileFailure) -> Config) -> Config? {
        do throws(CompileFailure) {
            return try body()
        } catch {
            for problem in error.problems { fail(problem.path, problem.text) }
            return nil
        }
    }
}
