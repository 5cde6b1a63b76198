// envoy.filters.network.sni_cluster: the TLS server name is the name of the cluster.

/// Puts the server name where tcp_proxy looks for a cluster. Without one the proxy's own choice stands.
final class SNIClusterFilter: NetworkFilter {
    /// The key of filter state that tcp_proxy reads.
    static let clusterKey = "envoy.tcp_proxy.cluster"

    override func onNewConnection() -> FilterStatus {
        let name = downstream.info.requestedServerName
        if !name.isEmpty { downstream.info.details.filterState[SNIClusterFilter.clusterKey] = name }
        return .proceed
    }
}

final class SNIClusterFactory: NetworkFilterFactory {
    override func makeFilter() -> NetworkFilter { SNIClusterFilter() }
}

package struct SNIClusterConfig: NetworkFilterConfig {
    package var isTerminal: Bool { false }

    package func makeFactory(on worker: Worker) -> NetworkFilterFactory { SNIClusterFactory() }
}
