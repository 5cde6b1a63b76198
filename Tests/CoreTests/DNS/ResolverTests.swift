import Glibc
import Testing

@testable import Core

/// The resolver against a scripted server on loopback.
@Suite struct ResolverTests {
    private final class Bench {
        let loop = EventLoop()
        let server: ScriptedDNSServer
        let store = StatsStore()
        let main: WorkerStats
        let scope: StatScope<ResolverStat>
        let resolver: Resolver

        init(_ change: (inout ResolverOptions) -> Void = { _ in }) throws {
            server = ScriptedDNSServer(loop)
            main = store.makeWorker(name: "main")
            scope = store.scope(prefix: ResolverStat.prefix)
            var options = ResolverOptions()
            options.servers = [server.address]
            options.hostsPath = "/nonexistent"
            options.resolvConfPath = "/nonexistent"
            options.queryTimeoutSeconds = 1
            options.queryTries = 1
            change(&options)
            resolver = try #require(Resolver(loop: loop, options: options, stats: main.block(scope)))
        }

        func stat(_ key: ResolverStat) -> Int { main.block(scope).value(key) }

        func resolve(_ name: String, _ family: DNSLookupFamily, limitMS: Int64 = 5000) -> DNSResponse? {
            var response: DNSResponse?
            resolver.resolve(name, family: family) { response = $0 }
            _ = loop.turn(untilMS: limitMS) { response != nil }
            return response
        }
    }

    private func address(_ text: String) -> SocketAddress { SocketAddress(literal: text, port: 0)! }

