// The seam every network filter is built on: one object per connection, made by a factory per worker.

/// What a filter says after an event.
public enum FilterStatus {
    /// Hand the event on to the next filter.
    case proceed
    /// Keep the bytes and stop reading until the filter calls ``DownstreamConnection/resumeReading()``.
    case pause
    /// Keep the bytes, go on reading, and show me the next ones too: I cannot decide yet.
    case hold
}

/// One step over the events of one downstream connection.
///
/// Read filters see bytes in the order of the chain, write filters those on their way to the client in reverse. The
/// last filter is terminal: it consumes what it is given, and its answers are ignored.
///
///     client ─▶ filter 0 ─▶ filter 1 ─▶ terminal        (onNewConnection, onBytes, onEndOfStream)
///     client ◀─ filter 0 ◀─ filter 1 ◀─ terminal        (onWrite, onWriteEnd)
///
/// A filter is owned by its connection and lives as long. A base class, because a call through it costs a table jump;
/// see guide §8.5.
open class NetworkFilter: ConnectionHandler {
    @exclusivity(unchecked) @usableFromInline final var owner: Unmanaged<DownstreamConnection>?

    /// The connection that this filter serves. Valid from before ``onNewConnection()`` to the end of ``onClosed(_:)``.
    @inlinable @inline(__always)
    public final var downstream: DownstreamConnection { adopter.takeUnretainedValue() }

    /// Calls `body` with ``downstream``, without counting the reference: for what runs with each read.
    @inlinable @inline(__always)
    public final func withDownstream<R>(_ body: (DownstreamConnection) -> R) -> R {
        adopter._withUnsafeGuaranteedRef(body)
    }

    @inlinable @inline(__always)
    final var adopter: Unmanaged<DownstreamConnection> {
        guard let owner else { preconditionFailure("A filter was used before its connection adopted it.") }
        return owner
    }

    final func adopt(by connection: DownstreamConnection) { owner = .passUnretained(connection) }

    /// The connection is there; nothing was read yet.
    open func onNewConnection() -> FilterStatus { .proceed }
    /// Bytes from the client, in the worker's window: copy what has to outlive the call.
    open func onBytes(_ bytes: UnsafeRawBufferPointer) -> FilterStatus { .proceed }
    /// So many bytes from the client went past, after ``DownstreamConnection/relay(to:)``. Told to the terminal filter.
    open func onSpliced(_ count: Int) {}
    /// They were copied for want of a pipe. Told to the terminal filter.
    open func onSpliceRefused() {}
    /// The client ended its direction.
    open func onEndOfStream() -> FilterStatus { .proceed }
    /// Bytes on their way to the client. Only filters made by a factory that says `filtersWrites` are asked.
    open func onWrite(_ bytes: UnsafeRawBufferPointer) -> FilterStatus { .proceed }
    /// Output to the client is above its high watermark, or below the low one again. Told to the terminal filter.
    open func onDownstreamHigh() {}
    open func onDownstreamLow() {}
    /// The listener drains: finish what is under way and close when idle. Told to the terminal filter.
    open func onDrain() {}
    /// The downstream connection is gone; release what belongs to it. Told to all filters, in order.
    open func onDownstreamClosed(_ end: ConnectionEnd) {}
}

/// Makes the filters of one filter-chain position on one worker, and holds what they share there: counters, clusters.
open class NetworkFilterFactory {
    public init() {}

    /// Whether the filters look at output too. Asked once per chain.
    open var filtersWrites: Bool { false }

    /// Whether the filter, as the end of a chain, goes on with a client that has ended its direction.
    open var halfCloses: Bool { true }

    open func makeFilter() -> NetworkFilter {
        preconditionFailure("A network filter factory must make filters.")
    }
}

/// A filter's configuration, compiled and checked on the main thread, shared by all workers.
public protocol NetworkFilterConfig: Sendable {
    /// Whether filters of this kind end a chain.
    var isTerminal: Bool { get }
    /// Called on the worker's thread when the listener starts there.
    func makeFactory(on worker: Worker) -> NetworkFilterFactory
}
