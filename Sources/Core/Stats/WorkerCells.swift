import Synchronization

/// One thread's blocks, as the main thread sees them: scope id → cells.
///
/// Only the owning thread adds and grows; only the main thread takes out. Both change the table under the lock, the
/// main thread also reads it there, and the owner alone reads without: its own additions are its own, and a slot the
/// main thread clears belongs to a scope that nobody holds any more. Slots are atomic so that this is no race.
///
/// Freeing has two directions. Cells of a dead scope are freed by the *owner*, whose writes they saw last. Histogram
/// tables that grew are freed by the *main thread*, which may be reading one while it is replaced.
final class WorkerCells: Sendable {
    let name: String

    struct Table: @unchecked Sendable {
        var slots: UnsafeMutablePointer<Atomic<UInt>>
        var capacity: Int
        var condemned: [(StatBlockMemory, StatLayout)] = []
        var outgrown: [UnsafeMutableRawPointer] = []
    }

    let table: Locked<Table>

    init(name: String) {
        self.name = name
        table = Locked(Table(slots: Self.allocate(16, copying: nil, 0), capacity: 16))
    }

    deinit {
        // The store condemned the cells of every live scope before it let go of this.
        table.withLock { table in
            for (memory, layout) in table.condemned { memory.free(layout: layout) }
            for memory in table.outgrown { memory.deallocate() }
            table.slots.deallocate()
        }
    }

    // MARK: Owning thread

    /// Registers `cells` for scope `id`, growing the table when needed. Returns the slots for unlocked reads.
    func install(_ cells: UnsafeMutablePointer<Atomic<UInt64>>, id: Int) -> (UnsafeMutablePointer<Atomic<UInt>>, Int) {
        table.withLock { table in
            if id >= table.capacity {
                let capacity = max(table.capacity * 2, id + 1)
                let slots = Self.allocate(capacity, copying: table.slots, table.capacity)
                table.slots.deallocate()
                table.slots = slots
                table.capacity = capacity
            }
            table.slots[id].store(UInt(bitPattern: cells), ordering: .relaxed)
            return (table.slots, table.capacity)
        }
    }

    /// Keeps a replaced histogram table until the main thread cannot be reading it.
    func retire(_ memory: UnsafeMutableRawPointer) {
        nonisolated(unsafe) let memory = memory
        table.withLock { $0.outgrown.append(memory) }
    }

    /// Frees the cells of scopes that are gone.
    func collect() {
        let condemned = table.withLock { table in
            guard !table.condemned.isEmpty else { return [(StatBlockMemory, StatLayout)]() }
            defer { table.condemned = [] }
            return table.condemned
        }
        for (memory, layout) in condemned { memory.free(layout: layout) }
    }

    // MARK: Main thread

    /// The cells of `record` on this thread; nil if it never touched them or the id has passed to another scope.
    func cells(id: Int, of record: StatRecord) -> UnsafeMutablePointer<Atomic<UInt64>>? {
        table.withLock { table in
            guard id < table.capacity,
                let cells = UnsafeMutablePointer<Atomic<UInt64>>(
                    bitPattern: table.slots[id].load(ordering: .relaxed)),
                StatBlockMemory.header(of: cells).record?.toOpaque() == Unmanaged.passUnretained(record).toOpaque()
            else { return nil }
            return cells
        }
    }

    func condemn(_ records: [StatRecord]) {
        table.withLock { table in
            for record in records where record.id < table.capacity {
                let address = table.slots[record.id].exchange(0, ordering: .relaxed)
                guard let cells = UnsafeMutablePointer<Atomic<UInt64>>(bitPattern: address) else { continue }
                guard StatBlockMemory.header(of: cells).record != nil else { continue }
                table.condemned.append((StatBlockMemory(cells: cells), record.layout))
            }
        }
    }

    func freeOutgrown() {
        table.withLock { table in
            for memory in table.outgrown { memory.deallocate() }
            table.outgrown.removeAll()
        }
    }

    private static func allocate(
        _ capacity: Int, copying old: UnsafeMutablePointer<Atomic<UInt>>?, _ count: Int
    ) -> UnsafeMutablePointer<Atomic<UInt>> {
        let slots = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: capacity)
        for index in 0..<capacity {
            let value = index < count ? old?[index].load(ordering: .relaxed) ?? 0 : 0
            (slots + index).initialize(to: Atomic(value))
        }
        return slots
    }
}
