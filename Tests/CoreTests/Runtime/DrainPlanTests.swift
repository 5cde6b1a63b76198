import CoreBytes
import Testing

@testable import Core

@Suite struct DrainPlanTests {
    private let start = Instant(nanoseconds: 1_000_000_000)

    private func plan(_ durationMS: Int64, _ strategy: DrainPlan.Strategy = .gradual) -> DrainPlan {
        DrainPlan(start: start, durationMS: durationMS, strategy: strategy)
    }

    @Test func immediateClosesEverythingAtOnce() {
        for draw in [0, 1, 999, .max] as [UInt64] {
            #expect(plan(1000, .immediate).saysClose(at: start, draw: draw))
            #expect(plan(0).saysClose(at: start, draw: draw), "no time is no grace")
        }
    }

    @Test func gradualBeginsWithNoneAndEndsWithAll() {
        for draw in [0, 1, 999, 1000, .max] as [UInt64] {
            #expect(!plan(1000).saysClose(at: start, draw: draw))
            #expect(plan(1000).saysClose(at: start.advanced(byMS: 1000), draw: draw))
            #expect(plan(1000).saysClose(at: start.advanced(byMS: 5000), draw: draw))
        }
    }

    /// Over all draws, the share that closes is the share of time gone, exactly.
    @Test(arguments: [1, 250, 500, 999])
    func gradualClosesTheShareOfTimeGone(elapsed: Int64) {
        let at = start.advanced(byMS: elapsed)
        let closed = (0..<1000).count { plan(1000).saysClose(at: at, draw: UInt64($0)) }
        #expect(closed == Int(elapsed))
    }

    @Test func aConnectionThatWasToldToCloseIsToldSoLaterToo() {
        var random = FastRandom(seed: 9)
        for _ in 0..<1000 {
            let draw = random.next()
            var told = false
            for elapsed in stride(from: Int64(0), through: 1000, by: 50) {
                let now = plan(1000).saysClose(at: start.advanced(byMS: elapsed), draw: draw)
                #expect(now || !told)
                told = now
            }
            #expect(told)
        }
    }
}
