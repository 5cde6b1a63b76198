// What health checkers count.

/// `cluster.<name>.health_check.`, for clusters with active health checks.
public enum HealthCheckStat: Int, StatKey {
    case attempt, degraded, failure, healthy
    case networkFailure, passiveFailure, success, verifyCluster

    public var definition: StatDefinition {
        switch self {
        case .attempt: .counter("attempt")
        case .degraded: .gauge("degraded", .neverImport)
        case .failure: .counter("failure")
        case .healthy: .gauge("healthy", .neverImport)
        case .networkFailure: .counter("network_failure")
        case .passiveFailure: .counter("passive_failure")
        case .success: .counter("success")
        case .verifyCluster: .counter("verify_cluster")
        }
    }
}
