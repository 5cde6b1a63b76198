// What all threads of the process share: constants, limits, and the few atomics.

import Synchronization

/// Made on the main thread before any worker, immutable but for its atomics and the two locked lists.
public final class ProcessShared: Sendable {
    public let workerCount: Int
    /// All downstream connections against `envoy.resource_monitors.global_downstream_max_connections`.
    let globalLimits: ConnectionLimits
    /// The runtime that a worker starts with; later ones come by mail.
    let runtime: RuntimeSnapshot
    let accessLogRuntime: AccessLogRuntime
    let mainMailbox: Mailbox
    private let handles = Locked<[WorkerHandle]>([])
    private let openConnections = Atomic<Int>(0)
    private let tellsWhenIdle = Atomic<Bool>(false)

    init(
        workerCount: Int, globalLimits: ConnectionLimits, runtime: RuntimeSnapshot,
        accessLogRuntime: AccessLogRuntime, mainMailbox: Mailbox
    ) {
        self.workerCount = workerCount
        self.globalLimits = globalLimits
        self.runtime = runtime
        self.accessLogRuntime = accessLogRuntime
        self.mainMailbox = mainMailbox
    }

    func set(workers: [WorkerHandle]) { handles.withLock { $0 = workers } }

    func worker(_ index: Int) -> WorkerHandle { handles.withLock { $0[index] } }

    var workers: [WorkerHandle] { handles.withLock { $0 } }

    var connectionCount: Int { openConnections.load(ordering: .relaxed) }

    func countConnection(_ difference: Int) {
        let now = openConnections.add(difference, ordering: .relaxed).newValue
        // A posted job that finds connections again does nothing, so being told too often is harmless.
        if now == 0, tellsWhenIdle.load(ordering: .relaxed) {
            mainMailbox.post { loop in (loop.owner as? ProxyProcess)?.onAllConnectionsClosed() }
        }
    }

    /// From now on the main thread hears when the last connection has closed.
    func tellWhenIdle() { tellsWhenIdle.store(true, ordering: .relaxed) }
}
