/// The tags of one scope's stats, extracted when Prometheus first asks.
///
/// Nearly always all stats of a scope have the same tags, cut out of its prefix; those that differ (a response code in
/// the stat's own name) are kept one by one.
struct StatScopeTags {
    let prefix: String
    let tags: [StatTag]
    let exceptions: [Int: (name: String, tags: [StatTag])]

    init(_ record: StatRecord, _ config: StatsConfig) {
        var shared: (prefix: String, tags: [StatTag])?
        var exceptions: [Int: (name: String, tags: [StatTag])] = [:]
        for (index, definition) in record.layout.definitions.enumerated() {
            let extracted = config.tagRules.extract(record.prefix + definition.name)
            let tags = config.fixedTags + extracted.tags + record.fixedTags
            if shared == nil, extracted.name.hasSuffix(definition.name) {
                shared = (String(extracted.name.dropLast(definition.name.count)), tags)
            } else if let shared, shared.tags == tags, shared.prefix + definition.name == extracted.name {
                continue
            } else {
                exceptions[index] = (extracted.name, tags)
            }
        }
        prefix = shared?.prefix ?? record.prefix
        self.tags = shared?.tags ?? []
        self.exceptions = exceptions
    }
}

extension StatsStore {
    /// A stat's name without its tags' values, and its tags. Main thread.
    func tags(of record: StatRecord, _ index: Int) -> (name: String, tags: [StatTag]) {
        let known: StatScopeTags
        if let found = record.main?.tags {
            known = found
        } else {
            known = StatScopeTags(record, config)
            notes(of: record).tags = known
        }
        return known.exceptions[index] ?? (known.prefix + record.layout.definitions[index].name, known.tags)
    }

    /// The main thread's notes on a scope, made at first use.
    func notes(of record: StatRecord) -> StatRecordNotes {
        if let notes = record.main { return notes }
        let made = StatRecordNotes()
        record.main = made
        return made
    }
}
