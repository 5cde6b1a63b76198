// What the cluster manager counts about itself.

/// `cluster_manager.`
public enum ClusterManagerStat: Int, StatKey {
    case clusterAdded, clusterModified, clusterRemoved, clusterUpdated, clusterUpdatedViaMerge, updateMergeCancelled
    case updateOutOfMergeWindow, activeClusters, warmingClusters

    public var definition: StatDefinition {
        switch self {
        case .clusterAdded: .counter("cluster_added")
        case .clusterModified: .counter("cluster_modified")
        case .clusterRemoved: .counter("cluster_removed")
        case .clusterUpdated: .counter("cluster_updated")
        case .clusterUpdatedViaMerge: .counter("cluster_updated_via_merge")
        case .updateMergeCancelled: .counter("update_merge_cancelled")
        case .updateOutOfMergeWindow: .counter("update_out_of_merge_window")
        case .activeClusters: .gauge("active_clusters", .neverImport)
        case .warmingClusters: .gauge("warming_clusters", .neverImport)
        }
    }
}

/// `dns.cares.`
public enum ResolverStat: Int, StatKey {
    case resolveTotal, pendingResolutions, notFound, timeouts, getAddrFailure, reinits

    public var definition: StatDefinition {
        switch self {
        case .resolveTotal: .counter("resolve_total")
        case .pendingResolutions: .gauge("pending_resolutions", .neverImport)
        case .notFound: .counter("not_found")
        case .timeouts: .counter("timeouts")
        case .getAddrFailure: .counter("get_addr_failure")
        case .reinits: .counter("reinits")
        }
    }
}
