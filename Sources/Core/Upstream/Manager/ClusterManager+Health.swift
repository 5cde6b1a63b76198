// Health checkers of the manager's clusters.

import CoreBytes

extension ClusterManager {
    func makeHealthChecker(_ spec: HealthCheckSpec, for cluster: ManagedCluster) -> HealthChecker {
        let scope: StatScope<HealthCheckStat> = store.scope(prefix: "cluster.\(cluster.config.statName).health_check.")
        return HealthChecker(
            spec, cluster: cluster, loop: loop, scope: scope, stats: mainStats.block(scope),
            log: healthLogs.log(spec.eventLogPath), random: .init(seed: random.next()))
    }

    /// Opens event files anew, after log rotation.
    public func reopenLogs() { healthLogs.reopen() }
}
