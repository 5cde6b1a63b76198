// The admin port: one listening socket on the main loop and a bounded number of clients.

import Glibc

/// Accepts clients and hands each to an ``AdminConnection``. Main thread only.
package final class AdminServer: EventTarget {
    package struct Options {
        package var maxConnections = 128
        package var idleTimeoutMS: Int64 = 60_000
        package var backlog: Int32 = 128
        package var socketOptions: [SocketOptionSpec] = []
        /// Mode of a Unix socket's file; nil leaves the process's mask to decide.
        package var socketMode: UInt32?

        package init() {}
    }

    /// Every bound that was met, so that an operator can see it.
    package struct Counters {
        package var connections = 0
        package var connectionsRefused = 0
        package var requests = 0
        package var badRequests = 0
        package var idleTimeouts = 0
        package var acceptFailures = 0
    }

    let options: Options
    package let router: AdminRouter
    package internal(set) var counters = Counters()
    /// Called once per answer, when set.
    package var onExchange: ((AdminExchange) -> Void)?

    private let net: NetContext
    private let address: SocketAddress
    private var fd: Int32 = -1
    private var readiness: Readiness?
    private var connections: [ObjectIdentifier: AdminConnection] = [:]
    private var retry = TimerHandle.none
    /// The address really bound: it tells the port when 0 was asked for.
    package private(set) var boundAddress: SocketAddress?

    package init(loop: EventLoop, address: SocketAddress, router: AdminRouter, options: Options = Options()) {
        self.address = address
        self.router = router
        self.options = options
        // Requests are small: a small window, whatever the workers use.
        net = NetContext(loop: loop, windowBytes: 64 << 10)
        super.init()
    }

    deinit {
        readiness = nil
        net.loop.cancel(&retry)
        if fd >= 0 { Glibc.close(fd) }
    }

    // MARK: Life

    /// Binds and listens.
    package func start() throws(SocketError) {
        let fd = try Sockets.makeStream(family: address.family)
        if address.isIP { Sockets.set(fd, SOL_SOCKET, SO_REUSEADDR, 1) }
        if case .unix(let path) = address, path.hasPrefix("/") { unlink(path) }
        for option in options.socketOptions where option.family == nil || option.family == address.family {
            guard !option.apply(to: fd) else { continue }
            let error = errno
            Glibc.close(fd)
            throw SocketError(call: "setsockopt level \(option.level) name \(option.name)", errno: error)
        }
        let bindErrno = Sockets.bind(fd, to: address)
        if bindErrno != 0 {
            Glibc.close(fd)
            throw SocketError(call: "bind \(address)", errno: bindErrno)
        }
        if case .unix(let path) = address, path.hasPrefix("/"), let mode = options.socketMode { chmod(path, mode) }
        if listen(fd, options.backlog) != 0 {
            let error = errno
            Glibc.close(fd)
            throw SocketError(call: "listen \(address)", errno: error)
        }
        self.fd = fd
        boundAddress = Sockets.localAddress(fd) ?? address
        readiness = Readiness(loop: net.loop, fd: fd, .read, target: self)
        readiness?.enable()
    }

    /// Stops listening and drops every client.
    package func close() {
        readiness = nil
        net.loop.cancel(&retry)
        if fd >= 0 {
            Glibc.close(fd)
            fd = -1
            if case .unix(let path) = address, path.hasPrefix("/") { unlink(path) }
        }
        for connection in Array(connections.values) { connection.close() }
    }

    package var connectionCount: Int { connections.count }

    // MARK: Accepting

    package override func onReadable() {
        for _ in 0..<16 {
            switch Sockets.accept(fd) {
            case .connection(let client, _):
                counters.connections += 1
                if connections.count >= options.maxConnections {
                    counters.connectionsRefused += 1
                    Glibc.close(client)
                    continue
                }
                if address.isIP { Sockets.setNoDelay(client) }
                let connection = AdminConnection(server: self, net: net, fd: client)
                connections[ObjectIdentifier(connection)] = connection
            case .none: return
            case .exhausted:
                // Out of descriptors, most likely: the socket stays readable, so wait instead of spinning.
                counters.acceptFailures += 1
                readiness?.disable()
                retry = net.loop.schedule(afterMS: 100, target: self)
                return
            }
        }
    }

    package override func onTimer(_ tag: Int) {
        retry = .none
        readiness?.enable()
    }

    func remove(_ connection: AdminConnection) { connections[ObjectIdentifier(connection)] = nil }

    func note(_ exchange: AdminExchange) { onExchange?(exchange) }
}
