// The seam between the admin pages and the process.

package import CoreConfig

/// Everything that the admin pages show or do. Called on the main thread, one request at a time; answers are computed at
/// once, from what the main thread knows.
package protocol AdminDataSource: AnyObject {
    // What is shown.
    func summary() -> ServerSummaryView
    /// The whole of `/server_info`.
    func serverInfo() -> JSONValue
    func listenerViews() -> [ListenerView]
    func clusterViews() -> [ClusterStatusView]
    func memory() -> MemoryView
    /// The whole of `/runtime`, as text with a final line end.
    func runtimeJSON() -> String
    /// The parts of `/config_dump`, each an object whose first member is `@type`.
    func configDump(includesEDS: Bool) -> [JSONValue]
    /// `/stats`, from numbers brought up to date just now.
    func stats(_ query: StatsQuery) -> StatsRendering
    /// The whole of `/certs`.
    func certificates() -> JSONValue
    /// The whole of `/init_dump`.
    func initDump() -> JSONValue
    /// Log components with their levels, in the order to be shown.
    func loggers() -> [(name: String, level: String)]

    // What is done.
    /// The names are checked: known levels, known components; nil means all components.
    func setLogLevels(_ changes: [(component: String?, level: String)])
    func resetCounters()
    func failHealthChecks(_ fails: Bool)
    func drainListeners(_ request: DrainRequest)
    /// Nil on success, else why not. An empty value removes an override.
    func modifyRuntime(_ changes: [(key: String, value: String)]) -> String?
    func reopenLogs()
    func quit()
}

/// What every program answers alike.
extension AdminDataSource {
    package func memory() -> MemoryView {
        let use = MemoryUse.read()
        var view = MemoryView()
        view.allocated = use.allocatedBytes
        view.heapSize = use.heapBytes
        view.pageheapFree = use.heapBytes > use.allocatedBytes ? use.heapBytes - use.allocatedBytes : 0
        view.totalPhysicalBytes = use.physicalBytes
        return view
    }

    /// None, until a transport loads certificates.
    package func certificates() -> JSONValue { .object([.init("certificates", .array([]))]) }

    package func loggers() -> [(name: String, level: String)] {
        LogComponent.allCases.map { ($0.name, Log.level(of: $0).name) }
    }

    package func setLogLevels(_ changes: [(component: String?, level: String)]) {
        for change in changes {
            guard let level = LogLevel(name: change.level) else { continue }
            if let name = change.component {
                if let component = LogComponent(name: name) { Log.setLevel(component, level) }
            } else {
                Log.setLevel(level)
            }
        }
    }
}
