// Per-host figures for `/clusters`: one block per worker that used the host, summed when read.

import Synchronization

/// One worker's figures about one host. One thread writes (plain load and store, no locked instruction), any thread
/// reads.
public final class HostCounters: Sendable {
    let cxActive = Atomic<UInt64>(0)
    let cxTotal = Atomic<UInt64>(0)
    let cxConnectFail = Atomic<UInt64>(0)
    let rqActive = Atomic<UInt64>(0)
    let rqTotal = Atomic<UInt64>(0)
    let rqSuccess = Atomic<UInt64>(0)
    let rqError = Atomic<UInt64>(0)
    let rqTimeout = Atomic<UInt64>(0)
    let rqPendingActive = Atomic<UInt64>(0)

    init() {}
}

extension Atomic<UInt64> {
    /// Adds from the only writing thread.
    @inline(__always)
    borrowing func bump(by delta: UInt64 = 1) { store(load(ordering: .relaxed) &+ delta, ordering: .relaxed) }

    /// Subtracts from the only writing thread.
    @inline(__always)
    borrowing func drop() { store(load(ordering: .relaxed) &- 1, ordering: .relaxed) }
}

/// All figures of one host, over all workers. Named as `/clusters` prints them.
public struct HostFigures: Hashable, Sendable {
    public var cxActive: UInt64 = 0
    public var cxTotal: UInt64 = 0
    public var cxConnectFail: UInt64 = 0
    public var rqActive: UInt64 = 0
    public var rqTotal: UInt64 = 0
    public var rqSuccess: UInt64 = 0
    public var rqError: UInt64 = 0
    public var rqTimeout: UInt64 = 0
    public var rqPendingActive: UInt64 = 0

    public init() {}

    mutating func add(_ counters: HostCounters) {
        cxActive &+= counters.cxActive.load(ordering: .relaxed)
        cxTotal &+= counters.cxTotal.load(ordering: .relaxed)
        cxConnectFail &+= counters.cxConnectFail.load(ordering: .relaxed)
        rqActive &+= counters.rqActive.load(ordering: .relaxed)
        rqTotal &+= counters.rqTotal.load(ordering: .relaxed)
        rqSuccess &+= counters.rqSuccess.load(ordering: .relaxed)
        rqError &+= counters.rqError.load(ordering: .relaxed)
        rqTimeout &+= counters.rqTimeout.load(ordering: .relaxed)
        rqPendingActive &+= counters.rqPendingActive.load(ordering: .relaxed)
    }
}

/// What all workers share about one host that was used: the list of their counters and the host's connection cap.
final class HostTally: Sendable {
    /// Keeps the identity alive, so that no other host gets it while the tally lives.
    let health: HostHealth
    /// Connections over all workers; counted only where a cap per host is configured.
    let cappedConnections = Atomic<UInt64>(0)
    /// Original destination: chosen since the last clean-up.
    let wasUsed = Atomic<Bool>(true)
    private let counters = Locked<[HostCounters]>([])

    init(_ health: HostHealth) { self.health = health }

    func makeCounters() -> HostCounters {
        let made = HostCounters()
        counters.withLock { $0.append(made) }
        return made
    }

    var figures: HostFigures {
        var sum = HostFigures()
        for block in counters.withLock({ $0 }) { sum.add(block) }
        return sum
    }
}
