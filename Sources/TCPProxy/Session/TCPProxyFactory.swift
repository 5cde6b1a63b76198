// tcp_proxy on one worker: what its sessions share.

import Core

/// Makes sessions; holds the worker's counters and the upstream connections that outlive their clients.
final class TCPProxyFactory: NetworkFilterFactory {
    let settings: TCPProxySettings
    let worker: Worker
    let stats: StatBlock<TCPStat>
    /// When a session's idle timer first looks: the shortest of its limits; 0 = no limit.
    let idleLookMS: Int64
    private let scope: StatScope<TCPStat>
    /// By position in the router; looked up again when one was removed.
    @exclusivity(unchecked) private var clusters: [WorkerCluster?]
    private var flushers: [ObjectIdentifier: UpstreamFlusher] = [:]

    init(_ config: TCPProxyConfig, on worker: Worker) {
        settings = config.settings
        scope = config.stats
        self.worker = worker
        stats = worker.stats.block(config.stats)
        idleLookMS =
            [settings.idleTimeoutMS, settings.downstreamIdleTimeoutMS, settings.upstreamIdleTimeoutMS]
            .filter { $0 > 0 }.min() ?? 0
        clusters = Array(repeating: nil, count: config.settings.router.all.count)
        super.init()
    }

    func chooseTarget() -> Int { settings.router.choose(draw: worker.draw()) }

    /// The cluster of the router's target at `index`; nil when there is no such cluster now.
    func cluster(at index: Int) -> WorkerCluster? {
        if let known = clusters[index], !known.isGone() { return known }
        let found = worker.clusters.cluster(named: settings.router.all[index].cluster)
        clusters[index] = found
        return found
    }

    override func makeFilter() -> NetworkFilter { TCPSession(self) }

    /// Keeps `connection` until what waits on it has been delivered.
    func flush(_ connection: Connection, host: WorkerHost, connectedAt: Instant, thenReset: Bool) {
        stats.add(.flushTotal)
        stats.add(.flushActive)
        let flusher = UpstreamFlusher(
            connection, host: host, factory: self, connectedAt: connectedAt, thenReset: thenReset)
        flushers[ObjectIdentifier(flusher)] = flusher
    }

    func onFlushed(_ flusher: UpstreamFlusher) {
        stats.sub(.flushActive)
        // Buried before the table lets go: its reference is the last one, and the flusher is inside its own callback.
        worker.loop.bury(flusher)
        flushers[ObjectIdentifier(flusher)] = nil
    }
}
