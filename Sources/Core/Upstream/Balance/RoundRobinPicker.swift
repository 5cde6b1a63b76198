import CoreBytes

/// Weighted round robin: plain rotation from a random start while weights are equal, earliest deadline first otherwise
/// and while a host starts slowly.
final class RoundRobinPicker: SourcedPicker {
    private let slowStart: SlowStartCurve?

    init(
        _ snapshot: ClusterSnapshot, _ prioritySet: PrioritySet, _ spec: LoadBalancerSpec,
        _ slowStart: LoadBalancerSpec.SlowStart?
    ) {
        self.slowStart = slowStart.flatMap { SlowStartCurve($0) }
        super.init(snapshot, prioritySet, spec)
    }

    override func pick(prepared source: HostSource, _ now: Instant, _ random: inout FastRandom) -> HostIndex {
        if let index = pickScheduled(source, now) { return index }
        let position = source.next
        let next = position + 1
        source.next = next == source.hosts.count ? 0 : next
        return source.hosts[position]
    }

    override func scheduleWeight(_ index: HostIndex, _ now: Instant) -> Double {
        let host = snapshot[index]
        let weight = Double(host.weight)
        return slowStart?.apply(to: weight, of: host, now) ?? weight
    }

    override func slowStartEnd(_ hosts: [HostIndex], _ now: Instant) -> Instant {
        slowStart?.lastEnd(of: hosts, in: snapshot) ?? Instant(nanoseconds: 0)
    }
}
