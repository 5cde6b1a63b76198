// The life of one downstream connection: its socket, its filters, its record.

import CoreBytes

/// One accepted connection with the filters of its chain.
///
/// Owned by the worker's ``ConnectionList`` from accept to close. Events from the socket run through the filters here;
/// filters act on the client through this object only, so that write filters, accounting and access logs see all of it.
public final class DownstreamConnection: ConnectionHandler {
    public var worker: Worker { listener.worker }
    /// The socket. Filters write through ``write(_:)`` and not through this, or write filters would be passed over.
    public let connection: Connection
    /// The record of this connection. Bytes are accounted here when a log is written and at the end, not per read.
    @exclusivity(unchecked) public var info: StreamInfo
    let listener: ActiveListener
    let chain: ActiveFilterChain
    private let filters: [NetworkFilter]
    private let terminal: NetworkFilter

    /// Filters that have seen `onNewConnection`, the terminal one counted last.
    private var initialised = 0
    /// Where the chain stands still; empty for a connection that flows.
    @exclusivity(unchecked) private var stops: [FilterStop] = []
    private var isOver = false

    // The worker's list of live connections; see ConnectionList.
    var nextInList: Unmanaged<DownstreamConnection>?
    var previousInList: Unmanaged<DownstreamConnection>?

    init(fd: Int32, listener: ActiveListener, chain: ActiveFilterChain, info: consuming StreamInfo) {
        self.listener = listener
        self.chain = chain
        self.info = consume info
        filters = chain.leading.isEmpty ? [] : chain.leading.map { $0.makeFilter() }
        terminal = chain.terminal.makeFilter()
        connection = Connection(
            accepted: fd, net: listener.worker.net, handler: nil, bufferLimitBytes: listener.spec.bufferLimitBytes)
        super.init()
        connection.setHandler(self)
        for filter in filters { filter.adopt(by: self) }
        terminal.adopt(by: self)
    }

    /// Runs the filters' first step and starts reading.
    func start() {
        if filters.isEmpty {
            initialised = 1
            _ = terminal.onNewConnection()
        } else {
            pass(from: 0, bytes: nil, endOfStream: false)
        }
        if !isOver { connection.start() }
        if !isOver, worker.isDraining, worker.drains(listener.spec) { drain() }
    }

    // MARK: From the socket

    public override func onBytes(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
        if filters.isEmpty {
            _ = terminal.onBytes(bytes)
            return
        }
        pass(from: 0, bytes: bytes, endOfStream: false)
    }

    public override func onSpliced(_ connection: Connection, _ count: Int) { terminal.onSpliced(count) }
    public override func onSpliceRefused(_ connection: Connection) { terminal.onSpliceRefused() }

    public override func onEndOfStream(_ connection: Connection) {
        if filters.isEmpty {
            _ = terminal.onEndOfStream()
            return
        }
        pass(from: 0, bytes: nil, endOfStream: true)
    }

    public override func onOutputHigh(_ connection: Connection) { terminal.onDownstreamHigh() }
    public override func onOutputLow(_ connection: Connection) { terminal.onDownstreamLow() }

    public override func onClosed(_ connection: Connection, _ end: ConnectionEnd) {
        if isOver { return }
        isOver = true
        stops = []
        if end == .remoteReset { info.downstreamCloseType = .remoteReset }
        if end == .local, connection.endsWithReset { info.downstreamCloseType = .localReset }
        for filter in filters { filter.onDownstreamClosed(end) }
        terminal.onDownstreamClosed(end)
        info.bytesReceived = connection.bytesRead
        info.bytesSent = connection.bytesWritten
        info.downstreamWireBytesReceived = connection.bytesRead
        info.downstreamWireBytesSent = connection.bytesWritten
        listener.onConnectionClosed(self, end)
    }

    // MARK: The chain

