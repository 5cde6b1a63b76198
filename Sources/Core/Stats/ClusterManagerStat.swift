/// `cluster_manager.`: what became of cluster configurations.
public enum ClusterManagerStat: Int, StatKey {
    case clusterAdded, clusterModified, clusterRemoved, clusterUpdated, clusterUpdatedViaMerge
    case updateMergeCancelled, updateOutOfMergeWindow, activeClusters, warmingClusters

    public static let prefix = "cluster_manager."

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
