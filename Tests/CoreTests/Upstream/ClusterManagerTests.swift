import ConfigAPI
import CoreBytes
import Glibc
import Testing

@testable import Core

/// Discovery in, snapshots out, with a worker on the same loop.
@Suite struct ClusterManagerTests {
    @Test func staticClustersAreReadyAtOnce() throws {
        let bench = ManagerBench()
        #expect(try bench.load(clusterJSON("a", "STATIC", ["10.0.0.1:80", "10.0.0.2:80"])).isEmpty)
        bench.start()
        #expect(bench.isReady)
        #expect(bench.addresses("a") == ["10.0.0.1:80", "10.0.0.2:80"])
        #expect(bench.state("a", .membershipTotal) == 2)
        #expect(bench.state("a", .membershipHealthy) == 2)
        #expect(bench.state("a", .membershipChange) == 1)
        #expect(bench.state("a", .maxHostWeight) == 0)
        let cluster = try #require(bench.worker.cluster(named: "a"))
        #expect(cluster === bench.worker.cluster(named: "a"))
        #expect(bench.worker.cluster(named: "b") == nil)
        var seen: Set<String> = []
        for _ in 0..<10 { seen.insert(cluster.choose(LoadBalancerContext())!.address.description) }
        #expect(seen.count == 2)
    }

