// The ways a connection ends.

import CLinux
import CoreBytes
import Glibc

extension Connection {
    public enum CloseKind {
        /// Now; what waits is dropped.
        case now
        /// Now, with RST: the peer learns that this was no orderly end.
        case reset
        /// After what waits has been written.
        case flush
        /// After what waits has been written and our FIN sent; input is discarded until the peer closes too or
        /// `delayMS` has passed, so that an RST for unread input cannot overtake our last bytes.
        case flushAndLinger(delayMS: Int64)
    }

    /// Closes from our side. The handler hears ``ConnectionHandler/onClosed(_:_:)`` with `.local`, at once for `now` and
    /// `reset`.
    public func close(_ kind: CloseKind) {
        if flags.contains(.closed) { return }
        switch kind {
        case .now:
            finish(.local)
        case .reset:
            flags.insert(.resetOnClose)
            finish(.local)
        case .flush:
            if outputCount == 0 || flags.contains(.connecting) || flags.contains(.failurePending) {
                finish(.local)
                return
            }
            flags.insert(.closeAfterFlush)
            updateReading()
        case .flushAndLinger(let delayMS):
            if flags.contains(.connecting) || flags.contains(.failurePending) {
                finish(.local)
                return
            }
            flags.insert(.closeAfterFlush)
            flags.insert(.lingering)
            armLinger(afterMS: delayMS)
            if outputCount == 0 { finishFlushedClose() } else { updateReading() }
        }
    }

    /// As ``close(_:)`` with `.flush`, and RST in place of FIN once everything is written.
    public func resetAfterFlush() {
        flags.insert(.resetOnClose)
        close(.flush)
    }

    /// Whether our end of the connection was, or will be, an RST.
    public var endsWithReset: Bool { flags.contains(.resetOnClose) }

    func finishFlushedClose() {
        if flags.contains(.lingering) {
            if flags.contains(.readEnded) {
                finish(.local)
                return
            }
            if !flags.contains(.writeEnded) {
                flags.insert(.writeEnded)
                transport.shutdownWrite(fd)
            }
            updateReading()
            return
        }
        finish(.local)
    }

    /// Reads and drops while lingering.
    func discardInput() {
        switch transport.read(fd, into: net.window.bytes) {
        case .moved, .wouldBlock: break
        case .wantsOtherDirection: waitToRead()
        case .endOfStream:
            flags.insert(.readEnded)
            if outputCount == 0 {
                finish(.local)
            } else {
                flags.remove(.lingering)
                updateReading()
            }
        case .failed: finish(.local)
        }
    }

    /// Closes without telling the handler: its owner has decided already. What waits is dropped.
    public func discard(withReset: Bool = false) {
        if flags.contains(.closed) { return }
        if withReset { flags.insert(.resetOnClose) }
        release()
    }

    /// The one way out: gives everything back and tells the handler.
    func finish(_ end: ConnectionEnd) {
        if flags.contains(.closed) { return }
        release()
        withHandler { $0.onClosed(self, end) }
    }

    private func release() {
        flags.insert(.closed)
        net.loop.bury(self)
        cancelLinger()
        transport.onClose(self)
        readReadiness = nil
        writeReadiness = nil
        if !output.isEmpty { output.removeAll(pool: net.pool) }
        dropPipe()
        relayTarget = nil
        if flags.contains(.resetOnClose) { Sockets.setLingerZero(fd) }
        _ = linux_close(fd)
        fd = -1
    }
}
