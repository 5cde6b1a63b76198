// What the process's resolvers count.

/// `dns.cares.`
public enum ResolverStat: Int, StatKey {
    case resolveTotal, pendingResolutions, notFound, timeouts, getAddrFailure, reinits

    public static let prefix = "dns.cares."

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
