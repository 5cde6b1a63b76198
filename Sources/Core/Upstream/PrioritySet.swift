/// All priorities of a cluster (or of one subset of it) with the load each of them takes.
///
/// A class so that a subset, a table and a snapshot can share it by reference; immutable.
public final class PrioritySet: Sendable {
    /// By priority, 0 first, without gaps (a priority without hosts has an empty set).
    public let hostSets: [HostSet]
    public let load: PriorityLoad
    /// Consistent-hash tables by priority; empty unless the policy hashes. Built once on the main thread.
    let tables: [HashTable?]
    /// Shape for weighted balancers: whether all hosts of the cluster weigh the same.
    let hasEqualWeights: Bool

    /// Present with zone-aware balancing and a known local cluster.
    let zoneRoutes: ZoneRoutes?

    init(
        hostSets: [HostSet], load: PriorityLoad, tables: [HashTable?], hasEqualWeights: Bool, zoneRoutes: ZoneRoutes?
    ) {
        precondition(!hostSets.isEmpty, "A cluster has at least priority 0.")
        self.hostSets = hostSets
        self.load = load
        self.tables = tables
        self.hasEqualWeights = hasEqualWeights
        self.zoneRoutes = zoneRoutes
    }

    public var healthyCount: Int { hostSets.reduce(0) { $0 + $1.healthy.count } }
    public var degradedCount: Int { hostSets.reduce(0) { $0 + $1.degraded.count } }
    public var excludedCount: Int { hostSets.reduce(0) { $0 + $1.excluded.count } }
    public var totalCount: Int { hostSets.reduce(0) { $0 + $1.all.count } }
}
