// What remains of a session whose client has gone: bytes on their way to the upstream.

import Core

/// Keeps an upstream connection open until what the client sent has been delivered, then closes it.
///
/// Nothing is read any more. The time limit bounds an upstream that takes no bytes.
final class UpstreamFlusher: ConnectionHandler {
    private let connection: Connection
    private let host: WorkerHost
    private let factory: TCPProxyFactory
    private let connectedAt: Instant
    private var timer = TimerHandle.none
    private var counted: UInt64

    init(
        _ connection: Connection, host: WorkerHost, factory: TCPProxyFactory, connectedAt: Instant, thenReset: Bool
    ) {
        self.connection = connection
        self.host = host
        self.factory = factory
        self.connectedAt = connectedAt
        counted = connection.bytesWritten
        super.init()
        connection.setHandler(self)
        connection.pauseReading(.closing)
        let loop = factory.worker.loop
        let limitMS = factory.settings.idleTimeoutMS > 0 ? factory.settings.idleTimeoutMS : 3_600_000
        timer = loop.schedule(afterMS: limitMS, target: self)
        if thenReset { connection.resetAfterFlush() } else { connection.close(.flush) }
    }

    override func onTimer(_ tag: Int) {
        timer = .none
        connection.close(.now)
    }

    override func onClosed(_ connection: Connection, _ end: ConnectionEnd) {
        let loop = factory.worker.loop
        loop.cancel(&timer)
        host.cluster.stats.add(.upstreamCxTxBytesTotal, connection.bytesWritten &- counted)
        TCPSession.release(host, end, lengthMS: loop.now.milliseconds(since: connectedAt))
        factory.onFlushed(self)
    }
}
