// Counters of all resolvers of the process, `dns.cares.*`.

/// Plain integers on the main thread; the main thread's stat flush reads them.
public final class DNSStats {
    public internal(set) var resolveTotal: UInt64 = 0
    public internal(set) var pendingResolutions: UInt64 = 0
    public internal(set) var notFound: UInt64 = 0
    public internal(set) var timeouts: UInt64 = 0
    public internal(set) var getAddrFailure: UInt64 = 0
    public internal(set) var reinits: UInt64 = 0

    public init() {}
}
