// A cluster manager with one worker on one loop, for tests.

import ConfigAPI
import CoreBytes
import CoreConfig
import Glibc
import SwiftProtobuf

@testable import Core

final class ManagerBench {
    let loop = EventLoop()
    let store = StatsStore()
    let main: WorkerStats
    let manager: ClusterManager
    /// The worker lives on the same loop: its mail comes in the next turn.
    let worker: WorkerClusters
    let workerStats: WorkerStats
    private(set) var isReady = false

    init(_ change: (inout ClusterManager.Options) -> Void = { _ in }) {
        main = store.makeWorker(name: "main")
        var options = ClusterManager.Options()
        options.resolver.hostsPath = "/nonexistent"
        options.resolver.resolvConfPath = "/nonexistent"
        options.resolver.queryTimeoutSeconds = 1
        options.resolver.queryTries = 1
        change(&options)
        manager = ClusterManager(
            loop: loop, store: store, stats: main, random: FastRandom(seed: 1), options: options)
        workerStats = store.makeWorker(name: "worker_0")
        worker = WorkerClusters(
            manager.addWorker(mailbox: loop.mailbox), stats: workerStats, random: FastRandom(seed: 2))
    }

    /// Loads one cluster from proto3 JSON; problems come back as texts.
    @discardableResult
    func load(_ json: String...) throws -> [String] {
        let messages = try json.map { try Envoy_Config_Cluster_V3_Cluster(jsonString: $0) }
        return manager.load(messages).map(\.description)
    }

    func start() { manager.start { [unowned self] in isReady = true } }

    func state(_ name: String, _ key: ClusterStateStat) -> Int {
        manager.cluster(named: name)?.state.value(key) ?? -1
    }

    func health(_ name: String, _ key: HealthCheckStat) -> Int {
        let scope: StatScope<HealthCheckStat> = store.scope(prefix: "cluster.\(name).health_check.")
        return main.block(scope).value(key)
    }

    func addresses(_ name: String) -> [String] {
        manager.cluster(named: name)?.shared.snapshot.hosts.map(\.address.description) ?? []
    }

    func turn(_ limitMS: Int64 = 5000, _ condition: () -> Bool) -> Bool {
        loop.turn(untilMS: limitMS, condition)
    }
}

/// A listening socket on loopback that accepts into its backlog; closed with the value's owner.
final class TestListener {
    let fd: Int32
    let port: UInt16

    init() {
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        _ = SocketAddress.v4(address: 0x7F00_0001, port: 0).withSockaddr { bind(made, $0, $1) }
        listen(made, 64)
        fd = made
        port = boundPort(made)
    }

    deinit { close(fd) }
}

/// A port on which nobody listens. It stays bound until the tests end, so that no test beside this one is given it; a
/// server that sets SO_REUSEADDR may listen on it.
func freePort() -> UInt16 {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var on: Int32 = 1
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, 4)
    _ = SocketAddress.v4(address: 0x7F00_0001, port: 0).withSockaddr { bind(fd, $0, $1) }
    return boundPort(fd)
}

/// A cluster as JSON with endpoints "host:port".
func clusterJSON(_ name: String, _ type: String, _ endpoints: [String], _ more: String = "") -> String {
    let list = endpoints.map { endpoint in
        let parts = endpoint.split(separator: ":")
        return """
            {"endpoint":{"address":{"socket_address":{"address":"\(parts[0])","port_value":\(parts[1])}}}}
            """
    }
    return """
        {"name":"\(name)","type":"\(type)"\(more.isEmpty ? "" : ",\(more)"),
         "load_assignment":{"cluster_name":"\(name)","endpoints":[{"lb_endpoints":[\(list.joined(separator: ","))]}]}}
        """
}
