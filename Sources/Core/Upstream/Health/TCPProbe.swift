// Connects, says something, listens for the answer.

import Glibc

/// The TCP check.
///
///     connect ─▶ send ─▶ (receive blocks in order) ─▶ passed ─▶ kept for the next check, or closed
///
/// - Without `receive` blocks connecting (and sending, if configured) is enough, and the connection is closed.
/// - With them the connection is kept when `reuse_connection` is on; a peer that closes it between checks is no failure.
/// - Limits: an answer over ``maxAnswerBytes`` without a match fails.
final class TCPProbe: HealthProbe {
    static let maxAnswerBytes = 64 << 10

    private let loop: EventLoop
    private let socket: SocketSpec
    private let spec: TCPProbeSpec
    private let reusesConnection: Bool

    private var fd: Int32 = -1
    private var read: Readiness?
    private var write: Readiness?
    private var isConnecting = false
    private var isChecking = false
    private var unsent: ArraySlice<UInt8> = []
    private var answer: [UInt8] = []

    init(
        loop: EventLoop, socket: SocketSpec, spec: TCPProbeSpec, reusesConnection: Bool, owner: any HealthProbeOwner
    ) {
        self.loop = loop
        self.socket = socket
        self.spec = spec
        self.reusesConnection = reusesConnection
        super.init(owner: owner)
    }

    deinit { closeSocket() }

    override func begin() {
        isChecking = true
        answer = []
        unsent = spec.send[...]
        if fd >= 0 { return send() }
        switch socket.open() {
        case .connected(let made):
            adopt(made)
            onConnected()
        case .connecting(let made):
            adopt(made)
            isConnecting = true
            write?.enable()
        case .bindFailed, .failed:
            end(.failedNetwork)
        }
    }

    override func giveUp() {
        isChecking = false
        closeSocket()
    }

    // MARK: Connection

    private func adopt(_ made: Int32) {
        fd = made
        read = Readiness(loop: loop, fd: made, .read, target: self)
        write = Readiness(loop: loop, fd: made, .write, target: self)
    }

    private func closeSocket() {
        if fd < 0 { return }
        // Registrations go before the descriptor does.
        read = nil
        write = nil
        close(fd)
        fd = -1
        isConnecting = false
    }

    override func onWritable() {
        if isConnecting {
            var code: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length)
            isConnecting = false
            write?.disable()
            if code != 0 { return end(.failedNetwork) }
            onConnected()
        } else {
            send()
        }
    }

    private func onConnected() {
        if !spec.receive.isEmpty { read?.enable() }
        send()
    }

    // MARK: Talk

    private func send() {
        while !unsent.isEmpty {
            let count = unsent.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count >= 0 {
                unsent = unsent.dropFirst(count)
                continue
            }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN {
                write?.enable()
                return
            }
            return end(.failedNetwork)
        }
        write?.disable()
        if spec.receive.isEmpty { end(.passed) }
    }

    override func onReadable() {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(fd, &chunk, chunk.count)
        if count > 0 {
            // Bytes nobody asked for, between checks.
            if !isChecking { return closeSocket() }
            answer += chunk[..<count]
            if TCPProbe.matches(spec.receive, answer) { return end(.passed) }
            if answer.count > TCPProbe.maxAnswerBytes { end(.failedNetwork) }
            return
        }
        if count < 0 {
            let code = errno
            if code == EAGAIN || code == EINTR { return }
        }
        if isChecking { end(.failedNetwork) } else { closeSocket() }
    }

    private func end(_ result: CheckResult) {
        isChecking = false
        if result != .passed || spec.receive.isEmpty || !reusesConnection { closeSocket() }
        answer = []
        loop.bury(self)
        owner.onProbeEnd(result)
    }

    /// Whether the blocks occur in the answer in this order, with anything between them.
    static func matches(_ blocks: [[UInt8]], _ answer: [UInt8]) -> Bool {
        var start = 0
        for block in blocks {
            guard let found = firstIndex(of: block, in: answer, from: start) else { return false }
            start = found + block.count
        }
        return true
    }

    private static func firstIndex(of block: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        if bytes.count - start < block.count { return nil }
        for index in start...(bytes.count - block.count)
        where bytes[index..<(index + block.count)].elementsEqual(block) {
            return index
        }
        return nil
    }
}
