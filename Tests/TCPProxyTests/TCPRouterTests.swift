import Core
import CoreBytes
import Testing

@testable import TCPProxy

@Suite struct TCPRouterTests {
    private func router(_ weights: [UInt64]) -> TCPRouter {
        TCPRouter(weights.enumerated().map { TCPRouter.Target(cluster: "c\($0.offset)", weight: $0.element) })
    }

    @Test func aSingleClusterTakesEveryDraw() {
        let router = router([1])
        for draw in [0, 1, 7, .max] as [UInt64] { #expect(router.choose(draw: draw) == 0) }
        #expect(router.all.map(\.cluster) == ["c0"])
    }

    /// Draws 0 … total−1 meet each target exactly as often as its weight says.
    @Test func everyDrawBelowTheTotalCountsOnce() {
        let weights: [UInt64] = [3, 1, 6]
        let router = router(weights)
        var counts = [UInt64](repeating: 0, count: 3)
        for draw in 0..<(10 as UInt64) { counts[router.choose(draw: draw)] += 1 }
        #expect(counts == weights)
        #expect(router.choose(draw: 2) == 0 && router.choose(draw: 3) == 1 && router.choose(draw: 4) == 2)
        #expect(router.choose(draw: 10) == 0, "the draw wraps at the total")
    }

    @Test func aRandomSequenceFollowsTheWeights() {
        let weights: [UInt64] = [70, 25, 5]
        let router = router(weights)
        var random = FastRandom(seed: 42)
        var counts = [0, 0, 0]
        let draws = 100_000
        for _ in 0..<draws { counts[router.choose(draw: random.next())] += 1 }
        // Two degrees of freedom: 13.8 is exceeded once in a thousand, and the seed is fixed.
        let chiSquare = zip(counts, weights).reduce(0.0) { sum, pair in
            let expected = Double(draws) * Double(pair.1) / 100
            return sum + (Double(pair.0) - expected) * (Double(pair.0) - expected) / expected
        }
        #expect(chiSquare < 13.8)
    }

    @Test func theLargestWeightsDoNotOverflow() {
        let router = router([UInt64(UInt32.max), UInt64(UInt32.max)])
        #expect(router.choose(draw: UInt64(UInt32.max) - 1) == 0)
        #expect(router.choose(draw: UInt64(UInt32.max)) == 1)
        #expect(router.choose(draw: .max) < 2)
    }
}

@Suite struct ConnectBackoffTests {
    @Test func theBoundDoublesUpToTheGreatest() {
        let backoff = ConnectBackoff(baseMS: 100, maxMS: 1000)
        // The greatest draw below each bound gives the bound less one.
        for (attempt, bound) in [
            (1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (31, 1000), (32, 1000), (1000, 1000),
        ] {
            #expect(backoff.delayMS(attempt: attempt, draw: UInt64(bound - 1)) == Int64(bound - 1))
            #expect(backoff.delayMS(attempt: attempt, draw: UInt64(bound)) == 0)
            #expect(backoff.delayMS(attempt: attempt, draw: 0) == 0)
        }
    }

    @Test func longIntervalsDoNotOverflow() {
        let base: Int64 = 1 << 40
        let backoff = ConnectBackoff(baseMS: base, maxMS: base * 10)
        for attempt in 1...64 {
            let bound = attempt <= 4 ? base << Int64(attempt - 1) : base * 10
            #expect(backoff.delayMS(attempt: attempt, draw: UInt64(bound - 1)) == bound - 1)
        }
    }

    @Test func noIntervalIsNoDelay() {
        #expect(ConnectBackoff(baseMS: 0, maxMS: 0).delayMS(attempt: 3, draw: .max) == 0)
    }
}
