// A listener at work on one worker: accepting, limits, filter-chain choice.

import Glibc

/// One listening socket of one listener on one worker.
///
/// Accepts a bounded burst per turn, so that a flood of new connections cannot starve the old ones. Out of descriptors
/// it stops listening to the socket, serves what it has, and tries again when a connection closes or shortly after.
final class ActiveListener: EventTarget {
    let worker: Worker
    let spec: ListenerSpec
    let address: SocketAddress
    let stats: StatBlock<ListenerStat>
    let workerStats: StatBlock<ListenerWorkerStat>
    private let fd: Int32
    private var readiness: Readiness?
    private let chains: [ActiveFilterChain]
    private let listenerFilterFactories: [ListenerFilterFactory]
    private let boundToOneAddress: Bool
    private var retryTimer = TimerHandle.none
    private var isStopped = false
    /// Out of descriptors since the last time that nothing was left to accept: told once.
    private var isStarved = false
    /// Connections that listener filters still look at.
    private var pending: [ObjectIdentifier: PendingConnection] = [:]

    private static let retryAfterExhaustionMS: Int64 = 100

    /// Adopts `fd`, a bound and listening socket; -1 where the listener does not bind (`bind_to_port: false`).
    init(fd: Int32, address: SocketAddress, spec: ListenerSpec, worker: Worker) {
        self.fd = fd
        self.address = address
        self.spec = spec
        self.worker = worker
        stats = worker.stats.block(spec.stats)
        workerStats = worker.stats.block(spec.workerStats[worker.index])
        chains = spec.chains.map { ActiveFilterChain($0, on: worker) }
        listenerFilterFactories = spec.listenerFilters.map { $0.makeFactory(on: worker) }
        boundToOneAddress = !address.isUnspecified
        super.init()
        if fd >= 0 {
            readiness = Readiness(loop: worker.loop, fd: fd, .read, target: self)
            readiness?.enable()
        }
    }

    /// Stops accepting and closes the socket; connections go on.
    func stop() {
        if isStopped { return }
        isStopped = true
        worker.loop.cancel(&retryTimer)
        readiness = nil
        if fd >= 0 { close(fd) }
        for connection in pending.values { onInspectionFailed(connection) }
    }

    // MARK: Accepting

    override func onReadable() {
        var accepted = 0
        burst: while accepted < spec.acceptsPerEvent {
            switch Sockets.accept(fd) {
            case .connection(let client, let remote):
                accepted += 1
                onAccepted(client, remote: remote ?? .unix(path: ""))
            case .none:
                isStarved = false
                break burst
            case .exhausted(let error):
                onExhausted(error)
                break burst
            }
        }
        if accepted > 0 { stats.record(.acceptedPerSocketEvent, accepted) }
    }

    private func onExhausted(_ error: Int32) {
        stats.add(.acceptExhausted)
        if !isStarved {
            Log.warning(
                .connHandler,
                "listener '\(spec.name)' cannot accept, connections wait: \(String(cString: strerror(error)))")
        }
        isStarved = true
        readiness?.disable()
        worker.waitsForDescriptors(self)
        if retryTimer == .none {
            retryTimer = worker.loop.schedule(afterMS: Self.retryAfterExhaustionMS, target: self)
        }
    }

    /// A descriptor may be free again.
    func resumeAccepting() {
        if isStopped { return }
        worker.loop.cancel(&retryTimer)
        readiness?.enable()
    }

    override func onTimer(_ tag: Int) {
        retryTimer = .none
        resumeAccepting()
    }

    private func onAccepted(_ client: Int32, remote: SocketAddress) {
        if let balancer = spec.balancer {
            let chosen = balancer.choose(preferred: worker.index)
            if chosen != worker.index {
                worker.hand(client, remote: remote, of: self, toWorker: chosen)
                return
            }
        }
        adopt(client, remote: remote)
    }

    /// A connection accepted here, or by another worker and balanced to this one.
    func adopt(_ client: Int32, remote: SocketAddress) {
        guard spec.limits.admit() else {
            stats.add(.overflow)
            refuse(client)
            return
        }
        guard spec.ignoresGlobalLimit || worker.shared.globalLimits.admit() else {
            spec.limits.release()
            stats.add(.globalOverflow)
            refuse(client)
            return
        }
        stats.add(.connectionsTotal)
        stats.add(.connectionsActive)
        workerStats.add(.connectionsTotal)
        workerStats.add(.connectionsActive)
        worker.countConnection(+1)

        if listenerFilterFactories.isEmpty {
            begin(client, record(client, remote))
        } else {
            let connection = PendingConnection(
                fd: client, listener: self, info: record(client, remote),
                filters: listenerFilterFactories.map { $0.makeFilter() })
            pending[ObjectIdentifier(connection)] = connection
            stats.add(.preConnectionActive)
            connection.start()
        }
    }

