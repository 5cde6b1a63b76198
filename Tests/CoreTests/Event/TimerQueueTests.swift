import CoreBytes
import Testing

@testable import Core

@Suite struct TimerQueueTests {
    private let target = EventTarget()

    private func at(_ nanoseconds: UInt64) -> Instant { Instant(nanoseconds: nanoseconds) }

    /// Tags of everything due, in the order it comes.
    private func popAll(_ queue: inout TimerQueue, at now: UInt64) -> [Int] {
        var tags: [Int] = []
        while let due = queue.popExpired(at: at(now)) { tags.append(due.tag) }
        return tags
    }

    /// Takes what is due and compares it; in any order where deadlines are equal.
    private func expectDue(
        _ queue: inout TimerQueue, at now: UInt64, _ tags: [Int], ordered: Bool = true,
        _ place: SourceLocation = #_sourceLocation
    ) {
        let due = popAll(&queue, at: now)
        #expect((ordered ? due : due.sorted()) == tags, sourceLocation: place)
    }

    @Test func timersComeByDeadlineWhateverTheOrderOfInsertion() {
        var queue = TimerQueue()
        for tag in [5, 1, 9, 3, 7, 2, 8, 4, 6, 0] {
            _ = queue.insert(at: at(UInt64(tag) * 10), target: target, tag: tag)
        }
        #expect(queue.nextDeadline == at(0))
        expectDue(&queue, at: 44, [0, 1, 2, 3, 4])
        #expect(queue.nextDeadline == at(50))
        expectDue(&queue, at: 90, [5, 6, 7, 8, 9])
        #expect(queue.count == 0 && queue.nextDeadline == .never)
    }

    @Test func aTimerIsDueAtItsDeadlineAndNotBefore() {
        var queue = TimerQueue()
        _ = queue.insert(at: at(100), target: target, tag: 1)
        expectDue(&queue, at: 99, [])
        expectDue(&queue, at: 100, [1])
    }

    @Test func equalDeadlinesAllCome() {
        var queue = TimerQueue()
        for tag in 0..<100 { _ = queue.insert(at: at(7), target: target, tag: tag) }
        expectDue(&queue, at: 6, [])
        expectDue(&queue, at: 7, Array(0..<100), ordered: false)
    }

    @Test func aCancelledTimerDoesNotCome() {
        var queue = TimerQueue()
        let handles = (0..<10).map { queue.insert(at: at(UInt64($0)), target: target, tag: $0) }
        let removed = [0, 4, 9, 4].map { queue.remove(handles[$0]) }
        #expect(removed == [true, true, true, false], "a second cancel finds nothing")
        expectDue(&queue, at: 100, [1, 2, 3, 5, 6, 7, 8])
    }

    @Test func aHandleOutlivedByItsTimerTouchesNoOther() {
        var queue = TimerQueue()
        let old = queue.insert(at: at(1), target: target, tag: 1)
        expectDue(&queue, at: 1, [1])
        let new = queue.insert(at: at(2), target: target, tag: 2)
        #expect(new.slot == old.slot, "the slot is used again")
        let touched = [queue.remove(old), queue.move(old, to: at(50)), queue.remove(.none)]
        #expect(touched == [false, false, false])
        expectDue(&queue, at: 2, [2])
    }

    @Test func aMovedTimerComesAtItsNewDeadline() {
        var queue = TimerQueue()
        let handles = (0..<8).map { queue.insert(at: at(UInt64($0) * 10), target: target, tag: $0) }
        let moved = [(0, 75), (7, 5), (3, 30)].map { queue.move(handles[$0.0], to: at(UInt64($0.1))) }
        #expect(moved == [true, true, true])
        expectDue(&queue, at: 100, [7, 1, 2, 3, 4, 5, 6, 0])
    }

    /// Random inserts, cancels, moves and expirations against a dictionary.
    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func behavesAsASortedTable(seed: UInt64) {
        var random = FastRandom(seed: seed)
        var queue = TimerQueue()
        var model: [Int: (deadline: UInt64, handle: TimerHandle)] = [:]
        var dead: [TimerHandle] = []
        var now: UInt64 = 0
        var nextTag = 0
        for step in 0..<20_000 {
            switch random.next() % 8 {
            case 0...3:
                let deadline = now + random.next() % 200
                model[nextTag] = (deadline, queue.insert(at: at(deadline), target: target, tag: nextTag))
                nextTag += 1
            case 4:
                guard let (tag, entry) = model.randomElement(using: &random) else { break }
                let removed = queue.remove(entry.handle)
                #expect(removed)
                dead.append(entry.handle)
                model[tag] = nil
            case 5:
                guard let (tag, entry) = model.randomElement(using: &random) else { break }
                let deadline = now + random.next() % 300
                let moved = queue.move(entry.handle, to: at(deadline))
                #expect(moved)
                model[tag]?.deadline = deadline
            case 6:
                guard let handle = dead.randomElement(using: &random) else { break }
                let removed = queue.remove(handle)
                #expect(!removed)
            default:
                now += random.next() % 40
                var came: [Int] = []
                var lastDeadline: UInt64 = 0
                while let due = queue.popExpired(at: at(now)) {
                    let entry = model[due.tag]
                    let deadline = entry?.deadline ?? .max
                    #expect(deadline <= now && deadline >= lastDeadline, "in order, and none before its time")
                    lastDeadline = deadline
                    if let handle = entry?.handle { dead.append(handle) }
                    came.append(due.tag)
                    model[due.tag] = nil
                }
                #expect(Set(came).count == came.count)
                #expect(!model.values.contains { $0.deadline <= now }, "nothing due stays behind")
            }
            let next = model.values.map(\.deadline).min() ?? .max
            let fits = queue.count == model.count && queue.nextDeadline == at(next)
            #expect(fits, "step \(step)")
            if !fits { return }
        }
    }
}
