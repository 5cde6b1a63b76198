import Core

/// The rules of docs/filter-chain-match.md, followed literally: every chain is written out as its combinations, and each
/// step crosses out what is less specific. Slow on purpose; shares nothing with ``FilterChainIndex`` but the rule values.
struct FilterChainReference {
    struct Line: Equatable {
        var chain: Int
        var port: UInt16?
        var destination: CIDRRange?
        var name: String
        var transport: String
        var application: String
        var direct: CIDRRange?
        var type: FilterChainRule.SourceType
        var source: CIDRRange?
        var sourcePort: UInt16?
    }

    private(set) var lines: [Line] = []

    init(_ rules: [FilterChainRule]) {
        for (chain, rule) in rules.enumerated() {
            for destination in orNil(rule.destinationRanges) {
                for name in orEmpty(rule.serverNames) {
                    for application in orEmpty(rule.applicationProtocols) {
                        for direct in orNil(rule.directSourceRanges) {
                            for source in orNil(rule.sourceRanges) {
                                for port in orNil(rule.sourcePorts) {
                                    lines.append(
                                        Line(
                                            chain: chain, port: rule.destinationPort, destination: destination,
                                            name: name.hasPrefix("*.") ? String(name.dropFirst()) : name,
                                            transport: rule.transportProtocol, application: application, direct: direct,
                                            type: rule.sourceType, source: source, sourcePort: port))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Whether two lines of the set are the same condition, so that no step can tell them apart.
    var isAmbiguous: Bool {
        for (index, line) in lines.enumerated() {
            for other in lines[(index + 1)...] {
                var same = other
                same.chain = line.chain
                if same == line { return true }
            }
        }
        return false
    }

    func choose(_ facts: ConnectionFacts) -> Int? {
        var left = lines
        func keep(_ grades: [(Line) -> Bool]) {
            for grade in grades {
                let kept = left.filter(grade)
                if !kept.isEmpty {
                    left = kept
                    return
                }
            }
            left = []
        }
        func keepSmallest(_ path: KeyPath<Line, CIDRRange?>, _ address: SocketAddress) {
            let asIP = address.isIP ? address : .v4(address: .max, port: 0)
            let inside = left.filter { $0[keyPath: path]?.contains(asIP) == true }
            let longest = inside.compactMap { $0[keyPath: path]?.prefixBits }.max()
            keep([
                { $0[keyPath: path]?.contains(asIP) == true && $0[keyPath: path]?.prefixBits == longest },
                { $0[keyPath: path] == nil },
            ])
        }
        keep([{ facts.destination.isIP && $0.port == facts.destination.port }, { $0.port == nil }])
        keepSmallest(\.destination, facts.destination)
        var names: [(Line) -> Bool] = []
        if !facts.serverName.isEmpty {
            names.append { $0.name == facts.serverName }
            let characters = Array(facts.serverName)
            for dot in characters.indices where dot > 0 && dot < characters.count - 1 && characters[dot] == "." {
                let suffix = String(characters[dot...])
                names.append { $0.name == suffix }
            }
        }
        names.append { $0.name.isEmpty }
        keep(names)
        keep([{ $0.transport == facts.transportProtocol.rawValue }, { $0.transport.isEmpty }])
        keep(facts.applicationProtocols.map { offered in { $0.application == offered } } + [{ $0.application.isEmpty }])
        keepSmallest(\.direct, facts.directSource)
        let isLocal: Bool
        switch (plain(facts.source), plain(facts.destination)) {
        case (.unix, _), (.v4(0x7F00_0001, _), _), (.v6(0, 1, _, _), _): isLocal = true
        case (.v4(let a, _), .v4(let b, _)): isLocal = a == b
        case (.v6(let high, let low, _, _), .v6(let otherHigh, let otherLow, _, _)):
            isLocal = high == otherHigh && low == otherLow
        default: isLocal = false
        }
        keep([{ $0.type == (isLocal ? .sameIPOrLoopback : .external) }, { $0.type == .any }])
        keepSmallest(\.source, facts.source)
        keep([{ facts.source.port != 0 && $0.sourcePort == facts.source.port }, { $0.sourcePort == nil }])
        return left.first?.chain
    }

    /// IPv4 written as IPv6 is the IPv4 address.
    private func plain(_ address: SocketAddress) -> SocketAddress {
        guard case .v6(0, let low, let port, _) = address, low >> 32 == 0xFFFF else { return address }
        return .v4(address: UInt32(truncatingIfNeeded: low), port: port)
    }

    private func orNil<Value>(_ values: [Value]) -> [Value?] { values.isEmpty ? [nil] : values.map { $0 } }

    private func orEmpty(_ values: [String]) -> [String] { values.isEmpty ? [""] : values }
}
