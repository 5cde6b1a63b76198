// The life of one proxied TCP connection, from the first filter event to the last access-log line.

import Core
import CoreBytes

/// Relays one downstream connection to one upstream host.
///
///     waiting ─▶ connecting ⇄ backing off ─▶ relaying ─▶ over
///        │           │                          │
///        └───────────┴────── client left ───────┘
///
/// - Bytes pass from the worker's window straight to the other socket; what that socket refuses waits in its output
///   queue, and above the watermark the source is paused (docs/flow-control.md).
/// - Each direction ends by itself: the end of stream travels after the last byte; the session is over when both have
///   ended, when either side breaks, or at a time limit.
/// - Time-outs that restart with each byte cost a store: the timer looks at the time of the last byte when it fires.
final class TCPSession: NetworkFilter {
    enum Phase: UInt8 { case waiting, connecting, backingOff, relaying, over }

    enum TimerTag {
        static let connect = 1
        static let backoff = 2
        static let idle = 3
        static let duration = 4
        static let accessLog = 5
        static let drain = 6
    }

    let factory: TCPProxyFactory
    @exclusivity(unchecked) var phase = Phase.waiting
    @exclusivity(unchecked) var upstream: Connection? { didSet { relayed = upstream.map { .passUnretained($0) } } }
    /// `upstream` for what runs with each read: calls through this are not counted. Closing buries, so that nothing dies
    /// inside a call.
    @exclusivity(unchecked) private(set) var relayed: Unmanaged<Connection>?
    @exclusivity(unchecked) var host: WorkerHost?
    /// While the host tells of its health; see ``watchHost()``.
    var hostWatch: Int?
    @exclusivity(unchecked) var cluster: WorkerCluster?
    /// The counters of `cluster`, which keeps them: apart, because reaching them through it retains it for each read.
    @exclusivity(unchecked) var clusterStats: StatBlock<ClusterTrafficStat>?
    @exclusivity(unchecked) var targetIndex = 0
    @exclusivity(unchecked) var attempts: UInt32 = 0

    /// Bytes read from the client before the upstream is there.
    @exclusivity(unchecked) var earlyData = ByteQueue()
    @exclusivity(unchecked) var clientEnded = false

    @exclusivity(unchecked) var connectTimer = TimerHandle.none
    @exclusivity(unchecked) var idleTimer = TimerHandle.none
    @exclusivity(unchecked) var durationTimer = TimerHandle.none
    @exclusivity(unchecked) var logTimer = TimerHandle.none
    @exclusivity(unchecked) var lastDownstreamByte: Instant
    @exclusivity(unchecked) var lastUpstreamByte: Instant
    /// Bytes written to both sides when the idle timer last looked: draining output is activity too.
    var writtenAtLastLook: UInt64 = 0
    @exclusivity(unchecked) var connectStart: Instant
    @exclusivity(unchecked) var connectTimeoutMS: Int64 = 0

    // What has been counted, so that counters follow the sockets' own totals.
    @exclusivity(unchecked) var countedTx: UInt64 = 0
    @exclusivity(unchecked) var countedUpstreamTx: UInt64 = 0
    @exclusivity(unchecked) var gaugedTx = 0
    @exclusivity(unchecked) var gaugedUpstreamTx = 0

    init(_ factory: TCPProxyFactory) {
        self.factory = factory
        lastDownstreamByte = factory.worker.loop.now
        lastUpstreamByte = lastDownstreamByte
        connectStart = lastDownstreamByte
        super.init()
    }

    var settings: TCPProxySettings { factory.settings }
    var loop: EventLoop { factory.worker.loop }

    // MARK: Downstream events

    override func onNewConnection() -> FilterStatus {
        factory.stats.add(.connectionsTotal)
        if settings.logsOnStart { log(.tcpConnectionStart) }
        armDuration()
        armAccessLog()
        switch settings.connectMode {
        case .immediate:
            if settings.maxEarlyDataBytes == nil { withDownstream { readAhead($0) } }
            route()
        case .onDownstreamData:
            // The idle limit holds while nothing comes.
            armIdle()
        }
        return .proceed
    }

    override func onBytes(_ bytes: UnsafeRawBufferPointer) -> FilterStatus {
        factory.stats.add(.rxBytes, bytes.count)
        lastDownstreamByte = loop.now
        if phase == .relaying, let relayed {
            relayed._withUnsafeGuaranteedRef {
                $0.write(bytes)
                accountUpstreamWritten($0)
            }
            return .proceed
        }
        keepEarly(bytes)
        return .proceed
    }

    override func onSpliced(_ count: Int) {
        factory.stats.add(.rxBytes, count)
        lastDownstreamByte = loop.now
        relayed?._withUnsafeGuaranteedRef { accountUpstreamWritten($0) }
    }

    override func onSpliceRefused() { factory.stats.add(.spliceRefused) }

    override func onEndOfStream() -> FilterStatus {
        clientEnded = true
        switch phase {
        case .relaying: relayed?._withUnsafeGuaranteedRef { $0.closeWrite() }
        // Nothing was said and nothing will be: no upstream is needed.
        case .waiting: downstream.close(.flush)
        case .connecting, .backingOff, .over: break
        }
        return .proceed
    }

