// A data source with fixed content, that writes down what it was told to do.

import CoreConfig

@testable import Core

final class FakeAdminSource: AdminDataSource {
    var view = ServerSummaryView(
        program: "tcp-proxy", version: "0.1", state: .live, uptimeSeconds: 3725, concurrency: 2)
    var done: [String] = []
    var dumps: [JSONValue] = []
    var shownClusters: [ClusterStatusView] = []
    var shownListeners: [ListenerView] = []
    var runtimeRefusal: String?
    var levels: [(name: String, level: String)] = [("admin", "info"), ("main", "info")]
    let store = StatsStore()

    init() {
        shownListeners = [
            ListenerView(name: "l1", address: .v4(address: 0x7f00_0001, port: 19002)),
            ListenerView(name: "l2", address: .unix(path: "/tmp/envoy/l2.sock")),
        ]
        var first = ClusterStatusView(name: "c1")
        first.outlier = ClusterStatusView.Outlier()
        first.defaultPriority.maxConnections = 5
        var one = HostStatusView(address: .v4(address: 0x7f00_0001, port: 19003))
        one.healthFlags = .degradedEDSHealth
        one.weight = 3
        (one.region, one.zone, one.subZone) = ("r", "z", "s")
        var two = HostStatusView(address: .v4(address: 0x7f00_0001, port: 19004))
        two.hostname = "hh"
        two.stats.cxActive = 4
        two.stats.cxTotal = 7
        (two.region, two.zone, two.subZone) = ("r", "z", "s")
        first.hosts = [one, two]
        var second = ClusterStatusView(name: "c2")
        second.observabilityName = "c2alt"
        var three = HostStatusView(address: .v6(high: 0, low: 1, port: 19003, scope: 0))
        three.healthFlags = .failedEDSHealth
        three.hostname = "localhost"
        second.hosts = [three]
        shownClusters = [first, second]
    }

    func summary() -> ServerSummaryView { view }
    func serverInfo() -> JSONValue {
        .object([.init("version", .string(view.version)), .init("state", .string(view.state.rawValue))])
    }
    func listenerViews() -> [ListenerView] { shownListeners }
    func clusterViews() -> [ClusterStatusView] { shownClusters }
    func runtimeJSON() -> String { "{}\n" }
    func configDump(includesEDS: Bool) -> [JSONValue] {
        includesEDS
            ? dumps : dumps.filter { $0["@type"] != .string("type.googleapis.com/envoy.admin.v3.EndpointsConfigDump") }
    }
    func stats(_ query: StatsQuery) -> StatsRendering { StatsRendering(store, query) }
    func initDump() -> JSONValue { .object([]) }
    func loggers() -> [(name: String, level: String)] { levels }

    func setLogLevels(_ changes: [(component: String?, level: String)]) {
        for change in changes {
            for index in levels.indices where change.component == nil || levels[index].name == change.component {
                levels[index].level = change.level
            }
        }
    }
    func resetCounters() { done.append("reset") }
    func failHealthChecks(_ fails: Bool) { done.append(fails ? "fail" : "ok") }
    func drainListeners(_ request: DrainRequest) {
        done.append("drain graceful \(request.isGraceful) inbound \(request.inboundOnly) skip \(request.skipExit)")
    }
    func modifyRuntime(_ changes: [(key: String, value: String)]) -> String? {
        done.append("runtime " + changes.map { "\($0.key)=\($0.value)" }.joined(separator: " "))
        return runtimeRefusal
    }
    func reopenLogs() { done.append("reopen") }
    func quit() { done.append("quit") }
}
