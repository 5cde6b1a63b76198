// One cluster as the main thread runs it: discovery in, snapshots out.

/// Admits what discovery offers, keeps health checking informed, and publishes snapshots.
///
///     discovery ─▶ apply ─▶ hosts ─▶ (end of turn) build ─▶ Cluster.publish ─▶ workers
///                              ▲ flags
///                     health checker
///
/// All changes of one loop turn end in one snapshot. Main thread only.
public final class ManagedCluster {
    public let shared: Cluster
    public private(set) var hosts: [Host] = []
    let discovery: ClusterDiscovery

    private unowned let manager: ClusterManager
    private var builder: ClusterSnapshotBuilder
    private var localityWeights: [ClusterSnapshotBuilder.PriorityLocality: UInt32] = [:]
    private var health: HealthChecker?
    private let stateScope: StatScope<ClusterStateStat>
    let state: StatBlock<ClusterStateStat>
    private var remainingScopes: [(RoutingPriority, StatScope<BreakerRemainingStat>)] = []
    private var hasShownBreakers = false
    private var ringScope: StatScope<RingHashStat>?
    private var maglevScope: StatScope<MaglevStat>?

    private(set) var isInitialised = false
    private var hasDiscovered = false
    private(set) var isDirty = false

    init(
        shared: Cluster, discovery: ClusterDiscovery, builder: ClusterSnapshotBuilder, manager: ClusterManager,
        stateScope: StatScope<ClusterStateStat>, state: StatBlock<ClusterStateStat>
    ) {
        self.shared = shared
        self.discovery = discovery
        self.builder = builder
        self.manager = manager
        self.stateScope = stateScope
        self.state = state
        for priority in RoutingPriority.allCases where shared.config.breakers[priority].tracksRemaining {
            remainingScopes.append(
                (
                    priority,
                    manager.store.scope(
                        prefix: "cluster.\(shared.config.statName).circuit_breakers.\(priority.text).")
                ))
        }
        discovery.cluster = self
    }

    public var config: ClusterConfig { shared.config }
    public var name: String { shared.config.name }

    /// Port of health checks for hosts that name none of their own.
    var alternatePort: UInt16 { config.healthCheck?.alternatePort ?? 0 }

    // MARK: Life

    func start() {
        if let spec = config.healthCheck { health = manager.makeHealthChecker(spec, for: self) }
        // Not waiting means ready at once; discovery goes on all the same.
        if !config.waitsForWarmOnInit { finishInit() }
        discovery.start()
    }

    func stop() {
        discovery.stop()
        health?.stop()
        health = nil
    }

    /// Discovery has its first answer, or has failed for the first time.
    public func finishFirstDiscovery() {
        if hasDiscovered { return }
        hasDiscovered = true
        if health?.isFirstRoundOpen != true { finishInit() }
    }

    /// Every host has been checked once.
    func onFirstHealthRound() {
        if hasDiscovered { finishInit() }
    }

    private func finishInit() {
        if isInitialised { return }
        isInitialised = true
        manager.onInitialised(self)
    }

    // MARK: Hosts

    /// The first hosts of a cluster whose addresses are configured; doubles stay doubles, as in Envoy.
    func setFirst(
        _ found: [DiscoveredHost], localityWeights: [ClusterSnapshotBuilder.PriorityLocality: UInt32]
    ) {
        self.localityWeights = localityWeights
        hosts = found.map(admit)
        if !hosts.isEmpty { state.add(.membershipChange) }
        health?.update(added: hosts, removed: [])
        setNeedsSnapshot()
    }

