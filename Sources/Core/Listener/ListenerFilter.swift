// The seam of what happens before the first network filter: looking at the first bytes without taking them.

/// Looks at an accepted socket before a filter chain is chosen. One object per connection.
open class ListenerFilter {
    public init() {}

    /// The most bytes the filter will look at; 0 for one that needs none.
    open var maxInspectedBytes: Int { 0 }

    /// The connection was accepted. A filter that needs bytes answers `.hold` and gets them through ``onPeek(_:_:)``.
    open func onAccept(_ connection: PendingConnection) -> ListenerFilterStatus { .proceed }

    /// The first bytes of the stream, as far as they have arrived; they stay in the socket. Called again with more of
    /// them, from the first byte on, until the answer is not `.hold`.
    open func onPeek(_ connection: PendingConnection, _ bytes: UnsafeRawBufferPointer) -> ListenerFilterStatus {
        .proceed
    }
}

public enum ListenerFilterStatus {
    case proceed
    /// More bytes are needed.
    case hold
    /// Take these bytes off the stream (a header that was for us), then go on.
    case consume(Int)
    /// Close the connection.
    case refuse(details: String)
}

/// Makes listener filters on one worker.
open class ListenerFilterFactory {
    public init() {}
    open func makeFilter() -> ListenerFilter {
        preconditionFailure("A listener filter factory must make filters.")
    }
}

/// A listener filter's compiled configuration, shared by all workers.
public protocol ListenerFilterConfig: Sendable {
    func makeFactory(on worker: Worker) -> ListenerFilterFactory
}
