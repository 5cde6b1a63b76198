/// Goes through all stats in the order of their names without holding all names: scopes are taken in groups whose
/// names cannot interleave with another group's, and a group is usually one listener or cluster.
///
/// Two names of one stat (scopes `a.` with `b.c` and `a.b.` with `c`) become one entry with the sum. Main thread.
struct StatsWalk {
    /// One stat with a name, and where its parts are.
    struct Entry {
        let name: String
        let definition: StatDefinition
        /// Nearly always one.
        var places: [(reading: StatReading, index: Int)]

        var value: (number: Int, isUsed: Bool) {
            var sum = 0
            var used = false
            for (reading, index) in places {
                let value = reading.value(index)
                sum += value.number
                used = used || value.isUsed
            }
            return (sum, used)
        }

        /// As of the last flush.
        var histogram: MergedHistogram {
            var merged = places[0].reading.record.main?.histograms[places[0].index] ?? MergedHistogram()
            for (reading, index) in places.dropFirst() {
                guard let other = reading.record.main?.histograms[index] else { continue }
                merged.cumulative = merged.cumulative.adding(other.cumulative)
                merged.interval = merged.interval.adding(other.interval)
            }
            return merged
        }
    }

    private let store: StatsStore
    private let records: [StatRecord]
    private let kinds: @Sendable (StatKind) -> Bool
    private let filter: RE2Regex?
    private var next = 0

    init(_ store: StatsStore, filter: RE2Regex?, _ kinds: @escaping @Sendable (StatKind) -> Bool) {
        self.store = store
        self.filter = filter
        self.kinds = kinds
        records = store.liveRecords().sorted { $0.prefix.utf8.lexicographicallyPrecedes($1.prefix.utf8) }
    }

    /// The next group's entries, sorted; nil at the end. May be empty.
    mutating func nextGroup() -> [Entry]? {
        guard next < records.count else { return nil }
        let root = records[next].prefix
        var entries: [Entry] = []
        while next < records.count, records[next].prefix.utf8.starts(with: root.utf8) {
            append(records[next], to: &entries)
            next += 1
        }
        entries.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return merged(entries)
    }

    private func append(_ record: StatRecord, to entries: inout [Entry]) {
        if case .all = record.rejected { return }
        let reading = store.reading(record)
        for index in record.layout.sortedIndices where !record.rejected.contains(index) {
            let definition = record.layout.definitions[index]
            guard kinds(definition.kind) else { continue }
            let name = record.prefix + definition.name
            if let filter, !filter.partialMatch(name) { continue }
            entries.append(Entry(name: name, definition: definition, places: [(reading, index)]))
        }
    }

    private func merged(_ entries: [Entry]) -> [Entry] {
        guard zip(entries, entries.dropFirst()).contains(where: { $0.name == $1.name }) else { return entries }
        var merged: [Entry] = []
        for entry in entries {
            if let last = merged.last, last.name == entry.name, last.definition.kind == entry.definition.kind {
                merged[merged.count - 1].places += entry.places
            } else {
                merged.append(entry)
            }
        }
        return merged
    }
}
