/// XXH64 of a block of bytes: the hash of ring hash, Maglev and hash policies.
///
/// Unkeyed and not for secrets. One pass, no allocation.
/// Source: xxHash fast digest algorithm specification 0.1.1, "XXH64 algorithm description".
public enum XXHash64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    public static func hash(_ bytes: borrowing Span<UInt8>, seed: UInt64 = 0) -> UInt64 {
        unsafe bytes.withUnsafeBytes { raw in unsafe hash(raw, seed: seed) }
    }

    /// Hash of the UTF-8 bytes of a text.
    public static func hash(_ text: String, seed: UInt64 = 0) -> UInt64 {
        var text = text
        return text.withUTF8 { bytes in unsafe hash(UnsafeRawBufferPointer(bytes), seed: seed) }
    }

    /// Hash of one 8-byte little-endian number, as hash policies combine: the same as over its bytes.
    public static func hash(_ number: UInt64, seed: UInt64 = 0) -> UInt64 {
        avalanche(tail8(seed &+ prime5 &+ 8, number))
    }

    private static func hash(_ raw: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        let count = raw.count
        var offset = 0
        var state: UInt64
        if count >= 32 {
            var a = seed &+ prime1 &+ prime2
            var b = seed &+ prime2
            var c = seed
            var d = seed &- prime1
            while offset <= count - 32 {
                a = unsafe round(a, load8(raw, offset))
                b = unsafe round(b, load8(raw, offset + 8))
                c = unsafe round(c, load8(raw, offset + 16))
                d = unsafe round(d, load8(raw, offset + 24))
                offset += 32
            }
            state = a.rotatedLeft(by: 1) &+ b.rotatedLeft(by: 7) &+ c.rotatedLeft(by: 12) &+ d.rotatedLeft(by: 18)
            state = merge(state, a)
            state = merge(state, b)
            state = merge(state, c)
            state = merge(state, d)
        } else {
            state = seed &+ prime5
        }
        state &+= UInt64(count)
        while offset + 8 <= count {
            state = unsafe tail8(state, load8(raw, offset))
            offset += 8
        }
        if offset + 4 <= count {
            let word = unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            state ^= UInt64(UInt32(littleEndian: word)) &* prime1
            state = state.rotatedLeft(by: 23) &* prime2 &+ prime3
            offset += 4
        }
        while offset < count {
            state ^= unsafe UInt64(raw[offset]) &* prime5
            state = state.rotatedLeft(by: 11) &* prime1
            offset += 1
        }
        return avalanche(state)
    }

    @inline(__always)
    private static func load8(_ raw: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        unsafe UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    private static func round(_ accumulator: UInt64, _ lane: UInt64) -> UInt64 {
        (accumulator &+ lane &* prime2).rotatedLeft(by: 31) &* prime1
    }

    @inline(__always)
    private static func merge(_ state: UInt64, _ accumulator: UInt64) -> UInt64 {
        (state ^ round(0, accumulator)) &* prime1 &+ prime4
    }

    @inline(__always)
    private static func tail8(_ state: UInt64, _ lane: UInt64) -> UInt64 {
        (state ^ round(0, lane)).rotatedLeft(by: 27) &* prime1 &+ prime4
    }

    @inline(__always)
    private static func avalanche(_ state: UInt64) -> UInt64 {
        var hash = state
        hash ^= hash >> 33
        hash = hash &* prime2
        hash ^= hash >> 29
        hash = hash &* prime3
        return hash ^ (hash >> 32)
    }
}
