// Time limits of a session, and the counters that follow its sockets.

import Core
import CoreBytes

extension TCPSession {
    func onTimeUp(_ tag: Int) {
        switch tag {
        case TimerTag.connect:
            connectTimer = .none
            onConnectTimer()
        case TimerTag.backoff:
            connectTimer = .none
            connect()
        case TimerTag.idle:
            idleTimer = .none
            onIdleLook()
        case TimerTag.duration:
            durationTimer = .none
            factory.stats.add(.maxDuration)
            downstream.info.responseFlags.insert(.durationTimeout)
            downstream.close(.flush, reason: "max_connection_duration_reached")
        case TimerTag.accessLog:
            logTimer = .none
            log(.tcpPeriodic)
            armAccessLog()
        case TimerTag.drain:
            onDrainLook()
        default:
            break
        }
    }

    // MARK: Idle

    func armIdle() {
        guard factory.idleLookMS > 0, idleTimer == .none else { return }
        idleTimer = loop.schedule(afterMS: factory.idleLookMS, target: self, tag: TimerTag.idle)
    }

    /// The timer has fired: closes if a limit has truly passed, else sleeps until the nearest one can.
    private func onIdleLook() {
        let now = loop.now
        let written = downstream.connection.bytesWritten &+ (upstream?.bytesWritten ?? 0)
        if written != writtenAtLastLook {
            // Output that still drains is no idleness; the moment is not known exactly, so count from now.
            writtenAtLastLook = written
            if downstream.connection.outputCount > 0 || upstream?.outputCount ?? 0 > 0 { lastUpstreamByte = now }
        }
        let last = max(lastDownstreamByte, lastUpstreamByte)
        var next = Instant.never
        for (limit, since) in [
            (settings.idleTimeoutMS, last), (settings.downstreamIdleTimeoutMS, lastDownstreamByte),
            (settings.upstreamIdleTimeoutMS, lastUpstreamByte),
        ] where limit > 0 {
            let deadline = since.advanced(byMS: limit)
            if deadline <= now {
                onIdle()
                return
            }
            next = min(next, deadline)
        }
        idleTimer = loop.schedule(at: next, target: self, tag: TimerTag.idle)
    }

    private func onIdle() {
        factory.stats.add(.idleTimeout)
        downstream.close(.now, reason: "tcp_session_idle_timeout")
    }

    // MARK: Duration, access log, drain

    func armDuration() {
        guard settings.maxDurationMS > 0 else { return }
        var limit = Double(settings.maxDurationMS)
        if settings.maxDurationJitterPercent > 0 {
            let share = Double(factory.worker.draw() >> 11) / Double(1 << 53)
            limit *= 1 + settings.maxDurationJitterPercent / 100 * share
        }
        durationTimer = loop.schedule(
            at: downstream.info.startTime.advanced(byMS: Int64(limit)), target: self, tag: TimerTag.duration)
    }

    func armAccessLog() {
        guard settings.accessLogIntervalMS > 0, phase != .over else { return }
        logTimer = loop.schedule(
            afterMS: settings.accessLogIntervalMS, target: self, tag: TimerTag.accessLog)
    }

    /// While draining, a connection closes at a quiet moment: nothing waits on either side and nothing has come for a
    /// while. Envoy closes on the next read or write and loses what is on its way (docs/differences-from-envoy.md).
    static let quietMS: Int64 = 100

    func armDrainLook() {
        // The duration timer's slot serves: a draining connection has no other duration to keep.
        loop.cancel(&durationTimer)
        durationTimer = loop.schedule(afterMS: TCPSession.quietMS, target: self, tag: TimerTag.drain)
    }

    private func onDrainLook() {
        durationTimer = .none
        guard phase != .over else { return }
        guard factory.worker.isDraining else {
            armDuration()
            return
        }
        let quietSince = max(lastDownstreamByte, lastUpstreamByte)
        let isQuiet =
            loop.now.milliseconds(since: quietSince) >= TCPSession.quietMS && downstream.connection.outputCount == 0
            && upstream?.outputCount ?? 0 == 0
        if isQuiet, factory.worker.drainSaysClose() {
            factory.stats.add(.drainClose)
            downstream.close(.flush, reason: "drain_close")
        } else {
            armDrainLook()
        }
    }

    // MARK: Counters

    /// Counts what the client's socket has taken since the last look.
    @inline(__always)
    func accountDownstreamWritten() { withDownstream { account(written: $0.connection) } }

    /// As ``accountDownstreamWritten()`` where the client's connection is at hand.
    @inline(__always)
    func account(written connection: Connection) {
        let written = connection.bytesWritten
        factory.stats.add(.txBytes, written &- countedTx)
        countedTx = written
        if connection.outputCount != gaugedTx { syncBuffered() }
    }

    @inline(__always)
    func accountUpstreamWritten(_ upstream: Connection) {
        let written = upstream.bytesWritten
        clusterStats?.add(.upstreamCxTxBytesTotal, written &- countedUpstreamTx)
        countedUpstreamTx = written
        if upstream.outputCount != gaugedUpstreamTx { syncBuffered() }
    }

    /// Brings the gauges of waiting bytes up to date.
    func syncBuffered() {
        withDownstream { setBuffered($0.connection.outputCount, upstream?.outputCount ?? 0) }
    }

    /// The session lets go of its sockets: what waits on them is no longer its.
    func clearBuffered() { setBuffered(0, 0) }

    private func setBuffered(_ down: Int, _ up: Int) {
        if down > gaugedTx { factory.stats.add(.txBuffered, down - gaugedTx) }
        if down < gaugedTx { factory.stats.sub(.txBuffered, gaugedTx - down) }
        gaugedTx = down
        if up > gaugedUpstreamTx { clusterStats?.add(.upstreamCxTxBytesBuffered, up - gaugedUpstreamTx) }
        if up < gaugedUpstreamTx { clusterStats?.sub(.upstreamCxTxBytesBuffered, gaugedUpstreamTx - up) }
        gaugedUpstreamTx = up
    }
}
