// A base configuration with places to put things, and words to ask about problems.
import ConfigAPI
import CoreConfig

enum Sample {
    static let typeURL = "type.googleapis.com/"
    static let tcpProxy = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"

    /// One listener with a TCP proxy, one static cluster; text can be added to each part.
    static func yaml(
        listener: String = "", cluster: String = "", proxy: String = "cluster: c", clusterName: String = "c",
        top: String = ""
    ) -> String {
        """
        static_resources:
          listeners:
          - name: l
            address: {socket_address: {address: 127.0.0.1, port_value: 10000}}
            filter_chains:
            - filters:
              - name: t
                typed_config:
                  "@type": \(tcpProxy)
                  stat_prefix: s
        \(indent(proxy, 10))
        \(indent(listener, 4))
          clusters:
          - name: \(clusterName)
            connect_timeout: 1s
        \(indent(cluster, 4))
        \(top)
        """
    }

    static func indent(_ text: String, _ count: Int) -> String {
        let pad = String(repeating: " ", count: count)
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.isEmpty ? "" : pad + $0 }
            .joined(separator: "\n")
    }

    static func load(_ yaml: String, name: String = "envoy.yaml") -> LoadedConfig {
        ConfigLoader().parse(bytes: Array(yaml.utf8), fileName: name)
    }
}

extension LoadedConfig {
    var errors: [String] { problems.filter { $0.severity == .error }.map(\.description) }
    var warnings: [String] { problems.filter { $0.severity == .warning }.map(\.description) }
    var cluster: Envoy_Config_Cluster_V3_Cluster { bootstrap.staticResources.clusters[0] }
    var listener: Envoy_Config_Listener_V3_Listener { bootstrap.staticResources.listeners[0] }
}
