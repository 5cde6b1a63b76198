import Glibc
import Testing

@testable import Core

@Suite struct EventLoopTests {
    /// Calls back for each event; the closure may do anything.
    final class Probe: EventTarget {
        var fired: [Int] = []
        var onFire: (Int) -> Void = { _ in }
        var onEnd: () -> Void = {}
        var onRead: () -> Void = {}
        override func onTimer(_ tag: Int) {
            fired.append(tag)
            onFire(tag)
        }
        override func onTurnEnd() { onEnd() }
        override func onReadable() { onRead() }
    }

    final class Mortal {
        let onDeath: () -> Void
        init(_ onDeath: @escaping () -> Void) { self.onDeath = onDeath }
        deinit { onDeath() }
    }

    // MARK: Stop

    @Test func runEndsAtStop() {
        let loop = EventLoop()
        let probe = Probe()
        probe.onFire = { tag in if tag == 2 { loop.stop() } }
        _ = loop.schedule(afterMS: 1, target: probe, tag: 1)
        _ = loop.schedule(afterMS: 5, target: probe, tag: 2)
        var late = loop.schedule(afterMS: 60_000, target: probe, tag: 3)
        loop.run()
        #expect(probe.fired == [1, 2])
        loop.cancel(&late)
    }

    @Test func stopBeforeRunIsRemembered() {
        let loop = EventLoop()
        let probe = Probe()
        // Without the memory this would be the only way out.
        var rescue = loop.schedule(afterMS: 2000, target: probe, tag: 1)
        probe.onFire = { _ in loop.stop() }
        loop.stop()
        loop.run()
        #expect(probe.fired.isEmpty)
        // And it counts once: the next run turns again.
        loop.cancel(&rescue)
        _ = loop.schedule(afterMS: 1, target: probe, tag: 2)
        loop.run()
        #expect(probe.fired == [2])
    }

    @Test func stopFromAnotherThreadWakesAWaitingLoop() {
        let loop = EventLoop()
        let mailbox = loop.mailbox
        runThreads(
            1,
            { _ in
                usleep(20_000)
                mailbox.post { $0.stop() }
            }, meanwhile: { loop.run() })
    }

    // MARK: Timers

