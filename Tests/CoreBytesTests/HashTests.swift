import CoreBytes
import Testing

/// Vectors made with the `xxhash` package of Python (libxxhash) and with `std::hash<std::string>` of libstdc++.
@Suite struct HashTests {
    static let text = "The quick brown fox jumps over the lazy dog, and 0123456789 more bytes to pass 64."

    /// Prefix length, XXH64 with seed 0, XXH64 with seed 1, MurmurHash64A with the seed of `std::hash`.
    static let vectors: [(Int, UInt64, UInt64, UInt64)] = [
        (0, 0xEF46DB3751D8E999, 0xD5AFBA1336A3BE4B, 0x553E93901E462A6E),
        (1, 0x5B4D6AF247A3CF7B, 0xBA08D6CDE7D7F050, 0xF7AA15BE8A7D743E),
        (3, 0x4108F90B5DE14D15, 0x4D66B2CB8B62EC76, 0xE2B9BDB9225E8EB3),
        (4, 0xCDF13A49D263200F, 0x7BCAA20519F4FCDC, 0x2DA8D742240A6E9D),
        (5, 0xF0D7A3ADCFA8C683, 0x1A8CBEA48D66615D, 0xA794C13BE5420151),
        (7, 0xC6FCE9D72E310949, 0x1F8073856BC185BC, 0x8043435BEB28A3E4),
        (8, 0xD07B38A78A153B0B, 0x68DE2EDFECE90E00, 0xE7A6E363901F19B2),
        (9, 0x9D1214DB001DFC69, 0xF8409168B11824FB, 0xAC070A85DBB961A3),
        (12, 0xB2ED38017844F789, 0xF60ABA5ED889C6F0, 0x8A86C1D28E237B51),
        (15, 0x59BF1A33358C7D98, 0xBB87CE4FFBA14E06, 0xC358FFCC1D1138AA),
        (16, 0x0F7E67014943A311, 0x6BE46EC1D124025B, 0x3D5E1CF22CC17369),
        (17, 0x6BF87C8B1FD9ED1A, 0x6B010D1D8008F59A, 0x72159FBF05C7F100),
        (31, 0x3F8D95AB32C127D9, 0x3221573B71D0DA3B, 0x7B2D37592DF11431),
        (32, 0xE2BBC9136629A4EE, 0x85DB3C26B849F20C, 0x3B5A99F97C95703B),
        (33, 0x6D92FE2EBAB7DB31, 0x7055A5E7F8027C41, 0x3B2094A4FC160674),
        (40, 0x581A9E84F2AB44EF, 0x3E65EC31725BB06B, 0x5DC72ADD4797E61F),
        (47, 0x9ADFBEC45A4C9EDC, 0xAF6A0260F1235F7F, 0x106565676B01B90B),
        (63, 0xCB1A0D0F8F61D4E6, 0x16B77BEF2799A23B, 0xD6229F6977BC7EDE),
        (64, 0x453199BF37F0E2D8, 0x83CFC0DD79DB6076, 0xDC6ACC04E1E7BF32),
        (65, 0xD345D917CF990DD4, 0xB9C4FB08A5B9CA75, 0x99CB45E0740E6C30),
        (82, 0xD10FBB33EB5F43F3, 0xF340E4AA30644553, 0x28835B0602DCB714),
    ]

    @Test func publishedVectorsHold() {
        for (count, plain, seeded, murmur) in Self.vectors {
            let prefix = String(Self.text.prefix(count))
            let bytes = Array(prefix.utf8)
            #expect(XXHash64.hash(bytes.span) == plain, "\(count) bytes")
            #expect(XXHash64.hash(prefix) == plain, "\(count) bytes as text")
            #expect(XXHash64.hash(prefix, seed: 1) == seeded, "\(count) bytes with seed 1")
            #expect(MurmurHash2.hash(bytes.span) == murmur, "\(count) bytes")
            #expect(MurmurHash2.hash(prefix) == murmur, "\(count) bytes as text")
        }
    }

    @Test func numberHashesLikeItsBytes() {
        for number in [0, 1, 0x0123_4567_89AB_CDEF, UInt64.max] {
            let bytes = withUnsafeBytes(of: number.littleEndian) { Array($0) }
            #expect(XXHash64.hash(number, seed: 7) == XXHash64.hash(bytes.span, seed: 7))
        }
    }

    @Test func crc16MatchesItsCheckValue() {
        #expect(CRC16.hash(Array("123456789".utf8).span) == 0x31C3)
        #expect(CRC16.hash([UInt8]().span) == 0)
        // Slots that the Redis Cluster specification and redis-cli give.
        #expect(CRC16.hash(Array("foo".utf8).span) & 16383 == 12182)
        #expect(CRC16.hash(Array("somekey".utf8).span) & 16383 == 11058)
    }

    @Test func mersenneTwisterMatchesTheReference() {
        var random = MersenneTwister(seed: 5489)
        #expect(random.next() == 3_499_211_612)
        var last: UInt32 = 0
        for _ in 1..<10_000 { last = random.next() }
        #expect(last == 4_123_659_995)
        random.reseed(5489)
        #expect(random.next() == 3_499_211_612)
    }

    @Test func fastRandomRepeatsWithItsSeedAndFillsItsRange() {
        var a = FastRandom(seed: 42)
        var b = FastRandom(seed: 42)
        var c = FastRandom(seed: 43)
        let first = (0..<8).map { _ in a.next() }
        #expect(first == (0..<8).map { _ in b.next() })
        #expect(first != (0..<8).map { _ in c.next() })
        var counts = Array(repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[Int(a.next(below: 7))] += 1 }
        // Chi-square with 6 degrees of freedom: 22.46 is passed by chance once in 1,000 seeds, and this seed is fixed.
        let chiSquare = counts.reduce(0.0) { $0 + (Double($1) - 10_000) * (Double($1) - 10_000) / 10_000 }
        #expect(chiSquare < 22.46)
    }

    @Test func splitMixMatchesTheReference() {
        // First numbers of seed 1234567, published with the reference code's ports.
        var mix = SplitMix64(seed: 1_234_567)
        #expect(mix.next() == 6_457_827_717_110_365_317)
        #expect(mix.next() == 3_203_168_211_198_807_973)
    }
}
