// What the main thread and all workers share about one cluster.

import Synchronization

/// Configuration, breakers, the current snapshot and the hosts' tallies of one cluster.
///
/// `Sendable`: configuration is immutable, breakers are atomics, the rest is under one mutex that is taken only when a
/// snapshot changes or a worker meets the cluster or a host for the first time.
public final class Cluster: Sendable {
    public let config: ClusterConfig
    public let breakers: CircuitBreakers
    public let trafficScope: StatScope<ClusterTrafficStat>

    private struct State {
        var snapshot: ClusterSnapshot
        var tallies: [ObjectIdentifier: HostTally] = [:]
        /// Original destination: hosts made by workers, by address.
        var admitted: [SocketAddress: Host] = [:]
        var hasNewAdmissions = false
    }

    private let state: Locked<State>
    /// A worker has opened a connection: health checks run at their full rate.
    private let used = Atomic<Bool>(false)

    init(
        config: ClusterConfig, breakers: CircuitBreakers, trafficScope: StatScope<ClusterTrafficStat>,
        snapshot: ClusterSnapshot
    ) {
        self.config = config
        self.breakers = breakers
        self.trafficScope = trafficScope
        state = Locked(State(snapshot: snapshot))
    }

    public var name: String { config.name }

    public var snapshot: ClusterSnapshot { state.withLock { $0.snapshot } }

    var wasUsed: Bool { used.load(ordering: .relaxed) }

    func markUsed() { used.store(true, ordering: .relaxed) }

    /// Main thread. Tallies of hosts that left go with them.
    func publish(_ snapshot: ClusterSnapshot) {
        // What goes is destroyed outside the lock.
        let old = state.withLock { state in
            let old = (state.snapshot, state.tallies)
            state.snapshot = snapshot
            if !state.tallies.isEmpty {
                var kept: [ObjectIdentifier: HostTally] = [:]
                for host in snapshot.hosts {
                    let id = ObjectIdentifier(host.health)
                    if let tally = state.tallies[id] { kept[id] = tally }
                }
                // A host that a worker admitted a moment ago is in no snapshot yet.
                for host in state.admitted.values {
                    let id = ObjectIdentifier(host.health)
                    if let tally = state.tallies[id] { kept[id] = tally }
                }
                state.tallies = kept
            }
            return old
        }
        withExtendedLifetime(old) {}
    }

    // MARK: Tallies

    /// The host's tally, made at its first use by any worker.
    func tally(of host: Host) -> HostTally {
        state.withLock { state in
            let id = ObjectIdentifier(host.health)
            if let known = state.tallies[id] { return known }
            let made = HostTally(host.health)
            state.tallies[id] = made
            return made
        }
    }

    /// The host's figures over all workers; zeros for a host that nobody used.
    public func figures(of host: Host) -> HostFigures {
        state.withLock { $0.tallies[ObjectIdentifier(host.health)] }?.figures ?? HostFigures()
    }

    // MARK: Original destination

    /// The host of a connection's destination, the same object for all workers. `isNew` asks the caller to tell the
    /// main thread, once until the main thread has looked.
    func admit(_ address: SocketAddress) -> (host: Host, isNew: Bool) {
        state.withLock { state in
            if let known = state.admitted[address] { return (known, false) }
            var attributes = Host.Attributes(address: address)
            attributes.hostname = config.name
            let host = Host(attributes)
            state.admitted[address] = host
            let isFirst = !state.hasNewAdmissions
            state.hasNewAdmissions = true
            return (host, isFirst)
        }
    }

    func isAdmitted(_ host: Host) -> Bool {
        state.withLock { $0.admitted[host.address]?.isSame(as: host) ?? false }
    }

    /// Main thread: the hosts admitted so far.
    func takeAdmitted() -> [Host] {
        state.withLock { state in
            state.hasNewAdmissions = false
            return Array(state.admitted.values)
        }
    }

    /// Main thread: forgets hosts without connections that nobody chose since the last call. Returns whether any went.
    func dropUnusedAdmitted() -> Bool {
        state.withLock { state in
            var gone: [SocketAddress] = []
            for (address, host) in state.admitted {
                guard let tally = state.tallies[ObjectIdentifier(host.health)] else {
                    gone.append(address)
                    continue
                }
                if tally.wasUsed.exchange(false, ordering: .relaxed) { continue }
                if tally.figures.cxActive == 0 { gone.append(address) }
            }
            for address in gone { state.admitted[address] = nil }
            return !gone.isEmpty
        }
    }
}
