/// A host's place in one worker's table of loads. Stays valid across snapshots until it is released.
public struct HostSlot: Hashable, Sendable {
    let index: UInt32
}

/// Active requests (or connections) per host on one worker, what least-request and bounded loads compare.
///
/// A slot belongs to a host's identity, not to a snapshot: swapping the snapshot keeps the counts of hosts that stay,
/// and a removed host's slot lives until its last loan returns. Worker-local, like the balancer that owns it, so the
/// counts are this worker's view (Envoy's are summed over workers).
final class HostLoads {
    @exclusivity(unchecked) private var active: [UInt32] = []
    /// The identity a slot stands for, nil while the slot is free.
    private var owners: [HostHealth?] = []
    private var freeSlots: [UInt32] = []
    /// By host index of the current snapshot.
    private var slotOfHost: [UInt32] = []
    /// Sum over all slots.
    var totalActive: UInt32 = 0
    /// Whether the slot's host is in the current snapshot.
    private var isCurrent: [Bool] = []

    /// Takes over a new list of hosts. Cost: O(hosts), and it happens once per snapshot.
    func adopt(_ hosts: [Host]) {
        var known: [ObjectIdentifier: UInt32] = [:]
        if !slotOfHost.isEmpty || totalActive > 0 {
            known.reserveCapacity(owners.count)
            for (slot, owner) in owners.enumerated() {
                if let owner { known[ObjectIdentifier(owner)] = UInt32(slot) }
            }
        }
        var slots: [UInt32] = []
        slots.reserveCapacity(hosts.count)
        for host in hosts {
            if let slot = known.removeValue(forKey: ObjectIdentifier(host.health)) {
                slots.append(slot)
            } else {
                slots.append(newSlot(for: host.health))
            }
        }
        // What is left in `known` has left the cluster; its loans may still be out.
        for slot in known.values where active[Int(slot)] == 0 { free(slot) }
        slotOfHost = slots
        isCurrent = Array(repeating: false, count: owners.count)
        for slot in slots { isCurrent[Int(slot)] = true }
    }

    @inline(__always)
    func active(of host: HostIndex) -> UInt32 { active[Int(slotOfHost[Int(host)])] }

    /// Counts one more request on the host and returns the slot to give back.
    func acquire(_ host: HostIndex) -> HostSlot {
        let slot = slotOfHost[Int(host)]
        active[Int(slot)] &+= 1
        totalActive &+= 1
        return HostSlot(index: slot)
    }

    func release(_ slot: HostSlot) {
        let index = Int(slot.index)
        precondition(active[index] > 0, "A loan returns once.")
        active[index] -= 1
        totalActive -= 1
        if active[index] == 0 && !isCurrent[index] { free(slot.index) }
    }

    /// Requests out on the slot's host.
    func active(of slot: HostSlot) -> UInt32 { active[Int(slot.index)] }

    private func newSlot(for owner: HostHealth) -> UInt32 {
        if let slot = freeSlots.popLast() {
            owners[Int(slot)] = owner
            return slot
        }
        owners.append(owner)
        active.append(0)
        return UInt32(owners.count - 1)
    }

    private func free(_ slot: UInt32) {
        owners[Int(slot)] = nil
        freeSlots.append(slot)
    }
}