    @Test func answersCarryTheirTimeToLive() throws {
        let bench = try Bench()
        bench.server.answers["a.test/A"] = .addresses(["10.0.0.1", "10.0.0.2"], ttl: 17)
        let response = bench.resolve("a.test", .v4Only)
        #expect(
            response
                == .completed([
                    DNSAddress(address: address("10.0.0.1"), ttlSeconds: 17),
                    DNSAddress(address: address("10.0.0.2"), ttlSeconds: 17),
                ]))
        #expect(bench.stat(.resolveTotal) == 1)
        #expect(bench.stat(.pendingResolutions) == 0)
    }

    @Test func changedAnswersAreSeenAtTheNextQuestion() throws {
        let bench = try Bench()
        bench.server.answers["a.test/A"] = .addresses(["10.0.0.1"], ttl: 600)
        #expect(bench.resolve("a.test", .v4Only)?.addresses.map(\.address) == [address("10.0.0.1")])
        bench.server.answers["a.test/A"] = .addresses(["10.0.0.9"], ttl: 600)
        #expect(bench.resolve("a.test", .v4Only)?.addresses.map(\.address) == [address("10.0.0.9")])
    }

    @Test func anAliasLimitsTheTimeToLive() throws {
        let bench = try Bench()
        bench.server.answers["a.test/A"] = .alias("b.test", ttl: 5, addresses: ["10.0.0.3"], addressTTL: 60)
        #expect(
            bench.resolve("a.test", .v4Only)
                == .completed([DNSAddress(address: address("10.0.0.3"), ttlSeconds: 5)]))
    }

    @Test func missingNamesAndMissingDataAreEmptyAnswers() throws {
        let bench = try Bench()
        bench.server.answers["empty.test/A"] = .addresses([], ttl: 1)
        #expect(bench.resolve("gone.test", .v4Only) == .completed([]))
        #expect(bench.resolve("empty.test", .v4Only) == .completed([]))
        #expect(bench.stat(.notFound) == 2)
        #expect(bench.stat(.getAddrFailure) == 0)
    }

    @Test func serverFailureIsAFailure() throws {
        let bench = try Bench()
        bench.server.answers["bad.test/A"] = .code(2)
        guard case .failed(.refused)? = bench.resolve("bad.test", .v4Only) else {
            Issue.record("SERVFAIL must fail")
            return
        }
        #expect(bench.stat(.getAddrFailure) == 1)
        #expect(bench.stat(.pendingResolutions) == 0)
    }

    @Test func silenceTimesOut() throws {
        let bench = try Bench()
        bench.server.answers["mute.test/A"] = .silence
        let began = Instant.read()
        #expect(bench.resolve("mute.test", .v4Only) == .failed(.timedOut))
        #expect(Instant.read().milliseconds(since: began) >= 990)
        #expect(bench.stat(.timeouts) >= 1)
        #expect(bench.stat(.getAddrFailure) == 0)
    }

    @Test func truncatedAnswersAreAskedForOverTCP() throws {
        let bench = try Bench()
        bench.server.answers["big.test/A"] = .truncated(["10.0.0.4"], ttl: 9)
        #expect(bench.resolve("big.test", .v4Only)?.addresses.map(\.address) == [address("10.0.0.4")])
        #expect(bench.server.questions == ["udp big.test/A", "tcp big.test/A"])
    }

    @Test func tcpFromTheStart() throws {
        let bench = try Bench { $0.useTCP = true }
        bench.server.answers["a.test/A"] = .addresses(["10.0.0.1"], ttl: 9)
        #expect(bench.resolve("a.test", .v4Only)?.addresses.count == 1)
        #expect(bench.server.questions == ["tcp a.test/A"])
    }

    @Test(arguments: [
        (DNSLookupFamily.auto, ["udp two.test/AAAA"], ["fd00::1"]),
        (.v4Only, ["udp two.test/A"], ["10.0.0.1"]),
        (.v6Only, ["udp two.test/AAAA"], ["fd00::1"]),
        (.v4Preferred, ["udp two.test/A"], ["10.0.0.1"]),
    ])
    func familiesWithBothKnown(_ family: DNSLookupFamily, _ questions: [String], _ expected: [String]) throws {
        let bench = try Bench()
        bench.server.answers["two.test/A"] = .addresses(["10.0.0.1"], ttl: 9)
        bench.server.answers["two.test/AAAA"] = .addresses(["fd00::1"], ttl: 9)
        #expect(bench.resolve("two.test", family)?.addresses.map(\.address.addressWithoutPort) == expected)
        #expect(bench.server.questions == questions)
    }

    @Test func allAsksForBothAtOnce() throws {
        let bench = try Bench()
        bench.server.answers["two.test/A"] = .addresses(["10.0.0.1"], ttl: 9)
        bench.server.answers["two.test/AAAA"] = .addresses(["fd00::1"], ttl: 9)
        let found = bench.resolve("two.test", .all)?.addresses.map(\.address.addressWithoutPort) ?? []
        #expect(Set(found) == ["10.0.0.1", "fd00::1"])
        #expect(bench.server.questions.count == 2)
    }

    @Test func autoFallsBackToIPv4() throws {
        let bench = try Bench()
        bench.server.answers["four.test/A"] = .addresses(["10.0.0.1"], ttl: 9)
        bench.server.answers["four.test/AAAA"] = .code(2)
        #expect(bench.resolve("four.test", .auto)?.addresses.map(\.address) == [address("10.0.0.1")])
        #expect(bench.server.questions.last == "udp four.test/A")
    }

    @Test func preferredIPv4FallsBackToIPv6() throws {
        let bench = try Bench()
        bench.server.answers["six.test/A"] = .addresses([], ttl: 9)
        bench.server.answers["six.test/AAAA"] = .addresses(["fd00::6"], ttl: 9)
        #expect(bench.resolve("six.test", .v4Preferred)?.addresses.map(\.address) == [address("fd00::6")])
    }

    @Test func numericNamesAreAnsweredAtOnce() throws {
        let bench = try Bench()
        var response: DNSResponse?
        let query = bench.resolver.resolve("192.0.2.7", family: .auto) { response = $0 }
        #expect(query == nil)
        #expect(response == .completed([DNSAddress(address: address("192.0.2.7"), ttlSeconds: 0)]))
        bench.resolver.resolve("192.0.2.7", family: .v6Only) { response = $0 }
        #expect(response == .completed([]))
        #expect(bench.server.questions.isEmpty)
    }

    @Test func cancelledQueriesTellNobody() throws {
        let bench = try Bench()
        bench.server.answers["a.test/A"] = .addresses(["10.0.0.1"], ttl: 9)
        var calls = 0
        let query = try #require(bench.resolver.resolve("a.test", family: .v4Only) { _ in calls += 1 })
        query.cancel()
        #expect(bench.loop.turn { bench.stat(.pendingResolutions) == 0 })
        #expect(calls == 0)
    }

    @Test func theHostsFileIsReadAgainWhenItChanged() throws {
        let path = "/tmp/sluice-hosts-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { unlink(path) }
        func write(_ text: String) {
            let file = fopen(path, "w")
            fputs(text, file)
            fclose(file)
        }
        write("# comment\n10.1.1.1\tfoo.test Foo2.Test # tail\n::5 foo.test\n")
        let bench = try Bench { $0.hostsPath = path }
        bench.server.answers["foo.test/A"] = .addresses(["10.9.9.9"], ttl: 3)
        #expect(bench.resolve("FOO.test.", .v4Only)?.addresses.map(\.address) == [address("10.1.1.1")])
        #expect(bench.resolve("foo2.test", .auto)?.addresses.map(\.address) == [address("10.1.1.1")])
        #expect(bench.resolve("foo.test", .auto)?.addresses.map(\.address) == [address("::5")])
        #expect(bench.resolve("foo.test", .all)?.addresses.count == 2)
        write("10.2.2.22 foo.test\n")
        #expect(bench.resolve("foo.test", .v4Only)?.addresses.map(\.address) == [address("10.2.2.22")])
        unlink(path)
        #expect(bench.resolve("foo.test", .v4Only)?.addresses.map(\.address) == [address("10.9.9.9")])
    }

    @Test func wornChannelsAreRenewed() throws {
        let bench = try Bench { $0.udpMaxQueries = 2 }
        bench.server.answers["a.test/A"] = .addresses(["10.0.0.1"], ttl: 9)
        for _ in 0..<5 { #expect(bench.resolve("a.test", .v4Only)?.addresses.count == 1) }
        #expect(bench.stat(.reinits) == 2)
    }

    @Test func searchDomainsCanBeLeftOut() throws {
        let path = "/tmp/sluice-resolv-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { unlink(path) }
        let file = fopen(path, "w")
        fputs("search corp.test\nnameserver 127.0.0.1\n", file)
        fclose(file)
        let with = try Bench { $0.resolvConfPath = path }
        with.server.answers["web.corp.test/A"] = .addresses(["10.0.0.5"], ttl: 9)
        #expect(with.resolve("web", .v4Only)?.addresses.map(\.address) == [address("10.0.0.5")])
        let without = try Bench {
            $0.resolvConfPath = path
            $0.noDefaultSearchDomain = true
        }
        without.server.answers["web.corp.test/A"] = .addresses(["10.0.0.5"], ttl: 9)
        #expect(without.resolve("web", .v4Only) == .completed([]))
    }

    @Test func unixServersAreRefused() {
        var options = ResolverOptions()
        options.servers = [.unix(path: "/tmp/x")]
        let store = StatsStore()
        let main = store.makeWorker(name: "main")
        let scope: StatScope<ResolverStat> = store.scope(prefix: "dns.cares.")
        #expect(Resolver(loop: EventLoop(), options: options, stats: main.block(scope)) == nil)
    }

    @Test func droppingTheResolverWithOpenQueriesTellsNobody() throws {
        let loop = EventLoop()
        let server = ScriptedDNSServer(loop)
        server.answers["mute.test/A"] = .silence
        let store = StatsStore()
        let main = store.makeWorker(name: "main")
        let scope: StatScope<ResolverStat> = store.scope(prefix: "dns.cares.")
        var calls = 0
        do {
            var options = ResolverOptions()
            options.servers = [server.address]
            options.queryTries = 1
            options.queryTimeoutSeconds = 1
            let resolver = try #require(Resolver(loop: loop, options: options, stats: main.block(scope)))
            resolver.resolve("mute.test", family: .v4Only) { _ in calls += 1 }?.cancel()
        }
        #expect(loop.turn(untilMS: 3000) { main.block(scope).value(.pendingResolutions) == 0 })
        #expect(calls == 0)
    }
}
