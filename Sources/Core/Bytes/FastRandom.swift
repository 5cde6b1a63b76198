/// A small fast random generator (xoshiro256**), a value that its owner carries: one per worker, or one with a fixed
/// seed per test.
///
/// Period 2²⁵⁶ − 1, 32 bytes of state. Not for secrets.
/// Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", xoshiro256** 1.0; the state is
/// filled by SplitMix64 as the authors advise.
public struct FastRandom: RandomNumberGenerator, Sendable {
    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64

    public init(seed: UInt64) {
        var mix = SplitMix64(seed: seed)
        s0 = mix.next()
        s1 = mix.next()
        s2 = mix.next()
        s3 = mix.next()
    }

    /// A generator seeded by the system.
    public init() {
        var system = SystemRandomNumberGenerator()
        self.init(seed: system.next())
    }

    public mutating func next() -> UInt64 {
        let result = (s1 &* 5).rotatedLeft(by: 7) &* 9
        let shifted = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = s3.rotatedLeft(by: 45)
        return result
    }

    /// A number in 0 ..< bound by multiplication (Lemire): no division. For bounds below 2³² the bias is below 2⁻³².
    public mutating func next(below bound: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: (next() >> 32) &* UInt64(bound) >> 32)
    }
}

/// Sebastiano Vigna's SplitMix64: one word of state, every seed is good. Also a fine mixer of a counter.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension UInt64 {
    @inline(__always)
    func rotatedLeft(by count: UInt64) -> UInt64 { self << count | self >> (64 - count) }
}
