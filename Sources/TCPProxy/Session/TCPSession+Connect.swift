// Getting to an upstream: route, choose, borrow, and trying again.

import Core
import CoreBytes
import Glibc

extension TCPSession {
    // MARK: Before the upstream is there

    /// One chunk of the queue they wait in.
    private static let readAheadBytes = ChunkPool.payloadSize

    /// The client waits while the upstream is sought; what it has said already is taken along, so that it can leave with
    /// the end of the handshake (docs/life-of-a-request.md).
    func readAhead(_ downstream: DownstreamConnection) {
        downstream.connection.pauseReading(.notConnected)
        guard let bytes = downstream.readAhead(TCPSession.readAheadBytes) else { return }
        factory.stats.add(.rxBytes, bytes.count)
        earlyData.append(bytes, pool: factory.worker.net.pool)
    }

    /// Keeps what the client sends early, within its bound; the first byte may start the connect.
    func keepEarly(_ bytes: UnsafeRawBufferPointer) {
        if phase == .over { return }
        if earlyData.isEmpty { factory.stats.add(.earlyData) }
        earlyData.append(bytes, pool: factory.worker.net.pool)
        if earlyData.count >= settings.maxEarlyDataBytes ?? 0 { downstream.connection.pauseReading(.notConnected) }
        if phase == .waiting { route() }
    }

    // MARK: Route, choose, borrow

    func route() { withDownstream { route($0) } }

    private func route(_ downstream: DownstreamConnection) {
        targetIndex = factory.chooseTarget()
        var cluster: WorkerCluster?
        downstream.note { info in
            if let override = info.existingDetails?.filterState[TCPSession.clusterKey] {
                info.upstreamCluster = override
                cluster = factory.worker.clusters.cluster(named: override)
            } else {
                info.upstreamCluster = settings.router.all[targetIndex].cluster
                cluster = factory.cluster(at: targetIndex)
            }
        }
        guard let cluster else {
            factory.stats.add(.noRoute)
            downstream.info.responseFlags.insert(.noClusterFound)
            downstream.close(.flush)
            return
        }
        self.cluster = cluster
        clusterStats = cluster.stats
        connect(cluster, for: downstream)
    }

    /// The filter state by which an earlier filter (`sni_cluster`) names the cluster.
    static let clusterKey = "envoy.tcp_proxy.cluster"

    /// One attempt, on the host that the balancer names.
    func connect() {
        guard let cluster else { return }
        withDownstream { connect(cluster, for: $0) }
    }

    private func connect(_ cluster: WorkerCluster, for downstream: DownstreamConnection) {
        phase = .connecting
        attempts += 1
        let now = loop.now
        connectStart = now
        var context = LoadBalancerContext(hash: settings.hashPolicy == nil ? nil : hash(), now: now)
        if settings.router.matchesMetadata {
            context.metadataMatch = settings.router.all[targetIndex].metadataMatch
        }
        downstream.note {
            $0.upstreamAttemptCount = attempts
            context.originalDestination = $0.downstreamLocalAddress
        }
        guard let host = cluster.choose(context) else {
            downstream.info.responseFlags.insert(.noHealthyUpstream)
            downstream.close(.flush)
            return
        }
        downstream.note {
            $0.upstreamHostAddress = host.address
            $0.upstreamHostName = host.hostname
        }
        guard host.openConnection() else {
            downstream.info.responseFlags.insert(.upstreamOverflow)
            downstream.close(.flush)
            return
        }
        self.host = host
        open(host.socket)
    }

    private func open(_ prepared: PreparedSocket) {
        countedUpstreamTx = 0
        let (fd, error): (Int32, Int32)
        // A connect over loopback has usually ended by the time the call returns EINPROGRESS. What waits to be sent tells,
        // or else asking once more, and saves the wait for writability (docs/performance.md).
        var firstBytes: UnsafeRawBufferPointer?
        switch prepared.open(bytesWait: !earlyData.isEmpty) {
        case .connected(let socket): (fd, error) = (socket, 0)
        case .connecting(let socket) where prepared.isLoopback && !earlyData.isEmpty:
            (fd, error) = (socket, EINPROGRESS)
            firstBytes = earlyData.first
        case .connecting(let socket): (fd, error) = (socket, TCPSession.outcome(socket, prepared))
        case .bindFailed(let error):
            onAttemptFailed(.bindFailed, TCPSession.reason("bind_error", error))
            return
        case .failed(let error):
            onAttemptFailed(.refused, TCPSession.reason("immediate_connect_error", error))
            return
        }
        upstream = Connection(
            connecting: fd, connectErrno: error, net: factory.worker.net, handler: self,
            bufferLimitBytes: Int(prepared.spec.bufferLimitBytes), endsDelay: prepared.endsDelay,
            firstBytes: firstBytes)
        connectTimeoutMS = prepared.spec.connectTimeoutMS
        // One that stands or has failed already is told of at the end of this turn.
        guard error == EINPROGRESS, upstream?.bytesWritten == 0 else { return }
        connectTimer = loop.schedule(
            afterMS: min(TCPSession.slowConnectMS, connectTimeoutMS), target: self, tag: TimerTag.connect)
    }

    private static func outcome(_ socket: Int32, _ prepared: PreparedSocket) -> Int32 {
        guard prepared.isLoopback else { return EINPROGRESS }
        switch Sockets.connect(socket, to: prepared.spec.address) {
        case 0, EISCONN: return 0
        case EALREADY, EINPROGRESS: return EINPROGRESS
        case let error: return error
        }
    }

