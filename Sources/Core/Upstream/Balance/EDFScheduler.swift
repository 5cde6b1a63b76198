/// Earliest deadline first: entry *i* of weight *w* comes up every 1/*w* units of virtual time, so picks are as even as
/// the weights allow at every moment, not only on average. Ties go to the entry that was scheduled first.
///
/// A binary heap of trivial entries with one replacement per pick: O(log n), no allocation after `init`.
struct EDFScheduler {
    private struct Entry {
        var deadline: Double
        /// Breaks ties first in, first out.
        var order: UInt64
        var index: UInt32

        @inline(__always)
        func isBefore(_ other: Entry) -> Bool {
            deadline < other.deadline || (deadline == other.deadline && order < other.order)
        }
    }

    private var heap: [Entry] = []
    private var nextOrder: UInt64 = 0
    private var virtualTime = 0.0

    /// A schedule of the entries 0 ..< weights.count in the state it has after running for `phase` units of virtual
    /// time. A random phase below 1 makes workers start at different points without favouring anyone: with whole
    /// weights the order repeats every unit.
    ///
    /// - Parameter weights: all above zero.
    init(weights: [Double], phase: Double) {
        virtualTime = phase
        heap.reserveCapacity(weights.count)
        // Entries that were picked last wait longest, as they would after a real run.
        var entries: [(entry: Entry, lastPick: Double)] = []
        entries.reserveCapacity(weights.count)
        for (index, weight) in weights.enumerated() {
            let picks = (phase * weight).rounded(.down)
            entries.append((Entry(deadline: (picks + 1) / weight, order: 0, index: UInt32(index)), picks / weight))
        }
        entries.sort { ($0.lastPick, $0.entry.index) < ($1.lastPick, $1.entry.index) }
        for (entry, _) in entries { push(entry) }
    }

    var isEmpty: Bool { heap.isEmpty }

    /// The entry whose turn it is. Follow with ``reschedule(weight:)``.
    @inline(__always)
    mutating func pick() -> UInt32 {
        virtualTime = heap[0].deadline
        return heap[0].index
    }

    /// Puts the picked entry back with the weight it has now.
    @inline(__always)
    mutating func reschedule(weight: Double) {
        var entry = heap[0]
        entry.deadline = virtualTime + 1 / weight
        entry.order = nextOrder
        nextOrder &+= 1
        let count = heap.count
        var hole = 0
        while true {
            var child = hole * 2 + 1
            guard child < count else { break }
            if child + 1 < count && heap[child + 1].isBefore(heap[child]) { child += 1 }
            guard heap[child].isBefore(entry) else { break }
            heap[hole] = heap[child]
            hole = child
        }
        heap[hole] = entry
    }

    private mutating func push(_ entry: Entry) {
        var entry = entry
        entry.order = nextOrder
        nextOrder &+= 1
        heap.append(entry)
        var hole = heap.count - 1
        while hole > 0 {
            let parent = (hole - 1) / 2
            guard entry.isBefore(heap[parent]) else { break }
            heap[hole] = heap[parent]
            hole = parent
        }
        heap[hole] = entry
    }
}
