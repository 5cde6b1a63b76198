// A block of addresses, "10.0.0.0/8" or "fd00::/8", as a value.

/// A prefix of IPv4 or IPv6 addresses. Bits after the prefix are cleared.
///
/// IPv4 in IPv6 (`::ffff:10.0.0.1`) is IPv4 here, as ``IPKey`` reads it from a connection: a dual-stack socket and a
/// plain one match the same rules.
public struct CIDRRange: Hashable, Sendable {
    /// The network address in the high bits; an IPv4 one uses the top 32.
    let bits: UInt128
    let isV4: Bool
    public let prefixBits: UInt8

    /// Every IPv4 address.
    public static let allV4 = CIDRRange(key: IPKey(v4: 0), prefixBits: 0)

    /// A prefix longer than the address (`10.0.0.1/64`) means the whole address, as in Envoy.
    init(key: IPKey, prefixBits: Int) {
        isV4 = key.isV4
        self.prefixBits = UInt8(max(0, min(prefixBits, key.isV4 ? 32 : 128)))
        bits = key.bits & CIDRRange.mask(self.prefixBits)
    }

    /// Nil for what is not a literal address.
    public init?(address: String, prefixBits: Int) {
        guard prefixBits >= 0, prefixBits <= 128, let parsed = SocketAddress(literal: address, port: 0) else {
            return nil
        }
        switch parsed {
        case .v6(let high, let low, _, _) where IPKey.isMapped(high: high, low: low):
            // A shorter prefix also covers addresses that are not mapped; no such rule is useful, and none is guessed.
            guard prefixBits >= 96 else { return nil }
            self.init(key: IPKey(v4: UInt32(truncatingIfNeeded: low)), prefixBits: prefixBits - 96)
        default:
            guard let key = IPKey(parsed) else { return nil }
            self.init(key: key, prefixBits: prefixBits)
        }
    }

    /// Parses "address/bits"; nil for anything else.
    public init?(_ text: String) {
        guard let slash = text.lastIndex(of: "/"), let count = Int(text[text.index(after: slash)...]) else {
            return nil
        }
        self.init(address: String(text[..<slash]), prefixBits: count)
    }

    /// Unix addresses are in no block.
    public func contains(_ address: SocketAddress) -> Bool {
        guard let key = IPKey(address) else { return false }
        return contains(key)
    }

    func contains(_ key: IPKey) -> Bool {
        key.isV4 == isV4 && (key.bits ^ bits) & CIDRRange.mask(prefixBits) == 0
    }

    @inline(__always)
    static func mask(_ prefixBits: UInt8) -> UInt128 {
        prefixBits == 0 ? 0 : UInt128.max << (128 - UInt128(prefixBits))
    }
}

extension CIDRRange: CustomStringConvertible {
    public var description: String {
        let address: SocketAddress =
            isV4
            ? .v4(address: UInt32(truncatingIfNeeded: bits >> 96), port: 0)
            : .v6(
                high: UInt64(truncatingIfNeeded: bits >> 64), low: UInt64(truncatingIfNeeded: bits), port: 0, scope: 0)
        return "\(address.addressWithoutPort)/\(prefixBits)"
    }
}

/// An IP address as one number, most significant bit first, for prefix comparison.
struct IPKey: Hashable, Sendable {
    let bits: UInt128
    let isV4: Bool

    init(v4 address: UInt32) {
        self.init(bits: UInt128(address) << 96, isV4: true)
    }

    init(v6 address: UInt128) {
        self.init(bits: address, isV4: false)
    }

    private init(bits: UInt128, isV4: Bool) {
        self.bits = bits
        self.isV4 = isV4
    }

    /// Nil for a Unix address. The port and the IPv6 scope take no part.
    @inline(__always)
    init?(_ address: SocketAddress) {
        switch address {
        case .v4(let number, _):
            self.init(v4: number)
        case .v6(let high, let low, _, _):
            if IPKey.isMapped(high: high, low: low) {
                self.init(v4: UInt32(truncatingIfNeeded: low))
            } else {
                self.init(bits: UInt128(high) << 64 | UInt128(low), isV4: false)
            }
        case .unix:
            return nil
        }
    }

    /// `::ffff:0:0/96`.
    @inline(__always)
    static func isMapped(high: UInt64, low: UInt64) -> Bool { high == 0 && low >> 32 == 0xFFFF }
}
