// JSON as the admin page shows it, compared with the text that the real Envoy prints for the same configuration.
import ConfigAPI
import CoreConfig
import Testing

@Suite struct MessageRendererTests {
    private static let yaml = """
        node: {id: "<n>", metadata: {a: 1, b: [x, null, true], f: 1.5}}
        static_resources:
          clusters:
          - name: c
            type: strict_dns
            connect_timeout: 0.25s
            per_connection_buffer_limit_bytes: 5
            lb_policy: RING_HASH
            ring_hash_lb_config: {minimum_ring_size: 7}
            common_lb_config: {healthy_panic_threshold: {value: 12.5}}
            circuit_breakers: {thresholds: [{max_connections: 0}, {priority: high}]}
          listeners:
          - name: l
            address: {socket_address: {address: 127.0.0.1, port_value: 1}}
            filter_chains:
            - filters:
              - name: t
                typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: s, cluster: c}
            socket_options: [{level: 1, name: 2, int_value: 3}]
        """

    /// Envoy 1.40's /config_dump gave these parts of the bootstrap.
    private static let envoyText = """
        {
         "node": {
          "id": "\\u003cn\\u003e",
          "metadata": {
           "a": 1,
           "b": [
            "x",
            null,
            true
           ],
           "f": "1.5"
          }
         },
         "static_resources": {
          "listeners": [
           {
            "name": "l",
            "address": {
             "socket_address": {
              "address": "127.0.0.1",
              "port_value": 1
             }
            },
            "filter_chains": [
             {
              "filters": [
               {
                "name": "t",
                "typed_config": {
                 "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                 "stat_prefix": "s",
                 "cluster": "c"
                }
               }
              ]
             }
            ],
            "socket_options": [
             {
              "level": "1",
              "name": "2",
              "int_value": "3"
             }
            ]
           }
          ],
          "clusters": [
           {
            "name": "c",
            "type": "STRICT_DNS",
            "connect_timeout": "0.250s",
            "per_connection_buffer_limit_bytes": 5,
            "lb_policy": "RING_HASH",
            "circuit_breakers": {
             "thresholds": [
              {
               "max_connections": 0
              },
              {
               "priority": "HIGH"
              }
             ]
            },
            "ring_hash_lb_config": {
             "minimum_ring_size": "7"
            },
            "common_lb_config": {
             "healthy_panic_threshold": {
              "value": 12.5
             }
            }
           }
          ]
         }
        }
        """

    @Test func looksLikeEnvoys() {
        let loaded = Sample.load(Self.yaml)
        #expect(loaded.errors.isEmpty, "\(loaded.errors)")
        let text = MessageRenderer.json(loaded.bootstrap).text()
        #expect(text == Self.envoyText)
    }

    @Test func whatIsPrintedLoadsAgain() {
        let loaded = Sample.load(Self.yaml)
        let text = MessageRenderer.json(loaded.bootstrap).text(isPretty: false)
        let again = Sample.load(text, name: "again.json")
        #expect(again.problems.isEmpty, "\(again.problems)")
        #expect(again.bootstrap == loaded.bootstrap)
    }

    @Test func defaultsAreWrittenOnRequest() {
        var status = Envoy_Admin_V3_SimpleMetric()
        status.name = "x"
        #expect(MessageRenderer.json(status).text(isPretty: false) == "{\"name\":\"x\"}")
        #expect(
            MessageRenderer.json(status, writesDefaults: true).text(isPretty: false)
                == "{\"type\":\"COUNTER\",\"value\":\"0\",\"name\":\"x\"}")
    }

    @Test func masksKeepWhatTheyName() {
        let json = MessageRenderer.json(Sample.load(Self.yaml).bootstrap)
        let trimmed = json.trimmed(to: "static_resources.clusters.name,node.id").text(isPretty: false)
        #expect(
            trimmed == "{\"node\":{\"id\":\"\\u003cn\\u003e\"},\"static_resources\":{\"clusters\":[{\"name\":\"c\"}]}}")
        #expect(json.trimmed(to: "") == json)
    }

    @Test func timesAndAnysOfAnyKind() {
        var dump = Envoy_Admin_V3_ConfigDump()
        var cluster = Envoy_Admin_V3_ClustersConfigDump()
        var item = Envoy_Admin_V3_ClustersConfigDump.StaticCluster()
        item.cluster = Google_Protobuf_Any(packing: Sample.load(Self.yaml).cluster)
        item.lastUpdated.seconds = 1_700_000_000
        item.lastUpdated.nanos = 5_000_000
        cluster.staticClusters = [item]
        dump.configs = [Google_Protobuf_Any(packing: cluster)]
        let json = MessageRenderer.json(dump).text(isPretty: false)
        #expect(
            json.hasPrefix(
                "{\"configs\":[{\"@type\":\"type.googleapis.com/envoy.admin.v3.ClustersConfigDump\",\"static_clusters\":[{\"cluster\":{\"@type\":\"type.googleapis.com/envoy.config.cluster.v3.Cluster\",\"name\":\"c\""
            ))
        #expect(json.hasSuffix("\"last_updated\":\"2023-11-14T22:13:20.005Z\"}]}]}"))
    }
}
