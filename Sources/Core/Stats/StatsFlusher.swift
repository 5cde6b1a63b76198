import Glibc

/// Keeps the numbers that need keeping: every `stats_flush_interval` it merges the histograms, brings `server.` up to
/// date and frees what dead scopes left. Main thread.
///
/// Sinks hang here later; until then a flush ends with the merged values.
public final class StatsFlusher {
    /// `server.state`; the numbers are Envoy's.
    public enum ServerState: UInt64, Sendable {
        case live = 0
        case draining = 1
        case preInitializing = 2
        case initializing = 3
    }

    /// What `server.` cannot know by itself.
    public struct Source {
        public var concurrency: Int
        public var totalConnections: () -> Int
        /// `server.version`: a number that names the build.
        public var version: UInt64

        public init(concurrency: Int, version: UInt64, totalConnections: @escaping () -> Int) {
            self.concurrency = concurrency
            self.version = version
            self.totalConnections = totalConnections
        }
    }

    public var state = ServerState.preInitializing
    private let store: StatsStore
    private let worker: WorkerStats
    private let scope: StatScope<ServerStat>
    private let server: StatBlock<ServerStat>
    private let source: Source
    private let intervalMS: Int64
    private let flushesOnAdmin: Bool
    private let startTime: Instant
    private var refreshers: [() -> Void] = []
    private var timer: ClosureTimer?

    /// `intervalMS` is `stats_flush_interval`; with `flushesOnAdmin` (`stats_flush_on_admin`) there is no timer and every
    /// scrape flushes.
    public init(
        store: StatsStore, stats: WorkerStats, source: Source, intervalMS: Int64 = 5_000, flushesOnAdmin: Bool = false,
        startTime: Instant = .read()
    ) {
        self.store = store
        worker = stats
        self.source = source
        self.intervalMS = intervalMS
        self.flushesOnAdmin = flushesOnAdmin
        self.startTime = startTime
        scope = store.scope(prefix: ServerStat.prefix)
        server = stats.block(scope)
        server.set(.daysUntilFirstCertExpiring, UInt64(UInt32.max))
        server.set(.secondsUntilFirstOCSPResponseExpiring, 0)
        for stat in [ServerStat.parentConnections, .hotRestartEpoch, .fipsMode] { server.set(stat, 0) }
        server.set(.hotRestartGeneration, 1)
        server.set(.concurrency, source.concurrency)
        server.set(.version, source.version)
    }

    public func start(on loop: EventLoop) {
        guard !flushesOnAdmin else { return }
        let timer = ClosureTimer(loop) { [weak self] in
            guard let self else { return }
            self.flush(now: loop.now)
            self.timer?.schedule(afterMS: self.intervalMS)
        }
        timer.schedule(afterMS: intervalMS)
        self.timer = timer
    }

    public func stop() {
        timer?.cancel()
        timer = nil
    }

    /// `body` runs before each flush and scrape, to set gauges that nobody keeps in between.
    public func onRefresh(_ body: @escaping () -> Void) { refreshers.append(body) }

    /// The time from start to serving; once.
    public func recordInitialization(milliseconds: Int64) {
        server.record(.initializationTimeMS, Int(milliseconds))
    }

    /// Before a scrape.
    public func refresh(now: Instant) {
        if flushesOnAdmin { flush(now: now) } else { update(now: now) }
    }

    public func flush(now: Instant) {
        update(now: now)
        store.mergeHistograms()
        worker.collect()
    }

    private func update(now: Instant) {
        for refresher in refreshers { refresher() }
        server.set(.uptime, Int(now.milliseconds(since: startTime) / 1_000))
        server.set(.live, state == .live ? 1 : 0)
        server.set(.state, state.rawValue)
        server.set(.totalConnections, source.totalConnections())
        let memory = MemoryUse.read()
        server.set(.memoryAllocated, memory.allocatedBytes)
        server.set(.memoryHeapSize, memory.heapBytes)
        server.set(.memoryPhysicalSize, memory.physicalBytes)
    }
}
