// From a TcpProxy message to settings.

package import ConfigAPI
package import Core
import CoreConfig

/// The compiled configuration of one `tcp_proxy` filter, shared by all workers.
package struct TCPProxyConfig: NetworkFilterConfig {
    let settings: TCPProxySettings
    let stats: StatScope<TCPStat>

    package var isTerminal: Bool { true }

    package func makeFactory(on worker: Worker) -> NetworkFilterFactory { TCPProxyFactory(self, on: worker) }

    /// Registers `envoy.filters.network.tcp_proxy`.
    package static func register(in registry: inout ExtensionRegistry) {
        registry.addNetworkFilter(Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy.self) { message, context in
            TCPProxyConfig(message, &context)
        }
    }

    /// Nil when problems were reported.
    private init?(
        _ message: Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy, _ context: inout FilterBuildContext
    ) {
        let before = context.problems.count
        var settings = TCPProxySettings(
            statPrefix: message.statPrefix, router: TCPProxyConfig.router(message))
        TCPProxyConfig.readTimes(message, into: &settings)
        TCPProxyConfig.readConnect(message, into: &settings, &context)
        TCPProxyConfig.readLogs(message, into: &settings, &context)
        settings.closesWhenDraining = !message.hasCheckDrainClose || message.checkDrainClose
        guard context.problems.count == before else { return nil }
        self.settings = settings
        stats = context.process.stats.scope(prefix: "tcp.\(message.statPrefix).")
    }

    private static func router(_ message: Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy) -> TCPRouter {
        let common = message.hasMetadataMatch ? balancing(message.metadataMatch) : [:]
        func criteria(_ own: [String: MetadataValue]) -> MetadataMatchCriteria? {
            let merged = common.merging(own) { _, new in new }
            return merged.isEmpty ? nil : MetadataMatchCriteria(merged)
        }
        if case .weightedClusters(let weighted)? = message.clusterSpecifier {
            return TCPRouter(
                weighted.clusters.map {
                    TCPRouter.Target(
                        cluster: $0.name, weight: UInt64($0.weight),
                        metadataMatch: criteria(balancing($0.metadataMatch)))
                })
        }
        return TCPRouter([.init(cluster: message.cluster, weight: 1, metadataMatch: criteria([:]))])
    }

    /// What stands under `envoy.lb`.
    private static func balancing(_ message: Envoy_Config_Core_V3_Metadata) -> [String: MetadataValue] {
        guard case .object(let members)? = Metadata(message).filterMetadata[Metadata.lbFilterName] else { return [:] }
        return members
    }

    private static func readTimes(
        _ message: Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy, into settings: inout TCPProxySettings
    ) {
        if message.hasIdleTimeout { settings.idleTimeoutMS = Int64(message.idleTimeout.milliseconds) }
        if message.hasDownstreamIdleTimeout {
            settings.downstreamIdleTimeoutMS = Int64(message.downstreamIdleTimeout.milliseconds)
        }
        if message.hasUpstreamIdleTimeout {
            settings.upstreamIdleTimeoutMS = Int64(message.upstreamIdleTimeout.milliseconds)
        }
        if message.hasMaxDownstreamConnectionDuration {
            settings.maxDurationMS = Int64(message.maxDownstreamConnectionDuration.milliseconds)
        }
        settings.maxDurationJitterPercent = message.maxDownstreamConnectionDurationJitterPercentage.value
    }

    private static func readConnect(
        _ message: Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy, into settings: inout TCPProxySettings,
        _ context: inout FilterBuildContext
    ) {
        if message.hasMaxConnectAttempts { settings.maxConnectAttempts = message.maxConnectAttempts.value }
        if message.hasBackoffOptions {
            let base = Int64(message.backoffOptions.baseInterval.milliseconds)
            let maximum =
                message.backoffOptions.hasMaxInterval
                ? Int64(message.backoffOptions.maxInterval.milliseconds) : base * 10
            if maximum < base {
                context.fail(
                    "backoff_options.max_interval", "must not be below base_interval", found: "\(maximum) ms",
                    allowed: "at least \(base) ms")
            }
            settings.backoff = ConnectBackoff(baseMS: base, maxMS: maximum)
        }
        switch message.hashPolicy.first?.policySpecifier {
        case .sourceIp?: settings.hashPolicy = .sourceIP
        case .filterState(let state)?: settings.hashPolicy = .filterState(key: state.key)
        case nil: break
        }
        switch message.upstreamConnectMode {
        // A TLS handshake is not waited for on a connection without TLS: the same as at once.
        case .immediate, .onDownstreamTlsHandshake, .UNRECOGNIZED: settings.connectMode = .immediate
        case .onDownstreamData: settings.connectMode = .onDownstreamData
        }
        if message.hasMaxEarlyDataBytes {
            settings.maxEarlyDataBytes = Int(message.maxEarlyDataBytes.value)
        } else if message.upstreamConnectMode != .immediate {
            context.fail(
                "max_early_data_bytes", "must be set with any upstream_connect_mode but IMMEDIATE",
                allowed: "0 to 1048576")
        }
    }

    private static func readLogs(
        _ message: Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy, into settings: inout TCPProxySettings,
        _ context: inout FilterBuildContext
    ) {
        settings.accessLogs = context.process.accessLogs.make(
            message.accessLog, path: "\(context.path).access_log", problems: &context.problems)
        if message.hasAccessLogOptions {
            if message.hasAccessLogFlushInterval || message.flushAccessLogOnConnected {
                context.fail(
                    "access_log_options",
                    "stands beside the deprecated access_log_flush_interval or flush_access_log_on_connected",
                    allowed: "one of the two forms")
            }
            let options = message.accessLogOptions
            settings.accessLogIntervalMS =
                options.hasAccessLogFlushInterval ? Int64(options.accessLogFlushInterval.milliseconds) : 0
            settings.logsOnConnected = options.flushAccessLogOnConnected
            settings.logsOnStart = options.flushAccessLogOnStart
        } else {
            settings.accessLogIntervalMS =
                message.hasAccessLogFlushInterval ? Int64(message.accessLogFlushInterval.milliseconds) : 0
            settings.logsOnConnected = message.flushAccessLogOnConnected
        }
    }
}
