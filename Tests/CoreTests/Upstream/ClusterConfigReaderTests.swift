import ConfigAPI
import CoreConfig
import Glibc
import SwiftProtobuf
import Testing

@testable import Core

/// What a cluster message means, and which messages are mistakes.
@Suite struct ClusterConfigReaderTests {
    private func read(_ json: String) throws -> (ClusterConfig, EndpointAssignment)? {
        var reader = ClusterConfigReader(try Envoy_Config_Cluster_V3_Cluster(jsonString: json), path: "c[0]")
        return reader.read()
    }

    private func problems(_ json: String) throws -> [String] {
        var reader = ClusterConfigReader(try Envoy_Config_Cluster_V3_Cluster(jsonString: json), path: "c[0]")
        let made = reader.read()
        #expect((made == nil) == reader.problems.hasErrors)
        return reader.problems.map(\.path)
    }

    @Test func defaultsAreEnvoys() throws {
        let (config, assignment) = try #require(try read(#"{"name":"a"}"#))
        #expect(config.connect.connectTimeoutMS == 5000)
        #expect(config.connect.bufferLimitBytes == 1 << 20)
        #expect(config.connect.tcpIdleTimeoutMS == 600_000)
        #expect(config.connect.keepalive == nil)
        #expect(config.breakers == BreakerSpec())
        #expect(config.breakers.standard.maxConnections == 1024)
        #expect(config.breakers.high.maxRetries == 3)
        #expect(config.overprovisioningPercent == 140)
        #expect(config.waitsForWarmOnInit)
        #expect(config.discovery == .staticHosts)
        #expect(assignment.endpoints.isEmpty)
    }

