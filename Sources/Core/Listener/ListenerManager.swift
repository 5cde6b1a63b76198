// All listeners of the process, as the main thread sees them.

package import ConfigAPI
package import CoreConfig
import Glibc

/// Builds, binds, publishes and stops listeners. Main thread only.
package final class ListenerManager {
    /// One listener and where it stands.
    package struct Entry {
        package let id: Int
        package let name: String
        package let message: Envoy_Config_Listener_V3_Listener
        package let spec: ListenerSpec
        package let isInbound: Bool
        let connectionLimitKey: String
        var sockets: [BoundSocket]
        package internal(set) var isStopped = false
    }

    /// The sockets of one address: one per worker, or one that all share, or none (`bind_to_port: false`).
    struct BoundSocket {
        var spec: ListenSocketSpec
        var address: SocketAddress
        var descriptors: [Int32]
    }

    private let process: ProcessServices
    package private(set) var entries: [Entry] = []
    private let scope: StatScope<ListenerManagerStat>
    private let stats: StatBlock<ListenerManagerStat>

    init(process: ProcessServices, mainStats: WorkerStats) {
        self.process = process
        scope = process.stats.scope(prefix: ListenerManagerStat.prefix)
        stats = mainStats.block(scope)
    }

    // MARK: Start

    /// Builds all listeners; binds none. All problems come at once.
    func plan(
        _ messages: [Envoy_Config_Listener_V3_Listener], path: String
    ) -> (plans: [ListenerBuilder.Plan], problems: [ConfigProblem]) {
        var plans: [ListenerBuilder.Plan] = []
        var problems: [ConfigProblem] = []
        for (index, message) in messages.enumerated() {
            var builder = ListenerBuilder(message, path: "\(path)[\(index)]", process: process)
            if let plan = builder.build(id: index) { plans.append(plan) }
            problems += builder.problems
        }
        return (plans, problems)
    }

    /// Binds the sockets of a plan and adds the listener. A failure is a problem at its address.
    func bind(_ plan: ListenerBuilder.Plan, message: Envoy_Config_Listener_V3_Listener, path: String) -> ConfigProblem?
    {
        var bound: [BoundSocket] = []
        for (index, socket) in plan.sockets.enumerated() {
            guard plan.bindsToPort else {
                bound.append(BoundSocket(spec: socket, address: socket.address, descriptors: []))
                continue
            }
            do throws(SocketError) {
                let (descriptors, address) = try socket.open(workerCount: process.workerCount)
                bound.append(BoundSocket(spec: socket, address: address, descriptors: descriptors))
            } catch {
                for other in bound { for fd in other.descriptors { close(fd) } }
                stats.add(.listenerCreateFailure)
                let field = index == 0 ? "address" : "additional_addresses[\(index - 1)].address"
                return ConfigProblem(
                    path: "\(path).\(field)", found: socket.address.description,
                    text: "cannot bind '\(socket.address)': \(error)")
            }
        }
        let spec = plan.make(bound.map(\.address))
        entries.append(
            Entry(
                id: spec.id, name: plan.name, message: message, spec: spec, isInbound: plan.direction == .inbound,
                connectionLimitKey: plan.connectionLimitKey, sockets: bound))
        stats.add(.listenerAdded)
        return nil
    }

    /// Starts taking connections and hands every listener to every worker. Sockets were bound earlier but listen only
    /// now: until the process is ready, clients are refused and not left waiting.
    func start(on workers: [WorkerHandle]) -> [ConfigProblem] {
        var problems: [ConfigProblem] = []
        for index in entries.indices {
            for socket in entries[index].sockets {
                for fd in socket.descriptors {
                    do throws(SocketError) {
                        try socket.spec.startListening(fd)
                    } catch {
                        problems.append(
                            ConfigProblem(
                                path: "static_resources.listeners[\(index)].address", found: socket.address.description,
                                text: "cannot listen on '\(socket.address)': \(error)"))
                    }
                }
            }
            let (spec, sockets) = (entries[index].spec, entries[index].sockets)
            for worker in workers {
                // A shared socket is duplicated, so that each worker owns and closes its own descriptor.
                let descriptors = sockets.map { socket -> Int32 in
                    if socket.descriptors.isEmpty { return -1 }
                    if socket.descriptors.count == workers.count { return socket.descriptors[worker.index] }
                    return worker.index == 0 ? socket.descriptors[0] : fcntl(socket.descriptors[0], F_DUPFD_CLOEXEC, 0)
                }
                worker.post { worker in
                    for (position, fd) in descriptors.enumerated() {
                        let listener = ActiveListener(
                            fd: fd, address: spec.addresses[position], spec: spec, worker: worker)
                        worker.add(listener, key: .init(listener: spec.id, address: position))
                    }
                }
            }
            entries[index].sockets = sockets.map { BoundSocket(spec: $0.spec, address: $0.address, descriptors: []) }
            stats.add(.listenerCreateSuccess, workers.count)
        }
        stats.set(.totalListenersActive, entries.count)
        stats.set(.workersStarted, 1)
        return problems
    }

    // MARK: Runtime

    /// Applies the limits that runtime keys set.
    func apply(_ runtime: RuntimeSnapshot) {
        for entry in entries {
            let limit = runtime.integer(entry.connectionLimitKey) ?? .max
            entry.spec.limits.set(limit: Int(clamping: limit))
        }
    }

    // MARK: Stop

    /// Closes the listening sockets; connections go on.
    func stop(inboundOnly: Bool = false, on workers: [WorkerHandle]) {
        for index in entries.indices where !entries[index].isStopped && (!inboundOnly || entries[index].isInbound) {
            entries[index].isStopped = true
            let id = entries[index].id
            for worker in workers { worker.post { $0.stopListener(id) } }
            if case .unix(let path) = entries[index].sockets.first?.address, !path.hasPrefix("@") { unlink(path) }
            stats.add(.listenerStopped)
        }
        stats.set(.totalListenersActive, entries.count { !$0.isStopped })
    }

    var areAllStopped: Bool { entries.allSatisfy(\.isStopped) }
}
