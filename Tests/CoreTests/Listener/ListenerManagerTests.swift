import ConfigAPI
import CoreConfig
import Glibc
import SwiftProtobuf
import Testing

@testable import Core

@Suite struct ListenerManagerTests {
    typealias Message = Envoy_Config_Listener_V3_Listener

    private static let echo = #"""
        "filter_chains":[{"filters":[{"name":"echo","typed_config":{
        "@type":"type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo"}}]}]
        """#

    private func message(_ fields: String, address: String = Self.loopback()) throws -> Message {
        try Message(jsonString: #"{"name":"front",\#(address)\#(fields.isEmpty ? "" : ",")\#(fields),\#(Self.echo)}"#)
    }

    private static func loopback(_ port: UInt16 = 0) -> String {
        #""address":{"socket_address":{"address":"127.0.0.1","port_value":\#(port)}}"#
    }

    /// Plans and binds one listener; problems come back as texts.
    private func bind(_ manager: ListenerManager, _ message: Message) -> [String] {
        let (plans, problems) = manager.plan([message], path: "static_resources.listeners")
        guard problems.isEmpty, let plan = plans.first else { return problems.map(\.description) }
        return manager.bind(plan, message: message, path: "static_resources.listeners[0]").map { [$0.description] }
            ?? []
    }

    private func stat(_ bench: WorkerBench, _ key: ListenerManagerStat) -> Int {
        let scope: StatScope<ListenerManagerStat> = bench.store.scope(prefix: ListenerManagerStat.prefix)
        return bench.main.block(scope).value(key)
    }

    private func closeAll(_ manager: ListenerManager) {
        for entry in manager.entries { for socket in entry.sockets { for fd in socket.descriptors { close(fd) } } }
    }

    @Test func bindingGivesEachWorkerItsSocket() throws {
        let bench = WorkerBench(workerCount: 3)
        let manager = ListenerManager(process: bench.services, mainStats: bench.main)
        defer { closeAll(manager) }
        #expect(bind(manager, try message("")).isEmpty)
        let entry = try #require(manager.entries.first)
        #expect(entry.sockets[0].descriptors.count == 3 && entry.spec.addresses[0].port != 0)
        #expect(entry.name == "front" && stat(bench, .listenerAdded) == 1)
        let port = entry.spec.addresses[0].port
        #expect(entry.spec.statPrefix == "listener.127.0.0.1_\(port).")
    }

    @Test func aListenerThatDoesNotBindHasNoSocket() throws {
        let bench = WorkerBench()
        let manager = ListenerManager(process: bench.services, mainStats: bench.main)
        #expect(bind(manager, try message(#""bind_to_port":false"#)).isEmpty)
        #expect(manager.entries[0].sockets[0].descriptors.isEmpty)
    }

    @Test func moreAddressesAreBoundToo() throws {
        let bench = WorkerBench()
        let manager = ListenerManager(process: bench.services, mainStats: bench.main)
        defer { closeAll(manager) }
        #expect(
            bind(manager, try message(#""additional_addresses":[{\#(Self.loopback())},{\#(Self.loopback())}]"#)).isEmpty
        )
        let ports = manager.entries[0].spec.addresses.map(\.port)
        #expect(ports.count == 3 && Set(ports).count == 3 && !ports.contains(0))
    }

    @Test func aTakenPortIsAProblemAtItsAddressAndLeaksNothing() throws {
        let bench = WorkerBench()
        let manager = ListenerManager(process: bench.services, mainStats: bench.main)
        let other = TestListener()
        let free = freePort()
        let problems = bind(
            manager,
            try message(
                #""additional_addresses":[{\#(Self.loopback(other.port))}]"#, address: Self.loopback(free)))
        #expect(problems.count == 1)
        #expect(problems.first?.contains("static_resources.listeners[0].additional_addresses[0].address") == true)
        #expect(problems.first?.contains("127.0.0.1:\(other.port)") == true)
        #expect(manager.entries.isEmpty && stat(bench, .listenerCreateFailure) == 1)
        // The first address was bound and is free again, even for somebody who does not share.
        var alone = ListenSocketSpec(address: .v4(address: 0x7F00_0001, port: free))
        alone.reusesPort = false
        let (fds, _) = try alone.open(workerCount: 1)
        for fd in fds { close(fd) }
    }

    @Test func mistakesAreSaidAllAtOnce() throws {
        let bench = WorkerBench()
        let manager = ListenerManager(process: bench.services, mainStats: bench.main)
        let bad = try Message(
            jsonString: #"""
                {"name":"a","address":{"socket_address":{"address":"not-an-ip","port_value":1}},
                 "filter_chains":[{"filters":[]}]}
                """#)
        let (plans, problems) = manager.plan([bad, bad], path: "listeners")
        #expect(plans.isEmpty && problems.count == 4)
        #expect(
            problems.map(\.path) == [
                "listeners[0].address.socket_address.address", "listeners[0].filter_chains[0].filters",
                "listeners[1].address.socket_address.address", "listeners[1].filter_chains[0].filters",
            ])
    }

    @Test func aStartedListenerServesAndAStoppedOneRefuses() throws {
        let bench = WorkerBench()
        let manager = ListenerManager(process: bench.services, mainStats: bench.main)
        #expect(bind(manager, try message("")).isEmpty)
        let address = manager.entries[0].spec.addresses[0]
        let early = ConnectionBench.connect(to: address)
        #expect(early.error == ECONNREFUSED, "bound, but not listening before start")
        close(early.fd)
        #expect(manager.start(on: [bench.handle]).isEmpty)
        #expect(stat(bench, .listenerCreateSuccess) == 1 && stat(bench, .totalListenersActive) == 1)
        let (client, error) = ConnectionBench.connect(to: address)
        defer { close(client) }
        #expect(error == 0)
        #expect(bench.turn { bench.worker.connections.count == 1 })
        ConnectionBench.writeAll(client, Array("echo".utf8))
        var back: [UInt8] = []
        #expect(
            bench.turn {
                back += ConnectionBench.readAvailable(client).bytes
                return back.count == 4
            })
        manager.stop(on: [bench.handle])
        #expect(manager.areAllStopped && stat(bench, .listenerStopped) == 1 && stat(bench, .totalListenersActive) == 0)
        bench.loop.turn(mayWait: false)
        let late = ConnectionBench.connect(to: address)
        defer { close(late.fd) }
        #expect(late.error == ECONNREFUSED)
        #expect(bench.worker.connections.count == 1, "connections go on")
        manager.stop(on: [bench.handle])
        #expect(stat(bench, .listenerStopped) == 1, "stopped once")
    }

    @Test func onlyInboundListenersStopWhenAskedSo() throws {
        let bench = WorkerBench()
        let manager = ListenerManager(process: bench.services, mainStats: bench.main)
        #expect(bind(manager, try message(#""traffic_direction":"INBOUND""#)).isEmpty)
        #expect(bind(manager, try message(#""traffic_direction":"OUTBOUND""#)).isEmpty)
        _ = manager.start(on: [bench.handle])
        bench.loop.turn(mayWait: false)
        manager.stop(inboundOnly: true, on: [bench.handle])
        #expect(manager.entries.map(\.isStopped) == [true, false] && !manager.areAllStopped)
        manager.stop(on: [bench.handle])
        #expect(manager.areAllStopped)
        bench.loop.turn(mayWait: false)
    }

    @Test func runtimeLimitsReachTheListener() throws {
        let bench = WorkerBench()
        let manager = ListenerManager(process: bench.services, mainStats: bench.main)
        #expect(bind(manager, try message(#""bind_to_port":false"#)).isEmpty)
        let limits = manager.entries[0].spec.limits
        manager.apply(RuntimeSnapshot(["envoy.resource_limits.listener.front.connection_limit": "1"]))
        #expect(limits.admit() && !limits.admit() && limits.openCount == 1)
        manager.apply(RuntimeSnapshot([:]))
        #expect(limits.admit())
    }

    @Test func exactBalanceChoosesTheEmptiestWorker() {
        let balancer = ExactBalancer(workerCount: 3)
        #expect(
            [1, 1, 1].map { balancer.choose(preferred: $0) } == [1, 0, 2], "ties go to the accepting worker first")
        balancer.release(2)
        #expect(balancer.choose(preferred: 0) == 2)
    }
}
