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
    package private(set) var state = State.preInitializing
    /// `/healthcheck/fail` was asked for.
    package var failsHealthChecks = false
    package let startInstant = Instant.read()

    private var threads: [WorkerThread] = []
    private var plans: [ListenerBuilder.Plan] = []
    private var signals: Signals?
    private var deadline: ClosureTimer?
    private var exitCode: Int32 = 0
    private var signalsSeen = 0
    private let workerCount: Int

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
        let store = StatsStore(config: StatsConfig())
        mainStats = store.makeWorker(name: "main_thread")
        let runtime = RuntimeStore(bootstrap.layeredRuntime)
        let accessLogs = AccessLogManager(
            store: store, stats: mainStats, flushIntervalMS: Int64(options.fileFlushIntervalMS),
            flushSizeBytes: options.fileFlushMinSizeKB * 1024)
        var clusterOptions = ClusterManager.Options()
        if bootstrap.clusterManager.hasUpstreamBindConfig {
            clusterOptions.bind = bootstrap.clusterManager.upstreamBindConfig
        }
        let clusters = ClusterManager(loop: loop, store: store, stats: mainStats, options: clusterOptions)
        services = ProcessServices(
            stats: store, clusters: clusters, accessLogs: accessLogs, runtime: runtime, extensions: registry,
            workerCount: workerCount)
        shared = ProcessShared(
            workerCount: workerCount, globalLimits: ConnectionLimits(), runtime: runtime.current,
            accessLogRuntime: AccessLogRuntime(
                fraction: { runtime.current.fraction($0) }, number: { runtime.current.integer($0).map { UInt64($0) } }),
            serverStats: store.scope(prefix: ServerStat.prefix), mainMailbox: loop.mailbox)
        listeners = ListenerManager(process: services, mainStats: mainStats)
        loop.owner = self
    }

    /// Builds clusters and listeners from the configuration; all that is wrong comes at once.
    func build() -> [ConfigProblem] {
        let bootstrap = config.bootstrap
        var problems = services.runtime.problems.map {
            ConfigProblem(path: "layered_runtime.\($0.path)", text: $0.text)
        }
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
        return problems.map(config.document.locate)
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
        publish(services.runtime.current)
        services.clusters.start { [unowned self] in serve() }
        loop.run()
        for thread in threads { thread.stopAndJoin() }
        services.clusters.stop()
        services.accessLogs.stop()
        return exitCode
    }

    /// All clusters are warm: take connections.
    private func serve() {
        let problems = listeners.start(on: workers)
        if !problems.isEmpty {
            for problem in problems { complain(config.document.locate(problem).description) }
            exitCode = 1
            loop.stop()
            return
        }
        state = .live
        if options.mode == .initOnly { loop.stop() }
    }

    /// Hands a runtime to everything that follows it.
    package func publish(_ runtime: RuntimeSnapshot) {
        listeners.apply(runtime)
        if let limit = runtime.integer("overload.global_downstream_max_connections") {
            shared.globalLimits.set(limit: limit)
        }
        for worker in workers { worker.post { $0.apply(runtime) } }
    }

    // MARK: Drain and exit

    private func onSignal(_ signal: Int32) {
        switch signal {
        case SIGUSR1: services.accessLogs.reopenAll()
        case SIGHUP: complain("SIGHUP is ignored; the configuration is read at start")
        default:
            signalsSeen += 1
            if signalsSeen == 1 {
                shutDown()
            } else {
                // The operator insists: at once, with the signal's own exit code.
                services.accessLogs.stop()
                exit(128 + signal)
            }
        }
    }

    /// Stops taking connections, lets the open ones finish until the drain time is over, then exits.
    package func shutDown() {
        guard state != .draining else { return }
        drainListeners(graceful: false, inboundOnly: false)
        deadline = ClosureTimer(loop) { [unowned self] in
            for worker in workers { worker.post { $0.closeConnections() } }
            loop.stop()
        }
        deadline?.schedule(afterMS: Int64(options.drainTimeS) * 1000)
        shared.tellWhenIdle()
        // A turn for connections that workers are about to accept from the closing sockets.
        for worker in workers { worker.post { [shared] _ in shared.countConnection(0) } }
    }

    /// Starts the drain: connections are asked to end, and the listeners stop, at once or (`graceful`) at the end of
    /// the drain time.
    package func drainListeners(graceful: Bool, inboundOnly: Bool) {
        let plan = DrainPlan(
            start: Instant.read(), durationMS: Int64(options.drainTimeS) * 1000,
            strategy: options.drainStrategy == .gradual ? .gradual : .immediate)
        if graceful {
            deadline = ClosureTimer(loop) { [unowned self] in listeners.stop(inboundOnly: inboundOnly, on: workers) }
            deadline?.schedule(afterMS: plan.durationMS)
        } else {
            listeners.stop(inboundOnly: inboundOnly, on: workers)
        }
        state = .draining
        for worker in workers { worker.post { $0.drainConnections(plan) } }
    }

    /// `/quitquitquit`: at once.
    package func quit() { loop.stop() }

    func onAllConnectionsClosed() {
        guard signalsSeen > 0, shared.connectionCount == 0 else { return }
        loop.stop()
    }

    func complain(_ text: String) {
        let line = text + "\n"
        _ = line.withCString { write(2, $0, strlen($0)) }
    }
}
