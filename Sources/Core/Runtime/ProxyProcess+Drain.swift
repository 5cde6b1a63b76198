// Signals, draining, and the ways to the end of the process.

import CoreConfig
import Glibc

extension ProxyProcess {
    func onSignal(_ signal: Int32) {
        switch signal {
        case SIGUSR1: reopenLogs()
        case SIGHUP: Log.warning(.main, "SIGHUP is ignored; the configuration is read at start")
        default:
            signalsSeen += 1
            if signalsSeen == 1 {
                Log.info(.main, "signal \(signal): draining for at most \(options.drainTimeS) s")
                shutDown()
            } else {
                Log.warning(.main, "signal \(signal) again: exiting at once")
                // The operator insists: at once, with the signal's own exit code.
                services.accessLogs.stop()
                Log.flush()
                exit(128 + signal)
            }
        }
    }

    /// Stops taking connections, lets the open ones finish until the drain time is over, then exits.
    package func shutDown() {
        guard state != .draining else { return }
        state = .draining
        listeners.stop(on: workers)
        drainConnections(options.drainStrategy == .gradual ? .gradual : .immediate)
        let timer = ClosureTimer(loop) { [unowned self] in
            for worker in workers { worker.post { $0.closeConnections() } }
            loop.stop()
        }
        timer.schedule(afterMS: Int64(options.drainTimeS) * 1_000)
        deadline = timer
        shared.tellWhenIdle()
        // A turn for connections that workers are about to accept from the closing sockets.
        for worker in workers { worker.post { [shared] _ in shared.countConnection(0) } }
    }

    /// `/drain_listeners`. The process goes on: a graceful drain asks connections to end at once and stops the
    /// listeners at the end of the drain time; another stops the listeners and leaves connections alone.
    package func drainListeners(_ request: DrainRequest) {
        guard request.isGraceful else {
            listeners.stop(inboundOnly: request.inboundOnly, on: workers)
            return
        }
        guard listenerStop == nil, state != .draining else { return }
        drainConnections(options.drainStrategy == .gradual ? .gradual : .immediate)
        let timer = ClosureTimer(loop) { [unowned self] in
            if !request.skipExit { listeners.stop(inboundOnly: request.inboundOnly, on: workers) }
        }
        timer.schedule(afterMS: Int64(options.drainTimeS) * 1_000)
        listenerStop = timer
    }

    /// Every connection hears that the process is going away, and ends at a quiet moment.
    private func drainConnections(_ strategy: DrainPlan.Strategy, sparesModifyOnly: Bool = false) {
        let plan = DrainPlan(
            start: Instant.read(), durationMS: Int64(options.drainTimeS) * 1_000, strategy: strategy)
        for worker in workers { worker.post { $0.drainConnections(plan, sparesModifyOnly: sparesModifyOnly) } }
    }

    /// `/healthcheck/fail` and `/healthcheck/ok`: whoever balances over us is told by `/ready`, and the connections of
    /// listeners with `drain_type: DEFAULT` end at a quiet moment, or no longer do.
    package func failHealthChecks(_ fails: Bool) {
        guard fails != failsHealthChecks else { return }
        failsHealthChecks = fails
        // Another drain goes on whatever the health checks say.
        guard state == .live, listenerStop == nil else { return }
        if fails {
            drainConnections(.immediate, sparesModifyOnly: true)
        } else {
            for worker in workers { worker.post { $0.endDrain() } }
        }
    }

    /// SIGUSR1 and `/reopen_logs`: after a rotation, every file is opened anew by its own thread.
    package func reopenLogs() {
        services.accessLogs.reopenAll()
        services.clusters.reopenLogs()
        Log.reopen()
    }

    /// `/quitquitquit`: at once.
    package func quit() { loop.stop() }

    func onAllConnectionsClosed() {
        guard signalsSeen > 0, shared.connectionCount == 0 else { return }
        loop.stop()
    }
}
