// The spellings that load and those that do not; each line was tried with the real Envoy 1.40 (see also
// Tests/Integration/test_config_differential.py).
import ConfigAPI
import CoreConfig
import Testing

@Suite struct ValueFormTests {
    @Test(arguments: [
        // Enums: any case, number, quoted number.
        ("lb_policy: round_robin", true), ("lb_policy: Random", true), ("lb_policy: 3", true), ("lb_policy: '3'", true),
        ("lb_policy: null", true), ("lb_policy: 3.0", false), ("lb_policy: round-robin", false),
        ("lb_policy: true", false), ("lb_policy: 99", false), ("lbPolicy: RANDOM", true),
        // Durations.
        ("cleanup_interval: 5s", true), ("cleanup_interval: 0.25s", true), ("cleanup_interval: {seconds: 5}", true),
        ("cleanup_interval: {seconds: 5, nanos: 5}", true), ("cleanup_interval: {seconds: '5'}", true),
        ("cleanup_interval: 5", false), ("cleanup_interval: '5'", false), ("cleanup_interval: .25s", false),
        ("cleanup_interval: 250ms", false), ("cleanup_interval: -5s", false), ("cleanup_interval: 5S", false),
        ("cleanup_interval: 1.0000000001s", false), ("cleanup_interval: 5.s", false),
        ("cleanup_interval: ' 5s'", false), ("cleanup_interval: +5s", false), ("cleanup_interval: 1e1s", false),
        ("cleanup_interval: 315576000001s", false), ("cleanup_interval: {second: 5}", false),
        // Integers.
        ("per_connection_buffer_limit_bytes: 80", true), ("per_connection_buffer_limit_bytes: '80'", true),
        ("per_connection_buffer_limit_bytes: 80.0", true), ("per_connection_buffer_limit_bytes: 0x50", true),
        ("per_connection_buffer_limit_bytes: '0x50'", true), ("per_connection_buffer_limit_bytes: 1e3", true),
        ("per_connection_buffer_limit_bytes: +5", true), ("per_connection_buffer_limit_bytes: 010", true),
        ("per_connection_buffer_limit_bytes: 08", true), ("per_connection_buffer_limit_bytes: {value: 5}", true),
        ("per_connection_buffer_limit_bytes: 1.5", false), ("per_connection_buffer_limit_bytes: -1", false),
        ("per_connection_buffer_limit_bytes: ' 80'", false), ("per_connection_buffer_limit_bytes: 1_000", false),
        ("per_connection_buffer_limit_bytes: 4294967296", false), ("per_connection_buffer_limit_bytes: true", false),
        // Truth values.
        ("wait_for_warm_on_init: true", true), ("wait_for_warm_on_init: True", true),
        ("wait_for_warm_on_init: yes", true), ("wait_for_warm_on_init: on", true),
        ("wait_for_warm_on_init: \"true\"", true), ("wait_for_warm_on_init: 'yes'", true),
        ("wait_for_warm_on_init: '1'", true), ("wait_for_warm_on_init: tRue", true),
        ("wait_for_warm_on_init: 1", false), ("wait_for_warm_on_init: maybe", false),
        // Strings.
        ("alt_stat_name: abc", true), ("alt_stat_name: '12'", true), ("alt_stat_name: 1.5", true),
        ("alt_stat_name: 2001-01-01", true), ("alt_stat_name: 99999999999", true), ("alt_stat_name: null", true),
        ("alt_stat_name: ", true), ("alt_stat_name: 12", false), ("alt_stat_name: true", false),
        ("alt_stat_name: y", false), ("alt_stat_name: !!str 5", false), ("alt_stat_name: [a]", false),
        // Doubles.
        ("common_lb_config: {healthy_panic_threshold: {value: 50}}", true),
        ("common_lb_config: {healthy_panic_threshold: {value: '50.5'}}", true),
        ("common_lb_config: {healthy_panic_threshold: {value: .inf}}", false),
        // Messages and lists.
        ("transport_socket:", true), ("transport_socket: null", true), ("transport_socket: []", false),
        ("transport_socket: a", false), ("transport_socket: ''", false), ("cluster_type: null", true),
        ("metadata: {filter_metadata: {a: &a {b: 1}, c: *a}}", true),
        ("metadata: {filter_metadata: {1: {b: 1}}}", true),
        ("metadata: {filter_metadata: {[1]: {b: 1}}}", false), ("transport_socket: {<<: {name: x}}", false),
        ("lb_policy: RANDOM\nlbPolicy: RANDOM", true), ("foo: 1", false), ("alt_stat_name:\tabc", true),
    ])
    func loadsLikeEnvoy(_ line: String, _ loads: Bool) {
        let loaded = Sample.load(Sample.yaml(cluster: line))
        #expect(loaded.hasErrors != loads, "\(line): \(loaded.problems)")
    }

