import Glibc
import Testing

@testable import Core

/// Sockets as the kernel sees them once a specification has opened them.
@Suite struct ListenSocketTests {
    private let loopback = SocketAddress.v4(address: 0x7F00_0001, port: 0)

    private func option(_ fd: Int32, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = -1
        var length = socklen_t(4)
        return getsockopt(fd, level, name, &value, &length) == 0 ? value : -1
    }

    private func opened(
        _ spec: ListenSocketSpec, workers: Int = 1, _ body: ([Int32], SocketAddress) throws -> Void
    ) throws {
        let (fds, bound) = try spec.open(workerCount: workers)
        defer { for fd in fds { close(fd) } }
        try body(fds, bound)
    }

    private func temporaryPath() -> String { "/tmp/sluice-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock" }

    @Test func eachWorkerHasASocketOnOnePort() throws {
        try opened(ListenSocketSpec(address: loopback), workers: 3) { fds, bound in
            #expect(fds.count == 3 && Set(fds).count == 3 && bound.port != 0)
            for fd in fds {
                #expect(Sockets.localAddress(fd) == bound)
                #expect(option(fd, SOL_SOCKET, SO_REUSEPORT) == 1 && option(fd, SOL_SOCKET, SO_REUSEADDR) == 1)
                #expect(option(fd, Int32(IPPROTO_TCP), TCP_NODELAY) == 1)
                #expect(fcntl(fd, F_GETFL) & O_NONBLOCK != 0 && fcntl(fd, F_GETFD) & FD_CLOEXEC != 0)
                #expect(option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 0, "bound, and not listening yet")
            }
        }
    }

    @Test func withoutReusePortOneSocketServesAll() throws {
        var spec = ListenSocketSpec(address: loopback)
        spec.reusesPort = false
        try opened(spec, workers: 3) { fds, bound in
            #expect(fds.count == 1 && option(fds[0], SOL_SOCKET, SO_REUSEPORT) == 0)
            try spec.startListening(fds[0])
            var second = spec
            second.address = bound
            #expect(throws: SocketError.self) { try second.open(workerCount: 1) }
        }
    }

    @Test func aPortInUseIsAnErrorThatNamesTheCall() throws {
        let other = TestListener()
        do {
            _ = try ListenSocketSpec(address: loopback.with(port: other.port)).open(workerCount: 2)
            Issue.record("the port is taken")
        } catch {
            #expect(error.call == "bind" && error.errno == EADDRINUSE)
            #expect(error.description == "bind: Address already in use")
        }
    }

