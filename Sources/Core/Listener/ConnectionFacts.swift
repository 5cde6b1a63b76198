// What is known of an accepted connection when its filter chain is chosen.

/// The input of filter-chain choice: addresses after the listener filters, and what they found in the first bytes.
public struct ConnectionFacts: Sendable {
    /// Where the client went: the local address, or the original destination.
    public var destination: SocketAddress
    /// Where the client is, after a PROXY protocol header.
    public var source: SocketAddress
    /// The peer of the socket itself.
    public var directSource: SocketAddress
    /// The TLS server name in lower case; empty when none was asked for.
    public private(set) var serverName: String
    public var transportProtocol: TransportProtocol
    /// What the client offers (ALPN), in its order of preference.
    public var applicationProtocols: [String]

    public enum TransportProtocol: String, Sendable {
        case rawBuffer = "raw_buffer"
        case tls
    }

    public init(
        destination: SocketAddress, source: SocketAddress, directSource: SocketAddress? = nil, serverName: String = "",
        transportProtocol: TransportProtocol = .rawBuffer, applicationProtocols: [String] = []
    ) {
        self.destination = destination
        self.source = source
        self.directSource = directSource ?? source
        self.serverName = ""
        self.transportProtocol = transportProtocol
        self.applicationProtocols = applicationProtocols
        setServerName(serverName)
    }

    /// Folds to lower case: names compare without case, and the index holds them folded.
    public mutating func setServerName(_ name: String) {
        let isFolded = name.utf8.allSatisfy { asciiLowercased($0) == $0 }
        serverName = isFolded ? name : String(decoding: name.utf8.map(asciiLowercased), as: UTF8.self)
    }

    /// Envoy's SAME_IP_OR_LOOPBACK: a Unix peer, exactly 127.0.0.1 or ::1, or the address that was connected to.
    /// (127.0.0.2 is not loopback to Envoy.)
    var isSameIPOrLoopback: Bool {
        guard let from = IPKey(source) else { return true }
        if from == IPKey.loopbackV4 || from == IPKey.loopbackV6 { return true }
        return from == IPKey(destination)
    }
}

extension IPKey {
    static let loopbackV4 = IPKey(v4: 0x7F00_0001)
    static let loopbackV6 = IPKey(v6: 1)
    /// What a Unix address counts as in address rules: it falls into 0.0.0.0/0 and in no practical smaller block.
    static let notIP = IPKey(v4: .max)
}
