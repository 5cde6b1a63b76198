// How a resolver asks: servers, transport, patience.

/// Settings of one ``Resolver``. Equal options share one resolver.
public struct ResolverOptions: Hashable, Sendable {
    /// Name servers with ports; empty means those of /etc/resolv.conf.
    public var servers: [SocketAddress] = []
    /// Use `servers` only when /etc/resolv.conf names none.
    public var serversAreFallback = false
    /// Ask over TCP from the start.
    public var useTCP = false
    /// Never append the search domains of /etc/resolv.conf.
    public var noDefaultSearchDomain = false
    /// Seconds until the first try of a server times out; later tries wait longer.
    public var queryTimeoutSeconds: UInt32 = 5
    /// Tries per server.
    public var queryTries: UInt32 = 4
    /// Start each query at the next server.
    public var rotate = false
    /// Do not ask for families of which this machine has no address but loopback.
    public var filterUnroutableFamilies = false
    /// Bytes offered to servers in EDNS0, nil = no EDNS0 record (answers over 512 bytes come over TCP).
    public var edns0MaxPayloadBytes: UInt32?
    /// UDP queries after which sockets are renewed, 0 = no limit.
    public var udpMaxQueries: UInt32 = 0
    /// Milliseconds after which sockets are renewed, 0 = no limit.
    public var maxUDPChannelDurationMS: Int64 = 0
    /// Renew sockets after a time-out.
    public var reinitOnTimeout = false
    /// The hosts file, read before any server is asked.
    public var hostsPath = "/etc/hosts"
    /// The resolver's system configuration.
    public var resolvConfPath = "/etc/resolv.conf"

    public init() {}
}
