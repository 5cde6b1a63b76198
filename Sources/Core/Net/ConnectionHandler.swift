// What a connection tells its owner.

/// How a connection came to its end.
public enum ConnectionEnd: Equatable, Sendable {
    /// Both directions ended in order.
    case endOfStream
    /// The peer sent RST.
    case remoteReset
    /// The connect attempt failed.
    case connectFailed(errno: Int32)
    /// Another socket error.
    case failed(errno: Int32)
    /// The transport could not be established or broke (a TLS alert, for example); the text is the transport's.
    case transportFailed
    /// We closed it.
    case local
}

/// Receives the events of one or more connections. A base class for the same reason as ``EventTarget``.
///
/// The connection holds its handler unretained; the handler owns the connection. After ``onClosed(_:_:)`` the
/// connection makes no further call and may be dropped, even inside that call.
open class ConnectionHandler: EventTarget {
    /// The connect ended well and the transport is ready.
    open func onConnected(_ connection: Connection) {}
    /// Bytes arrived. They live in the worker's window: copy what has to outlive this call.
    open func onBytes(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {}
    /// So many bytes went past, straight to the connection that was named with ``Connection/relay(to:)``.
    open func onSpliced(_ connection: Connection, _ count: Int) {}
    /// Bulk bytes are copied this time: no pipe was to be had.
    open func onSpliceRefused(_ connection: Connection) {}
    /// The peer ended its direction; ours is still open.
    open func onEndOfStream(_ connection: Connection) {}
    /// More output waits than the high watermark: stop the source.
    open func onOutputHigh(_ connection: Connection) {}
    /// Output has drained below the low watermark (half the high one): let the source go on.
    open func onOutputLow(_ connection: Connection) {}
    /// The connection is gone. Called exactly once, unless ``Connection/discard()`` took it away before.
    open func onClosed(_ connection: Connection, _ end: ConnectionEnd) {}
}
