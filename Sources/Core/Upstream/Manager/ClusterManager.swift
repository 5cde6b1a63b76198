// All clusters of the process, on the main thread.

public import ConfigAPI
public import CoreBytes
package import CoreConfig

/// Owns the clusters by name, runs their discovery and health checks, and publishes snapshots to the workers.
///
///     load(messages) ─▶ addWorker … ─▶ start ─▶ onReady          (then) remove, applyRuntime, refreshStats, views
///
/// - Thread: main only; workers get a ``WorkerClustersSeed`` each.
/// - All changes of one turn leave as one job per worker.
public final class ClusterManager: EventTarget {
    public struct Options {
        /// From `typed_dns_resolver_config` of the bootstrap.
        public var resolver = ResolverOptions()
        /// From `cluster_manager.upstream_bind_config`.
        public var bind: Envoy_Config_Core_V3_BindConfig?
        /// This proxy's own locality (`node.locality`).
        public var localLocality: Locality?

        public init() {}
    }

    let loop: EventLoop
    let store: StatsStore
    let mainStats: WorkerStats
    let options: Options
    var random: FastRandom
    let resolverStats: StatBlock<ResolverStat>
    let healthLogs = HealthEventLogs()

    private let resolverScope: StatScope<ResolverStat>
    private let scope: StatScope<ClusterManagerStat>
    private let stats: StatBlock<ClusterManagerStat>
    private let directory = ClusterDirectory()
    private let link: ManagerLink
    private var workers: [(mailbox: Mailbox, door: WorkerDoor)] = []
    private var clusters: [String: ManagedCluster] = [:]
    /// In the order of configuration.
    private var order: [String] = []
    private var resolvers: [ResolverOptions: Resolver] = [:]

    private var onReady: (() -> Void)?
    private var openInits = 0
    private var isStarted = false
    private var dirty: [ManagedCluster] = []
    private var asksForTurnEnd = false

    /// - Parameter stats: the main thread's own cells.
    public init(
        loop: EventLoop, store: StatsStore, stats mainStats: WorkerStats, random: FastRandom = FastRandom(),
        options: Options = Options()
    ) {
        self.loop = loop
        self.store = store
        self.mainStats = mainStats
        self.random = random
        self.options = options
        scope = store.scope(prefix: ClusterManagerStat.prefix)
        stats = mainStats.block(scope)
        resolverScope = store.scope(prefix: ResolverStat.prefix)
        resolverStats = mainStats.block(resolverScope)
        link = ManagerLink(mailbox: loop.mailbox)
        super.init()
        link.manager = self
    }

    deinit { stop() }

    // MARK: Loading

    /// Checks messages without making anything of them (`--mode validate`).
    package static func check(
        _ messages: [Envoy_Config_Cluster_V3_Cluster], path: String = "static_resources.clusters",
        defaultBind: Envoy_Config_Core_V3_BindConfig? = nil
    ) -> [ConfigProblem] {
        var problems: [ConfigProblem] = []
        var names: Set<String> = []
        for (index, message) in messages.enumerated() {
            let place = "\(path)[\(index)]"
            if !names.insert(message.name).inserted { problems.append(duplicate(message.name, place)) }
            var reader = ClusterConfigReader(message, path: place, defaultBind: defaultBind)
            _ = reader.read()
            problems += reader.problems
        }
        return problems
    }

    /// Makes clusters of messages. All problems of all messages are returned; a cluster with an error is not made.
    package func load(
        _ messages: [Envoy_Config_Cluster_V3_Cluster], path: String = "static_resources.clusters"
    ) -> [ConfigProblem] {
        var problems: [ConfigProblem] = []
        for (index, message) in messages.enumerated() {
            let place = "\(path)[\(index)]"
            if clusters[message.name] != nil {
                problems.append(ClusterManager.duplicate(message.name, place))
                continue
            }
            var reader = ClusterConfigReader(message, path: place, defaultBind: options.bind)
            let made = reader.read()
            problems += reader.problems
            if let made { add(made.config, made.assignment) }
        }
        return problems
    }

