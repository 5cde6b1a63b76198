import Synchronization

/// Allocation of the cells behind a ``StatBlock``; see there for the layout.
struct StatBlockMemory {
    /// Two words before the cells.
    struct Header {
        /// Nil for the scratch cells that swallow rejected scopes.
        let record: Unmanaged<StatRecord>?
        let worker: Unmanaged<WorkerCells>
    }

    let cells: UnsafeMutablePointer<Atomic<UInt64>>

    init(cells: UnsafeMutablePointer<Atomic<UInt64>>) { self.cells = cells }

    init(record: StatRecord?, worker: WorkerCells, cellCount: Int) {
        let bytes = MemoryLayout<Header>.stride + 8 * cellCount
        let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
        memory.initializeMemory(
            as: Header.self, to: Header(record: record.map(Unmanaged.passUnretained), worker: .passUnretained(worker)))
        let cells = (memory + MemoryLayout<Header>.stride).bindMemory(to: Atomic<UInt64>.self, capacity: cellCount)
        for index in 0..<cellCount { (cells + index).initialize(to: Atomic(0)) }
        self.cells = cells
    }

    static func header(of cells: UnsafeMutablePointer<Atomic<UInt64>>) -> Header {
        (UnsafeMutableRawPointer(cells) - MemoryLayout<Header>.stride).load(as: Header.self)
    }

    /// Frees the cells and the histogram tables in them. `layout` tells which cells hold addresses.
    func free(layout: StatLayout) {
        for (index, definition) in layout.definitions.enumerated() where definition.kind == .histogram {
            UnsafeMutableRawPointer(bitPattern: UInt(cells[index].load(ordering: .acquiring)))?.deallocate()
        }
        (UnsafeMutableRawPointer(cells) - MemoryLayout<Header>.stride).deallocate()
    }
}
