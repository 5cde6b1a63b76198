import Synchronization

/// What changes about a host while it lives: its health flags and the moment its slow start began.
///
/// Kept apart from ``Host`` so that a host replaced by one with another weight or other metadata keeps its health: the
/// replacement shares the same `HostHealth`, and its identity *is* the host's identity.
///
/// Written by the main thread only; any thread may read (relaxed: a reader may be late by one turn, never wrong by
/// more). The balancers do not read flags per choice, they read the lists of a ``ClusterSnapshot``.
public final class HostHealth: Sendable {
    private let flagBits: Atomic<UInt32>
    private let slowStartNS: Atomic<UInt64>

    public init(flags: HealthFlags = [], slowStartNS: UInt64 = 0) {
        flagBits = Atomic(flags.rawValue)
        self.slowStartNS = Atomic(slowStartNS)
    }

    public var flags: HealthFlags { HealthFlags(rawValue: flagBits.load(ordering: .relaxed)) }

    /// Sets flags. Returns whether any of them was not set before. Main thread only.
    @discardableResult
    public func set(_ flags: HealthFlags) -> Bool {
        let old = flagBits.load(ordering: .relaxed)
        flagBits.store(old | flags.rawValue, ordering: .relaxed)
        return old | flags.rawValue != old
    }

    /// Clears flags. Returns whether any of them was set before. Main thread only.
    @discardableResult
    public func clear(_ flags: HealthFlags) -> Bool {
        let old = flagBits.load(ordering: .relaxed)
        flagBits.store(old & ~flags.rawValue, ordering: .relaxed)
        return old & flags.rawValue != 0
    }

    /// Monotonic time at which the host last came into service: its creation, or the health check pass that made it
    /// healthy. 0 = long ago.
    public var slowStartBeganNS: UInt64 { slowStartNS.load(ordering: .relaxed) }

    /// Main thread only.
    public func beginSlowStart(atNS now: UInt64) { slowStartNS.store(now, ordering: .relaxed) }
}
