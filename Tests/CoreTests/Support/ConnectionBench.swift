// One connection on a loop of its own, with the peer's end of the socket in the test's hand.

import Glibc

@testable import Core

final class ConnectionBench {
    enum Kind {
        /// socketpair(2).
        case unix
        /// TCP over loopback, where RST exists.
        case tcp
    }

    let loop = EventLoop()
    let net: NetContext
    let handler = RecordingHandler()
    let connection: Connection
    private(set) var peer: Int32

    init(_ kind: Kind = .unix, limitBytes: Int = 1 << 20, transport: TransportSocket? = nil, starts: Bool = true) {
        net = NetContext(loop: loop, windowBytes: 1 << 20)
        let (ours, theirs) = kind == .unix ? ConnectionBench.unixPair() : ConnectionBench.tcpPair()
        peer = theirs
        connection = Connection(
            accepted: ours, net: net, handler: handler, bufferLimitBytes: limitBytes, transport: transport)
        if starts { connection.start() }
    }

    deinit {
        connection.discard()
        loop.turn(mayWait: false)
        closePeer()
    }

    // MARK: Our side

    func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { connection.write($0) } }
    func write(_ text: String) { write(Array(text.utf8)) }
    func enqueue(_ text: String) { Array(text.utf8).withUnsafeBytes { connection.enqueue($0) } }

    /// Turns that find nothing more to do.
    func settle(_ turns: Int = 4) { for _ in 0..<turns { loop.turn(mayWait: false) } }

    func turn(_ limitMS: Int64 = 5000, _ condition: () -> Bool) -> Bool { loop.turn(untilMS: limitMS, condition) }

    // MARK: The peer's side

    func peerWrite(_ text: String) { ConnectionBench.writeAll(peer, Array(text.utf8)) }

    /// What the kernel holds for the peer now.
    func peerRead(atMost limit: Int = .max) -> [UInt8] { ConnectionBench.readAvailable(peer, atMost: limit).bytes }

    var peerText: String { String(decoding: peerRead(), as: UTF8.self) }

    /// 0 = the stream has ended; an errno = it broke; nil = neither, or bytes wait.
    var peerEnd: Int32? {
        var byte: UInt8 = 0
        let n = recv(peer, &byte, 1, Int32(MSG_PEEK))
        if n == 0 { return 0 }
        return n < 0 && errno != EAGAIN ? errno : nil
    }

    func closePeer(withReset: Bool = false) {
        if peer < 0 { return }
        if withReset { Sockets.setLingerZero(peer) }
        close(peer)
        peer = -1
    }

    // MARK: Sockets

    static func unixPair() -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        precondition(socketpair(AF_UNIX, kind, 0, &ends) == 0, "A socket pair can be made.")
        return (ends[0], ends[1])
    }

    static func tcpPair() -> (Int32, Int32) {
        let listener = TestListener()
        let theirs = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let address = SocketAddress.v4(address: 0x7F00_0001, port: listener.port)
        precondition(Sockets.connect(theirs, to: address) == 0, "A listener on loopback can be reached.")
        _ = fcntl(theirs, F_SETFL, fcntl(theirs, F_GETFL) | O_NONBLOCK)
        while true {
            if case .connection(let ours, _) = Sockets.accept(listener.fd) { return (ours, theirs) }
            usleep(1000)
        }
    }

    /// Connects and waits for the outcome: the descriptor, and 0 or an errno.
    static func connect(to address: SocketAddress) -> (fd: Int32, error: Int32) {
        let fd = socket(address.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let error = Sockets.connect(fd, to: address)
        _ = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK)
        return (fd, error)
    }

    static func writeAll(_ fd: Int32, _ bytes: [UInt8]) {
        let n = bytes.withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        precondition(n == bytes.count, "A few bytes fit into a socket.")
    }

    static func readAvailable(_ fd: Int32, atMost limit: Int = .max) -> (bytes: [UInt8], ended: Bool) {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < limit {
            let n = recv(fd, &buffer, min(buffer.count, limit - bytes.count), Int32(MSG_DONTWAIT))
            if n <= 0 { return (bytes, n == 0) }
            bytes += buffer[..<n]
        }
        return (bytes, false)
    }

    /// Small kernel buffers, so that few bytes fill them.
    func shrinkBuffers() {
        Sockets.set(connection.descriptor, SOL_SOCKET, SO_SNDBUF, 4096)
        Sockets.set(peer, SOL_SOCKET, SO_RCVBUF, 4096)
    }
}
