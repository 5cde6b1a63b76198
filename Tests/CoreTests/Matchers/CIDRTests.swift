import ConfigAPI
import Core
import SwiftProtobuf
import Testing

@Suite struct CIDRTests {
    func address(_ text: String) -> SocketAddress { SocketAddress(literal: text, port: 80) ?? .unix(path: text) }

    @Test(arguments: [
        (
            "10.0.0.0/8", ["10.0.0.0", "10.255.1.2", "::ffff:10.1.1.1"],
            ["11.0.0.0", "9.255.255.255", "::10.0.0.1", "a00::"]
        ),
        ("10.1.2.3/8", ["10.0.0.1"], ["11.0.0.0"]),
        ("10.1.2.3/32", ["10.1.2.3"], ["10.1.2.2"]),
        ("10.1.2.3/64", ["10.1.2.3"], ["10.1.2.2"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1", "::"]),
        ("::/0", ["::", "ffff::1"], ["1.2.3.4", "::ffff:1.2.3.4"]),
        ("2001:db8::/32", ["2001:db8:ffff::1"], ["2001:db9::"]),
        ("2001:db8::1/128", ["2001:db8::1"], ["2001:db8::2"]),
        ("2001:db8::8000:0:0:0/65", ["2001:db8:0:0:8000::", "2001:db8:0:0:ffff::1"], ["2001:db8:0:0:7fff::"]),
        ("::ffff:10.0.0.0/104", ["10.9.9.9", "::ffff:10.9.9.9"], ["11.0.0.1"]),
    ])
    func containsWhatThePrefixSays(range: String, inside: [String], outside: [String]) throws {
        let block = try #require(CIDRRange(range))
        for text in inside { #expect(block.contains(address(text)), "\(text)") }
        for text in outside { #expect(!block.contains(address(text)), "\(text)") }
        let set = CIDRSet([block])
        for text in inside { #expect(set.contains(address(text)), "\(text)") }
        for text in outside { #expect(!set.contains(address(text)), "\(text)") }
    }

    @Test func unixIsInNoBlock() throws {
        #expect(try !#require(CIDRRange("0.0.0.0/0")).contains(.unix(path: "/run/x")))
    }

    @Test(arguments: [
        "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/-1", "10.0.0/8", "host/8", "10.0.0.0/129", "::ffff:10.0.0.0/64",
    ])
    func badBlocksAreRefused(text: String) { #expect(CIDRRange(text) == nil) }

    @Test func descriptionIsTheNetwork() {
        #expect(CIDRRange("10.1.2.3/8")?.description == "10.0.0.0/8")
        #expect(CIDRRange("2001:db8::1/32")?.description == "2001:db8::/32")
    }

    @Test func messagesCompileAndErrorsSayWhere() throws {
        var message = Envoy_Config_Core_V3_CidrRange()
        message.addressPrefix = "10.0.0.1"
        #expect(try CIDRRange(message) == CIDRRange("0.0.0.0/0"))
        message.prefixLen.value = 8
        #expect(try CIDRRange(message) == CIDRRange("10.0.0.0/8"))
        var bad = message
        bad.addressPrefix = "localhost"
        do {
            _ = try CIDRRange.list([message, bad, bad], field: "prefix_ranges")
            Issue.record("A name is no block.")
        } catch {
            #expect(
                error.problems.map(\.path) == ["prefix_ranges[1].address_prefix", "prefix_ranges[2].address_prefix"])
        }
    }

    /// The trie against the definition, over random blocks that nest and share prefixes.
    @Test(arguments: 0..<20) func trieFindsTheLongestPrefix(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) &+ 1)
        for _ in 0..<20 {
            var trie = CIDRTrie()
            var blocks: [CIDRRange: Int32] = [:]
            for value in 0..<Int32.random(in: 1...40, using: &random) {
                let isV4 = Bool.random(using: &random)
                let bits = Int.random(in: 0...(isV4 ? 32 : 128), using: &random)
                let text = "\(addressText(isV4, &random))/\(bits)"
                let block = try #require(CIDRRange(text), "\(text)")
                blocks[block] = value
                trie.insert(block, value: value)
            }
            for (block, value) in blocks { #expect(trie.exactValue(of: block) == value) }
            for _ in 0..<60 {
                let probe = address(addressText(Bool.random(using: &random), &random))
                let expected = blocks.filter { $0.key.contains(probe) }.max { $0.key.prefixBits < $1.key.prefixBits }
                #expect(trie.longestMatch(probe) == expected?.value ?? CIDRTrie.none)
            }
        }
    }

    /// Few distinct bytes, so that blocks and probes meet.
    private func addressText(_ isV4: Bool, _ random: inout SeededGenerator) -> String {
        if isV4 {
            return (0..<4).map { _ in String([0, 1, 127, 128, 255].randomElement(using: &random)!) }.joined(
                separator: ".")
        }
        return (0..<8).map { index in
            String([index == 5 ? 0xFF : 0, 1, 0x8000, 0xFFFF].randomElement(using: &random)!, radix: 16)
        }.joined(separator: ":")
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
