// A cluster's way of opening connections, read once from its configuration.

/// Shared by all hosts of a cluster; ``spec(for:)`` makes it concrete for one address.
public struct ConnectSettings: Hashable, Sendable {
    public var connectTimeoutMS: Int64 = 5000
    public var bufferLimitBytes: UInt32 = 1 << 20
    public var keepalive: TCPKeepaliveSpec?
    /// Candidates by preference: the first one of the destination's family is bound.
    public var sources: [Source] = []
    public var isFreebind = false
    /// Time without a byte after which a pooled TCP connection closes; 0 = never.
    public var tcpIdleTimeoutMS: Int64 = 600_000

    /// A source address with the options that go with it.
    public struct Source: Hashable, Sendable {
        public var address: SocketAddress
        public var options: [SocketOptionSpec]

        public init(address: SocketAddress, options: [SocketOptionSpec]) {
            self.address = address
            self.options = options
        }
    }

    /// Options for destinations without a source address.
    public var options: [SocketOptionSpec] = []

    public init() {}

    public func spec(for address: SocketAddress) -> SocketSpec {
        var spec = SocketSpec(address: address)
        spec.connectTimeoutMS = connectTimeoutMS
        spec.bufferLimitBytes = bufferLimitBytes
        spec.keepalive = keepalive
        spec.isFreebind = isFreebind
        spec.options = options
        for source in sources where source.address.family == address.family {
            spec.source = source.address
            spec.options = source.options
            break
        }
        return spec
    }
}