    @Test func valuesArrive() {
        func cluster(_ text: String) -> Envoy_Config_Cluster_V3_Cluster {
            Sample.load(Sample.yaml(cluster: text)).cluster
        }
        #expect(cluster("per_connection_buffer_limit_bytes: 010").perConnectionBufferLimitBytes.value == 8)
        #expect(cluster("per_connection_buffer_limit_bytes: 0x50").perConnectionBufferLimitBytes.value == 80)
        #expect(cluster("per_connection_buffer_limit_bytes: 1e3").perConnectionBufferLimitBytes.value == 1000)
        #expect(cluster("per_connection_buffer_limit_bytes: 0").hasPerConnectionBufferLimitBytes)
        #expect(!cluster("per_connection_buffer_limit_bytes: null").hasPerConnectionBufferLimitBytes)
        #expect(cluster("cleanup_interval: 0.25s").cleanupInterval.milliseconds == 250)
        #expect(cluster("cleanup_interval: 0.0001s").cleanupInterval.milliseconds == 1)
        #expect(cluster("cleanup_interval: {seconds: 5, nanos: 1000000}").cleanupInterval.milliseconds == 5001)
        #expect(cluster("lb_policy: random").lbPolicy == .random)
        #expect(cluster("alt_stat_name: 1.5").altStatName == "1.5")
        let fields = cluster("metadata: {filter_metadata: {m: {a: 1, b: yes, c: 1.5, d: [x, null], e: {f: '1'}}}}")
            .metadata
            .filterMetadata["m"]?.fields
        #expect(fields?["a"]?.numberValue == 1)
        #expect(fields?["b"]?.boolValue == true)
        #expect(fields?["c"]?.stringValue == "1.5")
        #expect(fields?["d"]?.listValue.values.count == 2)
        #expect(fields?["e"]?.structValue.fields["f"]?.stringValue == "1")
    }

    @Test func oneValueStandsForAList() {
        let loaded = Sample.load(
            """
            static_resources:
              clusters:
                name: c
                load_assignment:
                  cluster_name: c
                  endpoints: {lb_endpoints: {endpoint: {address: {socket_address: {address: 1.1.1.1, port_value: 1}}}}}
            node_context_params: [[a], b]
            """)
        #expect(loaded.problems.isEmpty, "\(loaded.problems)")
        #expect(loaded.cluster.loadAssignment.endpoints[0].lbEndpoints.count == 1)
        #expect(loaded.bootstrap.nodeContextParams == ["a", "b"])
    }

    @Test func typedStructsAreUnwrapped() {
        for type in ["udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"] {
            let loaded = Sample.load(
                """
                static_resources:
                  listeners:
                  - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
                    filter_chains:
                    - filters:
                      - name: t
                        typed_config:
                          "@type": type.googleapis.com/\(type)
                          type_url: \(Sample.tcpProxy)
                          value: {stat_prefix: s, cluster: nope}
                """)
            #expect(loaded.errors.count == 1)
            #expect(loaded.problems.first?.line == 10)
            #expect(loaded.problems.first?.column == 44)
            #expect(loaded.listener.filterChains[0].filters[0].typedConfig.typeURL == Sample.tcpProxy)
        }
    }

    @Test func configYAMLMergesOverTheFile() {
        let loaded = ConfigLoader().parse([
            ("a.yaml", Array(Sample.yaml(top: "node: {id: a, cluster: x}").utf8)),
            (
                "--config-yaml",
                Array("{node: {id: b}, static_resources: {clusters: [{name: d, lb_polic: 1}, {name: c}]}}".utf8)
            ),
        ])
        #expect(loaded.bootstrap.node.id == "b")
        #expect(loaded.bootstrap.node.cluster == "x")
        #expect(loaded.bootstrap.staticResources.clusters.map(\.name) == ["c", "d", "c"])
        #expect(loaded.errors.count == 2)
        #expect(loaded.errors[0].hasPrefix("--config-yaml:1:"))
        #expect(loaded.errors[1].contains("static_resources.clusters[2].name: the name \"c\" is already defined"))
        #expect(loaded.problems[1].file == "--config-yaml")
    }

    @Test func jsonFilesKeepTheirNumbers() {
        let loaded = Sample.load(
            "{\"static_resources\": {\"clusters\": [{\"name\": \"c\", \"metadata\": {\"filter_metadata\": {\"m\": {\"a\": 1.5}}}}]}}",
            name: "x.json")
        #expect(loaded.problems.isEmpty)
        #expect(loaded.cluster.metadata.filterMetadata["m"]?.fields["a"]?.numberValue == 1.5)
    }
}
