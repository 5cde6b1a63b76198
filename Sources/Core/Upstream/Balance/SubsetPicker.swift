import CoreBytes

/// Subset balancing: the route's metadata names a subset, an inner policy chooses inside it.
///
/// Order of trying: the subset of exactly the asked keys and values; the fallback of the selector with those keys; the
/// cluster's fallback; with panic mode, all hosts. Pickers of subsets are made on first use and dropped with their
/// snapshot.
final class SubsetPicker: HostPicker {
    private var snapshot: ClusterSnapshot
    private let settings: LoadBalancerSpec.Subset
    private let loads: HostLoads
    /// By entry of the table.
    private var pickers: [HostPicker?] = []
    /// Criteria cut down to fewer keys, by what they were cut from. Bounded: request-made criteria must not pile up.
    private var reducedCriteria: [ReductionKey: Reduction] = [:]
    private static let maxReducedCriteria = 256

    private struct ReductionKey: Hashable {
        let source: ObjectIdentifier
        let keys: [String]
    }

    private struct Reduction {
        /// Kept, because a freed object's identifier may come back.
        let source: MetadataMatchCriteria
        let result: MetadataMatchCriteria
    }

    init(_ snapshot: ClusterSnapshot, _ settings: LoadBalancerSpec.Subset, _ loads: HostLoads) {
        self.snapshot = snapshot
        self.settings = settings
        self.loads = loads
        super.init()
        adopt(snapshot, snapshot.prioritySet)
    }

    override func adopt(_ snapshot: ClusterSnapshot, _ prioritySet: PrioritySet) {
        self.snapshot = snapshot
        pickers = Array(repeating: nil, count: snapshot.subsets?.entries.count ?? 0)
    }

    override func pick(
        _ context: LoadBalancerContext, attempt: UInt32, random: inout FastRandom
    ) -> HostChoice {
        guard let table = snapshot.subsets else { return HostChoice(nil) }
        guard let criteria = context.metadataMatch else { return fallBack(table, context, attempt, &random) }
        guard settings.usesMetadataFallbackList, !criteria.variants.isEmpty else {
            return pick(criteria, table, context, attempt, &random)
        }
        var choice = HostChoice(nil)
        for variant in criteria.variants {
            let next = pick(variant, table, context, attempt, &random)
            choice = HostChoice(next.index, choice.outcome.union(next.outcome))
            if choice.index != nil { break }
        }
        return choice
    }

    private func pick(
        _ criteria: MetadataMatchCriteria, _ table: SubsetTable, _ context: LoadBalancerContext, _ attempt: UInt32,
        _ random: inout FastRandom
    ) -> HostChoice {
        var criteria = criteria
        // Each round of the loop is on fewer keys than the one before, so it ends.
        while true {
            if settings.allowsRedundantKeys, let selector = table.selector(within: criteria) {
                criteria = reduced(criteria, to: selector.keys)
            }
            if let entry = table.entry(for: criteria) {
                var choice = pick(entry: entry, table, context, attempt, &random)
                choice.outcome.insert(.subsetSelected)
                return choice
            }
            guard let selector = table.selector(for: criteria) else {
                return fallBack(table, context, attempt, &random)
            }
            switch selector.fallback {
            case .notDefined: return fallBack(table, context, attempt, &random)
            case .noFallback: return HostChoice(nil)
            case .anyEndpoint: return pick(entry: table.anyEntry, table, context, attempt, &random)
            case .defaultSubset: return pick(entry: table.defaultEntry, table, context, attempt, &random)
            case .keysSubset:
                guard selector.fallbackKeys.count < selector.keys.count else { return HostChoice(nil) }
                criteria = reduced(criteria, to: selector.fallbackKeys)
            }
        }
    }

    private func fallBack(
        _ table: SubsetTable, _ context: LoadBalancerContext, _ attempt: UInt32, _ random: inout FastRandom
    ) -> HostChoice {
        let entry: Int?
        switch settings.fallback {
        case .noFallback: return HostChoice(nil)
        case .anyEndpoint: entry = table.anyEntry
        case .defaultSubset: entry = table.defaultEntry
        }
        var choice = pick(entry: entry, table, context, attempt, &random)
        if choice.index != nil {
            choice.outcome.insert(.subsetFallback)
        } else if settings.panicModeAny {
            let any = pick(entry: table.anyEntry, table, context, attempt, &random)
            choice = HostChoice(any.index, choice.outcome.union(any.outcome))
            if any.index != nil { choice.outcome.insert(.subsetFallbackPanic) }
        }
        return choice
    }

    private func pick(
        entry: Int?, _ table: SubsetTable, _ context: LoadBalancerContext, _ attempt: UInt32,
        _ random: inout FastRandom
    ) -> HostChoice {
        guard let entry else { return HostChoice(nil) }
        switch table.entries[entry] {
        case .single(let host): return HostChoice(host)
        case .set(let prioritySet):
            if let picker = pickers[entry] { return picker.pick(context, attempt: attempt, random: &random) }
            let picker = HostPicker.make(settings.inner, snapshot, prioritySet, loads)
            pickers[entry] = picker
            return picker.pick(context, attempt: attempt, random: &random)
        }
    }

    private func reduced(_ criteria: MetadataMatchCriteria, to keys: [String]) -> MetadataMatchCriteria {
        if criteria.criteria.count == keys.count { return criteria }
        let key = ReductionKey(source: ObjectIdentifier(criteria), keys: keys)
        if let known = reducedCriteria[key] { return known.result }
        let result = criteria.keeping(keys)
        if reducedCriteria.count >= Self.maxReducedCriteria { reducedCriteria.removeAll() }
        reducedCriteria[key] = Reduction(source: criteria, result: result)
        return result
    }
}
