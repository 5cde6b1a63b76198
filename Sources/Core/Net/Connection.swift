// One stream socket on one worker: reading, writing, watermarks, half-close, close.

import CoreBytes
import Glibc

/// A connected, or connecting, stream socket.
///
///     connecting ──▶ open ──┬─ EOF read ──────▶ half-closed (remote) ──┬─▶ closed
///          │                └─ closeWrite() ──▶ half-closed (local) ───┘
///          └─ error ─────────────────────────────────────────────────────▶ closed
///
/// - Reads go into the worker's ``ByteWindow``, one per readiness, as large as the window and the watermark allow:
///   asking for a megabyte costs a small message nothing, and bulk moves in few system calls.
/// - ``write(_:)`` hands bytes to the kernel at once when nothing waits; ``enqueue(_:)`` collects them and flushes once
///   at the end of the turn with one gathering write. What the kernel refuses waits in pooled chunks.
/// - Above the high watermark the handler hears ``ConnectionHandler/onOutputHigh(_:)``, below half of it
///   ``ConnectionHandler/onOutputLow(_:)``.
/// - An error met inside a write is reported at the end of the turn, never from inside the caller's call.
/// - An idle connection holds no buffer: this object, one libevent registration and whatever its handler keeps.
public final class Connection: EventTarget {
    struct Flags: OptionSet {
        var rawValue: UInt32
        static let connecting = Flags(rawValue: 1 << 0)
        static let ready = Flags(rawValue: 1 << 1)
        static let readEnded = Flags(rawValue: 1 << 2)
        static let writeEndWanted = Flags(rawValue: 1 << 3)
        static let writeEnded = Flags(rawValue: 1 << 4)
        static let closeAfterFlush = Flags(rawValue: 1 << 5)
        static let resetOnClose = Flags(rawValue: 1 << 6)
        static let closed = Flags(rawValue: 1 << 7)
        static let aboveHigh = Flags(rawValue: 1 << 8)
        static let turnEndAsked = Flags(rawValue: 1 << 9)
        static let failurePending = Flags(rawValue: 1 << 10)
        static let lingering = Flags(rawValue: 1 << 11)
        /// What is read goes to `relayTarget` by splice.
        static let bulk = Flags(rawValue: 1 << 14)
        /// Bulk is on its way here: the source goes on when nothing waits any more, so that it can splice.
        static let bulkTarget = Flags(rawValue: 1 << 15)
        static let writeWaitsForRead = Flags(rawValue: 1 << 12)
        static let readWaitsForWrite = Flags(rawValue: 1 << 13)
        /// The kernel may still hold back a small write until the one before it is acknowledged.
        static let mayDelay = Flags(rawValue: 1 << 16)
    }

    /// Who wants reading to stop; it goes on when nobody does.
    public struct PauseReasons: OptionSet, Sendable {
        public var rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The other side's output is above its high watermark.
        public static let peerFull = PauseReasons(rawValue: 1)
        /// The upstream is not there yet.
        public static let notConnected = PauseReasons(rawValue: 2)
        /// A filter holds the chain.
        public static let filter = PauseReasons(rawValue: 4)
        /// We are closing.
        public static let closing = PauseReasons(rawValue: 8)
    }

    let net: NetContext
    let transport: TransportSocket
    @exclusivity(unchecked) private var handler: Unmanaged<ConnectionHandler>?
    var fd: Int32
    @exclusivity(unchecked) var flags: Flags = []
    private var pauses: PauseReasons = []
    var thinSplices: UInt8 = 0
    private var pendingErrno: Int32 = 0
    @exclusivity(unchecked) var readReadiness: Readiness?
    @exclusivity(unchecked) var writeReadiness: Readiness?
    /// Output that waits in a pipe, before what waits in `output`.
    @exclusivity(unchecked) var outputPipe: SplicePipe?
    @exclusivity(unchecked) var output = ByteQueue()
    @exclusivity(unchecked) var relayTarget: Unmanaged<Connection>?
    /// High watermark of the output in bytes; the low one is half of it. 0 means no limit.
    let bufferLimitBytes: Int
    private var bytesReadTotal: UInt64 = 0
    private var bytesWrittenTotal: UInt64 = 0
    @exclusivity(unchecked) private var lingerTimer = TimerHandle.none

