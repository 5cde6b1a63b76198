// One c-ares channel driven by an event loop: its sockets become readiness registrations, its time-outs one timer.

import CCares
import Glibc

/// Owner of an `ares_channel`.
///
///     lookup ─▶ ares_getaddrinfo ─▶ sockets ─▶ Readiness ─▶ ares_process_fd ─▶ completion (after c-ares returned)
///
/// Completions are handed out only when c-ares has returned, so a completion may start lookups and may drop the
/// channel. Main thread only. Written against c-ares 1.18 (Debian 12): `ares_getaddrinfo`, socket-state callback.
final class AresChannel: EventTarget {
    /// How one family's lookup ended.
    enum Outcome {
        case answered([DNSAddress])
        /// The name does not exist, or has no address of the family.
        case noRecords
        case failed(DNSFailure)
    }

    private let loop: EventLoop
    private var channel: ares_channel?
    private var sockets: [Int32: AresSocket] = [:]
    private var timer = TimerHandle.none
    private var depth = 0
    private var ended: [(AresLookup, Outcome)] = []

    let madeAt: Instant
    private(set) var lookupCount: UInt32 = 0
    private(set) var openLookupCount = 0
    /// No further lookup should start here: the owner makes a new channel.
    var isStale = false
    /// Time-outs that c-ares saw, taken by the owner.
    private var timeoutCount: UInt64 = 0

    /// Nil when c-ares refuses the options or the servers.
    init?(loop: EventLoop, options settings: ResolverOptions) {
        self.loop = loop
        madeAt = loop.now
        super.init()

        var options = ares_options()
        var mask = ARES_OPT_SOCK_STATE_CB | ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS
        if settings.useTCP { options.flags |= ARES_FLAG_USEVC }
        if settings.noDefaultSearchDomain { options.flags |= ARES_FLAG_NOSEARCH }
        if let bytes = settings.edns0MaxPayloadBytes {
            options.flags |= ARES_FLAG_EDNS
            options.ednspsz = Int32(bytes)
            mask |= ARES_OPT_EDNSPSZ
        }
        options.timeout = Int32(clamping: UInt64(settings.queryTimeoutSeconds) * 1000)
        options.tries = Int32(clamping: settings.queryTries)
        mask |= settings.rotate ? ARES_OPT_ROTATE : ARES_OPT_NOROTATE
        options.sock_state_cb = { context, fd, readable, writable in
            Unmanaged<AresChannel>.fromOpaque(context!)._withUnsafeGuaranteedRef {
                $0.onSocketState(fd, readable: readable != 0, writable: writable != 0)
            }
        }
        options.sock_state_cb_data = Unmanaged.passUnretained(self).toOpaque()

        // Only servers: the hosts file is ours, because c-ares would open it for each lookup.
        let status = "b".withMutableCopy { lookups in
            settings.resolvConfPath.withMutableCopy { path in
                options.lookups = lookups
                options.resolvconf_path = path
                return ares_init_options(&channel, &options, mask | ARES_OPT_RESOLVCONF)
            }
        }
        guard status == ARES_SUCCESS, channel != nil else { return nil }

        if !settings.servers.isEmpty, !settings.serversAreFallback || hasOnlyDefaultServer() {
            let list = settings.servers.map(\.description).joined(separator: ",")
            guard ares_set_servers_ports_csv(channel, list) == ARES_SUCCESS else { return nil }
        }
    }

    deinit {
        loop.cancel(&timer)
        // Ends what is open with ARES_EDESTRUCTION, which nobody hears.
        if let channel { ares_destroy(channel) }
    }

    // MARK: Lookups

    /// Asks for one family. `completion` may run before this returns.
    func lookup(_ name: String, family: Int32, completion: @escaping (Outcome) -> Void) {
        lookupCount += 1
        openLookupCount += 1
        var hints = ares_addrinfo_hints()
        hints.ai_family = family
        // Answers stay in the server's order: sorting opens a socket per address and reorders what the balancer sees.
        hints.ai_flags = ARES_AI_NOSORT
        let lookup = AresLookup(self, completion)
        enter {
            ares_getaddrinfo(
                channel, name, nil, &hints,
                { context, status, timeouts, info in
                    let lookup = Unmanaged<AresLookup>.fromOpaque(context!).takeRetainedValue()
                    defer { if let info { ares_freeaddrinfo(info) } }
                    // The channel is being destroyed: nobody waits any more.
                    if status == ARES_EDESTRUCTION { return }
                    lookup.channel.onEnd(lookup, status: status, timeouts: timeouts, info: info)
                }, Unmanaged.passRetained(lookup).toOpaque())
        }
    }

    private func onEnd(
        _ lookup: AresLookup, status: Int32, timeouts: Int32, info: UnsafeMutablePointer<ares_addrinfo>?
    ) {
        openLookupCount -= 1
        timeoutCount += UInt64(max(0, timeouts))
        let outcome: Outcome
        switch status {
        case ARES_SUCCESS: outcome = .answered(AresChannel.addresses(in: info))
        case ARES_ENODATA, ARES_ENOTFOUND: outcome = .noRecords
        case ARES_ETIMEOUT: outcome = .failed(.timedOut)
        default: outcome = .failed(.refused(String(cString: ares_strerror(status))))
        }
        ended.append((lookup, outcome))
    }

