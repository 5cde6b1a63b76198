import Glibc

/// How a host's weight grows after it came into service:
///
///     weight × max(minimum, (elapsed / window) ^ (1 / aggression))     for elapsed < window, at least 1 ms
///
/// Only healthy hosts are held back; ``HostHealth/slowStartBeganNS`` says since when.
struct SlowStartCurve: Sendable {
    let windowNS: UInt64
    private let exponent: Double
    private let minimum: Double

    /// Nil when the window is zero: no slow start.
    init?(_ settings: LoadBalancerSpec.SlowStart) {
        guard settings.windowMS > 0 else { return nil }
        windowNS =
            settings.windowMS.multipliedReportingOverflow(by: 1_000_000).overflow
            ? .max : settings.windowMS * 1_000_000
        exponent = settings.aggression > 0 ? 1 / settings.aggression : 1
        minimum = settings.minWeightPercent / 100
    }

    /// Fraction of the full weight after `elapsedNS` in service.
    func factor(elapsedNS: UInt64) -> Double {
        guard elapsedNS < windowNS else { return 1 }
        let time = Double(max(1_000_000, elapsedNS)) / Double(windowNS)
        return min(1, max(exponent == 1 ? time : pow(time, exponent), minimum))
    }

    func apply(to weight: Double, of host: Host, _ now: Instant) -> Double {
        let began = host.health.slowStartBeganNS
        guard began > 0, host.availability == .healthy else { return weight }
        return weight * factor(elapsedNS: now.nanoseconds(since: Instant(nanoseconds: began)))
    }

    /// When the last of the hosts has its full weight.
    func lastEnd(of hosts: [HostIndex], in snapshot: ClusterSnapshot) -> Instant {
        var end: UInt64 = 0
        for index in hosts {
            let began = snapshot[index].health.slowStartBeganNS
            if began > 0 { end = max(end, began.addingReportingOverflow(windowNS).overflow ? .max : began + windowNS) }
        }
        return Instant(nanoseconds: end)
    }
}