    /// Adopts an accepted socket. Reading starts with ``start()``; a `handler` of nil is set before.
    public init(
        accepted fd: Int32, net: NetContext, handler: ConnectionHandler?, bufferLimitBytes: Int,
        transport: TransportSocket? = nil
    ) {
        self.fd = fd
        self.net = net
        self.handler = handler.map { .passUnretained($0) }
        self.transport = transport ?? net.rawTransport
        self.bufferLimitBytes = bufferLimitBytes
        super.init()
    }

    /// Adopts a socket on which a non-blocking connect is under way (`connectErrno` EINPROGRESS), has ended well (0) or
    /// has failed at once. The outcome comes through the handler, in a later callback; for one that is known already at
    /// the end of the turn.
    /// - Parameter endsDelay: TCP_NODELAY is the connection's to set, which it does before the first write that Nagle's
    ///   algorithm could hold back: one that carries a single small request saves the call.
    /// - Parameter firstBytes: tried at once where a connect may have ended unnoticed (loopback): what the kernel takes
    ///   shows that it has, and ``bytesWritten`` tells how much it took. The rest is the caller's to write.
    public convenience init(
        connecting fd: Int32, connectErrno: Int32, net: NetContext, handler: ConnectionHandler, bufferLimitBytes: Int,
        endsDelay: Bool = false, firstBytes: UnsafeRawBufferPointer? = nil, transport: TransportSocket? = nil
    ) {
        self.init(accepted: fd, net: net, handler: handler, bufferLimitBytes: bufferLimitBytes, transport: transport)
        begin(connectErrno: connectErrno, endsDelay: endsDelay, firstBytes: firstBytes)
    }

    /// Not inlined: inside an initialiser each reference to the new object would be counted.
    @inline(never)
    private func begin(connectErrno: Int32, endsDelay: Bool, firstBytes: UnsafeRawBufferPointer?) {
        flags.insert(.connecting)
        if endsDelay { flags.insert(.mayDelay) }
        switch connectErrno {
        case EINPROGRESS:
            if let firstBytes, transport.isReadyOnConnect { tryFirst(firstBytes) } else { wantWritable() }
        // It stands already (loopback, Unix sockets): no need to wait for readiness, only for the caller to return.
        case 0: askTurnEnd()
        default: failLater(connectErrno)
        }
    }

    private func tryFirst(_ bytes: UnsafeRawBufferPointer) {
        switch transport.write(fd, bytes) {
        case .moved(let n):
            account(written: n)
            askTurnEnd()
        // The connect's error, which SO_ERROR will not tell again.
        case .failed(let error): failLater(error)
        case .wouldBlock, .wantsOtherDirection, .endOfStream: wantWritable()
        }
    }

    deinit {
        if fd >= 0 {
            readReadiness = nil
            writeReadiness = nil
            Glibc.close(fd)
        }
    }

    /// Hands the connection to another owner, from inside or outside a callback.
    public func setHandler(_ handler: ConnectionHandler) { self.handler = .passUnretained(handler) }

    // MARK: Facts

    public var isClosed: Bool { flags.contains(.closed) }
    public var isConnecting: Bool { flags.contains(.connecting) }
    public var hasReadEnd: Bool { flags.contains(.readEnded) }
    public var hasWriteEnd: Bool { flags.contains(.writeEnded) }
    public var isAboveHigh: Bool { flags.contains(.aboveHigh) }
    public var bytesRead: UInt64 { bytesReadTotal }
    /// Bytes the kernel has taken.
    public var bytesWritten: UInt64 { bytesWrittenTotal }
    /// Bytes that wait for the kernel.
    public var outputCount: Int { output.count + (outputPipe?.count ?? 0) }
    public var descriptor: Int32 { fd }
    public var transportSocket: TransportSocket { transport }

    public var localAddress: SocketAddress? { fd < 0 ? nil : Sockets.localAddress(fd) }
    public var remoteAddress: SocketAddress? { fd < 0 ? nil : Sockets.remoteAddress(fd) }

    // MARK: Events in

    /// Starts an accepted connection: the transport's handshake, or reading at once.
    public func start() {
        if transport.isReadyOnConnect { becomeReady() } else { transport.start(self) }
    }

