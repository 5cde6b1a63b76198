import Synchronization
import Testing

@testable import Core

enum SampleStat: Int, StatKey {
    case hits, active, length

    var definition: StatDefinition {
        switch self {
        case .hits: .counter("hits")
        case .active: .gauge("active")
        case .length: .histogram("length_ms", .milliseconds)
        }
    }
}

@Suite struct StatBlockTests {
    @Test func countersGrowAndGaugesMoveBothWays() {
        let store = StatsStore()
        let worker = store.makeWorker(name: "main")
        let scope: StatScope<SampleStat> = store.scope(prefix: "a.")
        let block = worker.block(scope)
        block.add(.hits)
        block.add(.hits, 41)
        block.add(.active, 3)
        block.sub(.active, 5)
        #expect(block.value(.hits) == 42)
        #expect(block.value(.active) == -2)
        block.set(.active, 7)
        #expect(block.value(.active) == 7)
    }

    @Test func equalPrefixSharesOneScope() {
        let store = StatsStore()
        let worker = store.makeWorker(name: "main")
        let first: StatScope<SampleStat> = store.scope(prefix: "a.")
        let second: StatScope<SampleStat> = store.scope(prefix: "a.")
        worker.block(first).add(.hits)
        worker.block(second).add(.hits)
        #expect(worker.block(first).value(.hits) == 2)
        #expect(store.liveRecords().count == 1)
    }

    @Test func totalsAreExactOverFourThreads() {
        let store = StatsStore()
        let scope: StatScope<SampleStat> = store.scope(prefix: "a.")
        runThreads(4) { thread in
            let worker = store.makeWorker(name: "worker_\(thread)")
            let block = worker.block(scope)
            for round in 0..<50_000 {
                block.add(.hits)
                block.add(.active, 2)
                if round % 2 == 0 { block.sub(.active, 3) }
                block.record(.length, UInt64(round % 1000))
            }
        }
        #expect(store.value(scope, .hits) == 200_000)
        #expect(store.value(scope, .active) == 4 * (100_000 - 75_000))
        #expect(store.histogram(scope, .length).count == 200_000)
    }

    @Test func readingWhileWritingSeesOnlyGrowth() {
        let store = StatsStore()
        let scope: StatScope<SampleStat> = store.scope(prefix: "a.")
        let done = Atomic<Int>(0)
        var last = 0
        runThreads(4) { thread in
            let worker = store.makeWorker(name: "worker_\(thread)")
            let block = worker.block(scope)
            for round in 0..<20_000 {
                block.add(.hits)
                block.record(.length, UInt64(round) * UInt64(round))
            }
            done.add(1, ordering: .releasing)
        } meanwhile: {
            while done.load(ordering: .acquiring) < 4 {
                let now = store.value(scope, .hits)
                #expect(now >= last)
                last = now
                _ = store.histogram(scope, .length)
                store.freeOutgrownTables()
            }
        }
        #expect(store.value(scope, .hits) == 80_000)
        #expect(store.histogram(scope, .length).count == 80_000)
    }

    @Test func cellsAreTakenBackWhenTheScopeGoes() {
        let store = StatsStore()
        let worker = store.makeWorker(name: "main")
        do {
            let scope: StatScope<SampleStat> = store.scope(prefix: "a.")
            worker.block(scope).add(.hits, 5)
            worker.block(scope).record(.length, 10)
        }
        #expect(store.liveRecords().isEmpty)
        worker.collect()
        // The id is used again, with fresh cells.
        let scope: StatScope<SampleStat> = store.scope(prefix: "a.")
        #expect(worker.block(scope).value(.hits) == 0)
    }

    @Test func scopesComeAndGoUnderFourThreads() {
        let store = StatsStore()
        let done = Atomic<Int>(0)
        runThreads(4) { thread in
            let worker = store.makeWorker(name: "worker_\(thread)")
            for round in 0..<2_000 {
                let scope: StatScope<SampleStat> = store.scope(prefix: "cluster.\(round % 7).")
                let block = worker.block(scope)
                for value in 0..<20 { block.record(.length, UInt64(value * value)) }
                block.add(.hits)
                withExtendedLifetime(scope) {}
            }
            worker.collect()
            done.add(1, ordering: .releasing)
        } meanwhile: {
            while done.load(ordering: .acquiring) < 4 { _ = store.liveRecords() }
        }
        #expect(store.liveRecords().isEmpty)
    }

    @Test func familyIsBounded() {
        let store = StatsStore()
        let worker = store.makeWorker(name: "main")
        let family = StatFamily<SampleStat>(store: store, prefix: "cmd.", limit: 2)
        for name in ["a", "b", "c", "d", "a"] { worker.block(family.scope(named: name)).add(.hits) }
        #expect(family.overflows == 2)
        #expect(store.value(family.scope(named: "a"), .hits) == 2)
        #expect(store.value(family.scope(named: "zzz"), .hits) == 2)
    }
}
