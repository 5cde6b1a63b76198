/// MT19937, 32-bit. Only for sequences that must agree with other implementations seeded alike (bounded loads on hash
/// rings: every proxy of a fleet has to look for the next host in the same order). For anything else: ``FastRandom``.
///
/// 2.5 KiB of state that is kept for reuse; seeding costs 624 steps, the twist happens per number.
/// Source: Matsumoto and Nishimura, "Mersenne Twister", mt19937ar.
public struct MersenneTwister {
    private var state: [UInt32]
    private var index = 0

    public init(seed: UInt32) {
        state = Array(repeating: 0, count: 624)
        reseed(seed)
    }

    public mutating func reseed(_ seed: UInt32) {
        state[0] = seed
        for i in 1..<624 {
            let previous = state[i - 1]
            state[i] = 1_812_433_253 &* (previous ^ (previous >> 30)) &+ UInt32(i)
        }
        index = 0
    }

    public mutating func next() -> UInt32 {
        let following = index == 623 ? 0 : index + 1
        let middle = index >= 227 ? index - 227 : index + 397
        let mixed = (state[index] & 0x8000_0000) | (state[following] & 0x7FFF_FFFF)
        state[index] = state[middle] ^ (mixed >> 1) ^ (mixed & 1 == 0 ? 0 : 0x9908_B0DF)
        var y = state[index]
        index = following
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C_5680
        y ^= (y << 15) & 0xEFC6_0000
        return y ^ (y >> 18)
    }
}
