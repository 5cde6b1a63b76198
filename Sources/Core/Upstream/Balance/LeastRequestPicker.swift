import CoreBytes
import Glibc

/// Fewest active requests, as this worker counts them.
///
/// - Equal weights: the best of `choice_count` hosts drawn at random with replacement, the first drawn on a tie; or of
///   all hosts (full scan), ties broken evenly at random.
/// - Unequal weights or a host in slow start: earliest deadline first by weight / (active + 1)^bias, evaluated when a
///   host is put back, so a busy host comes up less often but never starves.
final class LeastRequestPicker: SourcedPicker {
    private let choiceCount: UInt32
    private let bias: Double
    private let isFullScan: Bool
    private let slowStart: SlowStartCurve?
    private let loads: HostLoads

    init(
        _ snapshot: ClusterSnapshot, _ prioritySet: PrioritySet, _ spec: LoadBalancerSpec,
        _ settings: LoadBalancerSpec.LeastRequest, _ loads: HostLoads
    ) {
        choiceCount = max(2, settings.choiceCount)
        bias = settings.activeRequestBias
        isFullScan = settings.isFullScan
        slowStart = settings.slowStart.flatMap { SlowStartCurve($0) }
        self.loads = loads
        super.init(snapshot, prioritySet, spec)
    }

    override func pick(prepared source: HostSource, _ now: Instant, _ random: inout FastRandom) -> HostIndex {
        if let index = pickScheduled(source, now) { return index }
        if isFullScan { return leastOfAll(source, &random) }
        let count = UInt32(source.hosts.count)
        var best = source.hosts[Int(random.next(below: count))]
        var least = loads.active(of: best)
        for _ in 1..<choiceCount {
            let candidate = source.hosts[Int(random.next(below: count))]
            let active = loads.active(of: candidate)
            if active < least {
                best = candidate
                least = active
            }
        }
        return best
    }

    private func leastOfAll(_ source: HostSource, _ random: inout FastRandom) -> HostIndex {
        var best = source.hosts[0]
        var least = loads.active(of: best)
        var ties: UInt32 = 1
        for position in 1..<max(1, source.hosts.count) {
            let candidate = source.hosts[position]
            let active = loads.active(of: candidate)
            if active < least {
                best = candidate
                least = active
                ties = 1
            } else if active == least {
                // Reservoir sampling: each of the tied hosts ends up chosen with the same probability.
                ties += 1
                if random.next(below: ties) == 0 { best = candidate }
            }
        }
        return best
    }

    override func scheduleWeight(_ index: HostIndex, _ now: Instant) -> Double {
        let host = snapshot[index]
        var weight = Double(host.weight)
        let active = Double(loads.active(of: index)) + 1
        if bias == 1 {
            weight /= active
        } else if bias != 0 {
            weight /= pow(active, bias)
        }
        return slowStart?.apply(to: weight, of: host, now) ?? weight
    }

    override func slowStartEnd(_ hosts: [HostIndex], _ now: Instant) -> Instant {
        slowStart?.lastEnd(of: hosts, in: snapshot) ?? Instant(nanoseconds: 0)
    }
}
