import Glibc
import Synchronization
import Testing

@testable import Core

@Suite struct CircuitBreakersTests {
    @Test func capsAreExactAndPerPriority() {
        var thresholds = BreakerThresholds()
        thresholds.maxConnections = 2
        let breakers = CircuitBreakers(default: thresholds)
        #expect(breakers[.default].tryAcquire(.connections))
        #expect(!breakers[.default].isOpen(.connections))
        #expect(breakers[.default].tryAcquire(.connections))
        #expect(breakers[.default].isOpen(.connections))
        #expect(!breakers[.default].tryAcquire(.connections))
        #expect(breakers[.default].count(.connections) == 2)
        #expect(breakers[.high].tryAcquire(.connections))
        breakers[.default].release(.connections)
        #expect(breakers[.default].remaining(.connections) == 1)
        #expect(breakers[.default].tryAcquire(.connections))
    }

    @Test func runtimeReplacesACapAndGivesItBack() {
        let breakers = CircuitBreakers()
        breakers[.high].override(.requests, with: 0)
        #expect(!breakers[.high].tryAcquire(.requests))
        breakers[.high].override(.requests, with: nil)
        #expect(breakers[.high].limit(of: .requests) == 1024)
    }

    @Test func retryBudgetFollowsTheActiveRequests() {
        var thresholds = BreakerThresholds()
        thresholds.retryBudget = .init()
        let breakers = CircuitBreakers(default: thresholds)
        #expect(breakers[.default].limit(of: .retries) == 3)
        for _ in 0..<80 { #expect(breakers[.default].tryAcquire(.requests)) }
        for _ in 0..<20 { #expect(breakers[.default].tryAcquire(.pendingRequests)) }
        #expect(breakers[.default].limit(of: .retries) == 20)
        for _ in 0..<20 { #expect(breakers[.default].tryAcquire(.retries)) }
        #expect(!breakers[.default].tryAcquire(.retries))
    }

    /// Workers on their own threads never exceed the cap together.
    @Test func capHoldsAcrossThreads() {
        var thresholds = BreakerThresholds()
        thresholds.maxConnections = 10
        let breakers = CircuitBreakers(default: thresholds)
        let shared = Shared(breakers)
        var threads: [pthread_t] = []
        for _ in 0..<4 {
            var thread = pthread_t()
            pthread_create(
                &thread, nil,
                { context in
                    Unmanaged<Shared>.fromOpaque(context!)._withUnsafeGuaranteedRef { $0.work() }
                    return nil
                }, Unmanaged.passUnretained(shared).toOpaque())
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
        #expect(shared.worst.load(ordering: .relaxed) <= 10)
        #expect(shared.worst.load(ordering: .relaxed) > 0)
        #expect(breakers[.default].count(.connections) == 0)
    }

    private final class Shared: Sendable {
        let breakers: CircuitBreakers
        let held = Atomic<Int>(0)
        let worst = Atomic<Int>(0)

        init(_ breakers: CircuitBreakers) { self.breakers = breakers }

        func work() {
            for _ in 0..<20_000 where breakers[.default].tryAcquire(.connections) {
                let now = held.wrappingAdd(1, ordering: .relaxed).newValue
                _ = worst.max(now, ordering: .relaxed)
                held.wrappingSubtract(1, ordering: .relaxed)
                breakers[.default].release(.connections)
            }
        }
    }
}