    /// The record of a new connection.
    private func record(_ client: Int32, _ remote: SocketAddress) -> StreamInfo {
        var info = StreamInfo(now: worker.loop.now)
        info.connectionID = worker.nextConnectionID()
        info.downstreamRemoteAddress = remote
        info.downstreamLocalAddress = boundToOneAddress ? address : Sockets.localAddress(client) ?? address
        info.listenerName = spec.name
        return info
    }

    private func refuse(_ client: Int32) {
        // Closed at once and with RST: a flood over the limit must not leave sockets in TIME_WAIT on our side.
        Sockets.setLingerZero(client)
        close(client)
        spec.balancer?.release(worker.index)
    }

    // MARK: Listener filters

    /// Listener filters have let the connection through.
    func onInspected(_ connection: PendingConnection) {
        forget(connection)
        begin(connection.takeDescriptor(), connection.info)
    }

    /// Listener filters, their time limit or the client have ended the connection.
    func onInspectionFailed(_ connection: PendingConnection) {
        forget(connection)
        close(connection.takeDescriptor())
        var info = connection.info
        account(ended: &info)
    }

    private func forget(_ connection: PendingConnection) {
        // Buried before the table lets go: its reference is the last one where we are called from the loop.
        worker.loop.bury(connection)
        pending[ObjectIdentifier(connection)] = nil
        stats.sub(.preConnectionActive)
    }

    // MARK: Connections

    private func begin(_ client: Int32, _ info: consuming StreamInfo) {
        guard let chain = chooseChain(&info) else {
            stats.add(.noFilterChainMatch)
            info.responseFlags.insert(.noRouteFound)
            info.details.responseCodeDetails = "filter_chain_not_found"
            close(client)
            account(ended: &info)
            return
        }
        info.filterChainName = chain.name
        let connection = DownstreamConnection(fd: client, listener: self, chain: chain, info: consume info)
        worker.connections.insert(connection)
        connection.start()
    }

    private func chooseChain(_ info: inout StreamInfo) -> ActiveFilterChain? {
        if let only = spec.onlyChain { return chains[only] }
        let remote = info.downstreamRemoteAddress ?? .unix(path: "")
        var facts = ConnectionFacts(
            destination: info.downstreamLocalAddress ?? address, source: remote, serverName: info.requestedServerName)
        if let details = info.existingDetails {
            facts.directSource = details.downstreamDirectRemoteAddress ?? remote
            facts.transportProtocol = details.transportProtocol == "tls" ? .tls : .rawBuffer
            facts.applicationProtocols = details.applicationProtocols
        }
        switch spec.chainIndex.choose(facts) {
        case .chain(let position): return chains[position]
        case .defaultChain: return spec.defaultChain.map { chains[$0] }
        case .none: return nil
        }
    }

    func onConnectionClosed(_ connection: DownstreamConnection, _ end: ConnectionEnd) {
        // The list's reference is the last one where a filter closed from a callback.
        worker.loop.bury(owned: worker.connections.remove(connection))
        account(ended: &connection.info)
        worker.onDescriptorFreed()
    }

    private func account(ended info: inout StreamInfo) {
        spec.limits.release()
        if !spec.ignoresGlobalLimit { worker.shared.globalLimits.release() }
        spec.balancer?.release(worker.index)
        worker.countConnection(-1)
        let now = worker.loop.now
        stats.sub(.connectionsActive)
        stats.add(.connectionsDestroy)
        stats.record(.connectionLengthMS, Int(now.milliseconds(since: info.startTime)))
        workerStats.sub(.connectionsActive)
        if !spec.accessLogs.isEmpty {
            if info.endTime == nil { info.endTime = now }
            worker.accessLogWriter.write(spec.accessLogs, &info, .notSet, now: now)
        }
    }
}

/// A filter chain with its factories on one worker.
final class ActiveFilterChain {
    let name: String
    let leading: [NetworkFilterFactory]
    let terminal: NetworkFilterFactory
    let filtersWrites: Bool
    let halfCloses: Bool

    init(_ spec: FilterChainSpec, on worker: Worker) {
        name = spec.name
        leading = spec.leading.map { $0.makeFactory(on: worker) }
        terminal = spec.terminal.makeFactory(on: worker)
        filtersWrites = leading.contains { $0.filtersWrites }
        halfCloses = terminal.halfCloses
    }
}
