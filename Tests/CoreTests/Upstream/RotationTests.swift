import CoreBytes
import Testing

@testable import Core

/// Round robin, random and least request against their definitions.
@Suite struct RotationTests {
    private func order(_ balancer: LoadBalancer, _ count: Int, _ random: inout FastRandom) -> [Int] {
        (0..<count).map { _ in balancer.choose(LoadBalancerContext(), random: &random).index.map { Int($0) } ?? -1 }
    }

    // MARK: - Round robin

    @Test func equalWeightsRotate() {
        var random = FastRandom(seed: 11)
        let balancer = LoadBalancer(BalanceSupport.snapshot(.init(), BalanceSupport.hosts(weights: [3, 3, 3, 3])))
        let order = order(balancer, 12, &random)
        #expect(order[4..<8] == order[0..<4])
        for step in 1..<12 { #expect(order[step] == (order[step - 1] + 1) % 4) }
    }

    @Test func rotationsStartAtRandom() {
        var random = FastRandom(seed: 12)
        let snapshot = BalanceSupport.snapshot(.init(), BalanceSupport.hosts(weights: [1, 1, 1, 1]))
        var starts: [Int: Int] = [:]
        for _ in 0..<4_000 { starts[order(LoadBalancer(snapshot), 1, &random)[0], default: 0] += 1 }
        let chiSquare = BalanceSupport.chiSquare(starts, expected: [0: 1_000, 1: 1_000, 2: 1_000, 3: 1_000])
        #expect(chiSquare < 16.27)  // 3 degrees of freedom, one in 1,000
    }

    @Test func unequalWeightsAreExactAndSmooth() {
        var random = FastRandom(seed: 13)
        let weights: [UInt32] = [1, 2, 3, 4]
        let balancer = LoadBalancer(BalanceSupport.snapshot(.init(), BalanceSupport.hosts(weights: weights)))
        let order = order(balancer, 1_000, &random)
        for (host, weight) in weights.enumerated() {
            // In any window of the schedule a host comes up its share of times, give or take one.
            for start in stride(from: 0, to: 900, by: 13) {
                for length in [10, 20, 50, 100] {
                    let seen = order[start..<min(1_000, start + length)].count { $0 == host }
                    let share = Double(min(length, 1_000 - start)) * Double(weight) / 10
                    #expect(abs(Double(seen) - share) <= 1.5, "host \(host) in \(length) from \(start)")
                }
            }
        }
    }

    @Test func scheduleOrderIsEarliestDeadlineFirst() {
        // From the start, with weights 1, 2, 4: deadlines 1; 1/2, 1; 1/4, 1/2, 3/4, 1; ties in order of scheduling.
        // Powers of two, so that deadlines are exact.
        var schedule = EDFScheduler(weights: [1, 2, 4], start: 0)
        let order = (0..<14).map { _ in
            let entry = schedule.pick()
            schedule.reschedule(weight: [1, 2, 4][Int(entry)])
            return entry
        }
        #expect(order == [2, 1, 2, 2, 0, 1, 2, 2, 1, 2, 2, 0, 1, 2])
    }

    @Test func schedulesStartAnywhereInTheSameOrder() {
        // Wherever it starts, one period contains every entry as often as it weighs.
        for step in 0..<50 {
            var schedule = EDFScheduler(weights: [4, 1, 8], start: Double(step) / 50)
            var counts = [0, 0, 0]
            for _ in 0..<13 {
                let entry = Int(schedule.pick())
                counts[entry] += 1
                schedule.reschedule(weight: [4, 1, 8][entry])
            }
            for (entry, weight) in [4, 1, 8].enumerated() {
                #expect(abs(counts[entry] - weight) <= 1, "start \(step)/50")
            }
        }
    }

    /// Many workers with one request each follow the weights as well as one worker with many requests.
    @Test func firstPicksFollowTheWeights() {
        var random = FastRandom(seed: 14)
        let snapshot = BalanceSupport.snapshot(.init(), BalanceSupport.hosts(weights: [1, 1, 2, 4]))
        var firsts: [Int: Int] = [:]
        for _ in 0..<8_000 { firsts[order(LoadBalancer(snapshot), 1, &random)[0], default: 0] += 1 }
        let chiSquare = BalanceSupport.chiSquare(firsts, expected: [0: 1_000, 1: 1_000, 2: 2_000, 3: 4_000])
        #expect(chiSquare < 16.27)
    }

    @Test func rotationGoesOnAfterAnUpdate() {
        var random = FastRandom(seed: 15)
        var builder = ClusterSnapshotBuilder(spec: .init())
        let hosts = BalanceSupport.hosts(weights: [1, 1, 1, 1, 1])
        let balancer = LoadBalancer(builder.build(hosts: hosts))
        let before = order(balancer, 3, &random)
        balancer.adopt(builder.build(hosts: hosts))
        #expect(order(balancer, 1, &random)[0] == (before[2] + 1) % 5)
        // A shorter list wraps.
        balancer.adopt(builder.build(hosts: Array(hosts.prefix(2))))
        #expect(order(balancer, 4, &random).allSatisfy { $0 == 0 || $0 == 1 })
    }

    @Test func changedWeightsTakeEffectWithTheNextSnapshot() {
        var random = FastRandom(seed: 16)
        var builder = ClusterSnapshotBuilder(spec: .init())
        let hosts = BalanceSupport.hosts(weights: [1, 1])
        let balancer = LoadBalancer(builder.build(hosts: hosts))
        #expect(BalanceSupport.counts(balancer, 100, &random) == [0: 50, 1: 50])
        var attributes = hosts[1].attributes
        attributes.weight = 3
        balancer.adopt(builder.build(hosts: [hosts[0], hosts[1].replacing(attributes)]))
        let counts = BalanceSupport.counts(balancer, 400, &random)
        #expect(abs(counts[1, default: 0] - 300) <= 1)
    }

    // MARK: - Random

    @Test func randomIsEvenAndIgnoresWeights() {
        var random = FastRandom(seed: 21)
        let balancer = LoadBalancer(
            BalanceSupport.snapshot(.init(.random), BalanceSupport.hosts(weights: [1, 5, 100, 1])))
        let counts = BalanceSupport.counts(balancer, 40_000, &random)
        let even = Dictionary(uniqueKeysWithValues: (0..<4).map { ($0, 10_000.0) })
        #expect(BalanceSupport.chiSquare(counts, expected: even) < 16.27)
    }

    // MARK: - Least request

    private func leastRequest(_ change: (inout LoadBalancerSpec.LeastRequest) -> Void = { _ in }) -> LoadBalancerSpec {
        var settings = LoadBalancerSpec.LeastRequest()
        change(&settings)
        return LoadBalancerSpec(.leastRequest(settings))
    }

    /// Host 0 holds more requests than the others. It is chosen when all n draws hit it: (1/4)^n.
    @Test(arguments: [2, 3, 5])
    func busyHostIsTakenOnlyWhenEveryDrawHitsIt(choices: UInt32) {
        var random = FastRandom(seed: UInt64(30 + choices))
        let balancer = LoadBalancer(
            BalanceSupport.snapshot(
                leastRequest { $0.choiceCount = choices }, BalanceSupport.hosts(weights: [1, 1, 1, 1])))
        _ = balancer.acquire(0)
        let total = 64_000
        let counts = BalanceSupport.counts(balancer, total, &random)
        var busy = 1.0
        for _ in 0..<choices { busy /= 4 }
        let rest = (1 - busy) / 3 * Double(total)
        let expected = [0: busy * Double(total), 1: rest, 2: rest, 3: rest]
        #expect(BalanceSupport.chiSquare(counts, expected: expected) < 16.27)
    }

    @Test func equalActivityIsEven() {
        var random = FastRandom(seed: 35)
        let balancer = LoadBalancer(BalanceSupport.snapshot(leastRequest(), BalanceSupport.hosts(weights: [2, 2, 2])))
        let counts = BalanceSupport.counts(balancer, 30_000, &random)
        #expect(BalanceSupport.chiSquare(counts, expected: [0: 10_000, 1: 10_000, 2: 10_000]) < 13.82)
    }

    @Test func fullScanTakesTheLeastAndDividesTies() {
        var random = FastRandom(seed: 36)
        let balancer = LoadBalancer(
            BalanceSupport.snapshot(
                leastRequest { $0.isFullScan = true }, BalanceSupport.hosts(weights: [1, 1, 1, 1, 1])))
        let slots = [0, 2, 2, 4].map { balancer.acquire(HostIndex($0)) }
        let tied = BalanceSupport.counts(balancer, 20_000, &random)
        #expect(BalanceSupport.chiSquare(tied, expected: [1: 10_000, 3: 10_000]) < 10.83)
        balancer.release(slots[0])
        let three = BalanceSupport.counts(balancer, 30_000, &random)
        #expect(BalanceSupport.chiSquare(three, expected: [0: 10_000, 1: 10_000, 3: 10_000]) < 13.82)
    }

    /// With idle hosts and unequal weights least request is weighted round robin.
    @Test func idleUnequalHostsFollowTheirWeights() {
        var random = FastRandom(seed: 37)
        let balancer = LoadBalancer(BalanceSupport.snapshot(leastRequest(), BalanceSupport.hosts(weights: [1, 2, 5])))
        let counts = BalanceSupport.counts(balancer, 800, &random)
        for (host, share) in [100, 200, 500].enumerated() { #expect(abs(counts[host, default: 0] - share) <= 1) }
    }

    /// Weight / (active + 1)^bias: host 1 weighs 4 and holds 3 requests, host 0 weighs 2 and is idle.
    @Test(arguments: [
        (1.0, [0: 2.0, 1: 1.0]), (0.0, [0: 2.0, 1: 4.0]), (0.5, [0: 2.0, 1: 2.0]), (2.0, [0: 2.0, 1: 0.25]),
    ])
    func biasScalesActivity(bias: Double, weights: [Int: Double]) {
        var random = FastRandom(seed: 38)
        let balancer = LoadBalancer(
            BalanceSupport.snapshot(
                leastRequest { $0.activeRequestBias = bias }, BalanceSupport.hosts(weights: [2, 4])))
        for _ in 0..<3 { _ = balancer.acquire(1) }
        // The first picks still stand from the schedule's start.
        _ = BalanceSupport.counts(balancer, 20, &random)
        let counts = BalanceSupport.counts(balancer, 9_000, &random)
        let sum = weights.values.reduce(0, +)
        for (host, weight) in weights {
            #expect(abs(Double(counts[host, default: 0]) - 9_000 * weight / sum) <= 2)
        }
    }

    @Test func activityOutlivesSnapshots() {
        var builder = ClusterSnapshotBuilder(spec: leastRequest())
        let hosts = BalanceSupport.hosts(weights: [1, 1, 1])
        let balancer = LoadBalancer(builder.build(hosts: hosts))
        let slot0 = balancer.acquire(0)
        let slot2 = balancer.acquire(2)
        _ = balancer.acquire(2)
        // Host 0 goes, host 2 moves to the front with another weight, a new host comes.
        var attributes = hosts[2].attributes
        attributes.weight = 7
        let newcomer = BalanceSupport.host(9_500)
        balancer.adopt(builder.build(hosts: [hosts[2].replacing(attributes), newcomer]))
        #expect(balancer.active(of: 0) == 2)
        #expect(balancer.active(of: 1) == 0)
        balancer.release(slot2)
        #expect(balancer.active(of: 0) == 1)
        // The removed host's loan comes back late, and its place is used again.
        #expect(balancer.active(of: slot0) == 1)
        balancer.release(slot0)
        balancer.adopt(builder.build(hosts: [hosts[2], newcomer, BalanceSupport.host(9_501)]))
        #expect(balancer.active(of: 2) == 0)
        #expect(balancer.active(of: 0) == 1)
    }

    // MARK: - All of them

    @Test func noHostGivesNone() {
        var random = FastRandom(seed: 41)
        for policy in [LoadBalancerSpec.Policy.roundRobin(slowStart: nil), .random, .leastRequest(.init())] {
            let balancer = LoadBalancer(BalanceSupport.snapshot(.init(policy), []))
            #expect(balancer.choose(LoadBalancerContext(), random: &random).index == nil)
        }
    }

    @Test func oneHostIsAlwaysTaken() {
        var random = FastRandom(seed: 42)
        for policy in [LoadBalancerSpec.Policy.roundRobin(slowStart: nil), .random, .leastRequest(.init())] {
            let balancer = LoadBalancer(BalanceSupport.snapshot(.init(policy), BalanceSupport.hosts(weights: [9])))
            #expect(BalanceSupport.counts(balancer, 50, &random) == [0: 50])
        }
    }

    @Test func triedHostsAreAvoidedWhileThereAreAttempts() {
        var random = FastRandom(seed: 43)
        for policy in [LoadBalancerSpec.Policy.roundRobin(slowStart: nil), .random, .leastRequest(.init())] {
            let snapshot = BalanceSupport.snapshot(.init(policy), BalanceSupport.hosts(weights: [1, 1]))
            let balancer = LoadBalancer(snapshot)
            let tried = TriedHosts()
            tried.add(snapshot[0])
            var context = LoadBalancerContext()
            context.predicate = tried
            context.maxHostAttempts = 50
            #expect(BalanceSupport.counts(balancer, context, 100, &random) == [1: 100])
            // Every host refused: the last one is given, and said to be.
            tried.add(snapshot[1])
            context.maxHostAttempts = 3
            let choice = balancer.choose(context, random: &random)
            #expect(choice.index != nil)
            #expect(choice.outcome == .predicateExhausted)
        }
    }
}
