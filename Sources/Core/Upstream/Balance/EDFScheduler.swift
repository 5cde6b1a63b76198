/// Earliest deadline first: entry *i* of weight *w* comes up every 1/*w* units of virtual time, so picks are as even as
/// the weights allow at every moment, not only on average. Ties go to the entry that was scheduled first.
///
/// A binary heap of trivial entries with one replacement per pick: O(log n), no allocation after `init`.
struct EDFScheduler {
    private struct Entry {
        var deadline: Double
        /// The deadline is `base + turns / weight`: a quotient, not a sum of rounded steps, so that entries which should
        /// tie do tie, and a schedule of whole weights repeats exactly.
        var base = 0.0
        var turns: Double
        var weight: Double
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

    /// A schedule of the entries 0 ..< weights.count somewhere inside the period in which the lightest entry comes up
    /// once. A random start makes workers differ without favouring anyone: each pick of the period is as likely to be
    /// the first, so first picks follow the weights too.
    ///
    /// - Parameters:
    ///   - weights: all above zero.
    ///   - start: 0 ..< 1, the part of the period that is skipped.
    init(weights: [Double], start: Double) {
        guard let lightest = weights.min() else { return }
        let sum = weights.reduce(0, +)
        let skipped = (start * sum / lightest).rounded(.down)
        // Whole shares of the skipped picks are taken at once, the rest (fewer than entries) one by one.
        var entries: [(entry: Entry, lastPick: Double)] = []
        entries.reserveCapacity(weights.count)
        var taken = 0.0
        for (index, weight) in weights.enumerated() {
            let picks = (skipped * weight / sum).rounded(.down)
            taken += picks
            entries.append(
                (
                    Entry(
                        deadline: (picks + 1) / weight, turns: picks + 1, weight: weight, order: 0, index: UInt32(index)
                    ),
                    picks / weight
                ))
        }
        // Ties go to whoever waits longest, as they would after a real run.
        entries.sort { ($0.lastPick, $0.entry.index) < ($1.lastPick, $1.entry.index) }
        heap.reserveCapacity(weights.count)
        for (entry, _) in entries { push(entry) }
        var rest = min(skipped - taken, Double(weights.count))
        while rest >= 1 {
            let index = pick()
            reschedule(weight: weights[Int(index)])
            rest -= 1
        }
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
        if weight != entry.weight {
            entry.base = virtualTime
            entry.turns = 0
            entry.weight = weight
        }
        entry.turns += 1
        entry.deadline = entry.base + entry.turns / weight
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
