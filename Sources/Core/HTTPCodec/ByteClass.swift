// Character classes of RFC 9110 and RFC 9112 as one 256-entry table, and the word-at-a-time scans built on the same rules.

/// One bit per class, indexed by byte.
///
///     bit 0  tchar            RFC 9110 §5.6.2
///     bit 1  field value      HTAB, SP, VCHAR and obs-text (RFC 9110 §5.5)
///     bit 2  request target   VCHAR without '#': a fragment is never sent (RFC 9112 §3.2)
///     bit 3  host             what reg-name, IP literals and a port are made of (RFC 3986 §3.2.2)
enum ByteClass {
    static let token: UInt8 = 1
    static let value: UInt8 = 2
    static let target: UInt8 = 4
    static let host: UInt8 = 8

    static let table: InlineArray<256, UInt8> = [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        2, 15, 6, 3, 15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15, 6,
        15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14, 14, 6, 14, 6, 6,
        6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
        15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 14, 6, 14, 7, 15,
        7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
        15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 7, 6, 15, 0,
        2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
        2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
        2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
        2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
        2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
        2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
        2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
        2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
    ]

    @inline(__always)
    static func has(_ byte: UInt8, _ classes: UInt8) -> Bool {
        table[Int(byte)] & classes != 0
    }
}

/// Scans of a window for the first byte outside a class: eight bytes at a time where the class allows it, by table at the
/// window's end. The word tests are the classic ones: subtracting a bound makes the high bit of the first byte below it
/// flip, and a borrow can only disturb bytes after that first one.
enum ByteScan {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    @inline(__always)
    private static func load(_ window: borrowing Span<UInt8>, _ index: Int) -> UInt64 {
        // Bounds are checked by the span; any bytes make a valid integer.
        UInt64(littleEndian: unsafe window.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// High bit of the first byte below `bound` (at most 0x80), and perhaps of later ones.
    @inline(__always)
    private static func below(_ word: UInt64, _ bound: UInt64) -> UInt64 {
        (word &- ones &* bound) & ~word
    }

    /// High bit of the first byte equal to `byte`, and perhaps of later ones.
    @inline(__always)
    private static func equal(_ word: UInt64, _ byte: UInt64) -> UInt64 {
        below(word ^ (ones &* byte), 1)
    }

    /// The first byte from `start` on that is not a tchar, or the window's end. Names are short: the table wins.
    @inline(__always)
    static func endOfToken(_ window: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        let count = window.count
        while index < count, ByteClass.has(window[index], ByteClass.token) { index &+= 1 }
        return index
    }

    /// The first byte from `start` on that may not stand in a field value, or the window's end.
    @inline(__always)
    static func endOfValue(_ window: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        let count = window.count
        while index &+ 8 <= count {
            let word = load(window, index)
            let hits = (below(word, 0x20) | equal(word, 0x7f)) & highs
            if hits == 0 {
                index &+= 8
                continue
            }
            index &+= hits.trailingZeroBitCount >> 3
            if window[index] != 0x09 { return index }
            index &+= 1
        }
        while index < count, ByteClass.has(window[index], ByteClass.value) { index &+= 1 }
        return index
    }

    /// The first byte from `start` on that may not stand in a request target, or the window's end.
    @inline(__always)
    static func endOfTarget(_ window: borrowing Span<UInt8>, from start: Int) -> Int {
        var index = start
        let count = window.count
        while index &+ 8 <= count {
            let word = load(window, index)
            let hits = (below(word, 0x21) | equal(word, 0x7f) | equal(word, 0x23) | word) & highs
            if hits != 0 { return index &+ hits.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < count, ByteClass.has(window[index], ByteClass.target) { index &+= 1 }
        return index
    }
}
