// Filter-chain choice: Envoy's nine steps, compiled into tables, without backtracking.

/// Chooses a connection's filter chain.
///
/// Each step keeps the chains of the most specific condition that the connection meets, and forgets the others for good:
///
///     destination port → destination IP (longest prefix) → server name (exact, *.suffix from the longest, none)
///     → transport protocol → ALPN (first offered that any chain names) → directly connected source IP
///     → source type → source IP → source port
///
/// A step where no chain is left ends in the default chain. A condition that no chain names costs one comparison.
///
/// - Threads: immutable after `init`; shared by all workers.
/// - Cost: no allocation; one hash per label of the server name at most, one walk of a trie per address step.
/// - Source: docs/filter-chain-match.md.
public final class FilterChainIndex: Sendable {
    public enum Choice: Equatable, Sendable {
        /// The position of the chain in the list that was compiled.
        case chain(Int)
        case defaultChain
        case none
    }

    /// One table per reached combination of the conditions before it; tables name each other by position.
    struct Ports {
        var byPort: [UInt16: Int32] = [:]
        var any = FilterChainIndex.missing
    }

    /// A block explicitly configured wins over "no condition", even 0.0.0.0/0.
    struct Addresses {
        var trie = CIDRTrie()
        var any = FilterChainIndex.missing

        @inline(__always)
        func find(_ address: SocketAddress) -> Int32 {
            if !trie.isEmpty {
                let found = trie.longestMatch(IPKey(address) ?? .notIP)
                if found >= 0 { return found }
            }
            return any
        }
    }

    /// Keys: whole names, and ".example.com" for "*.example.com".
    struct Names {
        var table = ByteKeyTable()
        var any = FilterChainIndex.missing
    }

    struct SourceTypes {
        var any = FilterChainIndex.missing
        var local = FilterChainIndex.missing
        var external = FilterChainIndex.missing
    }

    static let missing: Int32 = -1

    private let tables: FilterChainTables
    private let fallback: Choice

    /// Compiles the chains' rules.
    ///
    /// - Parameters:
    ///   - rules: one per chain, in order.
    ///   - names: the chains' names for error messages; an empty one is called by its position.
    ///   - hasDefault: whether the listener has a `default_filter_chain`.
    /// - Throws: every pair of chains that some connection could not choose between, each naming both.
    public init(rules: [FilterChainRule], names: [String], hasDefault: Bool) throws(CompileFailure) {
        var builder = FilterChainIndexBuilder(names: names)
        for (index, rule) in rules.enumerated() { builder.add(rule, chain: Int32(index)) }
        tables = try builder.finish()
        fallback = hasDefault ? .defaultChain : .none
    }

    public func choose(_ facts: ConnectionFacts) -> Choice {
        let chain = find(facts)
        return chain >= 0 ? .chain(Int(chain)) : fallback
    }

    private func find(_ facts: ConnectionFacts) -> Int32 {
        var here = FilterChainIndex.missing
        if facts.destination.isIP, let table = tables.ports.byPort[facts.destination.port] { here = table }
        if here < 0 { here = tables.ports.any }
        if here < 0 { return here }
        here = tables.destinations[Int(here)].find(facts.destination)
        if here < 0 { return here }
        here = serverName(facts.serverName, in: here)
        if here < 0 { return here }
        here = transport(facts.transportProtocol, in: here)
        if here < 0 { return here }
        here = application(facts.applicationProtocols, in: here)
        if here < 0 { return here }
        here = tables.directSources[Int(here)].find(facts.directSource)
        if here < 0 { return here }
        here = sourceType(facts, in: here)
        if here < 0 { return here }
        here = tables.sources[Int(here)].find(facts.source)
        if here < 0 { return here }
        // A Unix peer has port 0, which no rule can name.
        let byPort = tables.sourcePorts[Int(here)].byPort
        if !byPort.isEmpty, let chain = byPort[facts.source.port] { return chain }
        return tables.sourcePorts[Int(here)].any
    }

    private func serverName(_ name: String, in position: Int32) -> Int32 {
        let any = tables.serverNames[Int(position)].any
        if tables.serverNames[Int(position)].table.count == 0 || name.isEmpty { return any }
        let bytes = name.utf8.span
        let exact = tables.serverNames[Int(position)].table.value(of: bytes)
        if exact >= 0 { return exact }
        // "www.example.com" asks for ".example.com", then ".com". A dot at either end starts no suffix.
        var dot = 1
        while dot < bytes.count - 1 {
            if bytes[dot] == UInt8(ascii: ".") {
                let suffix = bytes.extracting(dot..<bytes.count)
                let found = tables.serverNames[Int(position)].table.value(of: suffix)
                if found >= 0 { return found }
            }
            dot += 1
        }
        return any
    }

    private func transport(_ found: ConnectionFacts.TransportProtocol, in position: Int32) -> Int32 {
        let any = tables.transports[Int(position)].any
        if tables.transports[Int(position)].table.count == 0 { return any }
        let exact = tables.transports[Int(position)].table.value(of: found.rawValue)
        return exact >= 0 ? exact : any
    }

    private func application(_ offered: [String], in position: Int32) -> Int32 {
        let any = tables.applications[Int(position)].any
        if tables.applications[Int(position)].table.count == 0 { return any }
        for name in offered {
            let exact = tables.applications[Int(position)].table.value(of: name)
            if exact >= 0 { return exact }
        }
        return any
    }

    private func sourceType(_ facts: ConnectionFacts, in position: Int32) -> Int32 {
        let types = tables.sourceTypes[Int(position)]
        if types.local < 0, types.external < 0 { return types.any }
        let own = facts.isSameIPOrLoopback ? types.local : types.external
        return own >= 0 ? own : types.any
    }
}

/// The tables of each step. A table's values are positions in the next step's list; the last step's are chains.
struct FilterChainTables: Sendable {
    var ports = FilterChainIndex.Ports()
    var destinations: [FilterChainIndex.Addresses] = []
    var serverNames: [FilterChainIndex.Names] = []
    var transports: [FilterChainIndex.Names] = []
    var applications: [FilterChainIndex.Names] = []
    var directSources: [FilterChainIndex.Addresses] = []
    var sourceTypes: [FilterChainIndex.SourceTypes] = []
    var sources: [FilterChainIndex.Addresses] = []
    var sourcePorts: [FilterChainIndex.Ports] = []
}
