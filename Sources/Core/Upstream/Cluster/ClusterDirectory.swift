// Cluster names as workers look them up.

/// All clusters by name, written by the main thread. A worker asks once per cluster and remembers the answer.
public final class ClusterDirectory: Sendable {
    private let clusters = Locked<[String: Cluster]>([:])

    init() {}

    func cluster(named name: String) -> Cluster? { clusters.withLock { $0[name] } }

    func set(_ cluster: Cluster?, for name: String) {
        let old = clusters.withLock { table in
            let old = table[name]
            table[name] = cluster
            return old
        }
        withExtendedLifetime(old) {}
    }
}
