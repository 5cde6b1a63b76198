// Output: straight to the kernel, or queued and gathered.

import CoreBytes
import Glibc

extension Connection {
    /// Sends `bytes`: at once when nothing waits before them, else behind what waits. Never blocks, never fails here; an
    /// error ends the connection at the end of the turn. Ignored once our direction has ended.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0,
            flags.isDisjoint(with: [.closed, .failurePending, .writeEndWanted, .writeEnded, .closeAfterFlush])
        else { return }
        var rest = bytes
        if outputCount == 0, flags.contains(.ready) {
            if flags.contains(.mayDelay) { endDelay(before: bytes.count) }
            switch transport.write(fd, bytes) {
            case .moved(let n):
                account(written: n)
                if n == bytes.count { return }
                rest = UnsafeRawBufferPointer(rebasing: bytes[n...])
                wantWritable()
            case .wouldBlock, .endOfStream:
                wantWritable()
            case .wantsOtherDirection:
                waitToWrite()
            case .failed(let error):
                failLater(error)
                return
            }
        }
        queue(rest)
    }

    /// Collects `bytes`; everything collected in a turn leaves in one gathering write at its end.
    public func enqueue(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count > 0,
            flags.isDisjoint(with: [.closed, .failurePending, .writeEndWanted, .writeEnded, .closeAfterFlush])
        else { return }
        queue(bytes)
        if flags.contains(.ready) { askTurnEnd() }
    }

    /// Ends our direction after everything written so far: half-close.
    public func closeWrite() {
        if !flags.isDisjoint(with: [.closed, .writeEndWanted, .writeEnded]) { return }
        flags.insert(.writeEndWanted)
        if outputCount == 0, flags.contains(.ready), !flags.contains(.failurePending) { endWriting() }
    }

    /// A segment or less, with nothing before it, leaves at once under Nagle's algorithm too (RFC 1122, 4.2.3.4); no
    /// smaller MSS than this is met.
    private static let undelayedBytes = 512

    func endDelay(before count: Int) {
        if bytesWritten > 0 || count > Connection.undelayedBytes { endDelay() }
    }

    func endDelay() {
        guard flags.contains(.mayDelay) else { return }
        flags.remove(.mayDelay)
        Sockets.setNoDelay(fd)
    }

    private func queue(_ bytes: UnsafeRawBufferPointer) {
        output.append(bytes, pool: net.pool)
        if bufferLimitBytes > 0, outputCount > bufferLimitBytes, !flags.contains(.aboveHigh) {
            flags.insert(.aboveHigh)
            withHandler { $0.onOutputHigh(self) }
        }
    }

    /// Gives the kernel what waits. Called when it takes bytes again and at the end of a turn.
    func flush() {
        if outputPipe != nil {
            switch drainPipe() {
            case .empty:
                drained()
                if flags.contains(.closed) { return }
            case .blocked:
                wantWritable()
                return
            case .failed(let error):
                finish(Connection.end(forErrno: error))
                return
            }
        }
        if flags.contains(.mayDelay), !output.isEmpty { endDelay(before: output.count) }
        while !output.isEmpty {
            let result = withUnsafeTemporaryAllocation(of: iovec.self, capacity: 64) { vectors in
                let filled = output.fill(vectors)
                return transport.write(fd, vectors: UnsafeMutableBufferPointer(rebasing: vectors[..<filled]))
            }
            switch result {
            case .moved(let n):
                let wanted = min(output.count, 64 * ChunkPool.payloadSize)
                account(written: n)
                output.consume(n, pool: net.pool)
                drained()
                if flags.contains(.closed) { return }
                if n < wanted && !output.isEmpty {
                    wantWritable()
                    return
                }
            case .wouldBlock, .endOfStream:
                wantWritable()
                return
            case .wantsOtherDirection:
                waitToWrite()
                return
            case .failed(let error):
                finish(Connection.end(forErrno: error))
                return
            }
        }
        if !flags.contains(.readWaitsForWrite) { writeReadiness?.disable() }
        if flags.contains(.closeAfterFlush) {
            finishFlushedClose()
        } else if flags.contains(.writeEndWanted), !flags.contains(.writeEnded) {
            endWriting()
        }
    }

    /// A write that must read first: it is tried again when bytes have come, whoever has paused reading.
    private func waitToWrite() {
        flags.insert(.writeWaitsForRead)
        if !flags.contains(.readWaitsForWrite) { writeReadiness?.disable() }
        updateReading()
    }

    private func drained() {
        let low = flags.contains(.bulkTarget) ? 0 : bufferLimitBytes / 2
        if flags.contains(.aboveHigh), output.count <= low {
            flags.remove(.aboveHigh)
            withHandler { $0.onOutputLow(self) }
        }
    }

    private func endWriting() {
        flags.insert(.writeEnded)
        // Both directions are done, but we may be inside the handler's call. Where FIN is the whole of an end, the close
        // that follows sends it: one system call less for each connection.
        let isOver = flags.contains(.readEnded)
        if !isOver || !transport.canSplice { transport.shutdownWrite(fd) }
        if isOver {
            flags.insert(.failurePending)
            askTurnEnd()
        }
    }
}
