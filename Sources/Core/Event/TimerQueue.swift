// All timers of one loop: a 4-ary heap over a slab of slots.

/// Names one scheduled timer. A handle outlived by its timer is harmless: the generation no longer fits.
public struct TimerHandle: Equatable, Sendable {
    var slot: UInt32
    var generation: UInt32

    public static let none = TimerHandle(slot: .max, generation: 0)
}

/// Deadlines in order, with O(log n) insert, cancel and move, and no allocation once the slab has grown.
///
/// 4-ary because a sift-down then touches a quarter of the cache lines of a binary heap; 8,000 idle timers are
/// 128 KiB of heap and 256 KiB of slots. Time-outs that restart with each byte do not come here for each byte: their
/// owner notes the time of the last byte and, when the timer fires early, schedules the rest (see `IdleTimer`).
struct TimerQueue {
    private struct Entry {
        var deadline: UInt64
        var slot: UInt32
    }

    private struct Slot {
        var target: Unmanaged<EventTarget>?
        var tag: Int
        var heapIndex: UInt32
        var generation: UInt32
    }

    private var heap: [Entry] = []
    private var slots: [Slot] = []
    private var free: [UInt32] = []

    var count: Int { heap.count }
    var nextDeadline: Instant { heap.isEmpty ? .never : Instant(nanoseconds: heap[0].deadline) }

    mutating func insert(at deadline: Instant, target: EventTarget, tag: Int) -> TimerHandle {
        let slot: UInt32
        if let reused = free.popLast() {
            slot = reused
        } else {
            slot = UInt32(slots.count)
            slots.append(Slot(target: nil, tag: 0, heapIndex: 0, generation: 0))
        }
        slots[Int(slot)].target = .passUnretained(target)
        slots[Int(slot)].tag = tag
        heap.append(Entry(deadline: deadline.nanoseconds, slot: slot))
        siftUp(heap.count - 1)
        return TimerHandle(slot: slot, generation: slots[Int(slot)].generation)
    }

    /// Removes a timer; false when it has fired or was cancelled before.
    @discardableResult
    mutating func remove(_ handle: TimerHandle) -> Bool {
        guard isLive(handle) else { return false }
        removeFromHeap(Int(slots[Int(handle.slot)].heapIndex))
        release(handle.slot)
        return true
    }

    /// Moves a live timer to another deadline; false when there is none.
    mutating func move(_ handle: TimerHandle, to deadline: Instant) -> Bool {
        guard isLive(handle) else { return false }
        let index = Int(slots[Int(handle.slot)].heapIndex)
        let earlier = deadline.nanoseconds < heap[index].deadline
        heap[index].deadline = deadline.nanoseconds
        if earlier { siftUp(index) } else { siftDown(index) }
        return true
    }

    /// Takes the earliest timer if it is due.
    mutating func popExpired(at now: Instant) -> (target: Unmanaged<EventTarget>, tag: Int)? {
        guard let first = heap.first, first.deadline <= now.nanoseconds else { return nil }
        let slot = slots[Int(first.slot)]
        removeFromHeap(0)
        release(first.slot)
        return slot.target.map { ($0, slot.tag) }
    }

    private func isLive(_ handle: TimerHandle) -> Bool {
        guard handle.slot < UInt32(slots.count) else { return false }
        let slot = slots[Int(handle.slot)]
        return slot.generation == handle.generation && slot.target != nil
    }

    private mutating func release(_ slot: UInt32) {
        slots[Int(slot)].target = nil
        slots[Int(slot)].generation &+= 1
        free.append(slot)
    }

    private mutating func removeFromHeap(_ index: Int) {
        let last = heap.removeLast()
        guard index < heap.count else { return }
        let earlier = last.deadline < heap[index].deadline
        heap[index] = last
        slots[Int(last.slot)].heapIndex = UInt32(index)
        if earlier { siftUp(index) } else { siftDown(index) }
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        let entry = heap[index]
        while index > 0 {
            let parent = (index - 1) / 4
            if heap[parent].deadline <= entry.deadline { break }
            heap[index] = heap[parent]
            slots[Int(heap[index].slot)].heapIndex = UInt32(index)
            index = parent
        }
        heap[index] = entry
        slots[Int(entry.slot)].heapIndex = UInt32(index)
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        let entry = heap[index]
        while true {
            let first = index * 4 + 1
            if first >= heap.count { break }
            var least = first
            for child in (first + 1)..<max(first + 1, min(first + 4, heap.count))
            where heap[child].deadline < heap[least].deadline {
                least = child
            }
            if heap[least].deadline >= entry.deadline { break }
            heap[index] = heap[least]
            slots[Int(heap[index].slot)].heapIndex = UInt32(index)
            index = least
        }
        heap[index] = entry
        slots[Int(entry.slot)].heapIndex = UInt32(index)
    }
}