    @Test func anEmptyClusterHasNoneHealthy() throws {
        let bench = ManagerBench()
        try bench.load(#"{"name":"a"}"#)
        bench.start()
        let cluster = try #require(bench.worker.cluster(named: "a"))
        #expect(cluster.choose(LoadBalancerContext()) == nil)
        #expect(cluster.stats.value(.upstreamCxNoneHealthy) == 1)
    }

    @Test func connectionsAreCountedOnce() throws {
        let bench = ManagerBench()
        try bench.load(
            clusterJSON(
                "a", "STATIC", ["10.0.0.1:80"],
                #""circuit_breakers":{"thresholds":[{"max_connections":2,"track_remaining":true}]}"#))
        bench.start()
        let cluster = try #require(bench.worker.cluster(named: "a"))
        let host = try #require(cluster.choose(LoadBalancerContext()))
        #expect(host.openConnection())
        host.connectionReady(afterMS: 3)
        host.beginRequest()
        #expect(host.openConnection())
        #expect(!host.openConnection())
        #expect(cluster.stats.value(.upstreamCxOverflow) == 1)
        #expect(cluster.stats.value(.upstreamCxActive) == 2)
        let shared = try #require(bench.manager.cluster(named: "a")).shared
        #expect(shared.figures(of: host.host).cxActive == 2)
        bench.manager.refreshStats()
        #expect(bench.state("a", .defaultCxOpen) == 1)
        host.connectionFailed(.timedOut)
        bench.manager.refreshStats()
        #expect(bench.state("a", .defaultCxOpen) == 0)
        let scope: StatScope<BreakerRemainingStat> = bench.store.scope(prefix: "cluster.a.circuit_breakers.default.")
        #expect(bench.main.block(scope).value(.connections) == 1)
        host.endRequest(isSuccess: true)
        host.closeConnection(.remote, lengthMS: 10, hadActiveRequest: true)
        #expect(cluster.stats.value(.upstreamCxActive) == 0)
        #expect(cluster.stats.value(.upstreamCxTotal) == 2)
        #expect(cluster.stats.value(.upstreamCxConnectFail) == 1)
        #expect(cluster.stats.value(.upstreamCxConnectTimeout) == 1)
        #expect(cluster.stats.value(.upstreamCxDestroy) == 2)
        #expect(cluster.stats.value(.upstreamCxDestroyLocal) == 1)
        #expect(cluster.stats.value(.upstreamCxDestroyRemoteWithActiveRq) == 1)
        let figures = shared.figures(of: host.host)
        #expect(figures.cxTotal == 2)
        #expect(figures.cxActive == 0)
        #expect(figures.cxConnectFail == 1)
        #expect(figures.rqTotal == 1)
        #expect(figures.rqSuccess == 1)
    }

    @Test func hostCapCountsItsOwnConnections() throws {
        let bench = ManagerBench()
        try bench.load(
            clusterJSON(
                "a", "STATIC", ["10.0.0.1:80"], #""circuit_breakers":{"per_host_thresholds":[{"max_connections":1}]}"#))
        bench.start()
        let host = try #require(bench.worker.cluster(named: "a")?.choose(LoadBalancerContext()))
        #expect(host.openConnection())
        #expect(!host.openConnection())
        #expect(host.cluster.breakers[.default].count(.connections) == 1)
        host.closeConnection(.local, lengthMS: 1, hadActiveRequest: false)
        #expect(host.openConnection())
    }

    @Test func runtimeOverridesBreakers() throws {
        let bench = ManagerBench()
        try bench.load(clusterJSON("a.b", "STATIC", ["10.0.0.1:80"]))
        bench.start()
        let host = try #require(bench.worker.cluster(named: "a.b")?.choose(LoadBalancerContext()))
        bench.manager.applyRuntime(["circuit_breakers.a.b.default.max_connections": 0])
        #expect(!host.openConnection())
        bench.manager.applyRuntime([:])
        #expect(host.openConnection())
    }

    @Test func removedClustersLetGoOfTheirHosts() throws {
        let bench = ManagerBench()
        try bench.load(clusterJSON("a", "STATIC", ["10.0.0.1:80"]))
        bench.start()
        let cluster = try #require(bench.worker.cluster(named: "a"))
        let host = try #require(cluster.choose(LoadBalancerContext()))
        #expect(host.openConnection())
        bench.manager.remove("a")
        #expect(bench.turn { bench.worker.cluster(named: "a") == nil })
        #expect(!host.isMember)
        #expect(cluster.choose(LoadBalancerContext()) == nil)
        // The session that was open ends in order.
        host.closeConnection(.local, lengthMS: 1, hadActiveRequest: false)
        try bench.load(clusterJSON("a", "STATIC", ["10.0.0.2:80"]))
        #expect(bench.turn { bench.addresses("a") == ["10.0.0.2:80"] })
        #expect(bench.worker.cluster(named: "a")?.choose(LoadBalancerContext())?.address.description == "10.0.0.2:80")
    }
}

/// Names that change.
@Suite struct DNSDiscoveryTests {
    private func bench() -> (ManagerBench, ScriptedDNSServer) {
        // The server needs the loop before the manager has its options.
        let server = ServerBox()
        let bench = ManagerBench { options in
            server.server = ScriptedDNSServer(server.loop)
            options.resolver.servers = [server.server!.address]
        }
        server.follow(bench.loop)
        return (bench, server.server!)
    }

    /// The server lives on a loop of its own that turns with the bench's.
    private final class ServerBox: EventTarget {
        let loop = EventLoop()
        var server: ScriptedDNSServer?
        private var keep: ServerBox?
        private var follower: ClosureTimer?

        func follow(_ other: EventLoop) {
            let inner = loop
            let timer = Weakly()
            let made = ClosureTimer(other) {
                inner.turn(mayWait: false)
                timer.timer?.schedule(afterMS: 1)
            }
            timer.timer = made
            made.schedule(afterMS: 0)
        }

        private final class Weakly { var timer: ClosureTimer? }
    }

    @Test func strictHostsFollowTheirNames() throws {
        let (bench, server) = bench()
        server.answers["x.test/A"] = .addresses(["10.0.0.1", "10.0.0.2"], ttl: 60)
        try bench.load(
            clusterJSON("a", "STRICT_DNS", ["x.test:80"], #""dns_refresh_rate":"0.05s","dns_lookup_family":"V4_ONLY""#))
        bench.start()
        #expect(!bench.isReady)
        #expect(bench.turn { bench.isReady })
        #expect(bench.addresses("a") == ["10.0.0.1:80", "10.0.0.2:80"])
        let cluster = try #require(bench.worker.cluster(named: "a"))
        let hosts = (0..<2).map { _ in cluster.choose(LoadBalancerContext())! }
        let kept = hosts.first { $0.address.description == "10.0.0.2:80" }!
        let gone = hosts.first { $0.address.description == "10.0.0.1:80" }!
        #expect(kept.openConnection())
        #expect(gone.openConnection())

        server.answers["x.test/A"] = .addresses(["10.0.0.2", "10.0.0.3"], ttl: 60)
        #expect(bench.turn { cluster.snapshot.hosts.map(\.address.description) == ["10.0.0.2:80", "10.0.0.3:80"] })
        #expect(kept.isMember)
        #expect(!gone.isMember)
        // A host that stays is the same host: its figures go on, and so do connections to the one that left.
        #expect(kept.cluster.shared.figures(of: kept.host).cxActive == 1)
        gone.closeConnection(.local, lengthMS: 1, hadActiveRequest: false)
        #expect(bench.state("a", .membershipChange) == 2)
        #expect(bench.state("a", .updateSuccess) >= 2)

        // Another order is no change.
        let before = bench.state("a", .updateNoRebuild)
        server.answers["x.test/A"] = .addresses(["10.0.0.3", "10.0.0.2"], ttl: 60)
        #expect(bench.turn { bench.state("a", .updateNoRebuild) >= before + 2 })
        #expect(bench.addresses("a") == ["10.0.0.2:80", "10.0.0.3:80"])

        // A failure keeps the hosts, an empty answer takes them.
        server.answers["x.test/A"] = .code(2)
        #expect(bench.turn { bench.state("a", .updateFailure) >= 1 })
        #expect(bench.addresses("a").count == 2)
        server.answers["x.test/A"] = .code(3)
        #expect(bench.turn { bench.addresses("a").isEmpty })
        #expect(bench.state("a", .membershipTotal) == 0)
    }

    @Test func twoNamesShareAnAddress() throws {
        let (bench, server) = bench()
        server.answers["x.test/A"] = .addresses(["10.0.0.1"], ttl: 60)
        server.answers["y.test/A"] = .addresses(["10.0.0.1", "10.0.0.2"], ttl: 60)
        try bench.load(clusterJSON("a", "STRICT_DNS", ["x.test:80", "y.test:80"], #""dns_lookup_family":"V4_ONLY""#))
        bench.start()
        #expect(bench.turn { bench.isReady })
        #expect(bench.addresses("a") == ["10.0.0.1:80", "10.0.0.2:80"])
    }

    @Test func failureAlsoMakesReady() throws {
        let (bench, server) = bench()
        server.answers["x.test/A"] = .code(2)
        try bench.load(clusterJSON("a", "STRICT_DNS", ["x.test:80"], #""dns_lookup_family":"V4_ONLY""#))
        bench.start()
        #expect(bench.turn { bench.isReady })
        #expect(bench.addresses("a").isEmpty)
    }

    @Test func notWaitingIsReadyBeforeTheAnswer() throws {
        let (bench, server) = bench()
        server.answers["x.test/A"] = .silence
        try bench.load(clusterJSON("a", "STRICT_DNS", ["x.test:80"], #""wait_for_warm_on_init":false"#))
        bench.start()
        #expect(bench.isReady)
    }

    @Test func logicalDNSKeepsConnectionsToTheOldAddress() throws {
        let (bench, server) = bench()
        server.answers["x.test/A"] = .addresses(["10.0.0.1", "10.0.0.2"], ttl: 60)
        try bench.load(
            clusterJSON("a", "LOGICAL_DNS", ["x.test:80"], #""dns_refresh_rate":"0.05s","dns_lookup_family":"V4_ONLY""#)
        )
        bench.start()
        #expect(bench.turn { bench.isReady })
        #expect(bench.addresses("a") == ["10.0.0.1:80"])
        let cluster = try #require(bench.worker.cluster(named: "a"))
        let old = try #require(cluster.choose(LoadBalancerContext()))
        #expect(old.openConnection())
        server.answers["x.test/A"] = .addresses(["10.0.0.7"], ttl: 60)
        #expect(bench.turn { cluster.snapshot.hosts.first?.address.description == "10.0.0.7:80" })
        #expect(cluster.choose(LoadBalancerContext())?.address.description == "10.0.0.7:80")
        #expect(cluster.stats.value(.upstreamCxActive) == 1)
        old.closeConnection(.local, lengthMS: 1, hadActiveRequest: false)
        // An empty answer does not take the address away.
        server.answers["x.test/A"] = .code(3)
        #expect(bench.turn { bench.state("a", .updateFailure) >= 1 })
        #expect(bench.addresses("a") == ["10.0.0.7:80"])
    }

    @Test func timeToLiveSetsThePace() throws {
        let (bench, server) = bench()
        server.answers["x.test/A"] = .addresses(["10.0.0.1"], ttl: 1)
        try bench.load(
            clusterJSON(
                "a", "STRICT_DNS", ["x.test:80"],
                #""dns_refresh_rate":"60s","respect_dns_ttl":true,"dns_lookup_family":"V4_ONLY""#))
        bench.start()
        let began = Instant.read()
        #expect(bench.turn { bench.state("a", .updateAttempt) >= 2 })
        #expect(Instant.read().milliseconds(since: began) >= 950)
    }
}

/// Hosts made of destinations.
@Suite struct OriginalDestinationTests {
    @Test func destinationsBecomeHostsAndGoWhenUnused() throws {
        let bench = ManagerBench()
        #expect(
            try bench.load(
                #"{"name":"o","type":"ORIGINAL_DST","lb_policy":"CLUSTER_PROVIDED","cleanup_interval":"0.05s","original_dst_lb_config":{"upstream_port_override":99}}"#
            ).isEmpty)
        bench.start()
        let cluster = try #require(bench.worker.cluster(named: "o"))
        #expect(cluster.choose(LoadBalancerContext()) == nil)
        #expect(cluster.stats.value(.originalDstHostInvalid) == 1)
        var context = LoadBalancerContext()
        context.originalDestination = SocketAddress("10.1.1.1:5000")
        let host = try #require(cluster.choose(context))
        #expect(host.address == SocketAddress("10.1.1.1:99"))
        #expect(cluster.choose(context) === host)
        #expect(host.openConnection())
        #expect(bench.turn { bench.addresses("o") == ["10.1.1.1:99"] })
        #expect(bench.turn { cluster.snapshot.hosts.count == 1 })
        #expect(cluster.choose(context) === host)
        // A connection keeps it.
        #expect(!bench.turn(250) { bench.addresses("o").isEmpty })
        host.closeConnection(.local, lengthMS: 1, hadActiveRequest: false)
        #expect(bench.turn { bench.addresses("o").isEmpty })
        #expect(bench.turn { !host.isMember })
    }
}
