/// A balancer's verdict: which host, and what the caller should account.
public struct HostChoice: Hashable, Sendable {
    /// Index into the balancer's current snapshot, nil when there is no host to give.
    public var index: HostIndex?
    public var outcome: ChoiceOutcome

    @inlinable
    public init(_ index: HostIndex?, _ outcome: ChoiceOutcome = []) {
        self.index = index
        self.outcome = outcome
    }
}

/// Things that happened during one choice, one bit per counter the caller raises.
public struct ChoiceOutcome: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32

    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// `lb_healthy_panic`
    public static let healthyPanic = ChoiceOutcome(rawValue: 1 << 0)
    /// `lb_subsets_selected`
    public static let subsetSelected = ChoiceOutcome(rawValue: 1 << 1)
    /// `lb_subsets_fallback`
    public static let subsetFallback = ChoiceOutcome(rawValue: 1 << 2)
    /// `lb_subsets_fallback_panic`
    public static let subsetFallbackPanic = ChoiceOutcome(rawValue: 1 << 3)
    /// `lb_zone_routing_all_directly`
    public static let zoneAllDirectly = ChoiceOutcome(rawValue: 1 << 4)
    /// `lb_zone_routing_sampled`
    public static let zoneSampled = ChoiceOutcome(rawValue: 1 << 5)
    /// `lb_zone_routing_cross_zone`
    public static let zoneCrossZone = ChoiceOutcome(rawValue: 1 << 6)
    /// `lb_zone_no_capacity_left`
    public static let zoneNoCapacityLeft = ChoiceOutcome(rawValue: 1 << 7)
    /// `lb_local_cluster_not_ok`
    public static let localClusterNotOK = ChoiceOutcome(rawValue: 1 << 8)
    /// The host named by the override was taken.
    public static let overrideHost = ChoiceOutcome(rawValue: 1 << 9)
    /// The override named no usable host and was strict: no host.
    public static let overrideFailed = ChoiceOutcome(rawValue: 1 << 10)
    /// `original_dst_host_invalid`: the connection carries no usable destination.
    public static let originalDestinationInvalid = ChoiceOutcome(rawValue: 1 << 11)
    /// All attempts ended on hosts the predicate refuses; the last of them is given nevertheless.
    public static let predicateExhausted = ChoiceOutcome(rawValue: 1 << 12)
    /// The destination in ``LoadBalancerContext/originalDestination`` is no host of the snapshot yet: the caller asks
    /// the cluster manager to admit it (``OriginalDestinationBalancer``).
    public static let hostToAdmit = ChoiceOutcome(rawValue: 1 << 13)
}
