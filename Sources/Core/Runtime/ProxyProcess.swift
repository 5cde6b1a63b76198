// The process: from the command line to a serving proxy, and from SIGTERM to its end.

package import ConfigAPI
package import CoreConfig
import Glibc

/// The main thread's object: owns everything that is not a worker's.
///
///     load ─▶ build ─▶ bind ─▶ warm (DNS, health checks) ─▶ serve ─▶ drain ─▶ exit
package final class ProxyProcess {
    package enum State: Int { case live = 0, draining, preInitializing, initializing }

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
    private var signals: Signals?
    private var deadline: ClosureTimer?
    private var flusher: StatsFlusher?
    private var admin: AdminServer?
    private var exitCode: Int32 = 0
    private var signalsSeen = 0
    private let workerCount: Int

    var workers: [WorkerHandle] { threads.map(\.handle) }

    // MARK: Build

    /// Builds everything that the configuration describes, without opening a socket.
    init(name: String, options: CommandLineOptions, config: LoadedConfig, registry: ExtensionRegistry) {
        self.name = name
        self.options = options
        self.config = config
        workerCount = max(1, options.concurrency ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        loop = EventLoop()
        let bootstrap = config.bootstrap
        let store = StatsStore(config: StatsConfig(bootstrap.statsConfig, tags: options.statsTagPairs))
        mainStats = store.makeWorker(name: "main_thread")
        let runtime = RuntimeStore(bootstrap.layeredRuntime)
        let accessLogs = AccessLogManager(
            loop: loop, store: store, stats: mainStats,
            flushIntervalMS: Int64(options.fileFlushIntervalMS), flushSizeBytes: options.fileFlushMinSizeKB * 1024)
        var clusterOptions = ClusterManager.Options()
        if bootstrap.clusterManager.hasUpstreamBindConfig { clusterOptions.bind = bootstrap.clusterManager.upstreamBindConfig }
        let clusters = ClusterManager(loop: loop, store: store, stats: mainStats, options: clusterOptions)
        services = ProcessServices(
            stats: store, clusters: clusters, accessLogs: accessLogs, runtime: runtime, extensions: registry,
            workerCount: workerCount)
        shared = ProcessShared(
            workerCount: workerCount, globalLimits: ConnectionLimits(), runtime: runtime,
            serverStats: store.scope(prefix: ServerStat.prefix), mainMailbox: loop.mailbox)
        listeners = ListenerManager(process: services, mainStats: mainStats)
        loop.owner = self
    }
}