    /// From here on a connect is slow, and it is worth two system calls to hear that the client has given up.
    static let slowConnectMS: Int64 = 50

    func onConnectTimer() {
        let waitedMS = loop.now.milliseconds(since: connectStart)
        if waitedMS >= connectTimeoutMS {
            onConnectTimeout()
            return
        }
        connectTimer = loop.schedule(
            at: connectStart.advanced(byMS: connectTimeoutMS), target: self, tag: TimerTag.connect)
        downstream.connection.watchForReset()
    }

    func onConnectFailed(_ end: ConnectionEnd) {
        upstream = nil
        if case .connectFailed(let error) = end {
            onAttemptFailed(.refused, TCPSession.reason("delayed_connect_error", error))
        } else {
            onAttemptFailed(.refused, "connect_failed")
        }
    }

    private func onConnectTimeout() {
        upstream?.discard()
        upstream = nil
        onAttemptFailed(.timedOut, "connect_timeout")
    }

    private func onAttemptFailed(_ failure: ConnectFailure, _ reason: String) {
        loop.cancel(&connectTimer)
        host?.connectionFailed(failure)
        host = nil
        downstream.info.details.upstreamTransportFailureReason = reason
        downstream.info.responseFlags.insert(.upstreamConnectionFailure)
        guard attempts < settings.maxConnectAttempts else {
            downstream.info.responseFlags.insert(.upstreamRetryLimitExceeded)
            clusterStats?.add(.upstreamCxConnectAttemptsExceeded)
            downstream.close(.flush)
            return
        }
        let delay = settings.backoff?.delayMS(attempt: Int(attempts), draw: factory.worker.draw()) ?? 0
        // Always by timer: a chain of immediate failures must not recurse.
        phase = .backingOff
        connectTimer = loop.schedule(afterMS: delay, target: self, tag: TimerTag.backoff)
    }

    static func reason(_ kind: String, _ error: Int32) -> String {
        kind + ":_" + String(cString: strerror(error)).map { $0 == " " ? "_" : String($0) }.joined()
    }

    private func hash() -> UInt64? {
        switch settings.hashPolicy {
        case nil: return nil
        case .sourceIP:
            let text = downstream.info.downstreamRemoteAddress?.addressWithoutPort ?? ""
            return XXHash64.hash(text)
        case .filterState(let key):
            return downstream.info.existingDetails?.filterState[key].map { XXHash64.hash($0) }
        }
    }

    // MARK: Connected

    func onUpstreamConnected(_ connection: Connection) {
        guard let host else { return }
        withDownstream { onUpstreamConnected(connection, $0, host) }
    }

    private func onUpstreamConnected(_ connection: Connection, _ downstream: DownstreamConnection, _ host: WorkerHost) {
        let now = loop.now
        if connectTimer != .none { loop.cancel(&connectTimer) }
        phase = .relaying
        // Only the last attempt counts once one succeeded.
        if attempts > 1 {
            downstream.info.responseFlags.remove(.upstreamConnectionFailure)
            downstream.info.details.upstreamTransportFailureReason = ""
        }
        host.connectionReady(afterMS: now.milliseconds(since: connectStart))
        host.beginRequest()
        watchHost()
        if !settings.accessLogs.isEmpty {
            downstream.info.setUpstreamEnds(connection.localAddress, downstream.info.upstreamHostAddress)
        }
        lastUpstreamByte = now
        lastDownstreamByte = now
        armIdle()
        if settings.logsOnConnected { log(.tcpUpstreamConnected) }
        if !earlyData.isEmpty { passEarly(to: connection) }
        accountUpstreamWritten(connection)
        if clientEnded { connection.closeWrite() }
        downstream.relay(to: connection)
        downstream.connection.resumeReading(.notConnected)
    }

    private func passEarly(to connection: Connection) {
        let pool = factory.worker.net.pool
        // Some may have gone with the connect.
        earlyData.consume(Int(connection.bytesWritten), pool: pool)
        while !earlyData.isEmpty {
            let piece = earlyData.first
            connection.write(piece)
            earlyData.consume(piece.count, pool: pool)
        }
    }

    /// Gives the host of an established connection back.
    func endHost(_ end: ConnectionEnd) {
        guard let host else { return }
        unwatchHost()
        self.host = nil
        TCPSession.release(host, end, lengthMS: loop.now.milliseconds(since: connectStart))
    }

    static func release(_ host: WorkerHost, _ end: ConnectionEnd, lengthMS: Int64) {
        host.endRequest()
        host.closeConnection(end == .local ? .local : .remote, lengthMS: lengthMS, hadActiveRequest: true)
    }

    /// The client is gone: what it sent still goes to the upstream, with nobody left to answer to.
    func flushUpstream(_ upstream: Connection, thenReset: Bool) {
        accountUpstreamWritten(upstream)
        noteUpstreamTotals(upstream)
        clearBuffered()
        upstream.relay(to: nil)
        guard let host else { return }
        unwatchHost()
        self.host = nil
        self.upstream = nil
        if upstream.outputCount == 0 {
            upstream.discard(withReset: thenReset)
            TCPSession.release(host, .local, lengthMS: loop.now.milliseconds(since: connectStart))
        } else {
            factory.flush(upstream, host: host, connectedAt: connectStart, thenReset: thenReset)
        }
    }
}
