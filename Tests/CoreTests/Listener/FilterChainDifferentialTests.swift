import ConfigAPI
import Core
import Testing

/// Random chain sets and connections from small pools, so that they meet: the index against the written rules.
@Suite struct FilterChainDifferentialTests {
    static let ports: [UInt16] = [80, 443, 8080]
    static let addresses = ["10.0.0.1", "10.0.1.1", "127.0.0.1", "127.0.0.2", "2001:db8::1", "::1", "::ffff:10.0.0.1"]
    static let blocks = [
        "10.0.0.0/8", "10.0.0.0/16", "10.0.0.0/24", "10.0.0.1/32", "127.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32",
        "2001:db8::1/128",
    ].compactMap { CIDRRange($0) }
    static let names = [
        "a.example.com", "*.example.com", "*.com", "b.a.example.com", "*.a.example.com", "com", "x.org",
    ]
    static let asked = [
        "", "a.example.com", "b.a.example.com", "c.b.a.example.com", "example.com", "com", "x.org", "y.org", "a.com.",
    ]
    static let protocols = ["h2", "http/1.1", "istio"]

    @Test(arguments: 0..<60) func indexAgreesWithTheRules(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) &+ 77)
        for _ in 0..<6 {
            var rules: [FilterChainRule] = []
            for _ in 0..<Int.random(in: 1...14, using: &random) {
                let candidate = rules + [rule(&random)]
                let isAmbiguous = FilterChainReference(candidate).isAmbiguous
                let compiled = try? FilterChainIndex(rules: candidate, names: [], hasDefault: false)
                #expect((compiled == nil) == isAmbiguous, "\(candidate)")
                if !isAmbiguous { rules = candidate }
            }
            let reference = FilterChainReference(rules)
            let index = try FilterChainIndex(rules: rules, names: [], hasDefault: false)
            for _ in 0..<40 {
                let facts = facts(&random)
                let expected = reference.choose(facts).map { FilterChainIndex.Choice.chain($0) } ?? .none
                #expect(index.choose(facts) == expected, "\(rules)\n\(facts)")
            }
        }
    }

    private func rule(_ random: inout SeededGenerator) -> FilterChainRule {
        var rule = FilterChainRule()
        if Int.random(in: 0..<4, using: &random) == 0 {
            rule.destinationPort = Self.ports.randomElement(using: &random)
        }
        rule.destinationRanges = some(Self.blocks, &random)
        rule.serverNames = some(Self.names, &random)
        if Int.random(in: 0..<4, using: &random) == 0 {
            rule.transportProtocol = ["raw_buffer", "tls", "quic"].randomElement(using: &random) ?? ""
        }
        rule.applicationProtocols = some(Self.protocols, &random)
        rule.directSourceRanges = some(Self.blocks, &random)
        rule.sourceType = [.any, .any, .any, .sameIPOrLoopback, .external].randomElement(using: &random) ?? .any
        rule.sourceRanges = some(Self.blocks, &random)
        rule.sourcePorts = some([1000, 1001, 1002], &random)
        return rule
    }

    /// Mostly nothing, sometimes one or two different ones.
    private func some<Value: Hashable>(_ pool: [Value], _ random: inout SeededGenerator) -> [Value] {
        switch Int.random(in: 0..<7, using: &random) {
        case 0: Array(Set((0..<2).compactMap { _ in pool.randomElement(using: &random) }))
        case 1: [pool.randomElement(using: &random)].compactMap { $0 }
        default: []
        }
    }

    private func facts(_ random: inout SeededGenerator) -> ConnectionFacts {
        func address(_ ports: [UInt16], _ random: inout SeededGenerator) -> SocketAddress {
            if Int.random(in: 0..<12, using: &random) == 0 { return .unix(path: "/run/x") }
            let port = ports.randomElement(using: &random) ?? 1
            return SocketAddress(literal: Self.addresses.randomElement(using: &random) ?? "", port: port)
                ?? .unix(path: "")
        }
        return ConnectionFacts(
            destination: address(Self.ports + [81], &random), source: address([1000, 1001, 1003], &random),
            directSource: address([1], &random), serverName: Self.asked.randomElement(using: &random) ?? "",
            transportProtocol: Bool.random(using: &random) ? .tls : .rawBuffer,
            applicationProtocols: some(Self.protocols + ["x"], &random))
    }
}