    private static func duplicate(_ name: String, _ place: String) -> ConfigProblem {
        ConfigProblem(path: "\(place).name", found: "\"\(name)\"", text: "a second cluster of this name")
    }

    /// Adds one cluster; when the manager has started, its discovery starts at once.
    @discardableResult
    public func add(_ config: ClusterConfig, _ assignment: EndpointAssignment) -> ManagedCluster {
        add(config, discovery: makeDiscovery(config, assignment))
    }

    /// As ``add(_:_:)``, with a proxy's own discovery.
    @discardableResult
    public func add(_ config: ClusterConfig, discovery: ClusterDiscovery) -> ManagedCluster {
        precondition(clusters[config.name] == nil, "Cluster names are unique; remove the old cluster first.")
        var builder = ClusterSnapshotBuilder(
            spec: config.balancing, overprovisioningPercent: config.overprovisioningPercent,
            hasWeightedPriorityHealth: config.hasWeightedPriorityHealth, localLocality: options.localLocality)
        let prefix = "cluster.\(config.statName)."
        let shared = Cluster(
            config: config,
            breakers: CircuitBreakers(
                default: config.breakers.standard, high: config.breakers.high,
                maxConnectionsPerHost: config.breakers.maxConnectionsPerHost),
            trafficScope: store.scope(prefix: prefix), snapshot: builder.build(hosts: []))
        let stateScope: StatScope<ClusterStateStat> = store.scope(prefix: prefix)
        let cluster = ManagedCluster(
            shared: shared, discovery: discovery, builder: builder, manager: self, stateScope: stateScope,
            state: mainStats.block(stateScope))
        clusters[config.name] = cluster
        order.append(config.name)
        directory.set(shared, for: config.name)
        stats.add(.clusterAdded)
        stats.add(.activeClusters)
        openInits += 1
        stats.add(.warmingClusters)
        if isStarted { cluster.start() }
        return cluster
    }

    private func makeDiscovery(_ config: ClusterConfig, _ assignment: EndpointAssignment) -> ClusterDiscovery {
        switch config.discovery {
        case .staticHosts: StaticDiscovery(assignment)
        case .strictDNS(let spec):
            StrictDNSDiscovery(loop: loop, resolver: resolver(spec.resolver), spec: spec, assignment: assignment)
        case .logicalDNS(let spec):
            LogicalDNSDiscovery(loop: loop, resolver: resolver(spec.resolver), spec: spec, assignment: assignment)
        case .originalDestination(let intervalMS):
            OriginalDestinationDiscovery(loop: loop, cleanupIntervalMS: intervalMS)
        }
    }

    /// Nil when c-ares refuses the options; such clusters fail each update and say so in their counters.
    func resolver(_ own: ResolverOptions?) -> Resolver? {
        let options = own ?? self.options.resolver
        if let known = resolvers[options] { return known }
        let made = Resolver(loop: loop, options: options, stats: resolverStats)
        resolvers[options] = made
        return made
    }

    /// Removes a cluster: workers let go of it, sessions that use it finish.
    public func remove(_ name: String) {
        guard let cluster = clusters.removeValue(forKey: name) else { return }
        order.removeAll { $0 == name }
        cluster.stop()
        directory.set(nil, for: name)
        dirty.removeAll { $0 === cluster }
        stats.add(.clusterRemoved)
        stats.sub(.activeClusters)
        if !cluster.isInitialised { endInit() }
        let shared = cluster.shared
        for worker in workers {
            worker.mailbox.post { [door = worker.door] _ in door.target?.remove(shared) }
        }
    }

    // MARK: Starting

