// What builders of listeners and filters may ask of the process, on the main thread.

/// The main thread's services. Not `Sendable`: configuration is built there and nowhere else.
package final class ProcessServices {
    package let stats: StatsStore
    package let clusters: ClusterManager
    package let accessLogs: AccessLogManager
    package let runtime: RuntimeStore
    package let extensions: ExtensionRegistry
    package let workerCount: Int

    init(
        stats: StatsStore, clusters: ClusterManager, accessLogs: AccessLogManager, runtime: RuntimeStore,
        extensions: ExtensionRegistry, workerCount: Int
    ) {
        self.stats = stats
        self.clusters = clusters
        self.accessLogs = accessLogs
        self.runtime = runtime
        self.extensions = extensions
        self.workerCount = workerCount
    }
}
