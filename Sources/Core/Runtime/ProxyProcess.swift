// The process: from the command line to a serving proxy, and from SIGTERM to its end.

package import ConfigAPI
package import CoreConfig
import Glibc

/// The main thread's object: owns everything that is not a worker's.
///
///     load ─▶ build ─▶ bind ─▶ warm (DNS, health checks) ─▶ serve ─▶ drain ─▶ exit
package final class ProxyProcess {
    package enum State: Int {
        case live = 0
        case draining, preInitializing, initializing
    }

    package let name: String
    package let options: CommandLineOptions
    package let config: LoadedConfig
    package let loop: EventLoop
    package let services: ProcessServices
    package let listeners: ListenerManager
    package let shared: ProcessShared
    let mainStats: WorkerStats
    let flusher: StatsFlusher
    package internal(set) var state = State.preInitializing { didSet { showState() } }
    /// `/healthcheck/fail` was asked for.
    package var failsHealthChecks = false { didSet { showState() } }
    package let startInstant = Instant.read()
    let startWallNS = StreamInfo.readWallNS()

    private var threads: [WorkerThread] = []
    private var plans: [ListenerBuilder.Plan] = []
    private var signals: Signals?
    private var exitCode: Int32 = 0
    let workerCount: Int
    var signalsSeen = 0
    /// Ends a drain before the exit.
    var deadline: ClosureTimer?
    /// Stops the listeners at the end of a graceful drain without exit.
    var listenerStop: ClosureTimer?
    private var adminPlan: AdminReader.Plan?
    private var admin: AdminServer?
    private let runtimeScope: StatScope<RuntimeStat>
    private let runtimeStats: StatBlock<RuntimeStat>
    /// What was wrong with parts that the services were built from.
    private var earlyProblems: [ConfigProblem] = []

    package var workers: [WorkerHandle] { threads.map(\.handle) }

    // MARK: Build

    /// Makes the services that configuration is built with. Opens no socket, starts no thread.
    init(name: String, options: CommandLineOptions, config: LoadedConfig, registry: ExtensionRegistry) {
        self.name = name
        self.options = options
        self.config = config
        workerCount = max(1, options.concurrency ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        loop = EventLoop()
        let bootstrap = config.bootstrap
        let statsConfig = StatsConfig(bootstrap.statsConfig, tags: options.statsTagPairs, problems: &earlyProblems)
        let store = StatsStore(config: statsConfig)
        mainStats = store.makeWorker(name: "main_thread")
        let runtime = RuntimeStore(bootstrap.layeredRuntime)
        runtimeScope = store.scope(prefix: RuntimeStat.prefix)
        runtimeStats = mainStats.block(runtimeScope)
        let accessLogs = AccessLogManager(
            store: store, stats: mainStats, flushIntervalMS: Int64(options.fileFlushIntervalMS),
            flushSizeBytes: options.fileFlushMinSizeKB * 1024)
        var clusterOptions = ClusterManager.Options()
        if bootstrap.clusterManager.hasUpstreamBindConfig {
            clusterOptions.bind = bootstrap.clusterManager.upstreamBindConfig
        }
        if bootstrap.hasTypedDnsResolverConfig {
            var reader = ResolverOptionsReader(path: "")
            if let resolver = reader.read(bootstrap.typedDnsResolverConfig, field: "typed_dns_resolver_config") {
                clusterOptions.resolver = resolver
            }
            earlyProblems += reader.problems
        }
        let locality = bootstrap.node.locality
        clusterOptions.localLocality = Locality(
            region: locality.region, zone: options.serviceZone.isEmpty ? locality.zone : options.serviceZone,
            subZone: locality.subZone)
        let clusters = ClusterManager(loop: loop, store: store, stats: mainStats, options: clusterOptions)
        services = ProcessServices(
            stats: store, clusters: clusters, accessLogs: accessLogs, runtime: runtime, extensions: registry,
            workerCount: workerCount)
        shared = ProcessShared(
            workerCount: workerCount, globalLimits: ConnectionLimits(), runtime: runtime.current,
            accessLogRuntime: AccessLogRuntime(
                fraction: { runtime.current.fraction($0) }, number: { runtime.current.integer($0).map { UInt64($0) } }),
            mainMailbox: loop.mailbox)
        let shared = self.shared
        flusher = StatsFlusher(
            store: store, stats: mainStats,
            source: .init(concurrency: workerCount, version: ProgramVersion.statValue) { shared.connectionCount },
            intervalMS: bootstrap.hasStatsFlushInterval ? Int64(bootstrap.statsFlushInterval.milliseconds) : 5_000,
            flushesOnAdmin: bootstrap.statsFlushOnAdmin, startTime: startInstant)
        listeners = ListenerManager(process: services, mainStats: mainStats)
        loop.owner = self
        flusher.onRefresh { [unowned clusters, unowned accessLogs] in
            clusters.refreshStats()
            accessLogs.publishStats()
        }
    }

    /// Builds clusters and listeners from the configuration; all that is wrong comes at once.
    func build() -> [ConfigProblem] {
        let bootstrap = config.bootstrap
        var log = ProgramLog(options, bootstrap)
        log.start()
        var problems = earlyProblems + log.problems
        problems += services.runtime.problems.map {
            ConfigProblem(path: "layered_runtime.\($0.path)", text: $0.text)
        }
        var admin = AdminReader(bootstrap.admin, logs: services.accessLogs)
        adminPlan = admin.read()
        problems += admin.problems
        problems += readOverloadManager(bootstrap.overloadManager)
        problems += services.clusters.load(bootstrap.staticResources.clusters)
        let planned = listeners.plan(bootstrap.staticResources.listeners, path: "static_resources.listeners")
        plans = planned.plans
        problems += planned.problems
        return problems.map(config.document.locate)
    }

    /// The one resource monitor we have: a limit on downstream connections of the whole process.
    private func readOverloadManager(_ message: Envoy_Config_Overload_V3_OverloadManager) -> [ConfigProblem] {
        typealias Monitor = Envoy_Extensions_ResourceMonitors_DownstreamConnections_V3_DownstreamConnectionsConfig
        for (index, monitor) in message.resourceMonitors.enumerated() {
            guard let limit = AnyUnpacker.unpack(monitor.typedConfig, as: Monitor.self) else {
                return [
                    ConfigProblem(
                        path: "overload_manager.resource_monitors[\(index)].typed_config",
                        found: monitor.typedConfig.typeURL, allowed: Monitor.protoMessageName,
                        text: "this program has no such resource monitor")
                ]
            }
            shared.globalLimits.set(limit: Int(clamping: limit.maxActiveDownstreamConnections))
        }
        return []
    }

    /// Binds all sockets; they listen from ``serve()`` on.
    func bind() -> [ConfigProblem] {
        let messages = config.bootstrap.staticResources.listeners
        var problems: [ConfigProblem] = []
        for (index, plan) in plans.enumerated() {
            if let problem = listeners.bind(
                plan, message: messages[index], path: "static_resources.listeners[\(index)]")
            {
                problems.append(problem)
            }
        }
        plans = []
        if problems.isEmpty, let problem = startAdmin() { problems.append(problem) }
        return problems.map(config.document.locate)
    }

    /// The admin port answers from the time that the listeners are bound: `/ready` tells when they serve.
    private func startAdmin() -> ConfigProblem? {
        guard let plan = adminPlan else { return nil }
        let router = AdminRouter(endpoints: AdminEndpoints.table(self), allowedPaths: plan.allowedPaths)
        let server = AdminServer(loop: loop, address: plan.address, router: router, options: plan.options)
        do throws(SocketError) {
            try server.start()
        } catch {
            return ConfigProblem(
                path: "admin.address", found: plan.address.description,
                text: "cannot bind the admin address '\(plan.address)': \(error)")
        }
        if !plan.logs.isEmpty {
            let writer = AccessLogWriter(runtime: shared.accessLogRuntime)
            server.onExchange = { [logs = plan.logs] exchange in
                var info = exchange.streamInfo()
                writer.write(logs, &info, .downstreamEnd, now: exchange.end)
            }
        }
        admin = server
        let address = server.boundAddress ?? plan.address
        Log.info(.admin, "admin address: \(address)")
        if let path = options.adminAddressPath, !TextFile.write("\(address)", to: path) {
            // As Envoy: the port serves all the same.
            Log.critical(.admin, "cannot write the admin address to '\(path)': \(String(cString: strerror(errno)))")
        }
        return nil
    }

    // MARK: Run

    /// Starts the workers, warms the clusters, serves until told to stop. Returns the exit code.
    func run() -> Int32 {
        signals = Signals(loop) { [unowned self] in onSignal($0) }
        state = .initializing
        for index in 0..<workerCount {
            let handle = WorkerHandle(index: index, mailbox: Mailbox())
            let seed = services.clusters.addWorker(mailbox: handle.mailbox)
            threads.append(
                WorkerThread(
                    handle: handle, stats: services.stats.makeWorker(name: "worker_\(index)"), shared: shared,
                    seed: seed))
        }
        shared.set(workers: workers)
        services.runtime.reportLoad(to: runtimeStats)
        publish(services.runtime.current)
        flusher.start(on: loop)
        Log.info(.main, "\(ProgramVersion.text(program: name)) starting, \(workerCount) workers, pid \(getpid())")
        services.clusters.start { [unowned self] in serve() }
        loop.run()
        Log.info(.main, "exiting")
        admin?.close()
        flusher.stop()
        for thread in threads { thread.stopAndJoin() }
        services.clusters.stop()
        services.accessLogs.stop()
        Log.flush()
        return exitCode
    }

    /// All clusters are warm: take connections.
    private func serve() {
        let problems = listeners.start(on: workers)
        if !problems.isEmpty {
            for problem in problems { Log.critical(.config, config.document.locate(problem).description) }
            exitCode = 1
            loop.stop()
            return
        }
        state = .live
        flusher.recordInitialization(milliseconds: Instant.read().milliseconds(since: startInstant))
        Log.info(.main, "all clusters are ready; taking connections")
        if options.mode == .initOnly { loop.stop() }
    }

    /// Hands a runtime to everything that follows it.
    package func publish(_ runtime: RuntimeSnapshot) {
        listeners.apply(runtime)
        services.clusters.applyRuntime(runtime.integers(below: "circuit_breakers."))
        if let limit = runtime.integer("overload.global_downstream_max_connections") {
            shared.globalLimits.set(limit: limit)
        }
        for worker in workers { worker.post { $0.apply(runtime) } }
    }

    /// What `/runtime_modify` sets becomes visible everywhere in one step. Nil, or why not.
    package func modifyRuntime(_ changes: [(key: String, value: String)]) -> String? {
        let entries = changes.map { (key: $0.key, text: $0.value) }
        switch services.runtime.modify(entries, stats: runtimeStats) {
        case .noAdminLayer: return RuntimeStore.ModifyResult.noAdminLayerText
        case .published(let runtime):
            publish(runtime)
            return nil
        }
    }

    private func showState() {
        flusher.state =
            failsHealthChecks && state == .live
            ? .draining : StatsFlusher.ServerState(rawValue: UInt64(state.rawValue)) ?? .live
    }
}