    /// Starts discovery and health checks of all clusters; `onReady` is called once, when each cluster that the
    /// process waits for has had its first answer and its first round of checks. It may be called before this returns.
    public func start(onReady: @escaping () -> Void) {
        precondition(!isStarted, "A cluster manager starts once.")
        isStarted = true
        self.onReady = onReady
        // Held open until all have started, so that ready is not told in between.
        openInits += 1
        for name in order { clusters[name]?.start() }
        endInit(countsAsWarming: false)
    }

    /// Ends all discovery and checking, for the end of the process.
    public func stop() {
        for cluster in clusters.values { cluster.stop() }
    }

    func onInitialised(_ cluster: ManagedCluster) { endInit() }

    private func endInit(countsAsWarming: Bool = true) {
        openInits -= 1
        if countsAsWarming { stats.sub(.warmingClusters) }
        guard openInits == 0, isStarted, let call = onReady else { return }
        onReady = nil
        publishDirty()
        call()
    }

    // MARK: Workers

    /// A worker's way to the clusters. Give the seed to the worker's thread, where ``WorkerClusters`` is made of it.
    public func addWorker(mailbox: Mailbox) -> WorkerClustersSeed {
        let door = WorkerDoor()
        workers.append((mailbox, door))
        return WorkerClustersSeed(directory: directory, door: door, link: link)
    }

    // MARK: Publishing

    func onDirty(_ cluster: ManagedCluster) {
        dirty.append(cluster)
        if asksForTurnEnd { return }
        asksForTurnEnd = true
        loop.atTurnEnd(self)
    }

    public override func onTurnEnd() {
        asksForTurnEnd = false
        publishDirty()
    }

    private func publishDirty() {
        if dirty.isEmpty { return }
        let changed = dirty
        dirty = []
        for cluster in changed {
            cluster.publish()
            if cluster.isInitialised, isStarted { stats.add(.clusterUpdated) }
        }
        let shared = changed.map(\.shared)
        for worker in workers {
            worker.mailbox.post { [door = worker.door] _ in door.target?.refresh(shared) }
        }
    }

    /// A worker admitted hosts of an original-destination cluster.
    func onAdmission(_ shared: Cluster) {
        guard let cluster = clusters[shared.name], cluster.shared === shared else { return }
        cluster.setAdmitted(shared.takeAdmitted())
    }

    // MARK: Runtime and stats

    /// Breaker caps from the runtime: all keys below `circuit_breakers.`, each
    /// `circuit_breakers.<cluster>.<priority>.<limit>`. Caps without a key go back to the configuration.
    public func applyRuntime(_ values: [String: UInt64]) {
        var overrides: [String: [(RoutingPriority, BreakerResource, UInt64)]] = [:]
        let prefix = "circuit_breakers."
        for (key, value) in values where key.hasPrefix(prefix) {
            // Cluster names may contain dots, so the two last parts are found from the end.
            let parts = key.dropFirst(prefix.count).split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count >= 3,
                let resource = BreakerResource.allCases.first(where: { $0.runtimeName == parts.last! }),
                let priority = RoutingPriority.allCases.first(where: { $0.text == parts[parts.count - 2] })
            else { continue }
            overrides[parts.dropLast(2).joined(separator: "."), default: []].append((priority, resource, value))
        }
        for (name, cluster) in clusters {
            let own = overrides[name] ?? []
            for priority in RoutingPriority.allCases {
                for resource in BreakerResource.allCases {
                    let value = own.first { $0.0 == priority && $0.1 == resource }?.2
                    cluster.shared.breakers[priority].override(resource, with: value)
                }
            }
        }
    }

    /// Brings gauges that live in atomics up to date. Call before stats are read or flushed.
    public func refreshStats() {
        for cluster in clusters.values { cluster.refreshStats(mainStats) }
    }

    // MARK: Looking

    public var clusterNames: [String] { order }

    public func cluster(named name: String) -> ManagedCluster? { clusters[name] }

    public func hasCluster(named name: String) -> Bool { clusters[name] != nil }
}
