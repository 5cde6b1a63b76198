// One thread's world: readiness from libevent, timers, a mailbox, and the work that waits for the end of a turn.

import CLibevent
import Glibc

/// A turn of the loop, in order:
///
///     wait ─▶ readiness callbacks, expired timers, mailbox ─▶ turn-end targets (flushes) ─▶ graveyard ─▶ wait …
///
/// - libevent tells ready and time; bytes are ours (docs/decisions/0003).
/// - Everything is called on the thread that runs ``run()``. Other threads use ``mailbox`` only.
/// - Not `Sendable`: the compiler refuses to let it travel.
public final class EventLoop {
    let base: OpaquePointer
    public let mailbox: Mailbox
    /// The worker or main context that this loop serves; jobs from the mailbox find their way back through it.
    public unowned(unsafe) var owner: AnyObject?

    @exclusivity(unchecked) private var timers = TimerQueue()
    private let timerEvent: UnsafeMutablePointer<event>
    private var armedDeadline = Instant.never
    private var mailboxTarget: MailboxTarget?
    private var mailboxReadiness: Readiness?

    /// Retained one by one, as the graveyard's objects are: an array of references pays for its elements' metadata.
    @exclusivity(unchecked) private var turnEndTargets: [Unmanaged<EventTarget>] = []
    @exclusivity(unchecked) private var graveyard: [Unmanaged<AnyObject>] = []
    private var stopRequested = false
    private var clock = Instant(nanoseconds: 0)
    private var clockIsFresh = false
    private var thread: pthread_t?

    /// - Parameter mailbox: made beforehand where other threads must know it before the loop's thread runs.
    public init(mailbox: Mailbox = Mailbox()) {
        self.mailbox = mailbox
        let config = event_config_new()
        // The change list turns an enable and a disable within one turn into no system call at all. The loop is used by
        // one thread, so libevent's locks would only cost.
        event_config_set_flag(
            config, Int32(EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST.rawValue | EVENT_BASE_FLAG_NOLOCK.rawValue))
        guard let base = event_base_new_with_config(config) else {
            preconditionFailure("libevent could not make an event base: out of memory or descriptors.")
        }
        event_config_free(config)
        self.base = base
        timerEvent = .allocate(capacity: 1)
        event_assign(
            timerEvent, base, -1, 0,
            { _, _, context in
                Unmanaged<EventLoop>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0.onTimerEvent() }
            }, Unmanaged.passUnretained(self).toOpaque())
        let target = MailboxTarget(self)
        mailboxTarget = target
        mailboxReadiness = Readiness(loop: self, fd: mailbox.wakeUpFD, .read, target: target)
        mailboxReadiness?.enable()
    }

    deinit {
        for target in turnEndTargets { target.release() }
        emptyGraveyard()
        mailboxReadiness = nil
        event_del(timerEvent)
        timerEvent.deallocate()
        event_base_free(base)
    }

    /// The time of this turn: read once, on first use after the wait.
    public var now: Instant {
        if !clockIsFresh {
            clock = Instant.read()
            clockIsFresh = true
        }
        return clock
    }

    public var isCurrent: Bool { thread.map { pthread_equal($0, pthread_self()) != 0 } ?? true }

    // MARK: Running

    /// Turns until ``stop()``. A stop asked for before is remembered: then nothing waits, and no turn is made.
    public func run() {
        thread = pthread_self()
        while !stopRequested { turn(mayWait: true) }
        stopRequested = false
        // Whatever the last turn's callbacks left behind.
        finishTurn()
    }

    /// One turn; without waiting when `mayWait` is false (tests, start-up).
    public func turn(mayWait: Bool) {
        armTimer()
        clockIsFresh = false
        // Not waiting alone would go on for as long as anything is ready.
        event_base_loop(base, mayWait ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK)
        finishTurn()
    }

    /// Ends ``run()`` after the current turn, or the next ``run()`` before its first. From another thread:
    /// `mailbox.post { $0.stop() }`.
    public func stop() { stopRequested = true }

    private func finishTurn() {
        // Flushing may make others ask for the end of the turn too, so index on; each target asks at most once per turn.
        var index = 0
        while index < turnEndTargets.count {
            let target = turnEndTargets[index]
            target._withUnsafeGuaranteedRef { $0.onTurnEnd() }
            target.release()
            index += 1
        }
        turnEndTargets.removeAll(keepingCapacity: true)
        emptyGraveyard()
        clockIsFresh = false
    }

    private func emptyGraveyard() {
        // By index: deinitialisers may bury more.
        var index = 0
        while index < graveyard.count {
            graveyard[index].release()
            index += 1
        }
        graveyard.removeAll(keepingCapacity: true)
    }

    // MARK: Timers

    public func schedule(at deadline: Instant, target: EventTarget, tag: Int = 0) -> TimerHandle {
        assert(isCurrent)
        return timers.insert(at: deadline, target: target, tag: tag)
    }

    public func schedule(afterMS milliseconds: Int64, target: EventTarget, tag: Int = 0) -> TimerHandle {
        schedule(at: now.advanced(byMS: milliseconds), target: target, tag: tag)
    }

    /// Cancels and clears the handle; nothing happens when the timer has fired already.
    public func cancel(_ handle: inout TimerHandle) {
        if handle == .none { return }
        timers.remove(handle)
        handle = .none
    }

    private func armTimer() {
        let next = timers.nextDeadline
        // Only an earlier deadline arms: a timer that was cancelled or moved on costs one idle wake-up at its old time,
        // where arming anew costs each connection that sets a time limit and lifts it again.
        if next >= armedDeadline { return }
        armedDeadline = next
        let from = Instant.read()
        // Rounded up to whole milliseconds, as epoll counts them: a timer is never early.
        let waitMS = Int((next.nanoseconds(since: from) + 999_999) / 1_000_000)
        var wait = timeval(tv_sec: waitMS / 1000, tv_usec: (waitMS % 1000) * 1000)
        event_add(timerEvent, &wait)
    }

    private func onTimerEvent() {
        armedDeadline = .never
        // Timers that expired handlers schedule for "now" wait for the next turn: a bound on one turn's work.
        let limit = timers.count
        var fired = 0
        clockIsFresh = false
        let now = self.now
        while fired < limit, let due = timers.popExpired(at: now) {
            fired += 1
            due.target._withUnsafeGuaranteedRef { $0.onTimer(due.tag) }
        }
    }

    // MARK: End of turn

    /// Calls `target.onTurnEnd()` once when this turn's callbacks have run, and keeps it alive until then. The target
    /// keeps a flag so that it asks at most once per turn.
    ///
    /// Not inlined, as ``bury(_:)``: there the array's change costs the caller a retain of the loop.
    @inline(never)
    public func atTurnEnd(_ target: EventTarget) { turnEndTargets.append(.passRetained(target)) }

    /// Keeps `object` alive until the end of the turn: nothing dies inside its own callback.
    @inline(never)
    public func bury(_ object: AnyObject) { graveyard.append(.passRetained(object)) }

    /// As ``bury(_:)``, with the reference that the caller holds.
    @inline(never)
    func bury(owned object: Unmanaged<AnyObject>) { graveyard.append(object) }

    fileprivate func runMail() {
        for job in mailbox.take() { job(self) }
    }
}

private final class MailboxTarget: EventTarget {
    private unowned let loop: EventLoop

    init(_ loop: EventLoop) { self.loop = loop }

    override func onReadable() { loop.runMail() }
}
