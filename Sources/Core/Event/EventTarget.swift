// The one base class of everything an event loop calls: readiness, timers, end of turn.

/// Receives events from one ``EventLoop``. A base class and not a protocol: a call through it costs a table jump and
/// no reference counting, an existential costs ten times that (guide §8.5).
///
/// The loop holds its targets unretained. Whoever registers a target removes the registration before letting go of it,
/// and gives the object to ``EventLoop/bury(_:)`` when that may happen inside one of its own callbacks.
open class EventTarget {
    public init() {}

    /// The descriptor is readable, at end of file, or in error: reading tells which.
    open func onReadable() {}
    /// The descriptor takes bytes again, or a connect has ended.
    open func onWritable() {}
    /// A timer scheduled with `tag` has expired. Its handle is no longer valid.
    open func onTimer(_ tag: Int) {}
    /// The turn is over; called once per turn for targets that asked with ``EventLoop/atTurnEnd(_:)``.
    open func onTurnEnd() {}
}

/// A timer or deferred job for control work, where a closure reads better than a subclass and costs do not matter.
public final class ClosureTimer: EventTarget {
    private let loop: EventLoop
    private var handle = TimerHandle.none
    private let body: () -> Void

    public init(_ loop: EventLoop, _ body: @escaping () -> Void) {
        self.loop = loop
        self.body = body
    }

    public var isScheduled: Bool { handle != .none }

    /// (Re)schedules; a running timer is moved.
    public func schedule(afterMS milliseconds: Int64) {
        loop.cancel(&handle)
        handle = loop.schedule(afterMS: milliseconds, target: self)
    }

    public func cancel() { loop.cancel(&handle) }

    public override func onTimer(_ tag: Int) {
        handle = .none
        body()
    }

    deinit { loop.cancel(&handle) }
}
