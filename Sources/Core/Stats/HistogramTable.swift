import Synchronization

/// One histogram on one thread: an open-addressed table of non-empty bins in 8 bytes each, growing by doubling.
///
///     memory  ┌ capacity (power of two) ┬ used ┐┌ bin + 1 : 16 | count : 48 ┐ …
///
/// A histogram that saw one decade of values takes some 150 bytes. Counts only grow; the main thread reads them with
/// relaxed loads and works out differences. 48 bits of count last 9 years at a million a second.
struct HistogramTable {
    let memory: UnsafeMutableRawPointer

    private static let headerBytes = 16
    private static let firstCapacity = 16
    private static let countBits: UInt64 = 48
    private static let countMask: UInt64 = (1 << 48) - 1

    init(_ memory: UnsafeMutableRawPointer) { self.memory = memory }

    private var capacity: Int { memory.load(as: Int.self) }
    private var entries: UnsafeMutablePointer<Atomic<UInt64>> {
        (memory + Self.headerBytes).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Owner only. False when the value's bin has no place: grow and try again.
    @inline(__always)
    func add(_ value: UInt64) -> Bool {
        add(bin: HistogramBin.index(of: value), count: 1)
    }

    func add(bin: Int, count: UInt64) -> Bool {
        let mask = capacity - 1
        let tag = UInt64(bin + 1) << Self.countBits
        var place = (bin &* 0x9E37) & mask
        while true {
            let entry = entries[place].load(ordering: .relaxed)
            if entry & ~Self.countMask == tag {
                entries[place].store(entry &+ count, ordering: .relaxed)
                return true
            }
            if entry == 0 {
                let used = memory.load(fromByteOffset: 8, as: Int.self)
                // A quarter stays free, so that a search is short and ends.
                guard used * 4 < capacity * 3 else { return false }
                memory.storeBytes(of: used + 1, toByteOffset: 8, as: Int.self)
                entries[place].store(tag | count, ordering: .relaxed)
                return true
            }
            place = (place + 1) & mask
        }
    }

    /// Reader: calls `body` with every bin and its count.
    func visit(_ body: (_ bin: Int, _ count: UInt64) -> Void) {
        for place in 0..<capacity {
            let entry = entries[place].load(ordering: .relaxed)
            if entry != 0 { body(Int(entry >> Self.countBits) - 1, entry & Self.countMask) }
        }
    }

    /// A fresh table, or one of twice the size holding `old`'s bins.
    static func grown(from old: UnsafeMutableRawPointer?) -> HistogramTable {
        let capacity = old.map { HistogramTable($0).capacity * 2 } ?? firstCapacity
        let memory = UnsafeMutableRawPointer.allocate(byteCount: headerBytes + 8 * capacity, alignment: 16)
        memory.storeBytes(of: capacity, as: Int.self)
        memory.storeBytes(of: 0, toByteOffset: 8, as: Int.self)
        let entries = (memory + headerBytes).bindMemory(to: Atomic<UInt64>.self, capacity: capacity)
        for index in 0..<capacity { (entries + index).initialize(to: Atomic(0)) }
        let table = HistogramTable(memory)
        if let old {
            HistogramTable(old).visit { bin, count in _ = table.add(bin: bin, count: count) }
        }
        return table
    }
}
