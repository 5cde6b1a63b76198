import Glibc
import Testing

@testable import Core

@Suite struct MailboxTests {
    /// What jobs note. On the loop's thread only.
    private final class Notes: @unchecked Sendable {
        var seen: [Int] = []
    }

    /// The eventfd's counter: how many wake-ups wait; reading clears it.
    private func wakeUps(_ mailbox: Mailbox) -> UInt64 {
        var count: UInt64 = 0
        return read(mailbox.wakeUpFD, &count, 8) == 8 ? count : 0
    }

    @Test func oneWakeUpServesManyPosts() {
        let mailbox = Mailbox()
        for _ in 0..<1000 { mailbox.post { _ in } }
        #expect(wakeUps(mailbox) == 1)
        #expect(mailbox.take().count == 1000)
        #expect(mailbox.take().isEmpty)
        mailbox.post { _ in }
        #expect(wakeUps(mailbox) == 1, "after a take the next post wakes again")
    }

    @Test func jobsRunInOrder() {
        let loop = EventLoop()
        let notes = Notes()
        for number in 0..<100 { loop.mailbox.post { _ in notes.seen.append(number) } }
        loop.turn(mayWait: false)
        #expect(notes.seen == Array(0..<100))
    }

    @Test func jobsPostedByAJobRunInALaterTurn() {
        let loop = EventLoop()
        let notes = Notes()
        loop.mailbox.post { loop in
            notes.seen.append(1)
            loop.mailbox.post { _ in notes.seen.append(2) }
        }
        loop.turn(mayWait: false)
        #expect(notes.seen == [1])
        loop.turn(mayWait: false)
        #expect(notes.seen == [1, 2])
    }

    @Test func mailPostedBeforeTheLoopExistsIsNotLost() {
        let mailbox = Mailbox()
        let notes = Notes()
        mailbox.post { _ in notes.seen.append(1) }
        let loop = EventLoop(mailbox: mailbox)
        loop.turn(mayWait: false)
        #expect(notes.seen == [1])
    }

    /// Eight threads post at once; each one's jobs arrive all, once, and in its order.
    @Test func manyThreadsLoseNothing() {
        let loop = EventLoop()
        let mailbox = loop.mailbox
        let notes = Notes()
        let (threads, each) = (8, 2000)
        runThreads(
            threads,
            { thread in
                for number in 0..<each { mailbox.post { _ in notes.seen.append(thread * each + number) } }
            },
            meanwhile: { _ = loop.turn(untilMS: 20_000) { notes.seen.count == threads * each } })
        #expect(notes.seen.count == threads * each)
        for thread in 0..<threads {
            let own = notes.seen.filter { $0 / each == thread }
            #expect(own == Array((thread * each)..<((thread + 1) * each)))
        }
    }
}
