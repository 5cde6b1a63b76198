import CoreBytes
import Glibc
import Testing

@testable import Core

/// The resolver against a real server.
@Suite struct DnsmasqTests {
    private static let program = "/usr/sbin/dnsmasq"

    private static var isMissing: Bool { access(program, X_OK) != 0 }

    /// dnsmasq on a free port of loopback, reading names from a file that it reads again on SIGHUP.
    private final class Server {
        let port: UInt16
        private let path: String
        private var pid: pid_t = 0

        init(_ hosts: String) throws {
            port = freePort()
            path = "/tmp/sluice-dnsmasq-\(getpid())-\(port)"
            write(hosts)
            let arguments = [
                DnsmasqTests.program, "--keep-in-foreground", "--no-resolv", "--no-hosts", "--addn-hosts=\(path)",
                "--port=\(port)", "--listen-address=127.0.0.1", "--bind-interfaces", "--conf-file=/dev/null",
                "--pid-file=", "--user=root", "--local=/test/", "--host-record=aliased.test,10.3.3.3,77",
                "--cname=alias.test,aliased.test,11", "--local-ttl=33",
            ]
            var list: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
            defer { for item in list { free(item) } }
            // Test threads block signals, and a child inherits that: dnsmasq would hear neither SIGHUP nor SIGTERM.
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            var none = sigset_t()
            sigemptyset(&none)
            posix_spawnattr_setsigmask(&attributes, &none)
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
            try #require(posix_spawn(&pid, DnsmasqTests.program, nil, &attributes, &list, environ) == 0)
        }

        deinit {
            kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            unlink(path)
        }

        func write(_ hosts: String) {
            let file = fopen(path, "w")
            fputs(hosts, file)
            fclose(file)
            if pid != 0 { kill(pid, SIGHUP) }
        }
    }

    @Test(.disabled(if: isMissing, "dnsmasq is not installed"))
    func namesTimesChangesAndMissing() throws {
        let server = try Server("10.1.1.1 a.test\n10.1.1.2 a.test\nfd00::9 a.test\n")
        let loop = EventLoop()
        let store = StatsStore()
        let main = store.makeWorker(name: "main")
        let scope: StatScope<ResolverStat> = store.scope(prefix: ResolverStat.prefix)
        var options = ResolverOptions()
        options.servers = [.v4(address: 0x7F00_0001, port: server.port)]
        options.hostsPath = "/nonexistent"
        options.queryTimeoutSeconds = 1
        let resolver = try #require(Resolver(loop: loop, options: options, stats: main.block(scope)))

        func ask(_ name: String, _ family: DNSLookupFamily) -> DNSResponse? {
            var response: DNSResponse?
            resolver.resolve(name, family: family) { response = $0 }
            _ = loop.turn(untilMS: 5000) { response != nil }
            return response
        }
        func texts(_ response: DNSResponse?) -> Set<String> {
            Set(response?.addresses.map(\.address.addressWithoutPort) ?? [])
        }

        // It may still be starting.
        #expect(loop.turn(untilMS: 5000) { !(ask("a.test", .v4Only)?.addresses.isEmpty ?? true) })
        #expect(texts(ask("a.test", .v4Only)) == ["10.1.1.1", "10.1.1.2"])
        #expect(ask("a.test", .v4Only)?.addresses.first?.ttlSeconds == 33)
        #expect(texts(ask("a.test", .auto)) == ["fd00::9"])
        #expect(texts(ask("a.test", .all)) == ["10.1.1.1", "10.1.1.2", "fd00::9"])
        #expect(texts(ask("alias.test", .v4Only)) == ["10.3.3.3"])
        #expect(ask("alias.test", .v4Only)?.addresses.first?.ttlSeconds == 11)
        #expect(ask("nobody.test", .v4Only) == .completed([]))

        server.write("10.1.1.7 a.test\n")
        #expect(loop.turn(untilMS: 5000) { texts(ask("a.test", .v4Only)) == ["10.1.1.7"] })
        #expect(ask("a.test", .v6Only) == .completed([]))
    }
}
