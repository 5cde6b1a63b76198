// The seam between a connection and its wire: plain bytes now, TLS in its own folder.

import CLinux
public import Glibc

/// What one system call, or one step of a transport, came to.
public enum IOResult {
    /// This many bytes moved; never zero.
    case moved(Int)
    /// Nothing moves now: wait for readiness in the same direction.
    case wouldBlock
    /// Nothing moves before the other direction is ready: a write that has to read first, or the reverse (TLS).
    case wantsOtherDirection
    /// The peer has ended its direction (reading only).
    case endOfStream
    case failed(errno: Int32)
}

/// Moves bytes between a descriptor and memory. One instance serves all connections that need no state of their own
/// (raw); a stateful transport (TLS) is one instance per connection.
///
/// A base class, called once per read or flush; never on another thread than the connection's worker.
open class TransportSocket {
    public init() {}

    /// Envoy's name of it, as in filter-chain match: `raw_buffer`, `tls`.
    open var protocolName: String { "raw_buffer" }

    /// The socket carries the bytes as they are, so that the kernel may move them by itself, and FIN is the whole of an
    /// end, so that closing may stand for ``shutdownWrite(_:)``. False for TLS.
    open var canSplice: Bool { true }

    /// Bytes can flow as soon as the TCP connection stands; false where a handshake comes first, and then the transport
    /// calls ``Connection/transportReady()`` itself.
    open var isReadyOnConnect: Bool { true }

    /// Called when the TCP connection stands and `isReadyOnConnect` is false.
    open func start(_ connection: Connection) {}

    open func read(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer) -> IOResult {
        while true {
            let n = linux_recv(fd, buffer.baseAddress, buffer.count)
            if n > 0 { return .moved(n) }
            if n == 0 { return .endOfStream }
            if n != -Int(EINTR) { return TransportSocket.refusal(n) }
        }
    }

    open func write(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) -> IOResult {
        while true {
            let n = linux_send(fd, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if n > 0 { return .moved(n) }
            if n != -Int(EINTR) { return TransportSocket.refusal(n) }
        }
    }

    open func write(_ fd: Int32, vectors: UnsafeMutableBufferPointer<iovec>) -> IOResult {
        var message = msghdr()
        message.msg_iov = vectors.baseAddress
        message.msg_iovlen = vectors.count
        while true {
            let n = linux_sendmsg(fd, &message, Int32(MSG_NOSIGNAL))
            if n > 0 { return .moved(n) }
            if n != -Int(EINTR) { return TransportSocket.refusal(n) }
        }
    }

    /// What a call says that moved nothing: zero or a negated errno.
    private static func refusal(_ result: Int) -> IOResult {
        result == 0 || result == -Int(EAGAIN) ? .wouldBlock : .failed(errno: Int32(-result))
    }

    /// Ends our direction once everything is written: FIN here, close_notify and FIN under TLS.
    open func shutdownWrite(_ fd: Int32) { shutdown(fd, Int32(SHUT_WR)) }

    /// The connection is about to close its descriptor.
    open func onClose(_ connection: Connection) {}

    /// What went wrong inside the transport, for `…_TRANSPORT_FAILURE_REASON`.
    open var failureReason: String? { nil }
}
