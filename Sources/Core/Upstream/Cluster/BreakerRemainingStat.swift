// What is left of one priority's breakers, for thresholds with `track_remaining`.

/// `cluster.<name>.circuit_breakers.<priority>.`
public enum BreakerRemainingStat: Int, StatKey {
    case connections, pendingRequests, requests, retries, connectionPools

    public var definition: StatDefinition {
        switch self {
        case .connections: .gauge("remaining_cx")
        case .pendingRequests: .gauge("remaining_pending")
        case .requests: .gauge("remaining_rq")
        case .retries: .gauge("remaining_retries")
        case .connectionPools: .gauge("remaining_cx_pools")
        }
    }
}
