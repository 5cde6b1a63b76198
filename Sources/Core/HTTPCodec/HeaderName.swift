// The small integer that stands for a known header name.

/// A known header name, or ``unknown``. Known names are compared as integers; the table behind them is generated
/// (`HeaderNameTable.swift`).
public struct HeaderName: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8

    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Any name outside the table.
    public static let unknown = HeaderName(rawValue: 0)

    /// Finds the identifier of the name at `start ..< start + count` of `bytes`, in any letter case.
    ///
    /// Every byte must be a tchar or ':'. Setting bit 5 lower-cases letters and leaves digits, '-' and ':' alone; the tchars
    /// that it changes ('^' and '_') become bytes that no known name has, so equality after it is exact.
    static func find(_ bytes: borrowing Span<UInt8>, _ start: Int, _ count: Int) -> HeaderName {
        if count > 40 || count < 2 { return .unknown }
        let first: UInt64
        var last: UInt64
        var middle: UInt64 = 0
        if count >= 8 {
            first = word(bytes, start) | lower
            last = word(bytes, start &+ count &- 8) | lower
            if count > 16 { middle = word(bytes, start &+ 8) | lower }
        } else {
            let keep = (1 as UInt64) << UInt64(truncatingIfNeeded: count &* 8) &- 1
            if start &+ 8 <= bytes.count {
                first = (word(bytes, start) | lower) & keep
            } else {
                var gathered: UInt64 = 0
                for index in 0..<count {
                    gathered |= UInt64(bytes[start &+ index]) << UInt64(truncatingIfNeeded: index &* 8)
                }
                first = (gathered | lower) & keep
            }
            last = first
        }
        var hash = first ^ (last << 21 | last >> 43) ^ (middle << 43 | middle >> 21)
        hash = (hash &+ UInt64(truncatingIfNeeded: count)) &* HeaderNameTable.multiplier
        let id = HeaderNameTable.slots[Int(truncatingIfNeeded: hash >> (64 - HeaderNameTable.slotBits))]
        let row = Int(id) &* 5
        if Int(HeaderNameTable.counts[Int(id)]) != count || HeaderNameTable.words[row] != first
            || HeaderNameTable.words[row &+ 1] != last
        {
            return .unknown
        }
        if count > 16 {
            if HeaderNameTable.words[row &+ 2] != middle { return .unknown }
            if count > 24, HeaderNameTable.words[row &+ 3] != word(bytes, start &+ 16) | lower { return .unknown }
            if count > 32, HeaderNameTable.words[row &+ 4] != word(bytes, start &+ 24) | lower { return .unknown }
        }
        return HeaderName(rawValue: id)
    }

    /// The identifier of a whole name in any letter case, or ``unknown``.
    public static func find(_ name: borrowing Span<UInt8>) -> HeaderName { find(name, 0, name.count) }

    private static let lower: UInt64 = 0x2020_2020_2020_2020

    @inline(__always)
    private static func word(_ bytes: borrowing Span<UInt8>, _ offset: Int) -> UInt64 {
        // Bounds are checked by the span; any bytes make a valid integer.
        UInt64(littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// Whether this is one of HTTP/2's `:` names.
    public var isPseudo: Bool { rawValue >= Self.pseudoMethod.rawValue && rawValue <= Self.pseudoProtocol.rawValue }

    /// Length in bytes; 0 for ``unknown``.
    public var count: Int { Int(HeaderNameTable.counts[Int(rawValue)]) }

    /// The byte at `index` of the lower-case name.
    func byte(at index: Int) -> UInt8 {
        let row = Int(rawValue) &* 5
        let length = count
        precondition(index >= 0 && index < length, "An index inside the name.")
        if length < 8 || index < 8 { return Self.byte(HeaderNameTable.words[row], index) }
        if index >= length - 8 { return Self.byte(HeaderNameTable.words[row &+ 1], index - (length - 8)) }
        return Self.byte(HeaderNameTable.words[row &+ 1 &+ index / 8], index % 8)
    }

    private static func byte(_ word: UInt64, _ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: word >> UInt64(truncatingIfNeeded: index &* 8))
    }

    /// The lower-case text, for messages and tests.
    public var text: String { String(decoding: (0..<count).map(byte(at:)), as: UTF8.self) }
}
