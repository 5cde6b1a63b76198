/// Position of a host in ``ClusterSnapshot/hosts``. Valid for one snapshot only; ``HostSlot`` outlives it.
public typealias HostIndex = UInt32

/// The hosts of one priority, split by availability. Lists hold indices into ``ClusterSnapshot/hosts``, in the order
/// of configuration; a list equal to `all` shares its storage, so an all-healthy set costs one array.
public struct HostSet: Sendable {
    public let priority: Int
    public let all: [HostIndex]
    public let healthy: [HostIndex]
    public let degraded: [HostIndex]
    /// Hosts left out of the totals (waiting for their first check, or asked to be left out).
    public let excluded: [HostIndex]
    /// Groups by locality, the local one first, then in order. Empty unless the policy looks at localities.
    public let localities: [LocalityGroup]

    /// Hosts that count in availability ratios.
    public var countedHosts: Int { all.count - excluded.count }
}

/// The hosts of one locality inside a host set.
public struct LocalityGroup: Sendable {
    public let locality: Locality
    /// Configured weight, 0 = none given (gets no traffic under locality weighting).
    public let weight: UInt32
    public let all: [HostIndex]
    public let healthy: [HostIndex]
    public let degraded: [HostIndex]
    /// weight × min(1, overprovisioning × healthy fraction).
    public let effectiveHealthyWeight: Double
    /// weight × min(1, overprovisioning × degraded fraction).
    public let effectiveDegradedWeight: Double
}
