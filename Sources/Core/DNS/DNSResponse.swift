// What a lookup ends in.

/// One address with its time to live.
public struct DNSAddress: Hashable, Sendable {
    /// Port 0.
    public var address: SocketAddress
    /// Seconds for which the answer holds; 0 when its source knows none (/etc/hosts, a numeric name).
    public var ttlSeconds: UInt32

    public init(address: SocketAddress, ttlSeconds: UInt32) {
        self.address = address
        self.ttlSeconds = ttlSeconds
    }
}

/// The end of one lookup.
public enum DNSResponse: Equatable, Sendable {
    /// The name was answered, in the order of the answer. No address means that the name does not exist or has no
    /// address of the families asked for: an answer too, not a failure.
    case completed([DNSAddress])
    /// No server gave a usable answer: time-out, refusal, broken message.
    case failed(DNSFailure)

    public var addresses: [DNSAddress] {
        if case .completed(let addresses) = self { addresses } else { [] }
    }
}

/// Why a lookup failed.
public enum DNSFailure: Hashable, Sendable {
    case timedOut
    /// What the resolver library says, as its text.
    case refused(String)

    public var text: String {
        switch self {
        case .timedOut: "DNS time-out"
        case .refused(let text): text
        }
    }
}
