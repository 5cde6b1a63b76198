/// Makes ``ClusterSnapshot``s of one cluster on the main thread.
///
/// Holds what does not change with the hosts (policy, overprovisioning) and numbers the generations.
public struct ClusterSnapshotBuilder {
    public let spec: LoadBalancerSpec
    public var overprovisioningPercent: UInt32
    /// Compute availability of priorities from host weights instead of host counts.
    public var hasWeightedPriorityHealth: Bool
    /// Locality of this proxy, whose hosts come first in zone-aware balancing.
    public var localLocality: Locality?
    private var generation: UInt64 = 0

    /// A locality inside a priority, the unit that carries a locality weight.
    public struct PriorityLocality: Hashable, Sendable {
        public var priority: UInt32
        public var locality: Locality

        public init(priority: UInt32, locality: Locality) {
            self.priority = priority
            self.locality = locality
        }
    }

    public init(
        spec: LoadBalancerSpec, overprovisioningPercent: UInt32 = 140, hasWeightedPriorityHealth: Bool = false,
        localLocality: Locality? = nil
    ) {
        self.spec = spec
        self.overprovisioningPercent = overprovisioningPercent
        self.hasWeightedPriorityHealth = hasWeightedPriorityHealth
        self.localLocality = localLocality
    }

    /// Builds the next snapshot from the hosts and the flags they carry now.
    ///
    /// Priorities without a host become empty host sets. Hosts without a configured locality weight weigh 0 under
    /// locality weighting. Cost: O(hosts), plus the hash tables or subsets when the policy has them.
    ///
    /// - Parameter localCluster: the cluster this proxy belongs to, for zone-aware balancing; nil = not known, which
    ///   switches zone-aware routing off.
    public mutating func build(
        hosts: [Host], localityWeights: [PriorityLocality: UInt32] = [:], localCluster: ClusterSnapshot? = nil
    ) -> ClusterSnapshot {
        generation += 1
        let ordered = hosts.allSatisfy { $0.priority == 0 } ? hosts : Self.sortedByPriority(hosts)
        let availabilities = ordered.map { HostState($0.flags) }
        var figures = TableFigures()
        let assembler = PrioritySetAssembler(
            hosts: ordered, states: availabilities, localityWeights: localityWeights,
            overprovisioningPercent: overprovisioningPercent, hasWeightedPriorityHealth: hasWeightedPriorityHealth,
            localLocality: localLocality, localCluster: localCluster)
        let prioritySet = assembler.assemble(spec, members: nil, within: nil, figures: &figures)
        var subsets: SubsetTable?
        if case .subset(let settings) = spec.policy {
            subsets = SubsetTable(settings, assembler, figures: &figures)
        }
        return ClusterSnapshot(
            generation: generation, hosts: ordered, prioritySet: prioritySet, spec: spec,
            overprovisioningPercent: overprovisioningPercent, tableFigures: figures,
            subsets: subsets)
    }

    private static func sortedByPriority(_ hosts: [Host]) -> [Host] {
        // The order inside a priority is part of what the rotation and the tables promise, so the sort is stable.
        hosts.enumerated().sorted { ($0.element.priority, $0.offset) < ($1.element.priority, $1.offset) }.map(\.element)
    }
}

/// One host's flags at the moment of the build, read once so that all lists of a snapshot agree.
struct HostState {
    let availability: HostAvailability
    let isExcluded: Bool

    init(_ flags: HealthFlags) {
        availability = flags.availability
        isExcluded = !flags.isDisjoint(with: HealthFlags.excludedMask)
    }
}