    /// Makes `found` the cluster's hosts. Hosts that stay keep their health and counts; hosts that left go, or stay as
    /// long as their active health check passes. Returns whether anything changed.
    @discardableResult
    public func apply(
        _ found: [DiscoveredHost], localityWeights: [ClusterSnapshotBuilder.PriorityLocality: UInt32]
    ) -> Bool {
        var leaving: [HostKey: Host] = [:]
        for host in hosts { leaving[HostKey(host.attributes)] = host }
        var next: [Host] = []
        var added: [Host] = []
        var seen: Set<HostKey> = []
        var hasChanged = localityWeights != self.localityWeights
        for offer in found {
            let key = HostKey(offer.attributes)
            // One address is one host, however many names lead to it.
            guard seen.insert(key).inserted else { continue }
            guard let known = leaving.removeValue(forKey: key) else {
                let host = admit(offer)
                added.append(host)
                next.append(host)
                continue
            }
            if known.attributes == offer.attributes {
                next.append(known)
            } else {
                next.append(known.replacing(offer.attributes))
                hasChanged = true
            }
            if known.health.clear(.pendingDynamicRemoval) { hasChanged = true }
            if known.health.clear(HealthFlags.discoveryMask.subtracting(offer.flags)) { hasChanged = true }
            if known.health.set(offer.flags) { hasChanged = true }
        }
        var removed: [Host] = []
        for host in hosts where leaving[HostKey(host.attributes)] != nil {
            if staysWhilePassing(host) {
                if host.health.set(.pendingDynamicRemoval) { hasChanged = true }
                next.append(host)
            } else {
                removed.append(host)
            }
        }
        if added.isEmpty, removed.isEmpty, !hasChanged, sameOrder(next, hosts) { return false }
        hosts = next
        self.localityWeights = localityWeights
        if !added.isEmpty || !removed.isEmpty { state.add(.membershipChange) }
        health?.update(added: added, removed: removed)
        setNeedsSnapshot()
        return true
    }

    /// Original destination: the hosts that workers made.
    func setAdmitted(_ admitted: [Host]) {
        let before = Set(hosts.map { ObjectIdentifier($0.health) })
        let after = Set(admitted.map { ObjectIdentifier($0.health) })
        if before == after { return }
        state.add(.membershipChange)
        hosts = admitted
        setNeedsSnapshot()
    }

    /// Logical DNS: the one host with another address. Its health goes along; connections to the old address stay.
    func replaceLogical(with found: DiscoveredHost) {
        guard let old = hosts.first else {
            apply([found], localityWeights: localityWeights)
            return
        }
        let host = Host(
            found.attributes, health: HostHealth(flags: old.flags, slowStartNS: old.health.slowStartBeganNS))
        hosts = [host]
        health?.update(added: [host], removed: [old])
        setNeedsSnapshot()
    }

    private func admit(_ offer: DiscoveredHost) -> Host {
        var flags = offer.flags
        if config.healthCheck != nil, !offer.attributes.disableActiveHealthCheck {
            // Until its first check says otherwise.
            flags.insert(.failedActiveHC)
            if config.ignoresNewHostsUntilFirstHC { flags.insert(.pendingActiveHC) }
        }
        return Host(offer.attributes, health: HostHealth(flags: flags, slowStartNS: manager.loop.now.nanoseconds))
    }

    private func staysWhilePassing(_ host: Host) -> Bool {
        health != nil && !config.ignoresHealthOnHostRemoval && !host.attributes.disableActiveHealthCheck
            && !host.flags.contains(.failedActiveHC)
    }

