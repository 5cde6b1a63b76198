import Synchronization

/// Sums over the threads. Main thread.
extension StatsStore {
    /// A counter since the last reset, or a gauge.
    public func value<Key: StatKey>(_ scope: StatScope<Key>, _ key: Key) -> Int {
        reading(scope.registration.record).value(key.cellIndex).number
    }

    /// A histogram as the threads hold it now, not as last flushed.
    public func histogram<Key: StatKey>(_ scope: StatScope<Key>, _ key: Key) -> HistogramSample {
        reading(scope.registration.record).histogram(key.cellIndex)
    }

    /// The cells of one scope on every thread that touched it.
    func reading(_ record: StatRecord) -> StatReading {
        StatReading(record: record, blocks: workers.compactMap { $0.cells(id: record.id, of: record) })
    }

    /// Frees histogram tables that workers replaced. Only when no read is under way, so at the end of a flush.
    func freeOutgrownTables() {
        for worker in workers { worker.freeOutgrown() }
    }
}

/// One scope's cells, ready to be summed. Valid until the main thread next reaps.
struct StatReading {
    let record: StatRecord
    let blocks: [UnsafeMutablePointer<Atomic<UInt64>>]

    /// A counter since the last reset, or a gauge; and whether it was ever written.
    func value(_ index: Int) -> (number: Int, isUsed: Bool) {
        var sum = 0
        var used = false
        for cells in blocks {
            let cell = cells[index].load(ordering: .relaxed)
            sum &+= StatCell.share(cell)
            used = used || cell != 0
        }
        if let bases = record.main?.counterBases, !bases.isEmpty { sum &-= bases[index] }
        return (sum, used)
    }

    /// All values ever recorded on any thread.
    func histogram(_ index: Int) -> HistogramSample {
        var counts: [(index: Int, count: UInt64)] = []
        for cells in blocks {
            let address = cells[index].load(ordering: .acquiring)
            guard let memory = UnsafeMutableRawPointer(bitPattern: UInt(address)) else { continue }
            HistogramTable(memory).visit { counts.append(($0, $1)) }
        }
        return HistogramSample(counts: counts)
    }
}
