// Monotonic time as the event loop hands it out: one reading per turn.

import Glibc

/// A point on the monotonic clock, in nanoseconds. Comparable only within one boot of one machine.
public struct Instant: Comparable, Hashable, Sendable {
    public var nanoseconds: UInt64

    @inlinable
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static let never = Instant(nanoseconds: .max)

    /// Reads the clock. On the data path use ``EventLoop/now``: one reading serves a whole turn.
    public static func read() -> Instant {
        var ts = timespec()
        clock_gettime(CLOCK_MONOTONIC, &ts)
        return Instant(nanoseconds: UInt64(ts.tv_sec) &* 1_000_000_000 &+ UInt64(ts.tv_nsec))
    }

    /// Saturates: a time-out of centuries is `never`, not a wrapped past.
    @inlinable
    public func advanced(byMS milliseconds: Int64) -> Instant {
        let (ns, overflow) = UInt64(max(0, milliseconds)).multipliedReportingOverflow(by: 1_000_000)
        let (sum, carry) = nanoseconds.addingReportingOverflow(ns)
        return overflow || carry ? .never : Instant(nanoseconds: sum)
    }

    /// Whole milliseconds from `earlier` to here; zero when `earlier` is later.
    @inlinable
    public func milliseconds(since earlier: Instant) -> Int64 {
        nanoseconds <= earlier.nanoseconds ? 0 : Int64((nanoseconds - earlier.nanoseconds) / 1_000_000)
    }

    /// Nanoseconds from `earlier` to here; zero when `earlier` is later.
    @inlinable
    public func nanoseconds(since earlier: Instant) -> UInt64 {
        nanoseconds <= earlier.nanoseconds ? 0 : nanoseconds - earlier.nanoseconds
    }

    @inlinable
    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
}
