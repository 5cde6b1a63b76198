/// The subsets of a cluster's hosts by metadata, found by key-value pairs. Built on the main thread, shared.
///
/// For every selector and host that has all its keys, the host belongs to the subset of its values (with `list_as_any`,
/// to one subset for each combination of list elements). Selectors of different keys never share a subset.
final class SubsetTable: Sendable {
    enum Entry: Sendable {
        case set(PrioritySet)
        /// `single_host_per_subset`: this host whatever its health.
        case single(HostIndex)
    }

    let entries: [Entry]
    /// Entry of all hosts; present when some fallback may need it.
    let anyEntry: Int?
    /// Entry of the default subset, likewise.
    let defaultEntry: Int?
    private let entryOfKey: [SubsetKey: Int]
    private let selectors: [LoadBalancerSpec.Selector]

    func entry(for criteria: MetadataMatchCriteria) -> Int? { entryOfKey[criteria.subsetKey] }

    /// The selector with exactly the keys of the criteria.
    func selector(for criteria: MetadataMatchCriteria) -> LoadBalancerSpec.Selector? {
        selectors.first { selector in
            selector.keys.count == criteria.criteria.count
                && zip(selector.keys, criteria.criteria).allSatisfy { $0 == $1.key }
        }
    }

    /// The first selector whose keys are all in the criteria.
    func selector(within criteria: MetadataMatchCriteria) -> LoadBalancerSpec.Selector? {
        selectors.first { selector in
            selector.keys.allSatisfy { key in criteria.criteria.contains { $0.key == key } }
        }
    }

    init(_ settings: LoadBalancerSpec.Subset, _ assembler: PrioritySetAssembler, figures: inout TableFigures) {
        let hosts = assembler.hosts
        var members: [SubsetKey: [HostIndex]] = [:]
        var singles: [SubsetKey: HostIndex] = [:]
        // Order of first appearance, so that tables are the same on every build.
        var keyOrder: [SubsetKey] = []
        var singleByPriority: Set<PrioritySubset> = []
        for (index, host) in hosts.enumerated() {
            guard let lb = host.metadata.filterMetadata[Metadata.lbFilterName] else { continue }
            for selector in settings.selectors {
                for key in Self.keys(of: lb, selector.keys, listAsAny: settings.listAsAny) {
                    let isNew = members[key] == nil && singles[key] == nil
                    if isNew { keyOrder.append(key) }
                    if singles[key] != nil || (isNew && selector.isSingleHostPerSubset) {
                        let place = PrioritySubset(priority: host.priority, key: key)
                        if !singleByPriority.insert(place).inserted { figures.singleHostSubsetDuplicates += 1 }
                        // Hosts come in order of priority, so the first one stands for the lowest.
                        if isNew { singles[key] = HostIndex(index) }
                    } else if members[key]?.last != HostIndex(index) {
                        members[key, default: []].append(HostIndex(index))
                    }
                }
            }
        }
        var entries: [Entry] = []
        var entryOfKey: [SubsetKey: Int] = [:]
        for key in keyOrder {
            entryOfKey[key] = entries.count
            if let single = singles[key] {
                entries.append(.single(single))
            } else {
                let set = assembler.assemble(
                    settings.inner, members: members[key] ?? [], within: settings, figures: &figures)
                entries.append(.set(set))
            }
        }
        figures.subsets = entries.count
        let fallbacks = Set(settings.selectors.map(\.fallback))
        if settings.fallback == .anyEndpoint || settings.panicModeAny || fallbacks.contains(.anyEndpoint) {
            let all = hosts.indices.map { HostIndex($0) }
            anyEntry = entries.count
            entries.append(
                .set(assembler.assemble(settings.inner, members: all, within: settings, figures: &figures)))
        } else {
            anyEntry = nil
        }
        if settings.fallback == .defaultSubset || fallbacks.contains(.defaultSubset) {
            let matching = hosts.indices.filter { index in
                settings.defaultSubset.allSatisfy { key, value in
                    Self.matches(hosts[index].metadata.lbValue(key), value, listAsAny: settings.listAsAny)
                }
            }
            defaultEntry = entries.count
            entries.append(
                .set(
                    assembler.assemble(
                        settings.inner, members: matching.map { HostIndex($0) }, within: settings, figures: &figures)))
        } else {
            defaultEntry = nil
        }
        self.entries = entries
        self.entryOfKey = entryOfKey
        selectors = settings.selectors
    }

    private struct PrioritySubset: Hashable {
        let priority: Int
        let key: SubsetKey
    }

    /// The subsets of a selector that a host belongs to; none when it lacks one of the keys.
    private static func keys(of lb: MetadataValue, _ names: [String], listAsAny: Bool) -> [SubsetKey] {
        var combinations: [[MetadataMatchCriteria.Criterion]] = [[]]
        for name in names {
            guard let value = lb[name] else { return [] }
            var choices = [value]
            if listAsAny, case .list(let elements) = value { choices = elements }
            combinations = combinations.flatMap { start in
                choices.map { start + [MetadataMatchCriteria.Criterion(key: name, value: $0)] }
            }
        }
        return names.isEmpty ? [] : combinations.map { SubsetKey($0) }
    }

    private static func matches(_ value: MetadataValue?, _ wanted: MetadataValue, listAsAny: Bool) -> Bool {
        guard let value else { return false }
        if value == wanted { return true }
        if listAsAny, case .list(let elements) = value { return elements.contains(wanted) }
        return false
    }
}
