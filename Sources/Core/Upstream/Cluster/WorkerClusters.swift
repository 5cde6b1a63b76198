// All clusters as one worker sees them.

public import CoreBytes

/// What a worker needs to make its ``WorkerClusters``; made on the main thread by ``ClusterManager/addWorker(mailbox:)``
/// and carried to the worker's thread.
public struct WorkerClustersSeed: Sendable {
    let directory: ClusterDirectory
    let door: WorkerDoor
    let link: ManagerLink
}

/// The worker's end of the manager's mail.
///
/// `@unchecked Sendable`: the main thread only passes the reference along; `target` is set by the worker and read by
/// jobs of the worker's own mailbox, so one thread touches it.
final class WorkerDoor: @unchecked Sendable {
    weak var target: WorkerClusters?
}

/// Finds clusters by name on one worker and keeps those in use up to date. Not `Sendable`.
///
/// - Routes known at load time look their cluster up once per worker and keep the ``WorkerCluster``.
/// - Names that come with connections (SNI) cost one dictionary access.
public final class WorkerClusters {
    private let directory: ClusterDirectory
    private let link: ManagerLink
    private let stats: WorkerStats
    @exclusivity(unchecked) private var random: FastRandom
    @exclusivity(unchecked) private var live: [String: WorkerCluster] = [:]

    public init(_ seed: WorkerClustersSeed, stats: WorkerStats, random: FastRandom) {
        directory = seed.directory
        link = seed.link
        self.stats = stats
        self.random = random
        seed.door.target = self
    }

    deinit {
        // Hosts and clusters refer to each other while a session may need both.
        for cluster in live.values { cluster.forget() }
    }

    /// Nil when there is no such cluster (yet, with dynamic configuration: do not remember a nil).
    public func cluster(named name: String) -> WorkerCluster? {
        if let known = live[name] { return known }
        guard let shared = directory.cluster(named: name) else { return nil }
        let made = WorkerCluster(shared, stats: stats, link: link, random: &random)
        live[name] = made
        return made
    }

    /// New snapshots of clusters, or clusters replaced by new configuration.
    func refresh(_ changed: [Cluster]) {
        for cluster in changed {
            guard let worker = live[cluster.name], worker.shared === cluster else { continue }
            worker.adopt(cluster.snapshot)
        }
    }

    /// The cluster is gone or replaced: the next look-up finds what is in the directory.
    func remove(_ cluster: Cluster) {
        guard let worker = live[cluster.name], worker.shared === cluster else { return }
        live[cluster.name] = nil
        worker.retire()
    }
}
