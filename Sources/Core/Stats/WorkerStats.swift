import Synchronization

/// A thread's door to its own cells. Made by ``StatsStore/makeWorker(name:)`` and given to its thread once, hence not
/// `Sendable`.
public final class WorkerStats {
    private let cells: WorkerCells
    private var slots: UnsafeMutablePointer<Atomic<UInt>>
    private var capacity: Int
    /// Swallows what is written to a scope that the `stats_matcher` rejects whole.
    private var scratch: StatBlockMemory?
    private var scratchCount = 0
    private var oldScratch: [StatBlockMemory] = []

    init(cells: WorkerCells) {
        self.cells = cells
        (slots, capacity) = cells.table.withLock { ($0.slots, $0.capacity) }
    }

    deinit {
        // Nobody may hold a block past its thread's WorkerStats.
        for memory in oldScratch { memory.free(layout: Self.emptyLayout) }
        scratch?.free(layout: Self.emptyLayout)
    }

    /// The cells of `scope` on this thread, allocated at the first call. A later call costs two loads.
    public func block<Key: StatKey>(_ scope: StatScope<Key>) -> StatBlock<Key> {
        let id = scope.registration.record.id
        if id < capacity,
            let found = UnsafeMutablePointer<Atomic<UInt64>>(bitPattern: slots[id].load(ordering: .relaxed))
        {
            return StatBlock(cells: found)
        }
        return StatBlock(cells: firstTouch(scope.registration.record))
    }

    /// Frees what belonged to scopes that are gone. Called by the worker now and then (once a second is plenty);
    /// touching a new scope does it too.
    public func collect() { cells.collect() }

    @inline(never)
    private func firstTouch(_ record: StatRecord) -> UnsafeMutablePointer<Atomic<UInt64>> {
        if case .all = record.rejected { return scratchCells(record.layout.definitions.count) }
        cells.collect()
        let memory = StatBlockMemory(record: record, worker: cells, cellCount: record.layout.definitions.count)
        (slots, capacity) = cells.install(memory.cells, id: record.id)
        return memory.cells
    }

    private func scratchCells(_ count: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        if let scratch, scratchCount >= count { return scratch.cells }
        if let scratch { oldScratch.append(scratch) }
        let memory = StatBlockMemory(record: nil, worker: cells, cellCount: max(count, 128))
        scratch = memory
        scratchCount = max(count, 128)
        return memory.cells
    }

    private enum NoStat: Int, StatKey {
        case none
        var definition: StatDefinition { .counter("none") }
    }
    private static let emptyLayout = StatLayout(NoStat.self)
}
