import CoreBytes

/// A host at random, all alike; weights of hosts are not looked at (weights of localities are).
final class RandomPicker: SourcedPicker {
    override func pick(prepared source: HostSource, _ now: Instant, _ random: inout FastRandom) -> HostIndex {
        source.hosts[Int(random.next(below: UInt32(source.hosts.count)))]
    }

    override var usesSchedule: Bool { false }
}
