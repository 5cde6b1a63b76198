import CoreBytes

/// One balancing policy over one ``PrioritySet`` on one worker: the part of a ``LoadBalancer`` that differs by policy.
///
/// A subset balancer has one picker per subset in use; they share the worker's ``HostLoads``. A class hierarchy and
/// not an existential, because ``pick(_:attempt:random:)`` runs per request.
class HostPicker {
    /// Chooses one host. Must not allocate once the picker has seen the same kind of choice before.
    ///
    /// - Parameter attempt: 0 for the first choice of a request, then counting up while the predicate refuses.
    func pick(_ context: LoadBalancerContext, attempt: UInt32, random: inout FastRandom) -> HostChoice {
        HostChoice(nil)
    }

    /// Takes over new hosts; what depends on them is rebuilt when next used.
    func adopt(_ snapshot: ClusterSnapshot, _ prioritySet: PrioritySet) {}

    /// The picker for a policy over a set of hosts.
    static func make(
        _ spec: LoadBalancerSpec, _ snapshot: ClusterSnapshot, _ prioritySet: PrioritySet, _ loads: HostLoads
    ) -> HostPicker {
        switch spec.policy {
        case .roundRobin(let slowStart): RoundRobinPicker(snapshot, prioritySet, spec, slowStart)
        case .leastRequest(let settings): LeastRequestPicker(snapshot, prioritySet, spec, settings, loads)
        case .random: RandomPicker(snapshot, prioritySet, spec)
        case .ringHash(let settings): HashPicker(snapshot, prioritySet, settings.hashing, loads)
        case .maglev(let settings): HashPicker(snapshot, prioritySet, settings.hashing, loads)
        case .subset(let settings): SubsetPicker(snapshot, settings, loads)
        case .originalDestination(let settings): OriginalDestinationPicker(snapshot, settings)
        case .clusterProvided: HostPicker()
        }
    }
}
