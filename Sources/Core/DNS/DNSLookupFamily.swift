// Which address families a lookup asks for, and in which order.

/// Envoy's `dns_lookup_family`.
public enum DNSLookupFamily: Hashable, Sendable {
    /// IPv6 first; IPv4 only when IPv6 gave no address.
    case auto
    case v4Only
    case v6Only
    /// IPv4 first; IPv6 only when IPv4 gave no address.
    case v4Preferred
    /// Both at once; the answer is the union.
    case all

    /// Whether an address of this kind may be part of the answer.
    func admits(_ address: SocketAddress) -> Bool {
        switch (self, address) {
        case (.v4Only, .v6), (.v6Only, .v4): false
        default: true
        }
    }
}
