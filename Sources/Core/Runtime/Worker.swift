// One worker: a thread, its loop, and everything that belongs to it alone.

import CLinux
public import CoreBytes
import Glibc

/// A thread's whole world: listeners, connections, clusters as it sees them, counters.
///
/// Made on its own thread, never leaves it, not `Sendable`. Other threads reach it through its ``WorkerHandle``.
public final class Worker {
    public let index: Int
    public let loop: EventLoop
    public let net: NetContext
    public let stats: WorkerStats
    public let clusters: WorkerClusters
    public let shared: ProcessShared
    /// Draws for balancers, fractions and jitter.
    @exclusivity(unchecked) public var random: FastRandom
    public let accessLogWriter: AccessLogWriter
    /// The runtime as of the last change that reached this worker.
    public internal(set) var runtime: RuntimeSnapshot

    @exclusivity(unchecked) var connections = ConnectionList()
    private var listeners: [ListenerKey: ActiveListener] = [:]
    @exclusivity(unchecked) private var starved: [ActiveListener] = []
    private var connectionCounter: UInt64 = 0
    /// Set while the process drains.
    private var drain: DrainPlan?
    /// The drain leaves listeners of `drain_type: MODIFY_ONLY` alone.
    private var drainSparesModifyOnly = false

    struct ListenerKey: Hashable {
        var listener: Int
        var address: Int
    }

    init(index: Int, loop: EventLoop, stats: WorkerStats, shared: ProcessShared, seed: WorkerClustersSeed) {
        self.index = index
        self.loop = loop
        self.stats = stats
        self.shared = shared
        net = NetContext(loop: loop)
        random = FastRandom(seed: UInt64(truncatingIfNeeded: Instant.read().nanoseconds) ^ UInt64(index) << 32)
        accessLogWriter = AccessLogWriter(random: FastRandom(seed: random.next()), runtime: shared.accessLogRuntime)
        clusters = WorkerClusters(seed, stats: stats, random: FastRandom(seed: random.next()))
        runtime = shared.runtime
        loop.owner = self
    }

    /// A uniform random number. Other modules draw here: touching ``random`` from there is checked at run time.
    public func draw() -> UInt64 { random.next() }

    /// Unique in the process, without a shared counter.
    func nextConnectionID() -> UInt64 {
        defer { connectionCounter += 1 }
        return connectionCounter &* UInt64(shared.workerCount) &+ UInt64(index)
    }

    // MARK: Listeners

    func add(_ listener: ActiveListener, key: ListenerKey) { listeners[key] = listener }

    /// Stops accepting for one listener; its connections go on.
    func stopListener(_ id: Int) {
        for (key, listener) in listeners where key.listener == id {
            listener.stop()
            loop.bury(listener)
            listeners[key] = nil
        }
    }

    func stopListeners() { for id in Set(listeners.keys.map(\.listener)) { stopListener(id) } }

    /// Gives a socket accepted here to the worker that the balancer chose.
    func hand(_ fd: Int32, remote: SocketAddress, of listener: ActiveListener, toWorker chosen: Int) {
        guard let key = listeners.first(where: { $0.value === listener })?.key else {
            close(fd)
            return
        }
        shared.worker(chosen).post { worker in
            guard let target = worker.listeners[key] else {
                close(fd)
                return
            }
            target.adopt(fd, remote: remote)
        }
    }

    // MARK: Descriptors

    func waitsForDescriptors(_ listener: ActiveListener) {
        if !starved.contains(where: { $0 === listener }) { starved.append(listener) }
    }

    func onDescriptorFreed() {
        if starved.isEmpty { return }
        let waiting = starved
        starved = []
        for listener in waiting { listener.resumeAccepting() }
    }

    // MARK: Connections and drain

    func countConnection(_ difference: Int) {
        shared.countConnection(difference)
    }

    /// Tells every connection that the process, or its listeners, are going away.
    func drainConnections(_ plan: DrainPlan, sparesModifyOnly: Bool) {
        drain = plan
        drainSparesModifyOnly = sparesModifyOnly
        for connection in connections.all() where drains(connection.listener.spec) { connection.drain() }
    }

    /// The reason to drain is gone; connections that are still there stay.
    func endDrain() { drain = nil }

    /// Whether connections of this listener should end, new ones too.
    func drains(_ listener: ListenerSpec) -> Bool {
        drain != nil && !(drainSparesModifyOnly && listener.drainsOnModifyOnly)
    }

    /// The deadline has passed: flush what can be flushed at once and close.
    func closeConnections() {
        for connection in connections.all() { connection.close(.now, reason: "drain_deadline") }
    }

    public var isDraining: Bool { drain != nil }

    /// While draining: whether a connection that could close now should.
    public func drainSaysClose() -> Bool { drain?.saysClose(at: loop.now, draw: random.next()) ?? false }

    func apply(_ runtime: RuntimeSnapshot) { self.runtime = runtime }
}

/// How other threads reach a worker.
public struct WorkerHandle: Sendable {
    public let index: Int
    let mailbox: Mailbox

    /// Runs `job` on the worker's thread, at the start of one of its next turns.
    public func post(_ job: @escaping @Sendable (Worker) -> Void) {
        mailbox.post { loop in
            guard let worker = loop.owner as? Worker else { return }
            job(worker)
        }
    }
}

/// Starts and joins a worker's thread.
final class WorkerThread {
    let handle: WorkerHandle
    private let thread: pthread_t

    /// Starts the thread. Mail may be posted before its loop runs.
    init(handle: WorkerHandle, stats: sending WorkerStats, shared: ProcessShared, seed: WorkerClustersSeed) {
        self.handle = handle
        let start = WorkerStart(handle: handle, stats: stats, shared: shared, seed: seed)
        var created = pthread_t()
        let status = pthread_create(
            &created, nil,
            { context in
                Unmanaged<WorkerStart>.fromOpaque(context!).takeRetainedValue().main()
                return nil
            }, Unmanaged.passRetained(start).toOpaque())
        precondition(status == 0, "The system refused a thread for a worker.")
        thread = created
    }

    /// Ends the loop and waits for the thread.
    func stopAndJoin() {
        handle.mailbox.post { $0.stop() }
        pthread_join(thread, nil)
    }
}

/// What travels to the new thread.
///
/// `@unchecked Sendable`: made on the main thread, handed over by `pthread_create`, and touched by the new thread only.
private final class WorkerStart: @unchecked Sendable {
    private let handle: WorkerHandle
    private let stats: WorkerStats
    private let shared: ProcessShared
    private let seed: WorkerClustersSeed

    init(handle: WorkerHandle, stats: sending WorkerStats, shared: ProcessShared, seed: WorkerClustersSeed) {
        self.handle = handle
        self.stats = stats
        self.shared = shared
        self.seed = seed
    }

    func main() {
        linux_name_thread("wrk:worker_\(handle.index)")
        let loop = EventLoop(mailbox: handle.mailbox)
        let worker = Worker(index: handle.index, loop: loop, stats: stats, shared: shared, seed: seed)
        loop.run()
        withExtendedLifetime(worker) {}
    }
}
