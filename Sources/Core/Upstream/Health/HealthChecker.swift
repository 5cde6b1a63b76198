// Active health checks of one cluster.

import CoreBytes

/// Keeps one session per host and turns results into flags, stats and events. Main thread.
final class HealthChecker {
    let spec: HealthCheckSpec
    let loop: EventLoop
    let stats: StatBlock<HealthCheckStat>
    let log: HealthEventLog?
    unowned let cluster: ManagedCluster

    private let scope: StatScope<HealthCheckStat>
    private var sessions: [ObjectIdentifier: HealthCheckSession] = [:]
    private var openFirstChecks = 0
    private var random: FastRandom

    init(
        _ spec: HealthCheckSpec, cluster: ManagedCluster, loop: EventLoop, scope: StatScope<HealthCheckStat>,
        stats: StatBlock<HealthCheckStat>, log: HealthEventLog?, random: FastRandom
    ) {
        self.spec = spec
        self.cluster = cluster
        self.loop = loop
        self.scope = scope
        self.stats = stats
        self.log = log
        self.random = random
    }

    /// Hosts that were never checked are left.
    var isFirstRoundOpen: Bool { openFirstChecks > 0 }

    func update(added: [Host], removed: [Host]) {
        // Added first: a round that is over must not be reported between the two.
        for host in added where !host.attributes.disableActiveHealthCheck {
            let session = HealthCheckSession(host, checker: self)
            sessions[ObjectIdentifier(host.health)] = session
            openFirstChecks += 1
            session.start(afterMS: jitter(below: spec.initialJitterMS))
        }
        for host in removed {
            guard let session = sessions.removeValue(forKey: ObjectIdentifier(host.health)) else { continue }
            session.stop()
            if !session.wasChecked { endFirstCheck() }
        }
        refreshGauges()
    }

    func stop() {
        for session in sessions.values { session.stop() }
        sessions = [:]
    }

    // MARK: From sessions

    func makeProbe(for session: HealthCheckSession, _ host: Host) -> HealthProbe {
        var socket = cluster.config.connect.spec(for: host.healthCheckAddress)
        // A check lives for a moment: keepalive is for what idles.
        socket.keepalive = nil
        switch spec.probe {
        case .tcp(let tcp):
            return TCPProbe(
                loop: loop, socket: socket, spec: tcp, reusesConnection: spec.reusesConnection, owner: session)
        }
    }

    func onResult(_ result: CheckResult, _ verdict: HealthCheckState.Verdict, of host: Host) {
        switch result {
        case .passed: stats.add(.success)
        case .failedNetwork, .timedOut:
            stats.add(.failure)
            stats.add(.networkFailure)
        case .failedActive: stats.add(.failure)
        }
        var hasChanged = verdict.transition == .changed
        if verdict.transition == .changed {
            if verdict.isPassing {
                host.health.clear([.failedActiveHC, .activeHCTimeout])
                host.health.beginSlowStart(atNS: loop.now.nanoseconds)
            } else {
                host.health.set(verdict.isTimeout ? [.failedActiveHC, .activeHCTimeout] : .failedActiveHC)
            }
        }
        if host.health.clear(.pendingActiveHC) { hasChanged = true }
        logEvents(result, verdict, host)
        if hasChanged {
            refreshGauges()
            cluster.onHealthChange(of: host)
        }
        if verdict.isFirstCheck { endFirstCheck() }
    }

    /// Milliseconds until the host's next check.
    func nextIntervalMS(after result: CheckResult, _ transition: HealthCheckState.Transition) -> Int64 {
        let base = HealthCheckState.intervalMS(
            after: result, transition, wasUsed: cluster.shared.wasUsed, spec)
        let share = base * Int64(spec.intervalJitterPercent) / 100
        return base + jitter(below: share) + jitter(below: spec.intervalJitterMS)
    }

    private func endFirstCheck() {
        openFirstChecks -= 1
        if openFirstChecks == 0 { cluster.onFirstHealthRound() }
    }

    private func jitter(below bound: Int64) -> Int64 {
        bound <= 0 ? 0 : Int64(random.next() % UInt64(bound))
    }

    private func refreshGauges() {
        let healthy = cluster.hosts.count { !$0.flags.contains(.failedActiveHC) }
        stats.set(.healthy, healthy)
        stats.set(.degraded, cluster.hosts.count { $0.flags.contains(.degradedActiveHC) })
    }

    private func logEvents(_ result: CheckResult, _ verdict: HealthCheckState.Verdict, _ host: Host) {
        guard let log else { return }
        func write(_ kind: HealthEvent.Kind) {
            log.write(
                HealthEvent(
                    checker: spec.probe.typeName, host: host, cluster: cluster.name, kind: kind,
                    metadata: host.metadata))
        }
        if result == .passed {
            if verdict.transition == .changed { write(.addHealthy(isFirstCheck: verdict.isFirstCheck)) }
            if spec.alwaysLogsSuccess { write(.success) }
        } else {
            if verdict.transition == .changed { write(.ejectUnhealthy(result)) }
            if verdict.isFirstCheck || spec.alwaysLogsFailures {
                write(.failure(result, isFirstCheck: verdict.isFirstCheck))
            }
        }
    }
}

/// The checks of one host: probe, time-out, wait, again.
final class HealthCheckSession: EventTarget, HealthProbeOwner {
    private enum Tag {
        static let next = 0
        static let timeout = 1
    }

    private let host: Host
    private unowned let checker: HealthChecker
    private let loop: EventLoop
    private var state: HealthCheckState
    private var probe: HealthProbe?
    private var timer = TimerHandle.none
    private(set) var wasChecked = false

    init(_ host: Host, checker: HealthChecker) {
        self.host = host
        self.checker = checker
        loop = checker.loop
        state = HealthCheckState(isPassing: !host.flags.contains(.failedActiveHC))
    }

    func start(afterMS milliseconds: Int64) {
        // Never within the caller: discovery is in the middle of its update.
        timer = loop.schedule(afterMS: milliseconds, target: self, tag: Tag.next)
    }

    func stop() {
        loop.cancel(&timer)
        probe?.giveUp()
        if let probe { loop.bury(probe) }
        probe = nil
        loop.bury(self)
    }

    override func onTimer(_ tag: Int) {
        timer = .none
        if tag == Tag.timeout {
            probe?.giveUp()
            finish(.timedOut)
            return
        }
        checker.stats.add(.attempt)
        timer = loop.schedule(afterMS: checker.spec.timeoutMS, target: self, tag: Tag.timeout)
        let probe = probe ?? checker.makeProbe(for: self, host)
        self.probe = probe
        probe.begin()
    }

    func onProbeEnd(_ result: CheckResult) {
        loop.cancel(&timer)
        finish(result)
    }

    private func finish(_ result: CheckResult) {
        let verdict = state.take(result, checker.spec)
        wasChecked = true
        // Scheduled first: telling the result may end this session.
        let waitMS = checker.nextIntervalMS(after: result, verdict.transition)
        timer = loop.schedule(afterMS: waitMS, target: self, tag: Tag.next)
        checker.onResult(result, verdict, of: host)
    }
}
