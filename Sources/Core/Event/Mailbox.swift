// How other threads reach a loop: a locked list of jobs and one wake-up descriptor.

import CLibevent
import Glibc

/// Jobs from any thread, run by the loop in order, at the start of a turn.
///
/// `Sendable` by construction: the list is under a mutex, the descriptor is an eventfd that any thread may write. One
/// wake-up serves all jobs posted before the loop gets to them.
public final class Mailbox: Sendable {
    public typealias Job = @Sendable (EventLoop) -> Void

    private let jobs = Locked<[Job]>([])
    let wakeUpFD: Int32

    public init() {
        wakeUpFD = eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC))
        precondition(wakeUpFD >= 0, "An event loop needs an eventfd for its mailbox.")
    }

    deinit { close(wakeUpFD) }

    public func post(_ job: @escaping Job) {
        let wasEmpty = jobs.withLock { list in
            list.append(job)
            return list.count == 1
        }
        if wasEmpty { wake() }
    }

    func wake() {
        var one: UInt64 = 1
        // A full counter means that a wake-up is pending already.
        _ = write(wakeUpFD, &one, 8)
    }

    func take() -> [Job] {
        var count: UInt64 = 0
        _ = read(wakeUpFD, &count, 8)
        return jobs.withLock { list in
            let taken = list
            list = []
            return taken
        }
    }
}