    /// Hands an event down the chain, from filter `start` on, until a filter stops it.
    ///
    /// A filter that has not seen the connection yet sees it first: a chain stopped in `onNewConnection` goes on with
    /// the next filter's `onNewConnection`, as in Envoy.
    private func pass(from start: Int, bytes: UnsafeRawBufferPointer?, endOfStream: Bool) {
        var index = start
        while index <= filters.count {
            let filter = index == filters.count ? terminal : filters[index]
            if initialised <= index {
                initialised = index + 1
                let status = filter.onNewConnection()
                if isOver { return }
                if status != .proceed, index < filters.count {
                    stop(at: index, status, bytes, endOfStream)
                    return
                }
            }
            if let stop = stops.first(where: { $0.index == index }), stop.isPaused {
                stop.keep(bytes, endOfStream, pool: worker.net.pool)
                return
            }
            if bytes != nil || endOfStream {
                let status = bytes.map { filter.onBytes($0) } ?? filter.onEndOfStream()
                if isOver { return }
                if index < filters.count {
                    if status != .proceed {
                        self.stop(at: index, status, bytes, endOfStream)
                        return
                    }
                    // A filter that held has made up its mind: what it held goes before this event.
                    release(at: index)
                    if isOver { return }
                }
            }
            index += 1
        }
    }

    /// Notes that the chain stands still at `index` and keeps the event for the filters behind it.
    private func stop(at index: Int, _ status: FilterStatus, _ bytes: UnsafeRawBufferPointer?, _ endOfStream: Bool) {
        let stop: FilterStop
        if let known = stops.first(where: { $0.index == index }) {
            stop = known
        } else {
            stop = FilterStop(index: index)
            stops.append(stop)
        }
        stop.keep(bytes, endOfStream, pool: worker.net.pool)
        if status == .pause { stop.isPaused = true }
        if stop.isPaused || stop.count > max(listener.spec.bufferLimitBytes, 1) { connection.pauseReading(.filter) }
    }

    /// Lets the chain go on behind `filter`, which stopped it with `.pause`, or with `.hold` if it has decided since.
    public func resume(_ filter: NetworkFilter) {
        guard !isOver, let index = filters.firstIndex(where: { $0 === filter }),
            stops.contains(where: { $0.index == index })
        else { return }
        if initialised == index + 1 { pass(from: index + 1, bytes: nil, endOfStream: false) }
        if isOver { return }
        release(at: index)
        if !isOver, stops.isEmpty { connection.resumeReading(.filter) }
    }

    private func release(at index: Int) {
        guard let place = stops.firstIndex(where: { $0.index == index }) else { return }
        let stop = stops.remove(at: place)
        while !isOver, let piece = stop.first {
            pass(from: index + 1, bytes: piece, endOfStream: false)
            stop.dropFirst(pool: worker.net.pool)
        }
        if stop.endOfStream, !isOver { pass(from: index + 1, bytes: nil, endOfStream: true) }
    }

    /// Changes the record. Other modules go through here on a connection's usual way: touching ``info`` from there is
    /// checked for exclusivity at run time, each time.
    public func note(_ change: (inout StreamInfo) -> Void) { change(&info) }

    // MARK: Towards the client

    /// Sends bytes to the client, through the write filters.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        if chain.filtersWrites, !runWriteFilters(bytes) { return }
        connection.write(bytes)
    }

    /// The client's first bytes, if they are there already and no filter stands before the terminal one: for a terminal
    /// filter that pauses reading in its `onNewConnection`. See ``Connection/readAhead(_:)``.
    public func readAhead(_ limit: Int) -> UnsafeRawBufferPointer? {
        filters.isEmpty ? connection.readAhead(limit) : nil
    }

    /// Lets bulk bytes pass between the client and `upstream` unseen, in the directions that no other filter looks at.
    public func relay(to upstream: Connection) {
        if filters.isEmpty { connection.relay(to: upstream) }
        if !chain.filtersWrites { upstream.relay(to: connection) }
    }

    /// Ends our direction to the client once everything is written.
    public func closeWrite() { connection.closeWrite() }

    /// Closes the connection. `reason` goes to the access log as DOWNSTREAM_LOCAL_CLOSE_REASON.
    public func close(_ kind: Connection.CloseKind, reason: String? = nil) {
        if let reason { info.details.downstreamLocalCloseReason = reason }
        connection.close(kind)
    }

    private func runWriteFilters(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for filter in filters.reversed() {
            // Output cannot be taken back once a filter let it pass, so `hold` and `pause` both drop the connection's
            // order; no filter of ours answers so, and one that wants to delay output does it at its own level.
            if filter.onWrite(bytes) != .proceed {
                assertionFailure("Write filters observe; they do not stop output.")
            }
            if isOver { return false }
        }
        return true
    }

    // MARK: Drain

    /// The worker drains: the terminal filter decides when this connection ends.
    func drain() { terminal.onDrain() }
}
