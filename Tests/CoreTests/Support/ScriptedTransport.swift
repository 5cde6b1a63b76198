// A transport that does to a connection what a network and a TLS library may do.

import Glibc

@testable import Core

/// Takes one step of its script for each read and each write, then goes on as plain bytes. The descriptor below is a
/// real socket, so readiness is real too.
final class ScriptedTransport: TransportSocket {
    enum Step {
        /// Moves as the socket does, but no more than this.
        case atMost(Int)
        case wouldBlock
        case wantsOther
        case fail(Int32)
        case endOfStream
    }

    var reads: [Step] = []
    var writes: [Step] = []
    /// What steps to take once the script has ended; nil = plain.
    var endless: (() -> (read: Step, write: Step))?

    private(set) var readCount = 0
    private(set) var writeCount = 0
    private(set) var gatherCount = 0
    private(set) var shutdownCount = 0
    private(set) var closeCount = 0

    /// With a handshake: bytes flow after ``Connection/transportReady()``.
    var hasHandshake = false
    var onStart: (Connection) -> Void = { _ in }
    var failure: String?

    override var protocolName: String { "scripted" }
    override var isReadyOnConnect: Bool { !hasHandshake }
    override var failureReason: String? { failure }
    override func start(_ connection: Connection) { onStart(connection) }

    override func read(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer) -> IOResult {
        readCount += 1
        let step = reads.isEmpty ? endless?().read : reads.removeFirst()
        return result(step) { limit in
            super.read(fd, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(limit, buffer.count)]))
        }
    }

    override func write(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) -> IOResult {
        writeCount += 1
        let step = writes.isEmpty ? endless?().write : writes.removeFirst()
        return result(step) { limit in
            super.write(fd, UnsafeRawBufferPointer(rebasing: bytes[..<min(limit, bytes.count)]))
        }
    }

    override func write(_ fd: Int32, vectors: UnsafeMutableBufferPointer<iovec>) -> IOResult {
        gatherCount += 1
        let step = writes.isEmpty ? endless?().write : writes.removeFirst()
        return result(step) { limit in
            if limit == .max { return super.write(fd, vectors: vectors) }
            let first = UnsafeRawBufferPointer(start: vectors[0].iov_base, count: vectors[0].iov_len)
            return super.write(fd, UnsafeRawBufferPointer(rebasing: first[..<min(limit, first.count)]))
        }
    }

    /// It stands for transports that change the bytes, so the kernel may not move them and an end is more than FIN.
    override var canSplice: Bool { false }

    override func shutdownWrite(_ fd: Int32) {
        shutdownCount += 1
        super.shutdownWrite(fd)
    }

    override func onClose(_ connection: Connection) { closeCount += 1 }

    private func result(_ step: Step?, _ move: (Int) -> IOResult) -> IOResult {
        switch step {
        case nil: move(.max)
        case .atMost(let limit): move(max(limit, 1))
        case .wouldBlock: .wouldBlock
        case .wantsOther: .wantsOtherDirection
        case .fail(let error): .failed(errno: error)
        case .endOfStream: .endOfStream
        }
    }
}