    override func onDownstreamHigh() {
        guard let upstream else { return }
        upstream.pauseReading(.peerFull)
        clusterStats?.add(.upstreamFlowControlPausedReadingTotal)
        syncBuffered()
    }

    override func onDownstreamLow() {
        guard let upstream else { return }
        upstream.resumeReading(.peerFull)
        clusterStats?.add(.upstreamFlowControlResumedReadingTotal)
        syncBuffered()
    }

    override func onDownstreamClosed(_ end: ConnectionEnd) {
        if phase == .over { return }
        let wasConnecting = phase == .connecting || phase == .backingOff
        accountDownstreamWritten()
        if let upstream, !upstream.isClosed {
            if wasConnecting {
                downstream.info.responseFlags.insert(.downstreamConnectionTermination)
                upstream.discard()
                host?.connectionFailed(.abandoned)
                host = nil
            } else {
                // What the client sent before it broke off still goes up; then the upstream learns that it was a break.
                flushUpstream(upstream, thenReset: end == .remoteReset)
            }
        }
        finish()
    }

    override func onDrain() {
        guard settings.closesWhenDraining, phase != .over else { return }
        armDrainLook()
    }

    // MARK: Upstream events

    override func onConnected(_ connection: Connection) { onUpstreamConnected(connection) }

    override func onBytes(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
        clusterStats?.add(.upstreamCxRxBytesTotal, bytes.count)
        lastUpstreamByte = loop.now
        withDownstream {
            $0.write(bytes)
            account(written: $0.connection)
        }
    }

    override func onSpliced(_ connection: Connection, _ count: Int) {
        clusterStats?.add(.upstreamCxRxBytesTotal, count)
        lastUpstreamByte = loop.now
        accountDownstreamWritten()
    }

    override func onSpliceRefused(_ connection: Connection) { factory.stats.add(.spliceRefused) }

    override func onEndOfStream(_ connection: Connection) { withDownstream { $0.closeWrite() } }

    override func onOutputHigh(_ connection: Connection) {
        downstream.connection.pauseReading(.peerFull)
        factory.stats.add(.pausedReading)
        syncBuffered()
    }

    override func onOutputLow(_ connection: Connection) {
        downstream.connection.resumeReading(.peerFull)
        factory.stats.add(.resumedReading)
        syncBuffered()
    }

    override func onClosed(_ connection: Connection, _ end: ConnectionEnd) {
        if phase == .connecting {
            onConnectFailed(end)
        } else {
            withDownstream { onUpstreamClosed(connection, end, $0) }
        }
    }

    private func onUpstreamClosed(_ connection: Connection, _ end: ConnectionEnd, _ downstream: DownstreamConnection) {
        downstream.connection.relay(to: nil)
        accountUpstreamWritten(connection)
        endHost(end)
        noteUpstreamTotals(connection)
        upstream = nil
        switch end {
        case .endOfStream:
            // Both directions towards the upstream have ended; the client gets the rest of its answer and our FIN.
            downstream.closeWrite()
            if clientEnded, downstream.connection.outputCount == 0 { downstream.close(.flush) }
        case .local:
            downstream.close(.flush)
        case .remoteReset, .failed, .connectFailed, .transportFailed:
            if let reason = connection.transportSocket.failureReason {
                downstream.info.details.upstreamTransportFailureReason = reason
            }
            downstream.info.upstreamCloseType = end == .remoteReset ? .remoteReset : .normal
            if end == .remoteReset { downstream.info.responseFlags.insert(.upstreamRemoteReset) }
            // The client learns after its last byte that this was no orderly end.
            downstream.connection.resetAfterFlush()
        }
    }

    override func onTimer(_ tag: Int) { onTimeUp(tag) }

    // MARK: The end

    /// The session is over: everything is given back and accounted. The downstream connection is closed.
    func finish() {
        guard phase != .over else { return }
        phase = .over
        let loop = self.loop
        if connectTimer != .none { loop.cancel(&connectTimer) }
        loop.cancel(&idleTimer)
        if durationTimer != .none { loop.cancel(&durationTimer) }
        if logTimer != .none { loop.cancel(&logTimer) }
        if !earlyData.isEmpty { earlyData.removeAll(pool: factory.worker.net.pool) }
        clearBuffered()
        withDownstream { $0.note { $0.endTime = loop.now } }
        log(.tcpConnectionEnd)
    }

    func log(_ type: AccessLogType) {
        if settings.accessLogs.isEmpty { return }
        noteTotals()
        factory.worker.accessLogWriter.write(settings.accessLogs, &downstream.info, type, now: loop.now)
    }

    /// Brings the record's byte counts up to date.
    func noteTotals() {
        let downstream = self.downstream
        let connection = downstream.connection
        downstream.info.bytesReceived = connection.bytesRead
        downstream.info.bytesSent = connection.bytesWritten
        downstream.info.downstreamWireBytesReceived = connection.bytesRead
        downstream.info.downstreamWireBytesSent = connection.bytesWritten
        if let upstream { noteUpstreamTotals(upstream) }
    }

    func noteUpstreamTotals(_ connection: Connection) {
        withDownstream {
            $0.note {
                $0.upstreamWireBytesReceived = connection.bytesRead
                $0.upstreamWireBytesSent = connection.bytesWritten
            }
        }
    }
}
