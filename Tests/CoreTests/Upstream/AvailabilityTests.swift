import CoreBytes
import Testing

@testable import Core

/// Which hosts a choice may fall on: health, panic, priorities, localities, overrides.
@Suite struct AvailabilityTests {
    private let roundRobin = LoadBalancerSpec()

    @Test func listsFollowTheFlags() {
        let hosts = [
            BalanceSupport.host(1), BalanceSupport.host(2, flags: .failedActiveHC),
            BalanceSupport.host(3, flags: .degradedEDSHealth), BalanceSupport.host(4, flags: .edsStatusDraining),
            BalanceSupport.host(5, flags: [.degradedActiveHC, .failedOutlierCheck]),
            BalanceSupport.host(6, flags: [.pendingActiveHC, .failedActiveHC]),
            BalanceSupport.host(7, flags: .excludedViaImmediateHCFail),
            BalanceSupport.host(8, flags: .pendingDynamicRemoval),
        ]
        let set = BalanceSupport.snapshot(roundRobin, hosts).hostSets[0]
        #expect(set.all.count == 8)
        #expect(set.healthy == [0, 6, 7])
        #expect(set.degraded == [2])
        #expect(set.excluded == [5, 6])
        #expect(set.countedHosts == 6)
    }

    @Test func flagTextsAreEnvoys() {
        #expect(HealthFlags([]).text == "healthy")
        #expect(
            HealthFlags(rawValue: 0x7FF).text == "/failed_active_hc/failed_outlier_check/failed_eds_health"
                + "/degraded_active_hc/degraded_eds_health/pending_dynamic_removal/pending_active_hc"
                + "/excluded_via_immediate_hc_fail/active_hc_timeout/eds_status_draining"
                + "/degraded_outlier_detection")
    }

    @Test func unhealthyHostsAreLeftOut() {
        var random = FastRandom(seed: 51)
        let hosts = [
            BalanceSupport.host(1), BalanceSupport.host(2, flags: .failedActiveHC), BalanceSupport.host(3),
        ]
        let balancer = LoadBalancer(BalanceSupport.snapshot(roundRobin, hosts))
        #expect(BalanceSupport.counts(balancer, 100, &random) == [0: 50, 2: 50])
    }

    @Test func flagsWorkFromTheNextSnapshot() {
        var random = FastRandom(seed: 52)
        var builder = ClusterSnapshotBuilder(spec: roundRobin)
        let hosts = BalanceSupport.hosts(weights: [1, 1, 1])
        let first = builder.build(hosts: hosts)
        let balancer = LoadBalancer(first)
        #expect(hosts[1].health.set(.failedActiveHC))
        #expect(!hosts[1].health.set(.failedActiveHC))
        #expect(BalanceSupport.counts(balancer, 30, &random) == [0: 10, 1: 10, 2: 10])
        let second = builder.build(hosts: hosts)
        #expect(second.generation == first.generation + 1)
        balancer.adopt(second)
        #expect(BalanceSupport.counts(balancer, 30, &random) == [0: 15, 2: 15])
        #expect(hosts[1].health.clear(.failedActiveHC))
        #expect(!hosts[1].health.clear(.failedActiveHC))
    }

    @Test func panicUsesAllHostsAndSaysSo() {
        var random = FastRandom(seed: 53)
        let hosts = [
            BalanceSupport.host(1), BalanceSupport.host(2, flags: .failedActiveHC),
            BalanceSupport.host(3, flags: .failedActiveHC),
        ]
        for policy in [LoadBalancerSpec.Policy.roundRobin(slowStart: nil), .random, .leastRequest(.init())] {
            let balancer = LoadBalancer(BalanceSupport.snapshot(.init(policy), hosts))
            #expect(balancer.choose(LoadBalancerContext(), random: &random).outcome == .healthyPanic)
            #expect(BalanceSupport.counts(balancer, 90, &random).keys.sorted() == [0, 1, 2])
        }
    }

    @Test func failTrafficOnPanicGivesNoHost() {
        var random = FastRandom(seed: 54)
        var spec = roundRobin
        var zone = LoadBalancerSpec.ZoneAware()
        zone.failTrafficOnPanic = true
        spec.localityMode = .zoneAware(zone)
        let hosts = [
            BalanceSupport.host(1), BalanceSupport.host(2, flags: .failedActiveHC),
            BalanceSupport.host(3, flags: .failedActiveHC),
        ]
        let choice = LoadBalancer(BalanceSupport.snapshot(spec, hosts)).choose(LoadBalancerContext(), random: &random)
        #expect(choice == HostChoice(nil, .healthyPanic))
    }

    @Test func panicThresholdZeroNeverPanics() {
        var random = FastRandom(seed: 55)
        var spec = roundRobin
        spec.panicThresholdPercent = 0
        let hosts = [
            BalanceSupport.host(1), BalanceSupport.host(2, flags: .failedActiveHC),
            BalanceSupport.host(3, flags: .failedActiveHC),
        ]
        let balancer = LoadBalancer(BalanceSupport.snapshot(spec, hosts))
        #expect(BalanceSupport.counts(balancer, 90, &random) == [0: 90])
        let sick = LoadBalancer(
            BalanceSupport.snapshot(spec, [BalanceSupport.host(1, flags: .failedActiveHC)]))
        #expect(sick.choose(LoadBalancerContext(), random: &random) == HostChoice(nil))
    }

    @Test func prioritiesShareTheLoad() {
        var random = FastRandom(seed: 56)
        // P0: 1 of 2 healthy = 70 %; P1 takes 30 %.
        let hosts = [
            BalanceSupport.host(1), BalanceSupport.host(2, flags: .failedActiveHC),
            BalanceSupport.host(3, priority: 1), BalanceSupport.host(4, priority: 1),
        ]
        let snapshot = BalanceSupport.snapshot(roundRobin, hosts)
        #expect(snapshot.prioritySet.load.healthy == [70, 30])
        let counts = BalanceSupport.counts(LoadBalancer(snapshot), 20_000, &random)
        #expect(abs(counts[0, default: 0] - 14_000) < 300)
        #expect(counts[1] == nil)
        #expect(abs(counts[2, default: 0] - counts[3, default: 0]) <= 1)
    }

    @Test func hostsAreSortedByPriorityKeepingTheirOrder() {
        let hosts = [
            BalanceSupport.host(1, priority: 2), BalanceSupport.host(2), BalanceSupport.host(3, priority: 2),
            BalanceSupport.host(4),
        ]
        let snapshot = BalanceSupport.snapshot(roundRobin, hosts)
        #expect(snapshot.hosts.map(\.address.port) == [2, 4, 1, 3])
        #expect(snapshot.hostSets.count == 3)
        #expect(snapshot.hostSets[1].all.isEmpty)
    }

    @Test func degradedHostsComeAfterHealthyOnes() {
        var random = FastRandom(seed: 57)
        // 1 of 4 healthy = 35, 2 of 4 degraded = 70 → the rest, 65.
        let hosts = [
            BalanceSupport.host(1), BalanceSupport.host(2, flags: .degradedEDSHealth),
            BalanceSupport.host(3, flags: .degradedActiveHC), BalanceSupport.host(4, flags: .failedActiveHC),
        ]
        let balancer = LoadBalancer(BalanceSupport.snapshot(roundRobin, hosts))
        let counts = BalanceSupport.counts(balancer, 20_000, &random)
        #expect(abs(counts[0, default: 0] - 7_000) < 300)
        #expect(abs(counts[1, default: 0] - counts[2, default: 0]) <= 1)
        #expect(counts[3] == nil)
    }

    @Test func aRetryMayReplaceTheLoad() {
        var random = FastRandom(seed: 58)
        let hosts = [BalanceSupport.host(1), BalanceSupport.host(2, priority: 1)]
        let balancer = LoadBalancer(BalanceSupport.snapshot(roundRobin, hosts))
        #expect(BalanceSupport.counts(balancer, 10, &random) == [0: 10])
        var context = LoadBalancerContext()
        context.priorityLoad = PriorityLoad([.init(total: 1, healthy: 0), .init(total: 1, healthy: 1)])
        #expect(BalanceSupport.counts(balancer, context, 10, &random) == [1: 10])
        #expect(BalanceSupport.counts(balancer, 10, &random) == [0: 10])
    }

    @Test func weightedPriorityHealthSumsWeights() {
        var builder = ClusterSnapshotBuilder(spec: roundRobin, hasWeightedPriorityHealth: true)
        let hosts = [
            BalanceSupport.host(1, weight: 9), BalanceSupport.host(2, weight: 1, flags: .failedActiveHC),
            BalanceSupport.host(3, weight: 10, flags: .failedActiveHC), BalanceSupport.host(4, priority: 1),
        ]
        // 9 of 20 by weight: 63 %; by count it would be 46 %.
        #expect(builder.build(hosts: hosts).prioritySet.load.healthy == [63, 37])
    }

    // MARK: - Localities

    private let a = Locality(region: "a")
    private let b = Locality(region: "b")

    private func weighted(_ hosts: [Host], _ weights: [(Locality, UInt32)]) -> ClusterSnapshot {
        var spec = roundRobin
        spec.localityMode = .weighted
        return BalanceSupport.snapshot(
            spec, hosts,
            localityWeights: Dictionary(
                uniqueKeysWithValues: weights.map { (.init(priority: 0, locality: $0.0), $0.1) }))
    }

    @Test func localitiesTakeTurnsByWeight() {
        var random = FastRandom(seed: 61)
        let hosts = [
            BalanceSupport.host(1, locality: a), BalanceSupport.host(2, locality: b),
            BalanceSupport.host(3, locality: b), BalanceSupport.host(4, locality: b),
        ]
        let counts = BalanceSupport.counts(LoadBalancer(weighted(hosts, [(a, 3), (b, 1)])), 1_200, &random)
        for (host, share) in [900, 100, 100, 100].enumerated() { #expect(abs(counts[host, default: 0] - share) <= 1) }
    }

    /// Weight × min(1, 1.4 × healthy fraction): the documentation's example of one locality losing hosts.
    @Test(arguments: [(0, 1.0), (2, 1.0), (3, 0.98), (5, 0.7), (9, 0.14)])
    func losingHostsLowersALocalitysWeight(down: Int, factor: Double) {
        let hosts =
            (0..<10).map {
                BalanceSupport.host(UInt16($0 + 1), locality: a, flags: $0 < down ? .failedActiveHC : [])
            } + [BalanceSupport.host(99, locality: b)]
        let groups = weighted(hosts, [(a, 100), (b, 50)]).hostSets[0].localities
        #expect(groups.map(\.locality) == [a, b])
        #expect(abs(groups[0].effectiveHealthyWeight - 100 * factor) < 1e-9)
        #expect(groups[1].effectiveHealthyWeight == 50)
    }

    @Test func localityWithoutAWeightGetsNothing() {
        var random = FastRandom(seed: 62)
        let hosts = [BalanceSupport.host(1, locality: a), BalanceSupport.host(2, locality: b)]
        #expect(BalanceSupport.counts(LoadBalancer(weighted(hosts, [(a, 1)])), 50, &random) == [0: 50])
        // Nobody has a weight: localities do not matter.
        #expect(BalanceSupport.counts(LoadBalancer(weighted(hosts, [])), 50, &random) == [0: 25, 1: 25])
    }

    @Test func degradedHostsFollowLocalityWeightsToo() {
        var random = FastRandom(seed: 63)
        let hosts = [
            BalanceSupport.host(1, locality: a, flags: .degradedEDSHealth),
            BalanceSupport.host(2, locality: b, flags: .degradedEDSHealth),
        ]
        let counts = BalanceSupport.counts(LoadBalancer(weighted(hosts, [(a, 1), (b, 4)])), 500, &random)
        #expect(abs(counts[1, default: 0] - 400) <= 1)
    }

    // MARK: - Zones

    private func zoneSnapshot(
        upstream: [(Locality, Int)], local: [(Locality, Int)], own: Locality, minClusterSize: UInt64 = 6
    ) -> ClusterSnapshot {
        var zone = LoadBalancerSpec.ZoneAware()
        zone.minClusterSize = minClusterSize
        var spec = roundRobin
        spec.localityMode = .zoneAware(zone)
        func hosts(_ groups: [(Locality, Int)]) -> [Host] {
            groups.flatMap { locality, count in
                (0..<count).map { _ in BalanceSupport.host(.random(in: 1...60_000), locality: locality) }
            }
        }
        var localBuilder = ClusterSnapshotBuilder(spec: roundRobin)
        var builder = ClusterSnapshotBuilder(spec: spec, localLocality: own)
        return builder.build(hosts: hosts(upstream), localCluster: localBuilder.build(hosts: hosts(local)))
    }

    private func shares(_ snapshot: ClusterSnapshot, _ random: inout FastRandom) -> [Locality: Int] {
        let balancer = LoadBalancer(snapshot)
        var counts: [Locality: Int] = [:]
        for _ in 0..<20_000 {
            guard let index = balancer.choose(LoadBalancerContext(), random: &random).index else { continue }
            counts[snapshot[index].locality, default: 0] += 1
        }
        return counts
    }

    @Test func trafficStaysInTheZoneWhenItHasCapacity() {
        var random = FastRandom(seed: 71)
        let snapshot = zoneSnapshot(upstream: [(b, 5), (a, 5)], local: [(a, 2), (b, 2)], own: a)
        #expect(shares(snapshot, &random) == [a: 20_000])
        let choice = LoadBalancer(snapshot).choose(LoadBalancerContext(), random: &random)
        #expect(choice.outcome == .zoneAllDirectly)
    }

    /// Local 40 / 40 / 20 %, upstream 25 / 50 / 25 %: 62.5 % stays, the rest goes 2 : 1 to the spare 10 % and 5 %.
    @Test func excessTrafficGoesWhereCapacityIsSpare() {
        var random = FastRandom(seed: 72)
        let c = Locality(region: "c")
        let snapshot = zoneSnapshot(
            upstream: [(a, 5), (b, 10), (c, 5)], local: [(a, 4), (b, 4), (c, 2)], own: a)
        let counts = shares(snapshot, &random)
        #expect(abs(counts[a, default: 0] - 12_500) < 350)
        #expect(abs(counts[b, default: 0] - 5_000) < 300)
        #expect(abs(counts[c, default: 0] - 2_500) < 250)
    }

    @Test func smallOrForeignClustersAreNotZoned() {
        var random = FastRandom(seed: 73)
        let small = zoneSnapshot(upstream: [(a, 2), (b, 2)], local: [(a, 2), (b, 2)], own: a)
        #expect(small.tableFigures.isZoneClusterTooSmall)
        #expect(shares(small, &random) == [a: 10_000, b: 10_000])
        let foreign = zoneSnapshot(
            upstream: [(a, 5), (b, 5)], local: [(a, 2), (b, 2)], own: Locality(region: "nowhere"))
        #expect(foreign.tableFigures.isLocalClusterNotOK)
        #expect(shares(foreign, &random) == [a: 10_000, b: 10_000])
    }

    // MARK: - Overrides and original destination

    @Test func overrideTakesTheNamedHost() {
        var random = FastRandom(seed: 81)
        let hosts = [
            BalanceSupport.host(1), BalanceSupport.host(2, flags: .degradedEDSHealth),
            BalanceSupport.host(3, flags: .failedActiveHC),
        ]
        var spec = roundRobin
        spec.panicThresholdPercent = 0
        let balancer = LoadBalancer(BalanceSupport.snapshot(spec, hosts))
        var context = LoadBalancerContext()
        context.overrideHost = .init(address: hosts[1].address)
        #expect(balancer.choose(context, random: &random) == HostChoice(1, .overrideHost))
        // An unhealthy host may not be named: another one, or none when strict.
        context.overrideHost = .init(address: hosts[2].address)
        #expect(balancer.choose(context, random: &random).outcome != .overrideHost)
        context.overrideHost = .init(address: hosts[2].address, isStrict: true)
        #expect(balancer.choose(context, random: &random) == HostChoice(nil, .overrideFailed))
        // Switched off.
        spec.overrideHostStatus = []
        let deaf = LoadBalancer(BalanceSupport.snapshot(spec, [hosts[0]]))
        context.overrideHost = .init(address: .v4(address: 1, port: 1), isStrict: true)
        #expect(deaf.choose(context, random: &random) == HostChoice(0))
    }

    @Test func originalDestinationComesFromTheConnection() {
        var random = FastRandom(seed: 82)
        var settings = LoadBalancerSpec.OriginalDestination()
        settings.upstreamPortOverride = 2
        let hosts = [BalanceSupport.host(1), BalanceSupport.host(2)]
        let balancer = LoadBalancer(BalanceSupport.snapshot(.init(.originalDestination(settings)), hosts))
        var context = LoadBalancerContext()
        #expect(balancer.choose(context, random: &random) == HostChoice(nil, .originalDestinationInvalid))
        context.originalDestination = .v4(address: 0x7F00_0001, port: 77)
        #expect(balancer.choose(context, random: &random) == HostChoice(1))
        context.originalDestination = .v4(address: 0x7F00_0002, port: 77)
        #expect(balancer.choose(context, random: &random) == HostChoice(nil, .hostToAdmit))
        #expect(settings.destination(.v4(address: 0x7F00_0002, port: 77)) == .v4(address: 0x7F00_0002, port: 2))
        context.originalDestination = .unix(path: "/x")
        #expect(balancer.choose(context, random: &random).outcome == .originalDestinationInvalid)
    }
}
