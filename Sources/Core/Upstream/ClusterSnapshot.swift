/// The hosts of a cluster at one moment, with everything the balancers compute once for all workers: availability
/// lists, priority loads, hash tables, subsets.
///
/// Built by ``ClusterSnapshotBuilder`` on the main thread whenever a host, a flag, a weight or the configuration
/// changes; a worker receives it by mailbox and swaps it in at the start of a turn. Immutable, shared by reference.
public final class ClusterSnapshot: Sendable {
    /// Rises by one with each snapshot of the cluster.
    public let generation: UInt64
    /// All hosts, sorted by priority and otherwise in the order of configuration. ``HostIndex`` points here.
    public let hosts: [Host]
    public let prioritySet: PrioritySet
    public let spec: LoadBalancerSpec
    public let overprovisioningPercent: UInt32
    /// Sizes of the tables and number of subsets, for the gauges.
    public let tableFigures: TableFigures
    /// Present with the subset policy.
    let subsets: SubsetTable?
    /// Filled for the original destination policy, which looks hosts up by address.
    let indexOfAddress: [SocketAddress: HostIndex]

    init(
        generation: UInt64, hosts: [Host], prioritySet: PrioritySet, spec: LoadBalancerSpec,
        overprovisioningPercent: UInt32, tableFigures: TableFigures, subsets: SubsetTable?
    ) {
        self.generation = generation
        self.hosts = hosts
        self.prioritySet = prioritySet
        self.spec = spec
        self.overprovisioningPercent = overprovisioningPercent
        self.tableFigures = tableFigures
        self.subsets = subsets
        if case .originalDestination = spec.policy {
            indexOfAddress = Dictionary(
                hosts.enumerated().map { ($0.element.address, HostIndex($0.offset)) },
                uniquingKeysWith: { old, _ in old })
        } else {
            indexOfAddress = [:]
        }
    }

    /// By priority, 0 first.
    public var hostSets: [HostSet] { prioritySet.hostSets }

    public subscript(index: HostIndex) -> Host { hosts[Int(index)] }
}

/// Figures of the built tables (`ring_hash_lb.size`, `maglev_lb.min_entries_per_host`, `lb_subsets_active` …), those
/// of the last priority built, as Envoy reports them.
public struct TableFigures: Hashable, Sendable {
    public var ringSize: UInt64 = 0
    public var minEntriesPerHost: UInt64 = 0
    public var maxEntriesPerHost: UInt64 = 0
    public var subsets = 0
    /// Zone-aware routing is off for want of hosts (`lb_zone_cluster_too_small`, once per snapshot).
    public var isZoneClusterTooSmall = false
    /// Zone-aware routing is off because the local cluster has nobody here (`lb_local_cluster_not_ok`, likewise).
    public var isLocalClusterNotOK = false
    /// Subsets of one host that a further host claimed.
    public var singleHostSubsetDuplicates = 0
}
