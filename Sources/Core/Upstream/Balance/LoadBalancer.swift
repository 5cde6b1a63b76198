public import CoreBytes

/// Chooses a host of one cluster for one worker. Pure policy: no I/O, no clock, no counter; time comes in the context,
/// randomness as an argument, and what should be counted goes out in ``HostChoice/outcome``.
///
/// Owned by the worker's view of the cluster and made on its first use, so that a cluster nobody talks to costs a
/// worker nothing. A new snapshot comes in through ``adopt(_:)`` at the start of a turn; active counts survive it.
/// ``choose(_:random:)`` takes no lock and allocates nothing in the steady state (lists and schedules are prepared on
/// the first choice after a snapshot).
///
/// What differs by policy is in a ``HostPicker``; attempts, the predicate and the override are here, the same for all.
public final class LoadBalancer {
    private var snapshot: ClusterSnapshot
    private let loads = HostLoads()
    private let picker: HostPicker
    /// For overrides; made when one first comes, dropped with the snapshot.
    private var indexOfAddress: [SocketAddress: HostIndex] = [:]

    public init(_ snapshot: ClusterSnapshot) {
        self.snapshot = snapshot
        loads.adopt(snapshot.hosts)
        picker = HostPicker.make(snapshot.spec, snapshot, snapshot.prioritySet, loads)
    }

    /// The snapshot that choices index into.
    public var currentSnapshot: ClusterSnapshot { snapshot }

    /// Takes over a newer snapshot of the same cluster. A changed policy needs a new balancer.
    public func adopt(_ snapshot: ClusterSnapshot) {
        precondition(snapshot.spec == self.snapshot.spec, "Another policy is another balancer.")
        self.snapshot = snapshot
        indexOfAddress = [:]
        loads.adopt(snapshot.hosts)
        picker.adopt(snapshot, snapshot.prioritySet)
    }

    /// Chooses a host, trying again while the context's predicate refuses it. After the last attempt a refused host is
    /// given nevertheless, as Envoy does: a retry on the same host beats none.
    public func choose(_ context: LoadBalancerContext, random: inout FastRandom) -> HostChoice {
        if context.overrideHost != nil, let choice = chooseOverride(context) { return choice }
        let choice = picker.pick(context, attempt: 0, random: &random)
        guard let predicate = context.predicate, let index = choice.index, predicate.rejects(snapshot[index]) else {
            return choice
        }
        return chooseAgain(choice, predicate, context, &random)
    }

    /// Counts a request on a chosen host until ``release(_:)``.
    public func acquire(_ host: HostIndex) -> HostSlot { loads.acquire(host) }

    public func release(_ slot: HostSlot) { loads.release(slot) }

    /// Requests of this worker that are out on the host.
    public func active(of host: HostIndex) -> UInt32 { loads.active(of: host) }

    public func active(of slot: HostSlot) -> UInt32 { loads.active(of: slot) }

    @inline(never)
    private func chooseAgain(
        _ first: HostChoice, _ predicate: HostPredicate, _ context: LoadBalancerContext, _ random: inout FastRandom
    ) -> HostChoice {
        var choice = first
        for attempt in 1..<max(1, context.maxHostAttempts) {
            let next = picker.pick(context, attempt: attempt, random: &random)
            choice = HostChoice(next.index, choice.outcome.union(next.outcome))
            guard let index = next.index, predicate.rejects(snapshot[index]) else { return choice }
        }
        choice.outcome.insert(.predicateExhausted)
        return choice
    }

    /// The override's verdict; nil = choose as usual.
    @inline(never)
    private func chooseOverride(_ context: LoadBalancerContext) -> HostChoice? {
        guard let wanted = context.overrideHost, !snapshot.spec.overrideHostStatus.isEmpty else { return nil }
        if indexOfAddress.isEmpty {
            for (index, host) in snapshot.hosts.enumerated() { indexOfAddress[host.address] = HostIndex(index) }
        }
        if let index = indexOfAddress[wanted.address] {
            let status = LoadBalancerSpec.OverrideStatus(snapshot[index].status)
            if snapshot.spec.overrideHostStatus.contains(status) { return HostChoice(index, .overrideHost) }
        }
        return wanted.isStrict ? HostChoice(nil, .overrideFailed) : nil
    }
}

extension LoadBalancerSpec.OverrideStatus {
    init(_ status: ConfiguredHealthStatus) {
        switch status {
        case .unknown: self = .unknown
        case .healthy: self = .healthy
        case .unhealthy: self = .unhealthy
        case .draining: self = .draining
        case .timeout: self = .timeout
        case .degraded: self = .degraded
        }
    }
}
