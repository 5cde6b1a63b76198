// One c-ares channel driven by an event loop: its sockets become readiness registrations, its time-outs one timer.

import CCares

/// Owner of a `ccares_channel`.
///
///     lookup ─▶ ccares_lookup ─▶ sockets ─▶ Readiness ─▶ ccares_process ─▶ completion (after c-ares returned)
///
/// Completions are handed out only when c-ares has returned, so a completion may start lookups and may drop the
/// channel. Main thread only.
final class AresChannel: EventTarget {
    /// How one family's lookup ended.
    enum Outcome {
        case answered([DNSAddress])
        /// The name does not exist, or has no address of the family.
        case noRecords
        case failed(DNSFailure)
    }

    enum Family {
        case v4, v6
    }

    private let loop: EventLoop
    private var channel: OpaquePointer?
    private var sockets: [Int32: AresSocket] = [:]
    private var timer = TimerHandle.none
    private var depth = 0
    private var ended: [(AresLookup, Outcome)] = []
    private var timeoutCount: UInt64 = 0

    let madeAt: Instant
    private(set) var lookupCount: UInt32 = 0
    private(set) var openLookupCount = 0
    /// No further lookup should start here: the owner makes a new channel.
    var isStale = false

    /// Nil when c-ares refuses the options or the servers.
    init?(loop: EventLoop, options: ResolverOptions) {
        self.loop = loop
        madeAt = loop.now
        super.init()
        var settings = ccares_settings()
        settings.use_tcp = options.useTCP ? 1 : 0
        settings.no_search = options.noDefaultSearchDomain ? 1 : 0
        settings.edns_bytes = Int32(clamping: options.edns0MaxPayloadBytes ?? 0)
        settings.timeout_ms = Int32(clamping: UInt64(options.queryTimeoutSeconds) * 1000)
        settings.tries = Int32(clamping: options.queryTries)
        settings.rotate = options.rotate ? 1 : 0
        settings.servers_are_fallback = options.serversAreFallback ? 1 : 0
        let servers = options.servers.map(\.description).joined(separator: ",")
        channel = options.resolvConfPath.withCString { path in
            servers.withCString { list in
                settings.resolv_conf = path
                settings.servers = options.servers.isEmpty ? nil : list
                return ccares_open(
                    &settings,
                    { context, fd, readable, writable in
                        Unmanaged<AresChannel>.fromOpaque(context!)._withUnsafeGuaranteedRef {
                            $0.onSocketState(fd, readable: readable != 0, writable: writable != 0)
                        }
                    }, Unmanaged.passUnretained(self).toOpaque())
            }
        }
        if channel == nil { return nil }
    }

    deinit {
        loop.cancel(&timer)
        // Ends what is open as closed, which nobody hears.
        if let channel { ccares_close(channel) }
    }

    // MARK: Lookups

    /// Asks for one family. `completion` may run before this returns.
    func lookup(_ name: String, _ family: Family, completion: @escaping (Outcome) -> Void) {
        lookupCount += 1
        openLookupCount += 1
        let lookup = AresLookup(self, completion)
        enter {
            ccares_lookup(
                channel, name, family == .v6 ? 1 : 0,
                { context, kind, text, timeouts, addresses, count in
                    let lookup = Unmanaged<AresLookup>.fromOpaque(context!).takeRetainedValue()
                    // The channel is being destroyed: nobody waits any more, and it must not be touched.
                    if Int(kind) == CCARES_CLOSED { return }
                    let list = UnsafeBufferPointer(start: addresses, count: Int(count))
                    lookup.channel.onEnd(
                        lookup, kind: kind, text: text.map { String(cString: $0) } ?? "", timeouts: timeouts,
                        addresses: list)
                }, Unmanaged.passRetained(lookup).toOpaque())
        }
    }

    private func onEnd(
        _ lookup: AresLookup, kind: Int32, text: String, timeouts: Int32, addresses: UnsafeBufferPointer<ccares_address>
    ) {
        openLookupCount -= 1
        timeoutCount += UInt64(max(0, timeouts))
        let outcome: Outcome
        switch Int(kind) {
        case CCARES_ANSWERED: outcome = .answered(addresses.map(AresChannel.address))
        case CCARES_NO_RECORDS: outcome = .noRecords
        case CCARES_TIMED_OUT: outcome = .failed(.timedOut)
        default: outcome = .failed(.refused(text))
        }
        ended.append((lookup, outcome))
    }

    private static func address(_ raw: ccares_address) -> DNSAddress {
        let address = withUnsafeBytes(of: raw.bytes) { bytes -> SocketAddress in
            if raw.is_v6 == 0 {
                return .v4(address: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)), port: 0)
            }
            return .v6(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)), port: 0,
                scope: raw.scope)
        }
        return DNSAddress(address: address, ttlSeconds: UInt32(max(0, raw.ttl)))
    }

    /// Time-outs of single tries since the last call, those included that a later try made good.
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
        if ended.isEmpty { return }
        // A completion may start lookups here, whose ends are handed out by the inner call, and may drop the channel.
        let all = ended
        ended = []
        loop.bury(self)
        for (lookup, outcome) in all { lookup.completion(outcome) }
    }

    fileprivate func process(read: Int32, write: Int32) {
        enter { ccares_process(channel, read, write) }
    }

    private func armTimer() {
        loop.cancel(&timer)
        guard let channel else { return }
        let milliseconds = ccares_wait_ms(channel)
        if milliseconds >= 0 { timer = loop.schedule(afterMS: Int64(milliseconds), target: self) }
    }

    override func onTimer(_ tag: Int) {
        timer = .none
        process(read: -1, write: -1)
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
}

/// One lookup, retained by c-ares until its callback.
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

    override func onReadable() { channel.process(read: fd, write: -1) }

    override func onWritable() { channel.process(read: -1, write: fd) }
}
