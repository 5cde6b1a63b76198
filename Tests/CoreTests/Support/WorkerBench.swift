// One worker on a loop of its own, with the services of a process around it.

import ConfigAPI
import CoreBytes
import CoreConfig
import Glibc

@testable import Core

final class WorkerBench {
    let loop = EventLoop()
    let store = StatsStore()
    let main: WorkerStats
    let services: ProcessServices
    let shared: ProcessShared
    let worker: Worker
    let globalLimits = ConnectionLimits()

    /// - Parameter workerCount: how many the process believes to have; one is there, as number 0.
    init(workerCount: Int = 1, registry: ExtensionRegistry? = nil) {
        var extensions = registry ?? ExtensionRegistry(catalog: .core)
        if registry == nil { SharedNetworkFilters.register(in: &extensions) }
        main = store.makeWorker(name: "main_thread")
        let runtime = RuntimeStore(.init())
        let clusters = ClusterManager(loop: loop, store: store, stats: main, random: FastRandom(seed: 1))
        services = ProcessServices(
            stats: store, clusters: clusters, accessLogs: AccessLogManager(store: store, stats: main), runtime: runtime,
            extensions: extensions, workerCount: workerCount)
        shared = ProcessShared(
            workerCount: workerCount, globalLimits: globalLimits, runtime: runtime.current, accessLogRuntime: .none,
            serverStats: store.scope(prefix: ServerStat.prefix), mainMailbox: loop.mailbox)
        worker = Worker(
            index: 0, loop: loop, stats: store.makeWorker(name: "worker_0"), shared: shared,
            seed: clusters.addWorker(mailbox: loop.mailbox))
        shared.set(workers: [handle])
    }

    deinit {
        worker.closeConnections()
        worker.stopListeners()
        loop.turn(mayWait: false)
    }

    var handle: WorkerHandle { WorkerHandle(index: 0, mailbox: loop.mailbox) }

    func turn(_ limitMS: Int64 = 5000, _ condition: () -> Bool) -> Bool { loop.turn(untilMS: limitMS, condition) }

    /// A listener that binds nothing; sockets are given to it by hand.
    func listener(
        leading: [any NetworkFilterConfig] = [], terminal: any NetworkFilterConfig,
        listenerFilters: [any ListenerFilterConfig] = [], filtersTimeoutMS: Int64 = 0,
        limits: ConnectionLimits = .init(),
        bufferLimitBytes: Int = 1 << 20
    ) throws -> ActiveListener {
        let spec = ListenerSpec(
            id: 0, name: "bench", addresses: [.v4(address: 0x7F00_0001, port: 1)], statPrefix: "listener.bench.",
            bufferLimitBytes: bufferLimitBytes, acceptsPerEvent: 16, listenerFilters: listenerFilters,
            listenerFiltersTimeoutMS: filtersTimeoutMS, continueOnListenerFiltersTimeout: false,
            chains: [FilterChainSpec(name: "only", leading: leading, terminal: terminal)], defaultChain: nil,
            chainIndex: try FilterChainIndex(rules: [], names: [], hasDefault: false), onlyChain: 0, accessLogs: [],
            limits: limits, ignoresGlobalLimit: false, balancer: nil, stats: store.scope(prefix: "listener.bench."),
            workerStats: [store.scope(prefix: "listener.bench.worker_0.")])
        let listener = ActiveListener(fd: -1, address: spec.addresses[0], spec: spec, worker: worker)
        worker.add(listener, key: .init(listener: 0, address: 0))
        return listener
    }

    /// Hands one end of a socket pair to `listener`; the other is the client's.
    func accept(on listener: ActiveListener) -> Int32 {
        let (ours, theirs) = ConnectionBench.unixPair()
        listener.adopt(ours, remote: .v4(address: 0x7F00_0002, port: 5000))
        return theirs
    }
}
