// One libevent registration: a descriptor, one direction, one target.

import CLibevent
import Glibc

/// Level-triggered, persistent interest in one direction of one descriptor.
///
/// Owned by the object that owns the descriptor; must be disabled (or dropped) before the descriptor is closed, because
/// libevent keys its tables by descriptor number. Costs one `struct event` of about 128 bytes, which is why a
/// connection makes its write registration only when the kernel first refuses bytes.
public struct Readiness: ~Copyable {
    public enum Direction { case read, write }

    private let event: UnsafeMutablePointer<event>
    public private(set) var isEnabled = false

    public init(loop: EventLoop, fd: Int32, _ direction: Direction, target: EventTarget) {
        // malloc aligns well enough; Swift's own allocation would go the slower way of posix_memalign, once a connection.
        guard let memory = malloc(MemoryLayout<CLibevent.event>.stride) else { preconditionFailure("Out of memory.") }
        event = memory.bindMemory(to: CLibevent.event.self, capacity: 1)
        let context = Unmanaged.passUnretained(target).toOpaque()
        switch direction {
        case .read:
            event_assign(
                event, loop.base, fd, Int16(EV_READ | EV_PERSIST),
                { _, _, context in
                    Unmanaged<EventTarget>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0.onReadable() }
                }, context)
        case .write:
            event_assign(
                event, loop.base, fd, Int16(EV_WRITE | EV_PERSIST),
                { _, _, context in
                    Unmanaged<EventTarget>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0.onWritable() }
                }, context)
        }
    }

    public mutating func enable() {
        if isEnabled { return }
        isEnabled = true
        event_add(event, nil)
    }

    public mutating func disable() {
        if !isEnabled { return }
        isEnabled = false
        event_del(event)
    }

    deinit {
        if isEnabled { event_del(event) }
        free(event)
    }
}