    @Test func timersFireInOrderAndNeverEarly() {
        let loop = EventLoop()
        let probe = Probe()
        let began = Instant.read()
        var tookMS: [Int: Int64] = [:]
        probe.onFire = { tag in tookMS[tag] = Instant.read().milliseconds(since: began) }
        for delay in [30, 10, 20, 0] { _ = loop.schedule(afterMS: Int64(delay), target: probe, tag: delay) }
        #expect(loop.turn(untilMS: 5000) { probe.fired.count == 4 })
        #expect(probe.fired == [0, 10, 20, 30])
        for (delay, took) in tookMS { #expect(took >= Int64(delay)) }
    }

    @Test func aTimerAddedInsideATimerWaitsForTheNextTurn() {
        let loop = EventLoop()
        let probe = Probe()
        probe.onFire = { tag in
            if tag < 5 { _ = loop.schedule(at: loop.now, target: probe, tag: tag + 1) }
        }
        _ = loop.schedule(at: loop.now, target: probe, tag: 1)
        loop.turn(mayWait: true)
        let afterOne = probe.fired
        #expect(afterOne == [1])
        #expect(loop.turn(untilMS: 5000) { probe.fired.count == 5 })
    }

    @Test func aTimerMayCancelAnotherThatIsDue() {
        let loop = EventLoop()
        let probe = Probe()
        var second = TimerHandle.none
        probe.onFire = { _ in loop.cancel(&second) }
        let due = loop.now
        _ = loop.schedule(at: due, target: probe, tag: 1)
        second = loop.schedule(at: due.advanced(byMS: 1), target: probe, tag: 2)
        usleep(5000)
        #expect(!loop.turn(untilMS: 30) { probe.fired.contains(2) })
        #expect(probe.fired == [1] && second == .none)
    }

    @Test func anEarlierTimerMovesTheWaitForward() {
        let loop = EventLoop()
        let probe = Probe()
        var late = loop.schedule(afterMS: 60_000, target: probe, tag: 1)
        loop.turn(mayWait: false)
        _ = loop.schedule(afterMS: 5, target: probe, tag: 2)
        let began = Instant.read()
        while probe.fired.isEmpty { loop.turn(mayWait: true) }
        #expect(probe.fired == [2] && Instant.read().milliseconds(since: began) < 10_000)
        loop.cancel(&late)
    }

    @Test func aTimeOutOfCenturiesIsNoPast() {
        let loop = EventLoop()
        let probe = Probe()
        var far = loop.schedule(afterMS: .max, target: probe)
        var farther = loop.schedule(at: Instant(nanoseconds: .max - 1), target: probe)
        loop.turn(mayWait: false)
        loop.turn(mayWait: false)
        #expect(probe.fired.isEmpty)
        loop.cancel(&far)
        loop.cancel(&farther)
    }

    @Test func aClosureTimerIsMovedByScheduling() {
        let loop = EventLoop()
        var count = 0
        let timer = ClosureTimer(loop) { count += 1 }
        timer.schedule(afterMS: 1)
        timer.schedule(afterMS: 30)
        #expect(timer.isScheduled)
        #expect(!loop.turn(untilMS: 10) { count > 0 })
        #expect(loop.turn(untilMS: 5000) { count > 0 })
        #expect(count == 1 && !timer.isScheduled)
        timer.schedule(afterMS: 1)
        timer.cancel()
        #expect(!loop.turn(untilMS: 20) { count > 1 })
    }

    // MARK: The clock

    @Test func theTimeStandsStillWithinATurn() {
        let loop = EventLoop()
        let probe = Probe()
        var times: [Instant] = []
        probe.onFire = { _ in
            times.append(loop.now)
            usleep(2000)
            times.append(loop.now)
        }
        _ = loop.schedule(afterMS: 0, target: probe)
        #expect(loop.turn(untilMS: 5000) { !times.isEmpty })
        #expect(times[0] == times[1])
        let between = loop.now
        #expect(between > times[1])
    }

    // MARK: End of turn, graveyard

    @Test func endOfTurnComesOnceAndAfterTheEvents() {
        let loop = EventLoop()
        var order: [String] = []
        let (first, second) = (Probe(), Probe())
        first.onEnd = {
            order.append("first")
            // Asked for from within: still this turn.
            loop.atTurnEnd(second)
        }
        second.onEnd = { order.append("second") }
        let timer = Probe()
        timer.onFire = { _ in
            loop.atTurnEnd(first)
            order.append("event")
        }
        _ = loop.schedule(at: loop.now, target: timer)
        #expect(loop.turn(untilMS: 5000) { !order.isEmpty })
        #expect(order == ["event", "first", "second"])
        loop.turn(mayWait: false)
        #expect(order.count == 3)
    }

    @Test func theBuriedLiveUntilTheEndOfTheTurn() {
        let loop = EventLoop()
        var order: [String] = []
        let probe = Probe()
        probe.onFire = { _ in
            loop.bury(
                Mortal {
                    order.append("died")
                    // A death may bury more.
                    loop.bury(Mortal { order.append("died later") })
                })
            order.append("buried")
            loop.atTurnEnd(probe)
        }
        probe.onEnd = { order.append("turn end") }
        _ = loop.schedule(at: loop.now, target: probe)
        #expect(loop.turn(untilMS: 5000) { !order.isEmpty })
        #expect(order == ["buried", "turn end", "died", "died later"])
    }

    // MARK: Readiness

    @Test func readinessIsLevelTriggeredAndEndsWhenDisabled() {
        let loop = EventLoop()
        var ends: (Int32, Int32) = (0, 0)
        withUnsafeMutableBytes(of: &ends) { raw in
            _ = pipe(raw.bindMemory(to: Int32.self).baseAddress)
        }
        defer {
            close(ends.0)
            close(ends.1)
        }
        let probe = Probe()
        var count = 0
        probe.onRead = { count += 1 }
        var readiness = Readiness(loop: loop, fd: ends.0, .read, target: probe)
        _ = write(ends.1, "x", 1)
        loop.turn(mayWait: false)
        #expect(count == 0, "not asked yet")
        readiness.enable()
        loop.turn(mayWait: false)
        loop.turn(mayWait: false)
        #expect(count == 2)
        readiness.disable()
        loop.turn(mayWait: false)
        #expect(count == 2 && !readiness.isEnabled)
    }
}
