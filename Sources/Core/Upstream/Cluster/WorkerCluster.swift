// One worker's view of one cluster, made when the worker first needs it.

import CoreBytes

/// Chooses hosts and counts, on one worker. Not `Sendable`.
///
/// Made on first use by ``WorkerClusters``: 5,000 clusters that nobody talks to cost a worker nothing. Sessions may
/// keep it; a cluster that was removed meanwhile answers ``choose(_:)`` with nil.
public final class WorkerCluster {
    /// What all threads share.
    let shared: Cluster
    public let config: ClusterConfig
    public let breakers: CircuitBreakers
    public let stats: StatBlock<ClusterTrafficStat>
    let balancer: LoadBalancer
    let isOriginalDestination: Bool

    /// The cells behind `stats` live as long as the scope.
    private let scope: StatScope<ClusterTrafficStat>
    private let mainMailbox: Mailbox
    private let link: ManagerLink
    @exclusivity(unchecked) private var random: FastRandom
    /// By host index of the current snapshot; made on first choice.
    @exclusivity(unchecked) private var hosts: [WorkerHost?]
    /// Admitted here and not in a snapshot yet.
    private var strays: [ObjectIdentifier: WorkerHost] = [:]
    @exclusivity(unchecked) private var isRetired = false
    private var isMarkedUsed = false

    init(_ shared: Cluster, stats: WorkerStats, link: ManagerLink, random: inout FastRandom) {
        self.shared = shared
        config = shared.config
        breakers = shared.breakers
        scope = shared.trafficScope
        self.stats = stats.block(scope)
        self.link = link
        mainMailbox = link.mailbox
        self.random = FastRandom(seed: random.next())
        let snapshot = shared.snapshot
        balancer = LoadBalancer(snapshot)
        hosts = Array(repeating: nil, count: snapshot.hosts.count)
        if case .originalDestination = shared.config.discovery {
            isOriginalDestination = true
        } else {
            isOriginalDestination = false
        }
    }

    public var name: String { config.name }
    /// The cluster was removed or replaced: whoever kept this looks it up anew.
    public func isGone() -> Bool { isRetired }
    public var metadata: Metadata { config.metadata }
    public var snapshot: ClusterSnapshot { balancer.currentSnapshot }

    /// From the first connection on, health checks run at their full rate.
    @inline(__always)
    func markUsed() {
        if isMarkedUsed { return }
        isMarkedUsed = true
        shared.markUsed()
    }

    // MARK: Choosing

    /// A host for one connection or request, nil when there is none to give (counted as `upstream_cx_none_healthy`).
    /// Allocates only when the worker meets a host for the first time.
    public func choose(_ context: LoadBalancerContext) -> WorkerHost? {
        if isRetired { return nil }
        let choice = balancer.choose(context, random: &random)
        if !choice.outcome.isEmpty { account(choice.outcome) }
        if let index = choice.index { return host(at: index) }
        if choice.outcome.contains(.hostToAdmit), let address = context.originalDestination { return admit(address) }
        stats.add(.upstreamCxNoneHealthy)
        return nil
    }

    @inline(__always)
    private func host(at index: HostIndex) -> WorkerHost {
        if let known = hosts[Int(index)] { return known }
        return meet(index)
    }

    @inline(never)
    private func meet(_ index: HostIndex) -> WorkerHost {
        let made = WorkerHost(balancer.currentSnapshot[index], index: index, cluster: self)
        hosts[Int(index)] = made
        return made
    }

    @inline(never)
    private func account(_ outcome: ChoiceOutcome) {
        if outcome.contains(.healthyPanic) { stats.add(.lbHealthyPanic) }
        if outcome.contains(.subsetSelected) { stats.add(.lbSubsetsSelected) }
        if outcome.contains(.subsetFallback) { stats.add(.lbSubsetsFallback) }
        if outcome.contains(.subsetFallbackPanic) { stats.add(.lbSubsetsFallbackPanic) }
        if outcome.contains(.zoneAllDirectly) { stats.add(.lbZoneRoutingAllDirectly) }
        if outcome.contains(.zoneSampled) { stats.add(.lbZoneRoutingSampled) }
        if outcome.contains(.zoneCrossZone) { stats.add(.lbZoneRoutingCrossZone) }
        if outcome.contains(.zoneNoCapacityLeft) { stats.add(.lbZoneNoCapacityLeft) }
        if outcome.contains(.localClusterNotOK) { stats.add(.lbLocalClusterNotOk) }
        if outcome.contains(.originalDestinationInvalid) { stats.add(.originalDstHostInvalid) }
    }

    // MARK: Original destination

    /// The destination is no host of the snapshot yet: makes it one and tells the main thread.
    @inline(never)
    private func admit(_ destination: SocketAddress) -> WorkerHost {
        var address = destination
        if case .originalDestination(let spec) = config.balancing.policy { address = spec.destination(destination) }
        let (host, isNew) = shared.admit(address)
        if isNew {
            mainMailbox.post { [link, shared] _ in link.onAdmission(shared) }
        }
        let id = ObjectIdentifier(host.health)
        if let known = strays[id] { return known }
        let made = WorkerHost(host, index: nil, cluster: self)
        strays[id] = made
        return made
    }

    // MARK: Snapshots

    /// Takes over a newer snapshot, at the start of a turn.
    func adopt(_ snapshot: ClusterSnapshot) {
        if isRetired || snapshot.generation <= balancer.currentSnapshot.generation { return }
        let before = balancer.currentSnapshot.hosts
        var known = strays
        for case let host? in hosts { known[ObjectIdentifier(host.host.health)] = host }
        balancer.adopt(snapshot)
        if snapshot.tableFigures.isZoneClusterTooSmall { stats.add(.lbZoneClusterTooSmall) }
        if snapshot.tableFigures.isLocalClusterNotOK { stats.add(.lbLocalClusterNotOk) }
        hosts = Array(repeating: nil, count: snapshot.hosts.count)
        strays = [:]
        if known.isEmpty { return }
        for (index, host) in snapshot.hosts.enumerated() {
            guard let worker = known.removeValue(forKey: ObjectIdentifier(host.health)) else { continue }
            hosts[index] = worker
            worker.move(to: HostIndex(index), host)
        }
        for (id, worker) in known {
            // Admitted after the main thread built this snapshot: the next one will have it.
            if isOriginalDestination, shared.isAdmitted(worker.host) { strays[id] = worker } else { worker.leave() }
        }
        if config.closesConnectionsOnHostSetChange, hasOtherHosts(before, snapshot.hosts) {
            for case let host? in hosts { host.tellHostSetChange() }
        }
    }

    private func hasOtherHosts(_ before: [Host], _ after: [Host]) -> Bool {
        Set(before.map { ObjectIdentifier($0.health) }) != Set(after.map { ObjectIdentifier($0.health) })
    }

    /// The cluster was removed: lets go of its hosts. Sessions that still hold some finish on them.
    func retire() {
        isRetired = true
        for case let host? in hosts { host.leave() }
        for host in strays.values { host.leave() }
        forget()
    }

    /// Lets go of the hosts without telling: the worker ends.
    func forget() {
        isRetired = true
        hosts = []
        strays = [:]
    }
}
