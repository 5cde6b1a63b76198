// Bulk: from socket to socket through a pipe, without copying.

import CLinux
import Glibc

extension Connection {
    /// A read of so much says that the flow is bulk: what comes next is spliced.
    static let bulkBytes = 32 << 10
    /// Splices of less, one after another, say that it is bulk no more.
    static let thinBytes = 16 << 10
    private static let thinLimit: UInt8 = 4

    /// Lets what this connection reads go to `target` unseen while the flow is bulk; the handler hears counts through
    /// ``ConnectionHandler/onSpliced(_:_:)`` instead of bytes. For owners who relay bytes as they come: nobody may want
    /// to look at them. The target outlives this or is taken back with nil.
    public func relay(to target: Connection?) {
        relayTarget = target.map { .passUnretained($0) }
        if target == nil { flags.remove(.bulk) }
    }

    /// Called on each read while the flow is not bulk.
    @inline(__always)
    func noteRead(_ count: Int) {
        if count >= Connection.bulkBytes, relayTarget != nil { considerSplicing() }
    }

    @inline(never)
    private func considerSplicing() {
        guard let target = relayTarget?.takeUnretainedValue(), transport.canSplice, target.transport.canSplice,
            target.bufferLimitBytes == 0 || target.bufferLimitBytes >= PipePool.pipeBytes / 4
        else { return }
        flags.insert(.bulk)
        target.flags.insert(.bulkTarget)
        thinSplices = 0
    }

    /// One move in and one out. False when this read must be an ordinary one.
    func splice() -> Bool {
        guard let target = relayTarget?.takeUnretainedValue(), target.takesSplice else { return false }
        guard let pipe = net.pipes.take(now: net.loop.now) else {
            withHandler { $0.onSpliceRefused(self) }
            return false
        }
        let limit = target.bufferLimitBytes == 0 ? pipe.capacityBytes : min(pipe.capacityBytes, target.bufferLimitBytes)
        let moved = linux_splice(fd, pipe.writeFD, limit)
        guard moved > 0 else {
            net.pipes.giveBack(pipe)
            // The end, an error, a socket that cannot be spliced, or one that stands before an urgent byte, for which
            // splice(2) says EAGAIN again and again: an ordinary read tells which.
            if moved != -Int(EAGAIN) { flags.remove(.bulk) }
            return false
        }
        pipe.count = moved
        if moved < Connection.thinBytes {
            thinSplices += 1
            if thinSplices >= Connection.thinLimit { flags.remove(.bulk) }
        } else {
            thinSplices = 0
        }
        account(read: moved)
        target.send(pipe)
        withHandler { $0.onSpliced(self, moved) }
        return true
    }

    /// Whether bytes could go straight out: nothing waits before them, and our direction is open.
    private var takesSplice: Bool {
        outputCount == 0 && flags.contains(.ready)
            && flags.isDisjoint(with: [.closed, .failurePending, .writeEndWanted, .writeEnded, .closeAfterFlush])
    }

    /// Adopts a pipe as output; what the socket refuses stays in it.
    private func send(_ pipe: SplicePipe) {
        outputPipe = pipe
        switch drainPipe() {
        case .empty: break
        case .blocked:
            wantWritable()
            // Until the pipe is empty the source has to wait: there is nowhere else to put its bytes in order.
            if !flags.contains(.aboveHigh) {
                flags.insert(.aboveHigh)
                withHandler { $0.onOutputHigh(self) }
            }
        case .failed(let error):
            failLater(error)
        }
    }

    enum PipeDrain {
        case empty, blocked
        case failed(Int32)
    }

    /// Moves what is in the pipe to the socket, and gives the empty pipe back.
    func drainPipe() -> PipeDrain {
        guard let pipe = outputPipe else { return .empty }
        endDelay()
        while pipe.count > 0 {
            let moved = linux_splice(pipe.readFD, fd, pipe.count)
            if moved <= 0 { return moved == -Int(EAGAIN) || moved == 0 ? .blocked : .failed(Int32(-moved)) }
            pipe.count -= moved
            account(written: moved)
        }
        dropPipe()
        return .empty
    }

    func dropPipe() {
        guard let pipe = outputPipe else { return }
        outputPipe = nil
        net.pipes.giveBack(pipe)
    }
}
