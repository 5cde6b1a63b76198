/// MurmurHash2, the 64-bit variant "64A", as the GNU C++ library's `std::hash` uses it on 64-bit machines and as
/// Envoy's ring hash offers it (`MURMUR_HASH_2`).
///
/// Unkeyed and not for secrets. One pass, no allocation.
/// Source: Austin Appleby, MurmurHash2, MurmurHash64A.
public enum MurmurHash2 {
    /// The seed of `std::hash` in the GNU C++ library.
    public static let stdHashSeed: UInt64 = 0xC70F_6907

    private static let multiplier: UInt64 = 0xC6A4_A793_5BD1_E995

    public static func hash(_ bytes: borrowing Span<UInt8>, seed: UInt64 = stdHashSeed) -> UInt64 {
        unsafe bytes.withUnsafeBytes { raw in unsafe hash(raw, seed: seed) }
    }

    /// Hash of the UTF-8 bytes of a text.
    public static func hash(_ text: String, seed: UInt64 = stdHashSeed) -> UInt64 {
        var text = text
        return text.withUTF8 { bytes in unsafe hash(UnsafeRawBufferPointer(bytes), seed: seed) }
    }

    private static func hash(_ raw: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        let count = raw.count
        var state = seed ^ (UInt64(count) &* multiplier)
        var offset = 0
        while offset + 8 <= count {
            var word = unsafe UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            word = word &* multiplier
            word ^= word >> 47
            word = word &* multiplier
            state = (state ^ word) &* multiplier
            offset += 8
        }
        if offset < count {
            var tail: UInt64 = 0
            var shift: UInt64 = 0
            while offset < count {
                tail |= unsafe UInt64(raw[offset]) << shift
                shift += 8
                offset += 1
            }
            state = (state ^ tail) &* multiplier
        }
        state ^= state >> 47
        state = state &* multiplier
        return state ^ (state >> 47)
    }
}
