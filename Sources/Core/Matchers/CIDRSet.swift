// Membership in any of several address blocks.

/// A set of address blocks, IPv4 and IPv6. Unix addresses are never inside.
public struct CIDRSet: Sendable {
    private var trie = CIDRTrie()

    public init(_ ranges: some Sequence<CIDRRange>) {
        for range in ranges { trie.insert(range, value: 0) }
    }

    public var isEmpty: Bool { trie.isEmpty }

    public func contains(_ address: SocketAddress) -> Bool { trie.longestMatch(address) >= 0 }
}
