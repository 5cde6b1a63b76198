import CoreBytes
import Testing

@testable import Core

@Suite struct SlowStartTests {
    private func at(_ seconds: Double) -> LoadBalancerContext {
        LoadBalancerContext(now: Instant(nanoseconds: 1_000_000_000 + UInt64(seconds * 1e9)))
    }

    @Test func curveIsTimeToTheInverseAggression() throws {
        let linear = try #require(SlowStartCurve(.init(windowMS: 100_000)))
        let steep = try #require(SlowStartCurve(.init(windowMS: 100_000, aggression: 2)))
        let late = try #require(SlowStartCurve(.init(windowMS: 100_000, aggression: 0.5)))
        func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 1e-9 }
        #expect(close(linear.factor(elapsedNS: 50_000_000_000), 0.5))
        #expect(close(linear.factor(elapsedNS: 5_000_000_000), 0.1))  // the minimum
        #expect(close(steep.factor(elapsedNS: 25_000_000_000), 0.5))
        #expect(close(late.factor(elapsedNS: 50_000_000_000), 0.25))
        for curve in [linear, steep, late] {
            #expect(close(curve.factor(elapsedNS: 0), 0.1))
            #expect(curve.factor(elapsedNS: 100_000_000_000) == 1)
            #expect(curve.factor(elapsedNS: .max) == 1)
        }
        let zero = try #require(SlowStartCurve(.init(windowMS: 100_000, minWeightPercent: 0)))
        #expect(zero.factor(elapsedNS: 0) == 1e-5)  // at least one millisecond, never a weight of zero
        #expect(SlowStartCurve(.init(windowMS: 0)) == nil)
    }

    @Test func newHostGetsItsGrowingShare() {
        var random = FastRandom(seed: 91)
        for policy in [
            LoadBalancerSpec.Policy.roundRobin(slowStart: .init(windowMS: 100_000)),
            .leastRequest(
                {
                    var settings = LoadBalancerSpec.LeastRequest()
                    settings.slowStart = .init(windowMS: 100_000)
                    return settings
                }()),
        ] {
            let hosts = [BalanceSupport.host(1), BalanceSupport.host(2, slowStartNS: 1_000_000_000)]
            let balancer = LoadBalancer(BalanceSupport.snapshot(.init(policy), hosts))
            // 25 s: weights 1 and 0.25 → 1 in 5. The first picks still stand at what they were scheduled with.
            _ = BalanceSupport.counts(balancer, at(25), 10, &random)
            let quarter = BalanceSupport.counts(balancer, at(25), 1_000, &random)
            #expect(abs(quarter[1, default: 0] - 200) <= 1)
            _ = BalanceSupport.counts(balancer, at(50), 10, &random)
            let half = BalanceSupport.counts(balancer, at(50), 900, &random)
            #expect(abs(half[1, default: 0] - 300) <= 1)
        }
    }

    @Test func afterTheWindowTheRotationIsPlainAgain() {
        var random = FastRandom(seed: 92)
        let hosts = [BalanceSupport.host(1), BalanceSupport.host(2, slowStartNS: 1_000_000_000)]
        let balancer = LoadBalancer(
            BalanceSupport.snapshot(.init(.roundRobin(slowStart: .init(windowMS: 10_000))), hosts))
        _ = BalanceSupport.counts(balancer, at(1), 10, &random)
        _ = BalanceSupport.counts(balancer, at(11), 10, &random)
        #expect(BalanceSupport.counts(balancer, at(11), 100, &random) == [0: 50, 1: 50])
    }

    @Test func degradedHostsAreNotHeldBack() {
        var random = FastRandom(seed: 93)
        let hosts = [
            BalanceSupport.host(1, flags: .degradedEDSHealth),
            BalanceSupport.host(2, flags: .degradedEDSHealth, slowStartNS: 1_000_000_000),
        ]
        let balancer = LoadBalancer(
            BalanceSupport.snapshot(.init(.roundRobin(slowStart: .init(windowMS: 10_000))), hosts))
        let counts = BalanceSupport.counts(balancer, at(1), 100, &random)
        #expect(abs(counts[0, default: 0] - 50) <= 1)
    }

    @Test func withoutSlowStartTheTimeDoesNotMatter() {
        var random = FastRandom(seed: 94)
        let hosts = [BalanceSupport.host(1), BalanceSupport.host(2, slowStartNS: 1_000_000_000)]
        let balancer = LoadBalancer(BalanceSupport.snapshot(.init(), hosts))
        #expect(BalanceSupport.counts(balancer, at(0), 100, &random) == [0: 50, 1: 50])
    }
}
