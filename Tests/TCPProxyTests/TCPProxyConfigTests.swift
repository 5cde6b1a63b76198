import ConfigAPI
import CoreBytes
import SwiftProtobuf
import Testing

@testable import Core
@testable import CoreConfig
@testable import TCPProxy

/// From a TcpProxy message to settings: each field is carried over, or its mistake is said.
@Suite struct TCPProxyConfigTests {
    typealias Message = Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy

    /// Compiles `fields` (JSON members after prefix and cluster), through the registry as a listener does.
    private func compile(_ fields: String, cluster: String = #""cluster":"origin""#) throws
        -> (config: TCPProxyConfig?, problems: [String])
    {
        let members = [#""stat_prefix":"front""#, cluster, fields].filter { !$0.isEmpty }.joined(separator: ",")
        let message = try Message(jsonString: "{\(members)}")
        var registry = ExtensionRegistry(catalog: .core)
        TCPProxyConfig.register(in: &registry)
        let loop = EventLoop()
        let store = StatsStore()
        let main = store.makeWorker(name: "main")
        let process = ProcessServices(
            stats: store, clusters: ClusterManager(loop: loop, store: store, stats: main, random: FastRandom(seed: 1)),
            accessLogs: AccessLogManager(store: store, stats: main), runtime: RuntimeStore(.init()),
            extensions: registry, workerCount: 1)
        var context = FilterBuildContext(path: "f", process: process)
        let any = try Google_Protobuf_Any(message: message)
        let config = registry.buildNetworkFilter(any, &context) as? TCPProxyConfig
        return (config, context.problems.map(\.description))
    }

    private func settings(_ fields: String, cluster: String = #""cluster":"origin""#) throws -> TCPProxySettings {
        let (config, problems) = try compile(fields, cluster: cluster)
        #expect(problems.isEmpty)
        return try #require(config).settings
    }

    // MARK: Defaults and plain values

    @Test func whatIsNotSaidHasItsDefault() throws {
        let settings = try settings("")
        #expect(settings.statPrefix == "front")
        #expect(settings.router.all.map(\.cluster) == ["origin"] && settings.router.all[0].metadataMatch == nil)
        #expect(settings.idleTimeoutMS == 3_600_000)
        #expect(settings.downstreamIdleTimeoutMS == 0 && settings.upstreamIdleTimeoutMS == 0)
        #expect(settings.maxConnectAttempts == 1 && settings.backoff == nil && settings.hashPolicy == nil)
        #expect(settings.maxDurationMS == 0 && settings.maxDurationJitterPercent == 0)
        #expect(settings.accessLogs.isEmpty && settings.accessLogIntervalMS == 0)
        #expect(!settings.logsOnConnected && !settings.logsOnStart)
        #expect(settings.connectMode == .immediate && settings.maxEarlyDataBytes == nil && settings.closesWhenDraining)
    }

    @Test func timesAreCarriedOver() throws {
        let all = try settings(
            #"""
            "idle_timeout":"1.5s","downstream_idle_timeout":"20s","upstream_idle_timeout":"0.250s",
            "max_downstream_connection_duration":"60s",
            "max_downstream_connection_duration_jitter_percentage":{"value":12.5}
            """#)
        #expect(all.idleTimeoutMS == 1500 && all.downstreamIdleTimeoutMS == 20_000 && all.upstreamIdleTimeoutMS == 250)
        #expect(all.maxDurationMS == 60_000 && all.maxDurationJitterPercent == 12.5)
        #expect(try settings(#""idle_timeout":"0s""#).idleTimeoutMS == 0, "never")
    }

    @Test func connectAttemptsAndBackoffAreCarriedOver() throws {
        let both = try settings(
            #""max_connect_attempts":5,"backoff_options":{"base_interval":"0.1s","max_interval":"2s"}"#)
        #expect(both.maxConnectAttempts == 5 && both.backoff?.baseMS == 100 && both.backoff?.maxMS == 2000)
        let half = try settings(#""backoff_options":{"base_interval":"0.2s"}"#)
        #expect(half.backoff?.baseMS == 200 && half.backoff?.maxMS == 2000, "ten times the base")
    }

    @Test func aBackoffThatShrinksIsAnError() throws {
        let (config, problems) = try compile(#""backoff_options":{"base_interval":"3s","max_interval":"2s"}"#)
        #expect(config == nil && problems.count == 1)
        #expect(problems.first?.contains("f.backoff_options.max_interval") == true)
    }

    @Test func hashPoliciesAreCarriedOver() throws {
        #expect(try settings(#""hash_policy":[{"source_ip":{}}]"#).hashPolicy == .sourceIP)
        let state = try settings(#""hash_policy":[{"filter_state":{"key":"tenant"}}]"#)
        #expect(state.hashPolicy == .filterState(key: "tenant"))
    }

    @Test func connectModesAreCarriedOver() throws {
        let onData = try settings(#""upstream_connect_mode":"ON_DOWNSTREAM_DATA","max_early_data_bytes":4096"#)
        #expect(onData.connectMode == .onDownstreamData && onData.maxEarlyDataBytes == 4096)
        let onHandshake = try settings(
            #""upstream_connect_mode":"ON_DOWNSTREAM_TLS_HANDSHAKE","max_early_data_bytes":0"#)
        #expect(onHandshake.connectMode == .immediate && onHandshake.maxEarlyDataBytes == 0)
        #expect(try settings(#""max_early_data_bytes":10"#).maxEarlyDataBytes == 10, "IMMEDIATE may have it too")
    }

    @Test(arguments: ["ON_DOWNSTREAM_DATA", "ON_DOWNSTREAM_TLS_HANDSHAKE"])
    func aLateConnectWithoutEarlyDataIsAnError(mode: String) throws {
        let (config, problems) = try compile(#""upstream_connect_mode":"\#(mode)""#)
        #expect(config == nil && problems.count == 1)
        #expect(problems.first?.contains("f.max_early_data_bytes") == true)
    }

    @Test func drainingIsCarriedOver() throws {
        #expect(try settings(#""check_drain_close":true"#).closesWhenDraining)
        #expect(try !settings(#""check_drain_close":false"#).closesWhenDraining)
    }

    @Test func theStatPrefixNamesTheCounters() throws {
        let config = try #require(try compile("").config)
        #expect(config.stats.prefix == "tcp.front." && config.isTerminal)
    }

    // MARK: Access logs

    private static let log = #"""
        "access_log":[{"name":"envoy.access_loggers.stdout","typed_config":{
        "@type":"type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"}}]
        """#

    @Test func accessLogsAreCarriedOver() throws {
        #expect(try settings(Self.log).accessLogs.count == 1)
        let new = try settings(
            #"""
            "access_log_options":{"access_log_flush_interval":"2s","flush_access_log_on_connected":true,
            "flush_access_log_on_start":true}
            """#)
        #expect(new.accessLogIntervalMS == 2000 && new.logsOnConnected && new.logsOnStart)
        let old = try settings(#""access_log_flush_interval":"3s","flush_access_log_on_connected":true"#)
        #expect(old.accessLogIntervalMS == 3000 && old.logsOnConnected && !old.logsOnStart)
    }

    @Test(arguments: [#""access_log_flush_interval":"3s""#, #""flush_access_log_on_connected":true"#])
    func theTwoFormsOfLogOptionsDoNotStandTogether(old: String) throws {
        let (config, problems) = try compile(#""access_log_options":{},\#(old)"#)
        #expect(config == nil && problems.count == 1)
        #expect(problems.first?.contains("f.access_log_options") == true)
    }

    @Test func severalMistakesAreSaidTogether() throws {
        let (config, problems) = try compile(
            #"""
            "backoff_options":{"base_interval":"3s","max_interval":"2s"},"upstream_connect_mode":"ON_DOWNSTREAM_DATA",
            "access_log_options":{},"flush_access_log_on_connected":true
            """#)
        #expect(config == nil && problems.count == 3)
    }

    // MARK: Clusters and metadata

    private func match(_ target: TCPRouter.Target) -> [String: MetadataValue]? {
        target.metadataMatch.map { criteria in
            Dictionary(uniqueKeysWithValues: criteria.criteria.map { ($0.key, $0.value) })
        }
    }

    @Test func weightedClustersAreCarriedOver() throws {
        let targets = try settings(
            "", cluster: #""weighted_clusters":{"clusters":[{"name":"a","weight":3},{"name":"b","weight":1}]}"#
        ).router.all
        #expect(targets.map(\.cluster) == ["a", "b"] && targets.map(\.weight) == [3, 1])
        #expect(targets.allSatisfy { $0.metadataMatch == nil })
    }

    @Test func onlyTheBalancersMetadataCounts() throws {
        let target = try settings(
            #"""
            "metadata_match":{"filter_metadata":{"envoy.lb":{"stage":"prod","version":2},"other":{"x":"y"}}}
            """#
        ).router.all[0]
        #expect(match(target) == ["stage": .string("prod"), "version": .number(2)])
        let none = try settings(#""metadata_match":{"filter_metadata":{"other":{"x":"y"}}}"#).router.all[0]
        #expect(match(none) == nil)
    }

    @Test func anEntrysMetadataGoesOverTheRoutes() throws {
        let targets = try settings(
            #""metadata_match":{"filter_metadata":{"envoy.lb":{"stage":"prod","region":"eu"}}}"#,
            cluster: #"""
                "weighted_clusters":{"clusters":[{"name":"a","weight":1},{"name":"b","weight":1,
                "metadata_match":{"filter_metadata":{"envoy.lb":{"stage":"canary","tier":true}}}}]}
                """#
        ).router.all
        #expect(match(targets[0]) == ["stage": .string("prod"), "region": .string("eu")])
        #expect(match(targets[1]) == ["stage": .string("canary"), "region": .string("eu"), "tier": .bool(true)])
    }

    // MARK: No field is forgotten

    /// A field that is added to the message has to be added to the tests above, and then here.
    @Test func theTestsKnowEveryField() throws {
        let schema = try #require(Schema.shared.message(named: Message.protoMessageName))
        let tested: Set<String> = [
            "stat_prefix", "cluster", "weighted_clusters", "metadata_match", "idle_timeout", "downstream_idle_timeout",
            "upstream_idle_timeout", "access_log", "max_connect_attempts", "backoff_options", "hash_policy",
            "max_downstream_connection_duration", "max_downstream_connection_duration_jitter_percentage",
            "access_log_flush_interval", "flush_access_log_on_connected", "access_log_options",
            "upstream_connect_mode", "max_early_data_bytes", "check_drain_close",
        ]
        #expect(Set(schema.fields.map(\.name)) == tested)
        let options = try #require(Schema.shared.message(named: Message.TcpAccessLogOptions.protoMessageName))
        #expect(
            Set(options.fields.map(\.name)) == [
                "access_log_flush_interval", "flush_access_log_on_connected", "flush_access_log_on_start",
            ])
    }
}
