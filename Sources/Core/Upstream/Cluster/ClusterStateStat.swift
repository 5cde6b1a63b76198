// What the main thread keeps about a cluster.

/// `cluster.<name>.`: membership, discovery and breaker gauges. Apart from ``ClusterTrafficStat`` so that a cluster
/// without traffic costs these cells only. The breaker gauges are set when stats are about to be read.
public enum ClusterStateStat: Int, StatKey {
    case assignmentStale, assignmentTimeoutReceived, assignmentUseCached, lbSubsetsActive, lbSubsetsCreated
    case lbSubsetsRemoved, maxHostWeight, membershipChange, membershipDegraded, membershipExcluded
    case membershipHealthy, membershipTotal, updateAttempt, updateEmpty, updateFailure, updateNoRebuild
    case updateSuccess, version, warmingState, defaultCxOpen, defaultCxPoolOpen, defaultRqOpen
    case defaultRqPendingOpen, defaultRqRetryOpen, highCxOpen, highCxPoolOpen, highRqOpen, highRqPendingOpen
    case highRqRetryOpen

    public var definition: StatDefinition {
        switch self {
        case .assignmentStale: .counter("assignment_stale")
        case .assignmentTimeoutReceived: .counter("assignment_timeout_received")
        case .assignmentUseCached: .counter("assignment_use_cached")
        case .lbSubsetsActive: .gauge("lb_subsets_active")
        case .lbSubsetsCreated: .counter("lb_subsets_created")
        case .lbSubsetsRemoved: .counter("lb_subsets_removed")
        case .maxHostWeight: .gauge("max_host_weight", .neverImport)
        case .membershipChange: .counter("membership_change")
        case .membershipDegraded: .gauge("membership_degraded", .neverImport)
        case .membershipExcluded: .gauge("membership_excluded", .neverImport)
        case .membershipHealthy: .gauge("membership_healthy", .neverImport)
        case .membershipTotal: .gauge("membership_total", .neverImport)
        case .updateAttempt: .counter("update_attempt")
        case .updateEmpty: .counter("update_empty")
        case .updateFailure: .counter("update_failure")
        case .updateNoRebuild: .counter("update_no_rebuild")
        case .updateSuccess: .counter("update_success")
        case .version: .gauge("version", .neverImport)
        case .warmingState: .gauge("warming_state", .neverImport)
        case .defaultCxOpen: .gauge("circuit_breakers.default.cx_open")
        case .defaultCxPoolOpen: .gauge("circuit_breakers.default.cx_pool_open")
        case .defaultRqOpen: .gauge("circuit_breakers.default.rq_open")
        case .defaultRqPendingOpen: .gauge("circuit_breakers.default.rq_pending_open")
        case .defaultRqRetryOpen: .gauge("circuit_breakers.default.rq_retry_open")
        case .highCxOpen: .gauge("circuit_breakers.high.cx_open")
        case .highCxPoolOpen: .gauge("circuit_breakers.high.cx_pool_open")
        case .highRqOpen: .gauge("circuit_breakers.high.rq_open")
        case .highRqPendingOpen: .gauge("circuit_breakers.high.rq_pending_open")
        case .highRqRetryOpen: .gauge("circuit_breakers.high.rq_retry_open")
        }
    }
}
