// The rules on messages that never were a file, as a control plane sends them.
import ConfigAPI
import CoreConfig
import Testing

@Suite struct RuleCheckerTests {
    typealias Cluster = Envoy_Config_Cluster_V3_Cluster

    func texts(_ message: some Message) -> [String] {
        RuleChecker.check(message).map { "\($0.path): \($0.text)" }
    }

    @Test func emptyClusterNeedsItsName() {
        #expect(texts(Cluster()) == ["name: is required and must not be empty"])
        var cluster = Cluster()
        cluster.name = "c"
        #expect(texts(cluster).isEmpty)
    }

    @Test func numbersDurationsAndEnums() {
        var cluster = Cluster()
        cluster.name = "c"
        cluster.connectTimeout.seconds = 0
        cluster.cleanupInterval.seconds = -1
        cluster.lbPolicy = .UNRECOGNIZED(4)
        cluster.type = .UNRECOGNIZED(3)
        var check = Envoy_Config_Core_V3_HealthCheck()
        check.timeout.seconds = 1
        check.interval.seconds = 1
        check.healthyThreshold.value = 1
        cluster.healthChecks = [check]
        cluster.ringHashLbConfig.minimumRingSize.value = 8_388_609
        let found = texts(cluster)
        #expect(found.contains("connect_timeout: out of range"))
        #expect(found.contains("cleanup_interval: a duration must not be negative"))
        #expect(found.contains("lb_policy: not an allowed value of envoy.config.cluster.v3.Cluster.LbPolicy"))
        #expect(
            found.contains(
                "type: a value of Envoy's envoy.config.cluster.v3.Cluster.DiscoveryType that Sluice does not honour yet"
            ))
        #expect(found.contains("health_checks[0].unhealthy_threshold: is required"))
        #expect(found.contains("health_checks[0]: tcp_health_check is required"))
        #expect(found.contains("ring_hash_lb_config.minimum_ring_size: out of range"))
        #expect(found.count == 7, "\(found)")
    }

    @Test func fieldsThatAreNotHonouredAreFoundByNumber() {
        // Field 19 is Cluster.outlier_detection, field 200 is nobody's.
        let bytes: [UInt8] = [0x0A, 1, 0x63, 0x9A, 0x01, 0, 0xC2, 0x0C, 0]
        let found = RuleChecker.check(bytes, messageName: "envoy.config.cluster.v3.Cluster", path: "cds")
        #expect(
            found.map(\.text) == [
                "field 19 of Envoy's envoy.config.cluster.v3.Cluster is not honoured by Sluice yet",
                "unknown field 200 in envoy.config.cluster.v3.Cluster",
            ])
        #expect(found.allSatisfy { $0.path == "cds" })
    }

    @Test func anysAreOpened() {
        var filter = Envoy_Config_Listener_V3_Filter()
        filter.name = "t"
        filter.typedConfig = Google_Protobuf_Any(
            packing: Envoy_Extensions_Filters_Network_ConnectionLimit_V3_ConnectionLimit())
        #expect(
            texts(filter) == [
                "typed_config.stat_prefix: is required and must not be empty",
                "typed_config.max_connections: is required",
            ] || texts(filter) == ["typed_config.stat_prefix: is required and must not be empty"])
        filter.typedConfig.typeURL = "type.googleapis.com/envoy.extensions.filters.network.redis_proxy.v3.RedisProxy"
        #expect(
            texts(filter) == [
                "typed_config: Envoy has envoy.extensions.filters.network.redis_proxy.v3.RedisProxy, Sluice does not have it yet"
            ])
    }

    @Test func anysAreUnpackedByType() {
        var echo = Envoy_Extensions_Filters_Network_DirectResponse_V3_Config()
        echo.response.inlineString = "hi"
        let any = Google_Protobuf_Any(packing: echo)
        #expect(AnyUnpacker.typeName(of: any) == "envoy.extensions.filters.network.direct_response.v3.Config")
        #expect(AnyUnpacker.unpack(any, as: Envoy_Extensions_Filters_Network_DirectResponse_V3_Config.self) == echo)
        #expect(AnyUnpacker.unpack(any, as: Envoy_Extensions_Filters_Network_Echo_V3_Echo.self) == nil)
    }

    @Test func packedListsAreChecked() {
        var settings = Envoy_Config_Metrics_V3_HistogramBucketSettings()
        settings.match.prefix = "a"
        settings.buckets = [1, 2, 1, 0]
        #expect(texts(settings) == ["buckets[2]: the items must differ from each other", "buckets[3]: out of range"])
    }
}