    /// The transport's handshake is through.
    public func transportReady() {
        if flags.contains(.closed) { return }
        becomeReady()
        if flags.contains(.closed) { return }
        handler?._withUnsafeGuaranteedRef { $0.onConnected(self) }
    }

    private func becomeReady() {
        flags.insert(.ready)
        updateReading()
        if outputCount > 0 || flags.contains(.writeEndWanted) { flush() }
    }

    public override func onReadable() {
        if flags.contains(.closed) { return }
        if flags.contains(.writeWaitsForRead), !writeAfterWaiting() { return }
        let window = net.window.bytes
        if flags.contains(.lingering) {
            discardInput()
            return
        }
        if flags.contains(.bulk), splice() { return }
        // No more than the destination may hold: what it cannot take at once waits in its queue.
        let size = bufferLimitBytes == 0 ? window.count : min(window.count, max(bufferLimitBytes, 4096))
        switch transport.read(fd, into: UnsafeMutableRawBufferPointer(rebasing: window[..<size])) {
        case .moved(let n):
            account(read: n)
            noteRead(n)
            let bytes = UnsafeRawBufferPointer(start: window.baseAddress, count: n)
            handler?._withUnsafeGuaranteedRef { $0.onBytes(self, bytes) }
        case .wouldBlock:
            break
        case .wantsOtherDirection:
            waitToRead()
        case .endOfStream:
            flags.insert(.readEnded)
            updateReading()
            handler?._withUnsafeGuaranteedRef { $0.onEndOfStream(self) }
            if !flags.contains(.closed), flags.contains(.writeEnded) { finish(.endOfStream) }
        case .failed(let error):
            finish(Connection.end(forErrno: error))
        }
    }

    public override func onWritable() {
        if flags.contains(.closed) { return }
        if flags.contains(.connecting) {
            onConnectOutcome()
            return
        }
        let readWaited = flags.contains(.readWaitsForWrite)
        flags.remove(.readWaitsForWrite)
        flush()
        if readWaited, !flags.contains(.closed) {
            updateReading()
            if wantsBytes { onReadable() }
        }
    }

