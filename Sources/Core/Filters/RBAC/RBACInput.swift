// What access rules may ask of a connection.

/// The facts of one downstream connection at the moment of the decision.
public struct RBACInput: Sendable {
    public var destination: SocketAddress?
    /// After a PROXY protocol header.
    public var source: SocketAddress?
    /// The peer of the socket.
    public var directSource: SocketAddress?
    public var serverName: String
    /// Nil: the connection is not TLS.
    public var tlsPeer: RBACPeer?
    public var metadata: Metadata
    public var filterState: [String: String]

    public init(
        destination: SocketAddress? = nil, source: SocketAddress? = nil, directSource: SocketAddress? = nil,
        serverName: String = "", tlsPeer: RBACPeer? = nil, metadata: Metadata = Metadata(),
        filterState: [String: String] = [:]
    ) {
        self.destination = destination
        self.source = source
        self.directSource = directSource ?? source
        self.serverName = serverName
        self.tlsPeer = tlsPeer
        self.metadata = metadata
        self.filterState = filterState
    }
}

/// Who the client's certificate says it is; all empty for TLS without a client certificate.
public struct RBACPeer: Equatable, Sendable {
    public var uriSANs: [String]
    public var dnsSANs: [String]
    public var subject: String

    public init(uriSANs: [String] = [], dnsSANs: [String] = [], subject: String = "") {
        self.uriSANs = uriSANs
        self.dnsSANs = dnsSANs
        self.subject = subject
    }
}