    private func sameOrder(_ left: [Host], _ right: [Host]) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { $0 === $1 }
    }

    // MARK: Health

    /// The health checker changed flags of a host.
    func onHealthChange(of host: Host) {
        if host.flags.contains([.pendingDynamicRemoval, .failedActiveHC]) {
            // It had stayed only for its passing checks.
            hosts.removeAll { $0.isSame(as: host) }
            state.add(.membershipChange)
            health?.update(added: [], removed: [host])
        }
        setNeedsSnapshot()
    }

    // MARK: Snapshots

    func setNeedsSnapshot() {
        if isDirty { return }
        isDirty = true
        manager.onDirty(self)
    }

    /// Builds and publishes; called by the manager at the end of the turn.
    func publish() {
        isDirty = false
        let snapshot = builder.build(hosts: hosts, localityWeights: localityWeights)
        shared.publish(snapshot)
        let sets = snapshot.prioritySet
        state.set(.membershipTotal, sets.totalCount)
        state.set(.membershipHealthy, sets.healthyCount)
        state.set(.membershipDegraded, sets.degradedCount)
        state.set(.membershipExcluded, sets.excludedCount)
        // Envoy looks at weights only where discovery brings all hosts anew.
        if case .strictDNS = config.discovery {
            state.set(.maxHostWeight, UInt64(hosts.map(\.weight).max() ?? 0))
        }
        show(snapshot.tableFigures)
    }

    private func show(_ figures: TableFigures) {
        switch config.balancing.policy {
        case .subset: state.set(.lbSubsetsActive, figures.subsets)
        case .ringHash:
            let scope = ringScope ?? manager.store.scope(prefix: "cluster.\(config.statName).ring_hash_lb.")
            ringScope = scope
            let block = manager.mainStats.block(scope)
            block.set(.size, figures.ringSize)
            block.set(.minHashesPerHost, figures.minEntriesPerHost)
            block.set(.maxHashesPerHost, figures.maxEntriesPerHost)
        case .maglev:
            let scope = maglevScope ?? manager.store.scope(prefix: "cluster.\(config.statName).maglev_lb.")
            maglevScope = scope
            let block = manager.mainStats.block(scope)
            block.set(.minEntriesPerHost, figures.minEntriesPerHost)
            block.set(.maxEntriesPerHost, figures.maxEntriesPerHost)
        default: break
        }
    }

    /// Brings gauges that live in atomics up to date; called before stats are read.
    func refreshStats(_ mainStats: WorkerStats) {
        var isAnyOpen = false
        for priority in RoutingPriority.allCases {
            for resource in BreakerResource.allCases where shared.breakers[priority].isOpen(resource) {
                isAnyOpen = true
            }
        }
        if isAnyOpen || hasShownBreakers {
            hasShownBreakers = true
            for priority in RoutingPriority.allCases {
                for resource in BreakerResource.allCases {
                    let isOpen = shared.breakers[priority].isOpen(resource)
                    state.set(ClusterStateStat.open(resource, priority), isOpen ? 1 : 0)
                }
            }
        }
        for (priority, scope) in remainingScopes {
            let block = mainStats.block(scope)
            let breakers = shared.breakers[priority]
            block.set(.connections, breakers.remaining(.connections))
            block.set(.pendingRequests, breakers.remaining(.pendingRequests))
            block.set(.requests, breakers.remaining(.requests))
            block.set(.retries, breakers.remaining(.retries))
            block.set(.connectionPools, breakers.remaining(.connectionPools))
        }
    }
}

/// What makes an address another host.
private struct HostKey: Hashable {
    let address: SocketAddress
    let healthCheckAddress: SocketAddress?
    let priority: UInt32

    init(_ attributes: Host.Attributes) {
        address = attributes.address
        healthCheckAddress = attributes.healthCheckAddress
        priority = attributes.priority
    }
}

extension ClusterStateStat {
    static func open(_ resource: BreakerResource, _ priority: RoutingPriority) -> ClusterStateStat {
        switch (priority, resource) {
        case (.default, .connections): .defaultCxOpen
        case (.default, .pendingRequests): .defaultRqPendingOpen
        case (.default, .requests): .defaultRqOpen
        case (.default, .retries): .defaultRqRetryOpen
        case (.default, .connectionPools): .defaultCxPoolOpen
        case (.high, .connections): .highCxOpen
        case (.high, .pendingRequests): .highRqPendingOpen
        case (.high, .requests): .highRqOpen
        case (.high, .retries): .highRqRetryOpen
        case (.high, .connectionPools): .highCxPoolOpen
        }
    }
}