    private func socketError() -> Int32 {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length)
        return error
    }

    private func onConnectOutcome() {
        let error = socketError()
        if error != 0 {
            finish(.connectFailed(errno: error))
            return
        }
        onEstablished()
        // Few connections ever wait for writability again: an idle one need not hold the registration.
        if let isWaiting = writeReadiness?.isEnabled, !isWaiting { writeReadiness = nil }
    }

    private func onEstablished() {
        flags.remove(.connecting)
        if transport.isReadyOnConnect {
            flags.insert(.ready)
            handler?._withUnsafeGuaranteedRef { $0.onConnected(self) }
            if flags.contains(.closed) { return }
            updateReading()
            flush()
        } else {
            writeReadiness?.disable()
            // A handshake is several small writes.
            endDelay()
            transport.start(self)
        }
    }

    public override func onTurnEnd() {
        flags.remove(.turnEndAsked)
        if flags.contains(.closed) { return }
        if flags.contains(.failurePending) {
            finish(
                flags.contains(.connecting)
                    ? .connectFailed(errno: pendingErrno) : Connection.end(forErrno: pendingErrno))
            return
        }
        if flags.contains(.connecting) {
            onEstablished()
        } else if flags.contains(.ready) {
            flush()
        }
    }

    public override func onTimer(_ tag: Int) {
        lingerTimer = .none
        if flags.contains(.closed) { return }
        if tag == Connection.resetLookTag { lookForReset() } else { finish(.local) }
    }

    // MARK: Reading

    public func pauseReading(_ reason: PauseReasons) {
        if pauses.contains(reason) { return }
        pauses.insert(reason)
        updateReading()
        if flags.contains(.ready), reason != .closing { watchForReset() }
    }

    /// While nothing is read and nothing waits to be written, epoll does not know the socket and nobody would hear that
    /// the peer has reset it: looks now and then. An edge-triggered registration would tell at once, but libevent's
    /// change list mixes its edge into the level-triggered one that follows (2.1.12).
    public func watchForReset() {
        if lingerTimer == .none, !flags.contains(.closed) {
            lingerTimer = net.loop.schedule(
                afterMS: Connection.resetLookMS, target: self, tag: Connection.resetLookTag)
        }
    }

    private static let resetLookMS: Int64 = 250
    private static let resetLookTag = 1

    /// Looks at a paused socket. Timers are left to run out when reading goes on: pauses may be many and short.
    private func lookForReset() {
        if pauses.isEmpty { return }
        let error = socketError()
        if error != 0 {
            finish(Connection.end(forErrno: error))
        } else {
            watchForReset()
        }
    }

    /// Reads what is there already, `limit` bytes at most, past the handler and past any pause: for an owner who is about
    /// to pause and can use the first bytes meanwhile. The bytes live in the worker's window. Nil when there are none, or
    /// when none can be had before a handshake.
    public func readAhead(_ limit: Int) -> UnsafeRawBufferPointer? {
        guard transport.isReadyOnConnect, flags.isDisjoint(with: [.closed, .failurePending, .readEnded]) else {
            return nil
        }
        let window = net.window.bytes
        switch transport.read(fd, into: UnsafeMutableRawBufferPointer(rebasing: window[..<min(limit, window.count)])) {
        case .moved(let n):
            account(read: n)
            return UnsafeRawBufferPointer(start: window.baseAddress, count: n)
        // The end is met again by the first ordinary read; an error is told only once.
        case .wouldBlock, .wantsOtherDirection, .endOfStream: return nil
        case .failed(let error):
            failLater(error)
            return nil
        }
    }

    public func resumeReading(_ reason: PauseReasons) {
        if !pauses.contains(reason) { return }
        pauses.remove(reason)
        updateReading()
    }

    public var isReadingPaused: Bool { !pauses.isEmpty }

    private var wantsBytes: Bool {
        flags.contains(.lingering)
            || (pauses.isEmpty && flags.contains(.ready)
                && flags.isDisjoint(with: [.readEnded, .closed, .closeAfterFlush]))
    }

    func updateReading() {
        if wantsBytes || flags.contains(.writeWaitsForRead), !flags.contains(.readWaitsForWrite) {
            if readReadiness == nil {
                readReadiness = Readiness(loop: net.loop, fd: fd, .read, target: self)
            }
            readReadiness?.enable()
        } else {
            readReadiness?.disable()
        }
    }

    /// A read that must write first: it is tried again when the descriptor takes bytes.
    func waitToRead() {
        flags.insert(.readWaitsForWrite)
        updateReading()
        wantWritable()
    }

    /// A write that had to read first is tried again; false when the handler does not want bytes now.
    private func writeAfterWaiting() -> Bool {
        flags.remove(.writeWaitsForRead)
        flush()
        if flags.contains(.closed) { return false }
        updateReading()
        return wantsBytes
    }

    // MARK: Shared by the topics

    func askTurnEnd() {
        if flags.contains(.turnEndAsked) { return }
        flags.insert(.turnEndAsked)
        net.loop.atTurnEnd(self)
    }

    func wantWritable() {
        if writeReadiness == nil {
            writeReadiness = Readiness(loop: net.loop, fd: fd, .write, target: self)
        }
        writeReadiness?.enable()
    }

    func account(read n: Int) { bytesReadTotal &+= UInt64(n) }

    func account(written n: Int) { bytesWrittenTotal &+= UInt64(n) }

    func failLater(_ error: Int32) {
        if !flags.isDisjoint(with: [.closed, .failurePending]) { return }
        pendingErrno = error
        flags.insert(.failurePending)
        readReadiness?.disable()
        writeReadiness?.disable()
        askTurnEnd()
    }

    func withHandler(_ body: (ConnectionHandler) -> Void) { handler?._withUnsafeGuaranteedRef(body) }

    func armLinger(afterMS milliseconds: Int64) {
        net.loop.cancel(&lingerTimer)
        lingerTimer = net.loop.schedule(afterMS: milliseconds, target: self)
    }

    func cancelLinger() { net.loop.cancel(&lingerTimer) }

    static func end(forErrno error: Int32) -> ConnectionEnd {
        switch error {
        // Both directions have ended, ours last.
        case 0: .endOfStream
        case ECONNRESET, EPIPE: .remoteReset
        case EPROTO: .transportFailed
        default: .failed(errno: error)
        }
    }
}
