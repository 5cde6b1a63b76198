// Builds the tables of a FilterChainIndex, one chain after the other, and finds the chains that cannot be told apart.

/// Expands each chain into every combination of its alternatives and walks the tables, making what is missing.
///
/// - Limits: ``maxCombinations`` per chain, so that a chain with many names, ranges and ports cannot exhaust memory.
struct FilterChainIndexBuilder {
    /// The product of a chain's alternatives.
    static let maxCombinations = 1 << 20

    private let names: [String]
    private var tables = FilterChainTables()
    private var problems = ProblemCollector()
    /// Pairs already reported, so that chains with many equal combinations are named once.
    private var reported: Set<Int64> = []
    /// Rules seen, for telling identical matches from overlapping ones.
    private var rules: [FilterChainRule] = []

    init(names: [String]) { self.names = names }

    consuming func finish() throws(CompileFailure) -> FilterChainTables {
        try problems.throwIfAny()
        return tables
    }

    mutating func add(_ rule: FilterChainRule, chain: Int32) {
        rules.append(rule)
        var combinations = 1
        let sizes = [
            rule.destinationRanges.count, rule.serverNames.count, rule.applicationProtocols.count,
            rule.directSourceRanges.count, rule.sourceRanges.count, rule.sourcePorts.count,
        ]
        for size in sizes {
            let (product, overflow) = combinations.multipliedReportingOverflow(by: max(1, size))
            combinations = overflow ? Int.max : product
        }
        guard combinations <= FilterChainIndexBuilder.maxCombinations else {
            problems.add(
                "stands for more than \(FilterChainIndexBuilder.maxCombinations) combinations of conditions; split it",
                at: "filter_chains[\(chain)].filter_chain_match")
            return
        }
        for destination in alternatives(rule.destinationRanges) {
            let port = Ports.step(&tables.ports, rule.destinationPort, &tables.destinations)
            let address = Addresses.step(&tables.destinations[port], destination, &tables.serverNames)
            for name in alternatives(rule.serverNames) {
                let key = name.map { $0.hasPrefix("*.") ? String($0.dropFirst()) : $0 } ?? ""
                let byName = Names.step(&tables.serverNames[address], key, &tables.transports)
                let transport = Names.step(&tables.transports[byName], rule.transportProtocol, &tables.applications)
                for application in alternatives(rule.applicationProtocols) {
                    let byALPN = Names.step(&tables.applications[transport], application ?? "", &tables.directSources)
                    addSources(rule, chain: chain, under: byALPN)
                }
            }
        }
    }

    private mutating func addSources(_ rule: FilterChainRule, chain: Int32, under application: Int) {
        for direct in alternatives(rule.directSourceRanges) {
            let byDirect = Addresses.step(&tables.directSources[application], direct, &tables.sourceTypes)
            let byType = step(rule.sourceType, in: byDirect)
            for source in alternatives(rule.sourceRanges) {
                let bySource = Addresses.step(&tables.sources[byType], source, &tables.sourcePorts)
                for port in alternatives(rule.sourcePorts) { settle(chain, port, in: bySource) }
            }
        }
    }

    /// The last step: the place where one chain may stand.
    private mutating func settle(_ chain: Int32, _ port: UInt16?, in position: Int) {
        let taken =
            port.map { tables.sourcePorts[position].byPort[$0] ?? FilterChainIndex.missing }
            ?? tables.sourcePorts[position].any
        guard taken >= 0 else {
            if let port {
                tables.sourcePorts[position].byPort[port] = chain
            } else {
                tables.sourcePorts[position].any = chain
            }
            return
        }
        guard reported.insert(Int64(taken) << 32 | Int64(chain)).inserted else { return }
        let place = "filter_chains[\(chain)].filter_chain_match"
        if taken == chain {
            problems.add("\(title(chain)) names the same condition twice", at: place)
        } else if rules[Int(taken)] == rules[Int(chain)] {
            problems.add("\(title(chain)) has the same conditions as \(title(taken))", at: place)
        } else {
            problems.add(
                "\(title(chain)) overlaps \(title(taken)): a connection could meet both and neither is more specific",
                at: place)
        }
    }

    private mutating func step(_ type: FilterChainRule.SourceType, in position: Int) -> Int {
        let path: WritableKeyPath<FilterChainIndex.SourceTypes, Int32> =
            switch type {
            case .any: \.any
            case .sameIPOrLoopback: \.local
            case .external: \.external
            }
        if tables.sourceTypes[position][keyPath: path] < 0 {
            tables.sourceTypes[position][keyPath: path] = Int32(tables.sources.count)
            tables.sources.append(FilterChainIndex.Addresses())
        }
        return Int(tables.sourceTypes[position][keyPath: path])
    }

    private func title(_ chain: Int32) -> String {
        let name = Int(chain) < names.count ? names[Int(chain)] : ""
        return name.isEmpty ? "filter chain #\(chain)" : "filter chain \"\(name)\""
    }

    private func alternatives<Value>(_ values: [Value]) -> [Value?] { values.isEmpty ? [nil] : values.map { $0 } }
}

private typealias Ports = FilterChainIndex.Ports
private typealias Addresses = FilterChainIndex.Addresses
private typealias Names = FilterChainIndex.Names

/// A table that can be made empty when a step is first reached.
protocol FilterChainTable {
    init()
}

extension FilterChainIndex.Addresses: FilterChainTable {}
extension FilterChainIndex.Names: FilterChainTable {}
extension FilterChainIndex.SourceTypes: FilterChainTable {}
extension FilterChainIndex.Ports: FilterChainTable {}

extension FilterChainIndex.Ports {
    fileprivate static func step<Next: FilterChainTable>(_ table: inout Self, _ port: UInt16?, _ next: inout [Next])
        -> Int
    {
        let known = port.map { table.byPort[$0] ?? FilterChainIndex.missing } ?? table.any
        if known >= 0 { return Int(known) }
        next.append(Next())
        if let port { table.byPort[port] = Int32(next.count - 1) } else { table.any = Int32(next.count - 1) }
        return next.count - 1
    }
}

extension FilterChainIndex.Addresses {
    fileprivate static func step<Next: FilterChainTable>(
        _ table: inout Self, _ range: CIDRRange?, _ next: inout [Next]
    ) -> Int {
        let known = range.map { table.trie.exactValue(of: $0) } ?? table.any
        if known >= 0 { return Int(known) }
        next.append(Next())
        if let range {
            table.trie.insert(range, value: Int32(next.count - 1))
        } else {
            table.any = Int32(next.count - 1)
        }
        return next.count - 1
    }
}

extension FilterChainIndex.Names {
    /// An empty name is no condition.
    fileprivate static func step<Next: FilterChainTable>(_ table: inout Self, _ name: String, _ next: inout [Next])
        -> Int
    {
        let known = name.isEmpty ? table.any : table.table.value(of: name)
        if known >= 0 { return Int(known) }
        next.append(Next())
        if name.isEmpty {
            table.any = Int32(next.count - 1)
        } else {
            table.table.insert(name, value: Int32(next.count - 1))
        }
        return next.count - 1
    }
}
