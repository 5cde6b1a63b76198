// Longest-prefix match over address blocks: a path-compressed binary trie per address family.

/// Maps address blocks to numbers. Built at load, then read-only.
///
///               10.0.0.0/8 → 1
///              0 ╱          ╲ 1
///     10.1.0.0/16 → 2        10.128.0.0/9 (no value, only a fork)
///
/// - Cost: a lookup visits at most one node per distinct prefix length on its path, and allocates nothing.
/// - Memory: at most two nodes of 48 bytes per block.
public struct CIDRTrie: Sendable {
    private struct Node {
        var bits: UInt128
        var prefixBits: UInt8
        /// The value of exactly this block, or ``none``.
        var value: Int32
        var zero: Int32
        var one: Int32
    }

    public static let none: Int32 = -1

    private var nodes: [Node] = []
    private var rootV4 = CIDRTrie.none
    private var rootV6 = CIDRTrie.none

    public init() {}

    public var isEmpty: Bool { nodes.isEmpty }

    /// The value of exactly `range`; ``none`` if it has none.
    public func exactValue(of range: CIDRRange) -> Int32 {
        var here = range.isV4 ? rootV4 : rootV6
        while here >= 0 {
            let node = nodes[Int(here)]
            guard node.prefixBits <= range.prefixBits, CIDRTrie.agree(node.bits, range.bits, node.prefixBits) else {
                return CIDRTrie.none
            }
            if node.prefixBits == range.prefixBits { return node.value }
            here = CIDRTrie.bit(range.bits, node.prefixBits) ? node.one : node.zero
        }
        return CIDRTrie.none
    }

    /// Gives `range` a value (not negative), replacing the one it may have had.
    public mutating func insert(_ range: CIDRRange, value: Int32) {
        precondition(value >= 0, "Negative values mean none.")
        let root = range.isV4 ? rootV4 : rootV6
        let grown = insert(range, value: value, under: root)
        if range.isV4 { rootV4 = grown } else { rootV6 = grown }
    }

    /// The value of the smallest block that holds `address`; ``none`` where no block does.
    public func longestMatch(_ address: SocketAddress) -> Int32 {
        guard let key = IPKey(address) else { return CIDRTrie.none }
        return longestMatch(key)
    }

    func longestMatch(_ key: IPKey) -> Int32 {
        var here = key.isV4 ? rootV4 : rootV6
        var best = CIDRTrie.none
        let full: UInt8 = key.isV4 ? 32 : 128
        nodes.withUnsafeBufferPointer { nodes in
            while here >= 0 {
                let node = nodes[Int(here)]
                guard CIDRTrie.agree(node.bits, key.bits, node.prefixBits) else { return }
                if node.value >= 0 { best = node.value }
                if node.prefixBits >= full { return }
                here = CIDRTrie.bit(key.bits, node.prefixBits) ? node.one : node.zero
            }
        }
        return best
    }

    /// Returns the root of the subtree that now holds `range`. Depth is at most 128.
    private mutating func insert(_ range: CIDRRange, value: Int32, under root: Int32) -> Int32 {
        guard root >= 0 else { return add(bits: range.bits, prefixBits: range.prefixBits, value: value) }
        let node = nodes[Int(root)]
        let shared = UInt8(
            min(Int(node.prefixBits), Int(range.prefixBits), (node.bits ^ range.bits).leadingZeroBitCount))
        if shared == node.prefixBits {
            if shared == range.prefixBits {
                nodes[Int(root)].value = value
            } else if CIDRTrie.bit(range.bits, shared) {
                nodes[Int(root)].one = insert(range, value: value, under: node.one)
            } else {
                nodes[Int(root)].zero = insert(range, value: value, under: node.zero)
            }
            return root
        }
        // The node becomes the child of a shorter prefix: of `range` itself, or of a fork of the two.
        let above: Int32
        if shared == range.prefixBits {
            above = add(bits: range.bits, prefixBits: shared, value: value)
        } else {
            above = add(bits: range.bits & CIDRRange.mask(shared), prefixBits: shared, value: CIDRTrie.none)
            let leaf = add(bits: range.bits, prefixBits: range.prefixBits, value: value)
            if CIDRTrie.bit(range.bits, shared) { nodes[Int(above)].one = leaf } else { nodes[Int(above)].zero = leaf }
        }
        if CIDRTrie.bit(node.bits, shared) { nodes[Int(above)].one = root } else { nodes[Int(above)].zero = root }
        return above
    }

    private mutating func add(bits: UInt128, prefixBits: UInt8, value: Int32) -> Int32 {
        nodes.append(Node(bits: bits, prefixBits: prefixBits, value: value, zero: CIDRTrie.none, one: CIDRTrie.none))
        return Int32(nodes.count - 1)
    }

    @inline(__always)
    private static func agree(_ a: UInt128, _ b: UInt128, _ prefixBits: UInt8) -> Bool {
        (a ^ b) & CIDRRange.mask(prefixBits) == 0
    }

    /// The bit after the first `index` ones, from the most significant end.
    @inline(__always)
    private static func bit(_ bits: UInt128, _ index: UInt8) -> Bool { bits >> (127 - UInt128(index)) & 1 == 1 }
}