    @Test func anAddressThatIsNotOursNeedsFreebind() throws {
        let foreign = SocketAddress.v4(address: 0xC000_0201, port: 0)
        #expect(throws: SocketError.self) { try ListenSocketSpec(address: foreign).open(workerCount: 1) }
        var free = ListenSocketSpec(address: foreign)
        free.isFreebind = true
        try opened(free) { _, bound in #expect(bound.port != 0) }
    }

    @Test func keepaliveFastOpenAndOptionsReachTheKernel() throws {
        var spec = ListenSocketSpec(address: loopback)
        spec.keepalive = TCPKeepaliveSpec(probes: 5, idleSeconds: 60, intervalSeconds: 7)
        spec.fastOpenQueue = 12
        spec.options = [
            SocketOptionSpec(level: SOL_SOCKET, name: SO_RCVBUF, value: .int(20_000)),
            SocketOptionSpec(level: SOL_SOCKET, name: SO_PRIORITY, value: .int(3), moment: .afterBind),
            SocketOptionSpec(level: SOL_SOCKET, name: SO_MARK, value: .int(9), family: AF_INET6),
        ]
        spec.listeningOptions = [SocketOptionSpec(level: SOL_SOCKET, name: SO_SNDBUF, value: .int(30_000))]
        try opened(spec) { fds, _ in
            let tcp = Int32(IPPROTO_TCP)
            #expect(option(fds[0], SOL_SOCKET, SO_KEEPALIVE) == 1 && option(fds[0], tcp, TCP_KEEPCNT) == 5)
            #expect(option(fds[0], tcp, TCP_KEEPIDLE) == 60 && option(fds[0], tcp, TCP_KEEPINTVL) == 7)
            #expect(option(fds[0], tcp, TCP_FASTOPEN) == 12)
            #expect(option(fds[0], SOL_SOCKET, SO_RCVBUF) == 40_000, "the kernel doubles it")
            #expect(option(fds[0], SOL_SOCKET, SO_PRIORITY) == 3)
            #expect(option(fds[0], SOL_SOCKET, SO_MARK) == 0, "meant for the other family")
            #expect(option(fds[0], SOL_SOCKET, SO_SNDBUF) != 60_000)
            try spec.startListening(fds[0])
            #expect(option(fds[0], SOL_SOCKET, SO_ACCEPTCONN) == 1)
            #expect(option(fds[0], SOL_SOCKET, SO_SNDBUF) == 60_000)
        }
    }

    @Test func anOptionThatTheKernelRefusesIsAnError() {
        var spec = ListenSocketSpec(address: loopback)
        spec.options = [SocketOptionSpec(level: SOL_SOCKET, name: 9999, value: .int(1))]
        #expect(throws: SocketError.self) { try spec.open(workerCount: 1) }
    }

    @Test(arguments: [false, true])
    func ipv6IsAloneUnlessCompatibilityIsAsked(compatible: Bool) throws {
        var spec = ListenSocketSpec(address: .v6(high: 0, low: 0, port: 0, scope: 0))
        spec.ipv4Compatible = compatible
        try opened(spec) { fds, bound in
            #expect(option(fds[0], Int32(IPPROTO_IPV6), IPV6_V6ONLY) == (compatible ? 0 : 1))
            try spec.startListening(fds[0])
            let client = ConnectionBench.connect(to: loopback.with(port: bound.port)).fd
            defer { close(client) }
            var came = false
            if case .connection(let accepted, _) = Sockets.accept(fds[0]) {
                close(accepted)
                came = true
            }
            #expect(came == compatible)
        }
    }

    // MARK: Unix sockets

    @Test func aUnixSocketHasItsPermissions() throws {
        let path = temporaryPath()
        defer { unlink(path) }
        var spec = ListenSocketSpec(address: .unix(path: path))
        spec.pipeMode = 0o640
        try opened(spec, workers: 4) { fds, bound in
            #expect(fds.count == 1, "one socket for all workers")
            #expect(bound == .unix(path: path))
            var info = stat()
            #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o640)
        }
    }

    @Test func aStaleSocketFileIsReplacedAndALiveOneIsNot() throws {
        let path = temporaryPath()
        defer { unlink(path) }
        let spec = ListenSocketSpec(address: .unix(path: path))
        try opened(spec) { _, _ in }
        #expect(access(path, F_OK) == 0, "a closed socket leaves its file")
        try opened(spec) { fds, _ in
            try spec.startListening(fds[0])
            #expect(throws: SocketError.self) { try spec.open(workerCount: 1) }
            let (client, error) = ConnectionBench.connect(to: .unix(path: path))
            defer { close(client) }
            #expect(error == 0, "the first still serves")
        }
    }

    @Test func aFileThatIsNoSocketIsLeftAlone() throws {
        let path = temporaryPath()
        defer { unlink(path) }
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: SocketError.self) { try ListenSocketSpec(address: .unix(path: path)).open(workerCount: 1) }
        #expect(access(path, F_OK) == 0)
    }

    @Test func abstractNamesNeedNoFile() throws {
        let name = "@sluice-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let spec = ListenSocketSpec(address: .unix(path: name))
        try opened(spec) { fds, _ in
            try spec.startListening(fds[0])
            let (client, error) = ConnectionBench.connect(to: .unix(path: name))
            defer { close(client) }
            #expect(error == 0)
        }
    }
}
