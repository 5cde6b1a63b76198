import ConfigAPI
import CoreBytes
import Glibc
import Testing

@testable import Core

/// Checks over real sockets, with what follows from them.
@Suite struct HealthCheckerTests {
    private static let fast = #"""
        "health_checks":[{"timeout":"0.2s","interval":"0.02s","no_traffic_interval":"0.02s","unhealthy_threshold":2,
        "healthy_threshold":2,"tcp_health_check":{}}]
        """#

    private func isFailing(_ bench: ManagerBench, _ name: String, _ index: Int = 0) -> Bool {
        bench.manager.cluster(named: name)?.shared.snapshot.hosts[index].flags.contains(.failedActiveHC) ?? true
    }

    @Test func readyWaitsForTheFirstRound() throws {
        let listener = TestListener()
        let bench = ManagerBench()
        #expect(
            try bench.load(
                clusterJSON("a", "STATIC", ["127.0.0.1:\(listener.port)", "127.0.0.1:\(freePort())"], Self.fast)
            ).isEmpty)
        bench.start()
        #expect(!bench.isReady)
        #expect(bench.turn { bench.isReady })
        #expect(!isFailing(bench, "a", 0))
        #expect(isFailing(bench, "a", 1))
        #expect(bench.state("a", .membershipHealthy) == 1)
        #expect(bench.health("a", .healthy) == 1)
        #expect(bench.health("a", .success) >= 1)
        #expect(bench.health("a", .networkFailure) >= 1)
    }

    @Test func hostsFailAndComeBackByThreshold() throws {
        var listener: TestListener? = TestListener()
        let port = listener!.port
        let bench = ManagerBench()
        try bench.load(clusterJSON("a", "STATIC", ["127.0.0.1:\(port)"], Self.fast))
        bench.start()
        #expect(bench.turn { bench.isReady && !isFailing(bench, "a") })
        listener = nil
        #expect(bench.turn { isFailing(bench, "a") })
        #expect(bench.health("a", .failure) >= 2)
        // The same port again.
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(fd) }
        var on: Int32 = 1
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, 4)
        #expect(SocketAddress.v4(address: 0x7F00_0001, port: port).withSockaddr { bind(fd, $0, $1) } == 0)
        listen(fd, 64)
        #expect(bench.turn { !isFailing(bench, "a") })
        _ = listener
    }

    @Test func unusedClustersAreCheckedSlowly() throws {
        let listener = TestListener()
        let bench = ManagerBench()
        try bench.load(
            clusterJSON(
                "a", "STATIC", ["127.0.0.1:\(listener.port)"],
                #""health_checks":[{"timeout":"1s","interval":"0.02s","unhealthy_threshold":1,"healthy_threshold":1,"tcp_health_check":{}}]"#
            ))
        bench.start()
        #expect(bench.turn { bench.isReady })
        #expect(!bench.turn(200) { bench.health("a", .attempt) > 1 })
    }

    @Test func disabledHostsAreNotChecked() throws {
        let bench = ManagerBench()
        try bench.load(
            #"""
            {"name":"a","load_assignment":{"cluster_name":"a","endpoints":[{"lb_endpoints":[{"endpoint":{"address":
            {"socket_address":{"address":"127.0.0.1","port_value":1}},
            "health_check_config":{"disable_active_health_check":true}}}]}]},
            """# + Self.fast + "}")
        bench.start()
        #expect(bench.isReady)
        #expect(!isFailing(bench, "a"))
        #expect(bench.health("a", .attempt) == 0)
    }

    @Test func checksGoToTheAlternatePort() throws {
        let listener = TestListener()
        let bench = ManagerBench()
        try bench.load(
            clusterJSON(
                "a", "STATIC", ["127.0.0.1:\(freePort())"],
                #""health_checks":[{"timeout":"1s","interval":"1s","unhealthy_threshold":1,"healthy_threshold":1,"alt_port":\#(listener.port),"tcp_health_check":{}}]"#
            ))
        bench.start()
        #expect(bench.turn { bench.isReady })
        #expect(!isFailing(bench, "a"))
    }

    @Test func newHostsMayWaitForTheirFirstCheck() throws {
        // The peer never answers, so the first check ends with its time-out.
        let listener = TestListener()
        let bench = ManagerBench()
        try bench.load(
            clusterJSON(
                "a", "STATIC", ["127.0.0.1:\(listener.port)"],
                #""health_checks":[{"timeout":"0.1s","interval":"9s","unhealthy_threshold":1,"healthy_threshold":1,"tcp_health_check":{"receive":[{"text":"00"}]}}],"common_lb_config":{"ignore_new_hosts_until_first_hc":true}"#
            ))
        bench.start()
        bench.loop.turn(mayWait: false)
        #expect(bench.state("a", .membershipExcluded) == 1)
        #expect(!bench.isReady)
        #expect(bench.turn { bench.isReady && bench.state("a", .membershipExcluded) == 0 })
        #expect(isFailing(bench, "a"))
        #expect(bench.health("a", .networkFailure) == 1)
    }

    @Test func removedHostsStayWhileTheyPass() throws {
        let listener = TestListener()
        let bench = ManagerBench()
        try bench.load(clusterJSON("a", "STATIC", ["127.0.0.1:\(listener.port)"], Self.fast))
        bench.start()
        #expect(bench.turn { bench.isReady && !isFailing(bench, "a") })
        let cluster = try #require(bench.manager.cluster(named: "a"))
        #expect(cluster.apply([], localityWeights: [:]))
        #expect(bench.turn { cluster.shared.snapshot.hosts.first?.flags == .pendingDynamicRemoval })
        // It comes back as the same host.
        let host = cluster.hosts[0]
        #expect(cluster.apply([DiscoveredHost(attributes: host.attributes)], localityWeights: [:]))
        #expect(cluster.hosts[0] === host)
        #expect(host.flags == [])
        // Removed again, it goes when it fails.
        #expect(cluster.apply([], localityWeights: [:]))
        shutdown(listener.fd, Int32(SHUT_RDWR))
        #expect(bench.turn { cluster.shared.snapshot.hosts.isEmpty })
    }

    @Test func watchersHearOfFailureAndRemoval() throws {
        var listener: TestListener? = TestListener()
        let bench = ManagerBench()
        try bench.load(
            clusterJSON(
                "a", "STATIC", ["127.0.0.1:\(listener!.port)"],
                Self.fast
                    + #","close_connections_on_host_health_failure":true,"ignore_health_on_host_removal":true,"common_lb_config":{"close_connections_on_host_set_change":true}"#
            ))
        bench.start()
        #expect(bench.turn { bench.isReady && !isFailing(bench, "a") })
        let watcher = Watcher()
        let host = try #require(bench.worker.cluster(named: "a")?.choose(LoadBalancerContext()))
        let token = host.addWatcher(watcher)
        listener = nil
        #expect(bench.turn { watcher.heard == ["failure"] })
        let cluster = try #require(bench.manager.cluster(named: "a"))
        var other = host.host.attributes
        other.address = other.address.with(port: 1)
        cluster.apply(
            [DiscoveredHost(attributes: host.host.attributes), DiscoveredHost(attributes: other)], localityWeights: [:])
        #expect(bench.turn { watcher.heard == ["failure", "set"] })
        cluster.apply([], localityWeights: [:])
        #expect(bench.turn { watcher.heard == ["failure", "set", "removed"] })
        host.removeWatcher(token)
        _ = listener
    }

    private final class Watcher: HostWatcher {
        var heard: [String] = []
        func onHostRemoved(_ host: WorkerHost) { heard.append("removed") }
        func onHostHealthFailure(_ host: WorkerHost) { heard.append("failure") }
        func onHostSetChange(_ host: WorkerHost) { heard.append("set") }
    }

    @Test func eventsAreLinesOfJSON() throws {
        let path = "/tmp/sluice-hc-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { unlink(path) }
        var listener: TestListener? = TestListener()
        let port = listener!.port
        let bench = ManagerBench()
        try bench.load(
            clusterJSON(
                "a", "STATIC", ["127.0.0.1:\(port)"],
                #""health_checks":[{"timeout":"1s","interval":"0.02s","no_traffic_interval":"0.02s","unhealthy_threshold":1,"healthy_threshold":1,"event_log_path":"\#(path)","always_log_health_check_success":true,"tcp_health_check":{}}]"#
            ))
        bench.start()
        #expect(bench.turn { bench.isReady && !isFailing(bench, "a") })
        listener = nil
        #expect(bench.turn { isFailing(bench, "a") })
        let text = try String(contentsOfFile: path)
        let lines = text.split(separator: "\n")
        #expect(
            lines[0].hasPrefix(
                #"{"health_checker_type":"TCP","host":{"socket_address":{"protocol":"TCP","address":"127.0.0.1","port_value":\#(port),"resolver_name":"","ipv4_compat":false,"network_namespace_filepath":""}},"cluster_name":"a","add_healthy_event":{"first_check":true},"timestamp":""#
            ))
        #expect(
            lines[0].hasSuffix(
                #"Z","locality":{"region":"","zone":"","sub_zone":""}}"#
            ))
        #expect(lines[1].hasSuffix(#""sub_zone":""},"successful_health_check_event":{}}"#))
        #expect(
            lines.last?.contains(
                #","eject_unhealthy_event":{"failure_type":"NETWORK","http_status_code":0},"timestamp":"#)
                == true)
        _ = listener
    }
}

extension String {
    /// Reads a small file of a test.
    fileprivate init(contentsOfFile path: String) throws {
        let fd = open(path, O_RDONLY)
        defer { close(fd) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(fd, &chunk, chunk.count)
            if count <= 0 { break }
            bytes += chunk[..<count]
        }
        self.init(decoding: bytes, as: UTF8.self)
    }
}

/// The TCP probe against peers that behave in each way.
@Suite struct TCPProbeTests {
    private final class Owner: HealthProbeOwner {
        var results: [CheckResult] = []
        func onProbeEnd(_ result: CheckResult) { results.append(result) }
    }

    /// Accepts and does what the test says, on the test's loop.
    private final class Peer: EventTarget {
        let listener = TestListener()
        /// Sent when the first bytes came; nil = nothing.
        var answer: String?
        var resets = false
        var closes = false
        private(set) var accepted = 0
        private(set) var heard = ""
        private let loop: EventLoop
        private var acceptReadiness: Readiness?
        private var talks: [Talk] = []

        init(_ loop: EventLoop) {
            self.loop = loop
            super.init()
            acceptReadiness = Readiness(loop: loop, fd: listener.fd, .read, target: self)
            acceptReadiness?.enable()
        }

        override func onReadable() {
            let fd = accept(listener.fd, nil, nil)
            if fd < 0 { return }
            accepted += 1
            talks.append(Talk(self, loop, fd))
        }

        func closeAll() { for talk in talks { talk.end() } }

        private final class Talk: EventTarget {
            private unowned let peer: Peer
            private let fd: Int32
            private var readiness: Readiness?
            private var isEnded = false

            init(_ peer: Peer, _ loop: EventLoop, _ fd: Int32) {
                self.peer = peer
                self.fd = fd
                super.init()
                readiness = Readiness(loop: loop, fd: fd, .read, target: self)
                readiness?.enable()
            }

            func end() {
                if isEnded { return }
                isEnded = true
                readiness?.disable()
                if peer.resets {
                    var linger = linger(l_onoff: 1, l_linger: 0)
                    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
                }
                close(fd)
            }

            override func onReadable() {
                var chunk = [UInt8](repeating: 0, count: 256)
                let count = read(fd, &chunk, chunk.count)
                if count <= 0 { return end() }
                peer.heard += String(decoding: chunk[..<count], as: UTF8.self)
                if peer.resets || peer.closes { return end() }
                if let answer = peer.answer { _ = write(fd, answer, answer.utf8.count) }
            }
        }
    }

    private func probe(
        _ loop: EventLoop, _ port: UInt16, _ owner: Owner, send: String = "PING", receive: [String] = ["PO", "NG"],
        reuse: Bool = true
    ) -> TCPProbe {
        TCPProbe(
            loop: loop, socket: SocketSpec(address: .v4(address: 0x7F00_0001, port: port)),
            spec: TCPProbeSpec(send: Array(send.utf8), receive: receive.map { Array($0.utf8) }),
            reusesConnection: reuse, owner: owner)
    }

    @Test func refusedConnectionsFail() {
        let loop = EventLoop()
        let owner = Owner()
        let probe = probe(loop, freePort(), owner)
        probe.begin()
        #expect(loop.turn { !owner.results.isEmpty })
        #expect(owner.results == [.failedNetwork])
    }

    @Test func blocksMatchInOrderAndTheConnectionIsKept() {
        let loop = EventLoop()
        let peer = Peer(loop)
        peer.answer = "+xxPOyyNGzz"
        let owner = Owner()
        let probe = probe(loop, peer.listener.port, owner)
        for count in 1...3 {
            probe.begin()
            #expect(loop.turn { owner.results.count == count })
        }
        #expect(owner.results == [.passed, .passed, .passed])
        #expect(peer.accepted == 1)
        #expect(peer.heard == "PINGPINGPING")
    }

    @Test func withoutReuseEachCheckConnects() {
        let loop = EventLoop()
        let peer = Peer(loop)
        peer.answer = "PONG"
        let owner = Owner()
        let probe = probe(loop, peer.listener.port, owner, reuse: false)
        for count in 1...2 {
            probe.begin()
            #expect(loop.turn { owner.results.count == count })
        }
        #expect(peer.accepted == 2)
    }

    @Test func wrongAnswersWaitUntilTheOwnerGivesUp() {
        let loop = EventLoop()
        let peer = Peer(loop)
        peer.answer = "NGPO"
        let owner = Owner()
        let probe = probe(loop, peer.listener.port, owner)
        probe.begin()
        #expect(!loop.turn(untilMS: 150) { !owner.results.isEmpty })
        probe.giveUp()
        #expect(!loop.turn(untilMS: 50) { !owner.results.isEmpty })
    }

    @Test func resetsAndClosesFail() {
        for resets in [true, false] {
            let loop = EventLoop()
            let peer = Peer(loop)
            peer.resets = resets
            peer.closes = true
            let owner = Owner()
            let probe = probe(loop, peer.listener.port, owner)
            probe.begin()
            #expect(loop.turn { !owner.results.isEmpty })
            #expect(owner.results == [.failedNetwork])
        }
    }

    @Test func aPeerThatClosesBetweenChecksIsNoFailure() {
        let loop = EventLoop()
        let peer = Peer(loop)
        peer.answer = "PONG"
        let owner = Owner()
        let probe = probe(loop, peer.listener.port, owner)
        probe.begin()
        #expect(loop.turn { owner.results.count == 1 })
        peer.closeAll()
        #expect(!loop.turn(untilMS: 50) { owner.results.count > 1 })
        probe.begin()
        #expect(loop.turn { owner.results.count == 2 })
        #expect(owner.results == [.passed, .passed])
        #expect(peer.accepted == 2)
    }

    @Test func connectingIsEnoughWithoutBlocks() {
        let loop = EventLoop()
        let listener = TestListener()
        let owner = Owner()
        let probe = probe(loop, listener.port, owner, send: "", receive: [])
        probe.begin()
        #expect(loop.turn { owner.results == [.passed] })
    }

    @Test(arguments: [
        (["a", "b"], "xaxbx", true), (["a", "b"], "ba", false), (["aa", "a"], "aa", false), (["aa", "a"], "aaa", true),
        ([], "", true), (["abc"], "ab", false), (["ab"], "aab", true),
    ])
    func matching(_ blocks: [String], _ answer: String, _ expected: Bool) {
        #expect(TCPProbe.matches(blocks.map { Array($0.utf8) }, Array(answer.utf8)) == expected)
    }
}
