import Core
import Testing

/// The load tables of the load balancing documentation, and the arithmetic around them.
@Suite struct PriorityLoadTests {
    private func load(_ healthyPercents: [Int], degraded: [Int] = [], panic: UInt32 = 50) -> PriorityLoad {
        PriorityLoad(
            healthyPercents.enumerated().map { index, healthy in
                .init(total: 100, healthy: healthy, degraded: index < degraded.count ? degraded[index] : 0)
            }, panicThresholdPercent: panic)
    }

    /// Healthy percent of P0 and P1 → load of P0 and P1 (the documentation's two-priority table).
    @Test(arguments: [
        (100, 100, 100, 0), (72, 100, 100, 0), (71, 100, 99, 1), (50, 100, 70, 30), (25, 100, 35, 65),
        (0, 100, 0, 100),
    ])
    func twoPrioritiesFollowTheTable(p0: Int, p1: Int, load0: UInt8, load1: UInt8) {
        #expect(load([p0, p1]).healthy == [load0, load1])
    }

    /// P0 and P1 at 25 % each: 35 + 35 = 70 available, normalised to half and half.
    @Test func tooLittleHealthIsNormalised() {
        #expect(load([25, 25]).healthy == [50, 50])
        #expect(load([25, 25]).isPanicking == [true, true])
    }

    @Test func threePrioritiesFollowTheTable() {
        #expect(load([100, 100, 100]).healthy == [100, 0, 0])
        #expect(load([50, 60, 100]).healthy == [70, 30, 0])
        #expect(load([25, 25, 100]).healthy == [35, 35, 30])
        #expect(load([25, 0, 100]).healthy == [35, 0, 65])
        // Two of three down, panic off so that the shares show: 28 / 14 / 28 % of 70 available.
        let low = load([20, 10, 20], panic: 0)
        #expect(low.healthy == [40, 20, 40])
        #expect(low.isPanicking == [false, false, false])
    }

    /// Degraded hosts come after all healthy ones: P0 35 % healthy and 35 % degraded, P1 35 % healthy.
    @Test func degradedHostsFillUp() {
        let load = load([25, 25], degraded: [25, 0])
        // 35 + 35 healthy, then what is left of 105 → capped at 100: 30 for the degraded of P0.
        #expect(load.healthy == [35, 35])
        #expect(load.degraded == [30, 0])
        #expect(load.isPanicking == [false, false])
    }

    /// Health 10 / 20 / 10 and degraded 20 / 10 / 0: shares of 70, the two rounded-off percent go to P0.
    @Test func roundingGoesToTheFirstHealthyPriority() {
        let load = PriorityLoad(
            [
                .init(total: 100, healthy: 10, degraded: 20), .init(total: 100, healthy: 20, degraded: 10),
                .init(total: 100, healthy: 10, degraded: 0),
            ], overprovisioningPercent: 100, panicThresholdPercent: 0)
        #expect(load.healthy == [16, 28, 14])
        #expect(load.degraded == [28, 14, 0])
    }

    @Test func sharesAlwaysSumToAHundred() {
        for p0 in stride(from: 0, through: 100, by: 7) {
            for p1 in stride(from: 0, through: 100, by: 9) {
                for degraded in [0, (100 - p0) / 2] {
                    let load = load([p0, p1], degraded: [degraded])
                    let sum = (load.healthy + load.degraded).reduce(0) { $0 + Int($1) }
                    #expect(sum == 100, "P0 \(p0) P1 \(p1) degraded \(degraded)")
                }
            }
        }
    }

    @Test func panicStartsBelowTheThreshold() {
        // 100 available in total: never panic, however low one priority is.
        #expect(load([10, 100]).isPanicking == [false, false])
        // One priority: 71 % healthy is 99 available, above the threshold of 50.
        #expect(load([71]).isPanicking == [false])
        #expect(load([50]).isPanicking == [false])
        #expect(load([49]).isPanicking == [true])
        #expect(load([49], panic: 49).isPanicking == [false])
        #expect(load([0], panic: 0).isPanicking == [false])
        // Degraded hosts count as usable.
        #expect(load([25], degraded: [25]).isPanicking == [false])
        // Only the low priority panics.
        #expect(load([60, 5], panic: 50).isPanicking == [false, true])
    }

    @Test func totalPanicSpreadsByHostCount() {
        let load = PriorityLoad([.init(total: 10, healthy: 0), .init(total: 20, healthy: 1)])
        #expect(load.isPanicking == [true, true])
        #expect(load.healthy == [34, 66])
        #expect(load.degraded == [0, 0])
    }

    @Test func nothingAvailableWithoutPanicGoesToPriorityZero() {
        let load = load([0, 0], panic: 0)
        #expect(load.healthy == [100, 0])
        #expect(load.isPanicking == [false, false])
    }

    @Test func noHostsAtAllPanicsOnPriorityZero() {
        let load = PriorityLoad([.init(total: 0, healthy: 0)])
        #expect(load.healthy == [100])
        #expect(load.isPanicking == [true])
    }

    @Test func excludedHostsDoNotCount() {
        // 10 hosts, 5 of them waiting for a first check, 4 healthy: 4 of 5 is 112 → 100 %.
        let load = PriorityLoad([.init(total: 10, excluded: 5, healthy: 4), .init(total: 10, healthy: 10)])
        #expect(load.healthy == [100, 0])
    }

    @Test func overprovisioningShiftsTheEdge() {
        let inputs: [PriorityLoad.Input] = [.init(total: 100, healthy: 72), .init(total: 100, healthy: 100)]
        #expect(PriorityLoad(inputs, overprovisioningPercent: 100).healthy == [72, 28])
        #expect(PriorityLoad(inputs, overprovisioningPercent: 140).healthy == [100, 0])
    }
}
