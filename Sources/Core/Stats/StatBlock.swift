public import Synchronization

/// The cells of one scope on one thread: a bare pointer, so that counting is one add to memory.
///
///     block  -16 ┌ the scope's StatRecord ┐ unretained; the holder of the block holds the scope
///             -8 │ the thread's WorkerCells│
///              0 │ cell of key 0          │ counter: its sum
///              8 │ cell of key 1          │ gauge: bit 63 = was lowered or set; bits 0–62 this thread's share
///             16 │ cell of key 2          │ histogram: address of its table, 0 until the first value
///
/// One thread writes, with relaxed loads and stores and no read-modify-write; the main thread reads. Trivial, not
/// `Sendable`, valid on the thread whose ``WorkerStats`` gave it while a copy of the ``StatScope`` lives.
public struct StatBlock<Key: StatKey> {
    public typealias Cell = Atomic<UInt64>

    @usableFromInline let cells: UnsafeMutablePointer<Cell>

    /// Counts `n` more of a counter, or raises a gauge by `n`.
    @inlinable @inline(__always)
    public func add(_ key: Key, _ n: UInt64 = 1) {
        assert(key.definition.kind != .histogram, "A histogram is recorded, not added to.")
        let cell = cells + key.cellIndex
        cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ n, ordering: .relaxed)
    }

    /// As ``add(_:_:)-(_,UInt64)`` for a count held as `Int`; never negative.
    @inlinable @inline(__always)
    public func add(_ key: Key, _ n: Int) {
        assert(n >= 0, "Counters only grow; lower a gauge with sub.")
        add(key, UInt64(truncatingIfNeeded: n))
    }

    /// Lowers a gauge by `n`. It may have been raised on another thread: shares are summed when read.
    @inlinable @inline(__always)
    public func sub(_ key: Key, _ n: UInt64 = 1) {
        assert(key.definition.kind == .gauge, "Only a gauge goes down.")
        let cell = cells + key.cellIndex
        cell.pointee.store(
            (cell.pointee.load(ordering: .relaxed) &- n) | StatCell.usedBit, ordering: .relaxed)
    }

    @inlinable @inline(__always)
    public func sub(_ key: Key, _ n: Int) {
        assert(n >= 0, "Raise a gauge with add.")
        sub(key, UInt64(truncatingIfNeeded: n))
    }

    /// Sets this thread's share of a gauge: the whole gauge where only one thread (main) ever touches it.
    @inlinable @inline(__always)
    public func set(_ key: Key, _ value: UInt64) {
        assert(key.definition.kind == .gauge, "Only a gauge is set.")
        cells[key.cellIndex].store(value | StatCell.usedBit, ordering: .relaxed)
    }

    @inlinable @inline(__always)
    public func set(_ key: Key, _ value: Int) { set(key, UInt64(truncatingIfNeeded: value)) }

    /// Adds one value to a histogram: some nanoseconds; the first value of a histogram on a thread allocates.
    @inlinable @inline(__always)
    public func record(_ key: Key, _ value: UInt64) {
        assert(key.definition.kind == .histogram, "Only a histogram records values.")
        StatCell.record(cells, key.cellIndex, value)
    }

    /// A negative value (a clock that went backwards) counts as zero.
    @inlinable @inline(__always)
    public func record(_ key: Key, _ value: Int) { record(key, UInt64(max(0, value))) }

    /// This thread's share as it stands; for tests and for code that steers by its own gauge.
    @inlinable
    public func value(_ key: Key) -> Int {
        StatCell.share(cells[key.cellIndex].load(ordering: .relaxed))
    }
}

/// The encoding of cells, apart from the generic block so that it exists once.
public enum StatCell {
    /// Set by `sub` and `set`, so that a gauge back at zero still counts as used.
    @usableFromInline static let usedBit: UInt64 = 1 << 63

    /// The 63-bit signed number in a cell.
    @inlinable @inline(__always)
    static func share(_ cell: UInt64) -> Int { Int(truncatingIfNeeded: cell << 1) >> 1 }

    @usableFromInline
    static func record(_ cells: UnsafeMutablePointer<Atomic<UInt64>>, _ index: Int, _ value: UInt64) {
        let address = cells[index].load(ordering: .relaxed)
        if let table = UnsafeMutableRawPointer(bitPattern: UInt(address)), HistogramTable(table).add(value) { return }
        recordSlowly(cells, index, value)
    }

    /// First value of a histogram on this thread, or its table is full.
    @inline(never)
    private static func recordSlowly(_ cells: UnsafeMutablePointer<Atomic<UInt64>>, _ index: Int, _ value: UInt64) {
        let header = StatBlockMemory.header(of: cells)
        guard let record = header.record?.takeUnretainedValue(), !record.rejected.contains(index) else { return }
        let worker = header.worker.takeUnretainedValue()
        let old = UnsafeMutableRawPointer(bitPattern: UInt(cells[index].load(ordering: .relaxed)))
        let table = HistogramTable.grown(from: old)
        _ = table.add(value)
        // Released: the main thread that reads the address must see the copied bins.
        cells[index].store(UInt64(UInt(bitPattern: table.memory)), ordering: .releasing)
        if let old { worker.retire(old) }
    }
}