    /// The answer's addresses; each carries the least TTL of itself and of the aliases that led to it.
    private static func addresses(in info: UnsafeMutablePointer<ares_addrinfo>?) -> [DNSAddress] {
        var found: [DNSAddress] = []
        guard let info else { return found }
        var aliasTTL = Int32.max
        var alias = info.pointee.cnames
        while let current = alias {
            aliasTTL = min(aliasTTL, current.pointee.ttl)
            alias = current.pointee.next
        }
        var node = info.pointee.nodes
        while let current = node {
            node = current.pointee.ai_next
            guard let raw = current.pointee.ai_addr else { continue }
            var storage = sockaddr_storage()
            let count = min(Int(current.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
            withUnsafeMutableBytes(of: &storage) {
                $0.copyMemory(from: UnsafeRawBufferPointer(start: raw, count: count))
            }
            guard let address = SocketAddress(storage, length: socklen_t(count)) else { continue }
            let ttl = UInt32(max(0, min(current.pointee.ai_ttl, aliasTTL)))
            found.append(DNSAddress(address: address.with(port: 0), ttlSeconds: ttl))
        }
        return found
    }

    func takeTimeouts() -> UInt64 {
        defer { timeoutCount = 0 }
        return timeoutCount
    }

    // MARK: Driving c-ares

    /// Runs `body`, which calls into c-ares, then hands out what ended and sets the timer anew.
    private func enter(_ body: () -> Void) {
        depth += 1
        body()
        depth -= 1
        if depth > 0 { return }
        armTimer()
        // A completion may start lookups here, whose ends are handed out by the inner call, and may drop the channel.
        let all = ended
        ended = []
        if all.isEmpty { return }
        loop.bury(self)
        for (lookup, outcome) in all { lookup.completion(outcome) }
    }

    fileprivate func process(read: Int32, write: Int32) {
        enter { ares_process_fd(channel, read, write) }
    }

    private func armTimer() {
        loop.cancel(&timer)
        var wait = timeval()
        guard let channel, ares_timeout(channel, nil, &wait) != nil else { return }
        // Rounded up: c-ares does nothing when called a moment early.
        let milliseconds = Int64(wait.tv_sec) * 1000 + Int64(wait.tv_usec) / 1000 + 1
        timer = loop.schedule(afterMS: milliseconds, target: self)
    }

    override func onTimer(_ tag: Int) {
        timer = .none
        process(read: ARES_SOCKET_BAD, write: ARES_SOCKET_BAD)
    }

    private func onSocketState(_ fd: Int32, readable: Bool, writable: Bool) {
        if !readable, !writable {
            // c-ares closes the descriptor when this returns; the object may be on the stack above us.
            guard let socket = sockets.removeValue(forKey: fd) else { return }
            socket.stop()
            loop.bury(socket)
            return
        }
        let socket: AresSocket
        if let known = sockets[fd] {
            socket = known
        } else {
            socket = AresSocket(self, loop: loop, fd: fd)
            sockets[fd] = socket
        }
        socket.watch(readable: readable, writable: writable)
    }

    /// c-ares falls back to the local machine when /etc/resolv.conf names no server.
    private func hasOnlyDefaultServer() -> Bool {
        var list: UnsafeMutablePointer<ares_addr_port_node>?
        guard ares_get_servers_ports(channel, &list) == ARES_SUCCESS, let list else { return false }
        defer { ares_free_data(list) }
        return list.pointee.next == nil && list.pointee.family == AF_INET
            && UInt32(bigEndian: list.pointee.addr.addr4.s_addr) == 0x7F00_0001 && list.pointee.udp_port == 0
    }
}

/// One call of `ares_getaddrinfo`, retained by c-ares until its callback.
private final class AresLookup {
    /// c-ares calls back at the latest while the channel is destroyed, so the reference never dangles.
    unowned let channel: AresChannel
    let completion: (AresChannel.Outcome) -> Void

    init(_ channel: AresChannel, _ completion: @escaping (AresChannel.Outcome) -> Void) {
        self.channel = channel
        self.completion = completion
    }
}

/// One socket of the channel, opened and closed by c-ares.
private final class AresSocket: EventTarget {
    private unowned let channel: AresChannel
    private let fd: Int32
    private var read: Readiness?
    private var write: Readiness?
    private let loop: EventLoop

    init(_ channel: AresChannel, loop: EventLoop, fd: Int32) {
        self.channel = channel
        self.loop = loop
        self.fd = fd
    }

    func watch(readable: Bool, writable: Bool) {
        if readable {
            if read == nil { read = Readiness(loop: loop, fd: fd, .read, target: self) }
            read?.enable()
        } else {
            read?.disable()
        }
        if writable {
            if write == nil { write = Readiness(loop: loop, fd: fd, .write, target: self) }
            write?.enable()
        } else {
            write?.disable()
        }
    }

    func stop() {
        read?.disable()
        write?.disable()
    }

    override func onReadable() { channel.process(read: fd, write: ARES_SOCKET_BAD) }

    override func onWritable() { channel.process(read: ARES_SOCKET_BAD, write: fd) }
}

extension String {
    /// Calls `body` with a mutable, zero-terminated copy, for C interfaces without `const`.
    fileprivate func withMutableCopy<R>(_ body: (UnsafeMutablePointer<CChar>) -> R) -> R {
        var bytes = utf8CString
        return bytes.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
    }
}