    @Test func connectionFieldsAreRead() throws {
        let (config, _) = try #require(
            try read(
                #"""
                {"name":"a","alt_stat_name":"b","connect_timeout":"0.25s","per_connection_buffer_limit_bytes":32768,
                 "upstream_connection_options":{"tcp_keepalive":{"keepalive_time":30}},
                 "upstream_bind_config":{"source_address":{"address":"127.0.0.9","port_value":0},"freebind":true,
                   "socket_options":[{"level":1,"name":2,"int_value":3,"state":"STATE_BOUND"}],
                   "extra_source_addresses":[{"address":{"address":"::1","port_value":0}}]},
                 "typed_extension_protocol_options":{"envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions":
                   {"@type":"type.googleapis.com/envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions",
                    "idle_timeout":"7s"}}}
                """#))
        #expect(config.statName == "b")
        #expect(config.connect.connectTimeoutMS == 250)
        #expect(config.connect.tcpIdleTimeoutMS == 7000)
        #expect(config.connect.keepalive == TCPKeepaliveSpec(idleSeconds: 30))
        let four = config.connect.spec(for: .v4(address: 0x0A00_0001, port: 80))
        #expect(four.source?.addressWithoutPort == "127.0.0.9")
        #expect(four.isFreebind)
        #expect(four.options == [SocketOptionSpec(level: 1, name: 2, value: .int(3), moment: .afterBind)])
        #expect(four.bufferLimitBytes == 32768)
        #expect(config.connect.spec(for: .v6(high: 0, low: 1, port: 1, scope: 0)).source?.addressWithoutPort == "::1")
        #expect(config.connect.spec(for: .unix(path: "/x")).source == nil)
    }

    @Test func breakersAreReadByPriority() throws {
        let (config, _) = try #require(
            try read(
                #"""
                {"name":"a","circuit_breakers":{"thresholds":[{"priority":"HIGH","max_connections":7},
                 {"max_requests":9,"retry_budget":{"budget_percent":{"value":50}},"track_remaining":true}],
                 "per_host_thresholds":[{"max_connections":5}]}}
                """#))
        #expect(config.breakers.high.maxConnections == 7)
        #expect(config.breakers.standard.maxConnections == 1024)
        #expect(config.breakers.standard.maxRequests == 9)
        #expect(config.breakers.standard.retryBudget?.percent == 50)
        #expect(config.breakers.standard.retryBudget?.minRetryConcurrency == 3)
        #expect(config.breakers.standard.tracksRemaining)
        #expect(config.breakers.maxConnectionsPerHost == 5)
    }

    @Test func endpointsCarryTheirAttributes() throws {
        let (config, assignment) = try #require(
            try read(
                #"""
                {"name":"a","load_assignment":{"cluster_name":"a","policy":{"overprovisioning_factor":{"value":200}},
                 "named_endpoints":{"n":{"address":{"pipe":{"path":"/run/n"}}}},
                 "endpoints":[{"priority":1,"load_balancing_weight":3,"locality":{"zone":"z"},"lb_endpoints":[
                   {"load_balancing_weight":4,"health_status":"DRAINING",
                    "metadata":{"filter_metadata":{"envoy.lb":{"v":"1"}}},
                    "endpoint":{"hostname":"h","address":{"socket_address":{"address":"10.0.0.1","port_value":80}},
                      "health_check_config":{"port_value":81,"hostname":"hc","disable_active_health_check":true}}},
                   {"endpoint_name":"n"}]}]}}
                """#
                .replacing(#"{"value":200}"#, with: "200")))
        #expect(config.overprovisioningPercent == 200)
        let first = assignment.endpoints[0]
        #expect(first.flags == .edsStatusDraining)
        let attributes = first.attributes(at: SocketAddress("10.0.0.1:80")!)
        #expect(attributes.weight == 4)
        #expect(attributes.priority == 1)
        #expect(attributes.locality.zone == "z")
        #expect(attributes.hostname == "h")
        #expect(attributes.healthCheckAddress == SocketAddress("10.0.0.1:81"))
        #expect(attributes.disableActiveHealthCheck)
        #expect(attributes.metadata.lbValue("v") == .string("1"))
        #expect(assignment.endpoints[1].target == .address(.unix(path: "/run/n")))
        #expect(assignment.localityWeights == [.init(priority: 1, locality: Locality(zone: "z")): 3])
    }

    @Test func dnsFieldsAndTheirExtensionMeanTheSame() throws {
        let (old, _) = try #require(
            try read(
                clusterJSON(
                    "a", "STRICT_DNS", ["x.test:80"],
                    #"""
                    "dns_refresh_rate":"3s","dns_failure_refresh_rate":{"base_interval":"1s"},"respect_dns_ttl":true,
                    "dns_jitter":"0.5s","dns_lookup_family":"V4_PREFERRED","typed_dns_resolver_config":{"name":"r",
                    "typed_config":{"@type":"type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                    "resolvers":[{"socket_address":{"address":"127.0.0.1","port_value":5353}}],"query_tries":2,
                    "dns_resolver_options":{"use_tcp_for_dns_lookups":true}}}
                    """#)))
        let (new, _) = try #require(
            try read(
                #"""
                {"name":"a","load_assignment":{"cluster_name":"a","endpoints":[{"lb_endpoints":[{"endpoint":{"address":
                {"socket_address":{"address":"x.test","port_value":80}}}}]}]},
                "cluster_type":{"name":"envoy.clusters.dns","typed_config":{
                "@type":"type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster",
                "dns_refresh_rate":"3s","dns_failure_refresh_rate":{"base_interval":"1s"},"respect_dns_ttl":true,
                "dns_jitter":"0.5s","dns_lookup_family":"V4_PREFERRED","typed_dns_resolver_config":{"name":"r",
                "typed_config":{"@type":"type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                "resolvers":[{"socket_address":{"address":"127.0.0.1","port_value":5353}}],"query_tries":2,
                "dns_resolver_options":{"use_tcp_for_dns_lookups":true}}}}}}
                """#))
        #expect(old.discovery == new.discovery)
        guard case .strictDNS(let spec) = new.discovery else {
            Issue.record("DnsCluster without all_addresses_in_single_endpoint is strict")
            return
        }
        #expect(spec.family == .v4Preferred)
        #expect(spec.refreshMS == 3000)
        #expect(spec.jitterMS == 500)
        #expect(spec.respectsTTL)
        #expect(spec.failureRefresh == .init(baseMS: 1000, maxMS: 10_000))
        #expect(spec.resolver?.servers == [SocketAddress("127.0.0.1:5353")!])
        #expect(spec.resolver?.useTCP == true)
        #expect(spec.resolver?.queryTries == 2)
    }

    @Test func healthChecksFillInTheirIntervals() throws {
        let (config, _) = try #require(
            try read(
                #"""
                {"name":"a","health_checks":[{"timeout":"1s","interval":"2s","unhealthy_interval":"9s",
                 "unhealthy_threshold":3,"healthy_threshold":2,"alt_port":99,
                 "tcp_health_check":{"send":{"text":"50494E47"},"receive":[{"binary":"UE8="},{"text":"4e47"}]}}]}
                """#))
        let check = try #require(config.healthCheck)
        #expect(check.timeoutMS == 1000)
        #expect(check.unhealthyEdgeIntervalMS == 9000)
        #expect(check.healthyEdgeIntervalMS == 2000)
        #expect(check.noTrafficHealthyIntervalMS == 60_000)
        #expect(check.alternatePort == 99)
        #expect(
            check.probe == .tcp(TCPProbeSpec(send: Array("PING".utf8), receive: [Array("PO".utf8), Array("NG".utf8)])))
    }

    @Test func mistakesAreNamedByTheirPath() throws {
        let name = clusterJSON("a", "STATIC", ["www.test:80"])
        #expect(
            try problems(name) == [
                "c[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address"
            ])
        #expect(
            try problems(clusterJSON("a", "LOGICAL_DNS", ["a.test:80", "b.test:80"]))
                == ["c[0].load_assignment.endpoints"])
        #expect(
            try problems(
                #"{"name":"a","type":"STRICT_DNS","load_assignment":{"cluster_name":"a","endpoints":[{"lb_endpoints":[{"endpoint":{"address":{"pipe":{"path":"/x"}}}}]}]}}"#
            )
                == ["c[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.pipe"])
        #expect(try problems(#"{"name":"a","lb_policy":"CLUSTER_PROVIDED"}"#) == ["c[0].lb_policy"])
        #expect(
            try problems(#"{"name":"a","type":"ORIGINAL_DST","load_assignment":{"cluster_name":"a"}}"#)
                == ["c[0].lb_policy", "c[0].load_assignment"])
        #expect(
            try problems(
                #"{"name":"a","type":"STRICT_DNS","dns_failure_refresh_rate":{"base_interval":"2s","max_interval":"1s"}}"#
            )
                == ["c[0].dns_failure_refresh_rate.max_interval"])
        #expect(
            try problems(#"{"name":"a","upstream_bind_config":{"source_address":{"address":"host","port_value":0}}}"#)
                == ["c[0].upstream_bind_config.source_address.address"])
        #expect(
            try problems(#"{"name":"a","circuit_breakers":{"per_host_thresholds":[{"max_requests":1}]}}"#)
                == ["c[0].circuit_breakers.per_host_thresholds[0]"])
        #expect(
            try problems(
                #"{"name":"a","health_checks":[{"timeout":"1s","interval":"1s","unhealthy_threshold":1,"healthy_threshold":1,"tcp_health_check":{"send":{"text":"xyz"}}}]}"#
            )
                == ["c[0].health_checks[0].tcp_health_check.send.text"])
        #expect(
            try problems(
                #"{"name":"a","lb_policy":"RING_HASH","ring_hash_lb_config":{"minimum_ring_size":10,"maximum_ring_size":5}}"#
            )
            .isEmpty == false)
        #expect(
            try problems(
                #"{"name":"a","load_assignment":{"cluster_name":"a","endpoints":[{"lb_endpoints":[{"endpoint_name":"x"}]}]}}"#
            )
                == ["c[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint_name"])
    }

    @Test func namesAreUniqueAndAllProblemsAreTold() throws {
        let bench = ManagerBench()
        let texts = try bench.load(
            clusterJSON("a", "STATIC", ["10.0.0.1:80"]), clusterJSON("a", "STATIC", ["10.0.0.2:80"]),
            clusterJSON("b", "STATIC", ["no.ip:80"]), clusterJSON("c", "STATIC", ["10.0.0.3:80"]))
        #expect(texts.count == 2)
        #expect(texts[0].contains("static_resources.clusters[1].name"))
        #expect(texts[1].contains("static_resources.clusters[2].load_assignment"))
        #expect(bench.manager.clusterNames == ["a", "c"])
    }
}
