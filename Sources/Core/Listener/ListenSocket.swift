// Making the sockets of a listener, one per worker and address.

import Glibc

/// How a listening socket is made. Values only; ``open(workerCount:)`` does it.
package struct ListenSocketSpec: Sendable {
    package var address: SocketAddress
    package var backlog: Int32 = Int32(SOMAXCONN)
    package var reusesPort = true
    package var isFreebind = false
    package var isTransparent = false
    /// TCP_FASTOPEN queue length; 0 = off.
    package var fastOpenQueue: Int32 = 0
    package var usesMPTCP = false
    package var ipv4Compatible = false
    /// Permission bits of a Unix socket's file; 0 = as the umask says.
    package var pipeMode: UInt32 = 0
    package var keepalive: TCPKeepaliveSpec?
    package var options: [SocketOptionSpec] = []
    package var listeningOptions: [SocketOptionSpec] = []

    package init(address: SocketAddress) { self.address = address }

    /// One socket per worker where the port can be shared, else one socket for all.
    ///
    /// With port 0 the kernel chooses at the first socket; the others join it.
    func open(workerCount: Int) throws(SocketError) -> (fds: [Int32], bound: SocketAddress) {
        var fds: [Int32] = []
        var bound = address
        let count = reusesPort && address.isIP ? workerCount : 1
        do throws(SocketError) {
            for _ in 0..<count {
                let fd = try openOne(at: bound)
                fds.append(fd)
                if bound.port == 0, let named = Sockets.localAddress(fd) { bound = named }
            }
        } catch {
            for fd in fds { close(fd) }
            throw error
        }
        return (fds, bound)
    }

    /// Starts taking connections on a bound socket.
    func startListening(_ fd: Int32) throws(SocketError) {
        if listen(fd, backlog) != 0 { throw SocketError(call: "listen", errno: errno) }
        for option in listeningOptions { try apply(option, fd) }
    }

    private func openOne(at address: SocketAddress) throws(SocketError) -> Int32 {
        let fd = try makeSocket()
        do throws(SocketError) {
            try prepare(fd)
            if case .unix(let path) = address { removeStaleSocket(path) }
            try check("bind", Sockets.bind(fd, to: address), at: fd)
            if case .unix(let path) = address, pipeMode != 0, !path.hasPrefix("@"), chmod(path, pipeMode) != 0 {
                throw SocketError(call: "chmod", errno: errno)
            }
            for option in options where option.moment == .afterBind { try apply(option, fd) }
            return fd
        } catch {
            close(fd)
            throw error
        }
    }

    private func makeSocket() throws(SocketError) -> Int32 {
        guard usesMPTCP, address.isIP else { return try Sockets.makeStream(family: address.family) }
        let mptcp: Int32 = 262
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = socket(address.family, kind, mptcp)
        if fd < 0 { throw SocketError(call: "socket (MPTCP)", errno: errno) }
        return fd
    }

    private func prepare(_ fd: Int32) throws(SocketError) {
        if address.isIP {
            try set(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR")
            if reusesPort { try set(fd, SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT") }
            // Accepted sockets inherit these from the listening one, which saves a call per connection.
            try set(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1, "TCP_NODELAY")
            if let keepalive { try set(keepalive, fd) }
            if fastOpenQueue > 0 { try set(fd, Int32(IPPROTO_TCP), TCP_FASTOPEN, fastOpenQueue, "TCP_FASTOPEN") }
            let isV6 = address.family == AF_INET6
            if isV6 { try set(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY, ipv4Compatible ? 0 : 1, "IPV6_V6ONLY") }
            if isFreebind { try set(fd, Int32(IPPROTO_IP), IP_FREEBIND, 1, "IP_FREEBIND") }
            if isTransparent {
                if isV6 {
                    try set(fd, Int32(IPPROTO_IPV6), IPV6_TRANSPARENT, 1, "IPV6_TRANSPARENT")
                } else {
                    try set(fd, Int32(IPPROTO_IP), IP_TRANSPARENT, 1, "IP_TRANSPARENT")
                }
            }
        }
        for option in options where option.moment == .beforeBind { try apply(option, fd) }
    }

    private func set(_ keepalive: TCPKeepaliveSpec, _ fd: Int32) throws(SocketError) {
        try set(fd, SOL_SOCKET, SO_KEEPALIVE, 1, "SO_KEEPALIVE")
        let numbers: [(Int32, UInt32?, String)] = [
            (TCP_KEEPCNT, keepalive.probes, "TCP_KEEPCNT"), (TCP_KEEPIDLE, keepalive.idleSeconds, "TCP_KEEPIDLE"),
            (TCP_KEEPINTVL, keepalive.intervalSeconds, "TCP_KEEPINTVL"),
        ]
        for (name, number, text) in numbers {
            if let number { try set(fd, Int32(IPPROTO_TCP), name, Int32(clamping: number), text) }
        }
    }

    private func set(_ fd: Int32, _ level: Int32, _ name: Int32, _ value: Int32, _ text: String) throws(SocketError) {
        try check("setsockopt \(text)", Sockets.set(fd, level, name, value), at: fd)
    }

    private func apply(_ option: SocketOptionSpec, _ fd: Int32) throws(SocketError) {
        if let family = option.family, family != address.family { return }
        if !option.apply(to: fd) {
            throw SocketError(call: "setsockopt level \(option.level) name \(option.name)", errno: errno)
        }
    }

    private func check(_ call: String, _ error: Int32, at fd: Int32) throws(SocketError) {
        if error != 0 { throw SocketError(call: call, errno: error) }
    }

    /// A socket file that nobody listens on any more would make bind fail for ever; one in use is left alone, and so is a
    /// file of another kind, which refuses connections too.
    private func removeStaleSocket(_ path: String) {
        var info = stat()
        guard !path.hasPrefix("@"), lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFSOCK,
            let probe = try? Sockets.makeStream(family: AF_UNIX)
        else { return }
        defer { close(probe) }
        if Sockets.connect(probe, to: address) == ECONNREFUSED { unlink(path) }
    }
}
