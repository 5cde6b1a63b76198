// One test for each kind of error: what is said, and where.
import ConfigAPI
import CoreConfig
import Testing

@Suite struct ErrorTests {
    /// The only error of a configuration.
    func only(_ yaml: String, sourceLocation: SourceLocation = #_sourceLocation) -> String {
        let errors = Sample.load(yaml).errors
        #expect(errors.count == 1, "\(errors)", sourceLocation: sourceLocation)
        return errors.first ?? ""
    }

    @Test func baseLoadsWithoutProblems() {
        let loaded = Sample.load(Sample.yaml())
        #expect(loaded.problems.isEmpty, "\(loaded.problems)")
        #expect(loaded.cluster.name == "c")
        #expect(loaded.cluster.connectTimeout.milliseconds == 1000)
        #expect(loaded.listener.address.socketAddress.portValue == 10000)
        #expect(loaded.listener.filterChains[0].filters[0].typedConfig.typeURL == Sample.tcpProxy)
    }

    @Test func unknownFieldNamesTheNearest() {
        #expect(
            only("static_resources:\n  clusters:\n  - name: c\n    lb_polcy: RANDOM\n")
                == "envoy.yaml:4:5: error: static_resources.clusters[0].lb_polcy: "
                + "unknown field in envoy.config.cluster.v3.Cluster; did you mean \"lb_policy\"?")
    }

    @Test func fieldOfEnvoyNotHonouredYetSaysSo() {
        #expect(
            only(Sample.yaml(cluster: "outlier_detection: {}"))
                .contains(
                    "\"outlier_detection\" is a field of Envoy's envoy.config.cluster.v3.Cluster that Sluice does not honour yet"
                ))
        #expect(only(Sample.yaml(cluster: "outlierDetection: {}")).contains("does not honour yet"))
    }

    @Test func enumValueOfEnvoyNotHonouredYetSaysSo() {
        let text = only(Sample.yaml(cluster: "type: EDS"))
        #expect(text.contains("static_resources.clusters[0].type: \"EDS\" is a value of Envoy's"))
        #expect(text.contains("allowed: STATIC, STRICT_DNS, LOGICAL_DNS, ORIGINAL_DST"))
        #expect(only(Sample.yaml(cluster: "type: 3")).contains("does not honour yet"))
    }

    @Test func wrongTypesSayWhatIsWantedAndFound() {
        #expect(
            only(Sample.yaml(cluster: "alt_stat_name: 12")).contains(
                "must be a string, found 12; allowed: \"12\" in quotes"))
        #expect(only(Sample.yaml(cluster: "transport_socket: []")).contains("must be an object, found a list"))
        #expect(only(Sample.yaml(cluster: "wait_for_warm_on_init: 1")).contains("must be true or false, found 1"))
        #expect(only(Sample.yaml(cluster: "alt_stat_name: {a: b}")).contains("must be a string, found an object"))
        #expect(
            only(Sample.yaml(cluster: "per_connection_buffer_limit_bytes: lots")).contains(
                "must be an integer, found \"lots\""))
    }

    @Test func outOfRangeSaysTheRange() {
        #expect(
            only(Sample.yaml().replacing("port_value: 10000", with: "port_value: 65536"))
                == "envoy.yaml:4:64: error: static_resources.listeners[0].address.socket_address.port_value: "
                + "out of range, found 65536; allowed: at most 65535")
        #expect(
            only(Sample.yaml(cluster: "per_connection_buffer_limit_bytes: 4294967296"))
                .contains("out of range, found \"4294967296\"; allowed: 0 to 4294967295"))
        #expect(
            only(
                Sample.yaml(
                    cluster:
                        "health_checks: [{timeout: 0s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {}}]"
                )
            )
            .contains("health_checks[0].timeout: out of range, found 0s; allowed: more than 0s"))
    }

    @Test func missingRequiredFieldPointsAtItsParent() {
        let text = only(
            Sample.yaml(
                cluster:
                    "health_checks:\n- {interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {}}"
            ))
        #expect(
            text.contains("envoy.yaml:17:7: error: static_resources.clusters[0].health_checks[0].timeout: is required"),
            "\(text)")
    }

    @Test func emptyRequiredStringAndChoice() {
        let loaded = Sample.load(Sample.yaml(proxy: ""))
        #expect(loaded.errors.count == 1)
        #expect(loaded.errors[0].contains("filters[0].typed_config: one of cluster, weighted_clusters is required"))
        #expect(only(Sample.yaml().replacing("stat_prefix: s", with: "stat_prefix: ''")).contains("must not be empty"))
    }

    @Test func duplicateNames() {
        let twoClusters = Sample.load(Sample.yaml() + "\n  - name: c\n".replacing("\n  -", with: "\n  -"))
        #expect(
            twoClusters.errors.contains {
                $0.contains("the name \"c\" is already defined, by static_resources.clusters[0]")
            })
        let chain =
            "filter_chains: [{filters: [{name: e, typed_config: {\"@type\": \(Sample.typeURL)envoy.extensions.filters.network.echo.v3.Echo}}]}]"
        func listener(_ name: String, _ port: Int) -> String {
            "  - name: \(name)\n    address: {socket_address: {address: 127.0.0.1, port_value: \(port)}}\n    \(chain)\n"
        }
        let names = Sample.load("static_resources:\n  listeners:\n" + listener("a", 1) + listener("a", 2))
        #expect(names.errors.count == 1)
        #expect(
            names.errors[0]
                == "envoy.yaml:6:11: error: static_resources.listeners[1].name: the name \"a\" is already defined, by static_resources.listeners[0]"
        )
        let addresses = Sample.load("static_resources:\n  listeners:\n" + listener("a", 1) + listener("b", 1))
        #expect(addresses.errors.count == 1)
        #expect(
            addresses.errors[0].contains(
                "static_resources.listeners[1].address: the address 127.0.0.1:1 is already used by static_resources.listeners[0].address"
            ))
    }

    @Test func clusterThatDoesNotExist() {
        #expect(
            only(Sample.yaml(proxy: "cluster: backedn", clusterName: "backend"))
                == "envoy.yaml:11:20: error: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.cluster: "
                + "there is no cluster \"backedn\"; did you mean \"backend\"?")
        #expect(
            only(Sample.yaml(proxy: "weighted_clusters: {clusters: [{name: c, weight: 1}, {name: zzz, weight: 1}]}"))
                .contains("weighted_clusters.clusters[1].name: there is no cluster \"zzz\"; allowed: c"))
    }

    @Test func typeURLsThatWeDoNotHave() {
        func log(_ type: String) -> String {
            only(Sample.yaml(listener: "access_log: [{name: a, typed_config: {\"@type\": \(type)}}]"))
        }
        let unknown = log("type.googleapis.com/foo.Bar")
        #expect(
            unknown.contains(
                "unknown type foo.Bar; allowed: type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
            ))
        let later = log("type.googleapis.com/envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig")
        #expect(
            later.contains(
                "Envoy has envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig, Sluice does not have it yet")
        )
        let misspelt = log("type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccesLog")
        #expect(
            misspelt.contains(
                "did you mean \"type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog\"?"))
        let category = log(Sample.tcpProxy)
        #expect(category.contains("TcpProxy is a network filter, here an access log is wanted"))
        let short = log("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog")
        #expect(short.contains("a type URL needs a host before its name"))
        #expect(
            short.contains(
                "did you mean \"type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog\"?"))
        let missing = only(
            Sample.yaml(listener: "access_log: [{name: envoy.access_loggers.file, typed_config: {path: /dev/null}}]"))
        #expect(
            missing.contains(
                "\"@type\" is missing; for envoy.access_loggers.file add \"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
            ))
    }

    @Test func extensionsNamedWithoutConfiguration() {
        let echo = Sample.load(
            """
            static_resources:
              listeners:
              - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
                filter_chains: [{filters: [{name: envoy.filters.network.echo}]}]
            """)
        #expect(echo.errors.isEmpty, "\(echo.errors)")
        #expect(echo.warnings.count == 1)
        #expect(echo.warnings[0].contains("\"envoy.filters.network.echo\" has no typed_config; taken as empty"))
        #expect(
            echo.listener.filterChains[0].filters[0].typedConfig.typeURL
                == "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo")
        let tcp = only(
            """
            static_resources:
              listeners:
              - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
                filter_chains: [{filters: [{name: envoy.filters.network.tcp_proxy}]}]
            """)
        #expect(
            tcp.contains("\"envoy.filters.network.tcp_proxy\" needs a typed_config with \"@type\": \(Sample.tcpProxy)"))
        let unknown = only(
            """
            static_resources:
              listeners:
              - address: {socket_address: {address: 127.0.0.1, port_value: 0}}
                filter_chains: [{filters: [{name: envoy.filters.network.echoo}]}]
            """)
        #expect(unknown.contains("did you mean \"envoy.filters.network.echo\"?"))
    }

    @Test func filterOrder() {
        let echo =
            "{name: e, typed_config: {\"@type\": \(Sample.typeURL)envoy.extensions.filters.network.echo.v3.Echo}}"
        let sni =
            "{name: s, typed_config: {\"@type\": \(Sample.typeURL)envoy.extensions.filters.network.sni_cluster.v3.SniCluster}}"
        func chain(_ filters: String) -> String {
            only(
                "static_resources: {listeners: [{address: {pipe: {path: /tmp/x}}, filter_chains: [{filters: [\(filters)]}]}]}"
            )
        }
        #expect(
            chain("\(echo), \(echo)").contains(
                "filters[1]: stands after envoy.filters.network.echo, which ends the chain"))
        #expect(chain(sni).contains("filters[0]: envoy.filters.network.sni_cluster does not end the chain"))
        #expect(chain(sni).contains("allowed: envoy.filters.network.tcp_proxy, envoy.filters.network.echo"))
    }

    @Test func filesThatCannotBeOpened() {
        let file = "\(Sample.typeURL)envoy.extensions.access_loggers.file.v3.FileAccessLog"
        func log(_ path: String) -> [String] {
            Sample.load(
                Sample.yaml(listener: "access_log: [{name: a, typed_config: {\"@type\": \(file), path: \(path)}}]")
            ).errors
        }
        #expect(log("/dev/null").isEmpty)
        #expect(log("/tmp/some-new-file").isEmpty)
        #expect(log("/nonexist/x").count == 1)
        #expect(
            log("/nonexist/x").first?.contains(
                "access_log[0].typed_config.path: unable to open file '/nonexist/x': No such file or directory") == true
        )
        #expect(log("/tmp/").first?.contains("Is a directory") == true)
    }

    @Test func addressesThatAreNames() {
        #expect(
            only(Sample.yaml().replacing("address: 127.0.0.1", with: "address: localhost")).contains(
                "not an IP address, found \"localhost\""))
        let cluster =
            "load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: foo, port_value: 1}}}}]}]}"
        #expect(
            only(Sample.yaml(cluster: cluster)).contains(
                "for a host name use type STRICT_DNS or LOGICAL_DNS, found \"foo\""))
        #expect(Sample.load(Sample.yaml(cluster: cluster + "\ntype: STRICT_DNS")).errors.isEmpty)
    }

    @Test func allProblemsAtOnceInTheOrderOfTheText() {
        let loaded = Sample.load(
            Sample.yaml(
                listener: "drain_typ: DEFAULT", cluster: "lb_policy: BEST\nalt_stat_name: 5", proxy: "cluster: d"))
        #expect(loaded.errors.count == 4, "\(loaded.errors)")
        #expect(loaded.problems.map(\.line) == loaded.problems.map(\.line).sorted())
    }

    @Test func notYAML() {
        #expect(only("a: [1\nb: 2").hasPrefix("envoy.yaml:2:"))
        #expect(only("").contains("the document is empty"))
        #expect(only("[]").contains("the document must be an object, found a list"))
        #expect(only("abc").contains("the document must be an object, found \"abc\""))
        #expect(only("a: *x").contains("the alias *x has no anchor before it"))
        #expect(only("a: &x [*x]").contains("stands inside its own anchor"))
    }

    @Test func deprecatedFieldsLoadWithWarning() {
        let loaded = Sample.load(Sample.yaml(cluster: "type: STRICT_DNS\nrespect_dns_ttl: true"))
        #expect(loaded.errors.isEmpty)
        #expect(
            loaded.warnings == [
                "envoy.yaml:17:22: warning: static_resources.clusters[0].respect_dns_ttl: deprecated in Envoy"
            ])
    }

    @Test func duplicateKeysTakeTheLastWithWarning() {
        let loaded = Sample.load(Sample.yaml(cluster: "type: bogus\ntype: static"))
        #expect(loaded.errors.isEmpty)
        #expect(loaded.warnings.count == 1)
        #expect(
            loaded.warnings[0].contains(
                "static_resources.clusters[0].type: duplicate key: this later one counts, the one in line 16 is ignored"
            ))
        #expect(!Sample.load(Sample.yaml(cluster: "type: static\ntype: bogus")).errors.isEmpty)
    }

    @Test func choiceGroupsTakeOneMember() {
        #expect(
            only(Sample.yaml(proxy: "cluster: c\nweighted_clusters: {clusters: [{name: c, weight: 1}]}"))
                .contains("weighted_clusters and cluster exclude each other"))
    }

    @Test func laterStagesCanAskForPositions() {
        let loaded = Sample.load(Sample.yaml())
        let problem = loaded.document.problem(
            at: "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.stat_prefix", "is odd")
        #expect(
            problem.description
                == "envoy.yaml:10:24: error: static_resources.listeners[0].filter_chains[0].filters[0].typed_config.stat_prefix: is odd"
        )
        #expect(loaded.document.position(of: "static_resources.clusters[7].name")?.line == 13)
    }
}
