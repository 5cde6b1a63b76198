/// Scopes whose last holder went; emptied by the main thread when it next flushes, scrapes or makes room.
final class StatGraveyard: Sendable {
    private let dead = Locked<[StatRecord]>([])

    func bury(_ record: StatRecord) {
        dead.withLock { $0.append(record) }
    }

    func takeAll() -> [StatRecord] {
        dead.withLock { records in
            guard !records.isEmpty else { return [] }
            defer { records = [] }
            return records
        }
    }
}
