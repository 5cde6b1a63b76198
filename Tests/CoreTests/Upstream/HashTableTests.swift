import CoreBytes
import Testing

@testable import Core

/// Ring hash and Maglev against placements recorded from Envoy 1.40 (tcp_proxy with `hash_policy: source_ip`, sources
/// 127.0.0.2 … 127.0.0.61, hosts 127.0.0.1:19301 …), plus the properties the algorithms promise.
@Suite struct HashTableTests {
    private typealias Weights = [UInt32]

    private func hosts(_ weights: [UInt32]) -> [Host] {
        weights.enumerated().map { BalanceSupport.host(UInt16(19_301 + $0.offset), weight: $0.element) }
    }

    /// What the TCP proxy's hash policy makes of a source address.
    private func hash(_ last: Int) -> UInt64 { XXHash64.hash("127.0.0.\(last)") }

    private func placements(_ snapshot: ClusterSnapshot) -> String {
        let balancer = LoadBalancer(snapshot)
        var random = FastRandom(seed: 1)
        return (2..<62).map { source in
            let choice = balancer.choose(LoadBalancerContext(hash: hash(source)), random: &random)
            return choice.index.map { "\(snapshot[$0].address.port - 19_301)" } ?? "-"
        }.joined()
    }

    private func ring(_ change: (inout LoadBalancerSpec.RingHash) -> Void = { _ in }) -> LoadBalancerSpec {
        var settings = LoadBalancerSpec.RingHash()
        change(&settings)
        return LoadBalancerSpec(.ringHash(settings))
    }

    private func maglev(_ change: (inout LoadBalancerSpec.Maglev) -> Void = { _ in }) -> LoadBalancerSpec {
        var settings = LoadBalancerSpec.Maglev()
        change(&settings)
        return LoadBalancerSpec(.maglev(settings))
    }

    // MARK: - As Envoy places

    @Test func ringOfEqualHosts() {
        let snapshot = BalanceSupport.snapshot(ring(), hosts([1, 1, 1, 1, 1]))
        #expect(placements(snapshot) == "000323330004404103001332101223232343104113130033343401144344")
        #expect(snapshot.tableFigures.ringSize == 1025)
        #expect(snapshot.tableFigures.minEntriesPerHost == 205)
        #expect(snapshot.tableFigures.maxEntriesPerHost == 205)
    }

    @Test func ringOfWeightedHosts() {
        let snapshot = BalanceSupport.snapshot(ring { $0.minimumRingSize = 100 }, hosts([1, 2, 3, 4, 5]))
        #expect(placements(snapshot) == "234121431331231042430443234124340333334441320041330122044304")
        #expect(snapshot.tableFigures.ringSize == 105)
        #expect(snapshot.tableFigures.minEntriesPerHost == 7)
        #expect(snapshot.tableFigures.maxEntriesPerHost == 35)
    }

    @Test func ringWithMurmurHash() {
        let snapshot = BalanceSupport.snapshot(ring { $0.hashFunction = .murmurHash2 }, hosts([1, 1, 1, 1, 1]))
        #expect(placements(snapshot) == "243234223414141223122410412400233404402322420230213334133422")
    }

    /// Six points for four hosts: two of them own two, two own one.
    @Test func ringSmallerThanItsHostsDividesTheRest() {
        let snapshot = BalanceSupport.snapshot(
            ring {
                $0.minimumRingSize = 6
                $0.maximumRingSize = 6
            }, hosts([1, 1, 1, 1]))
        #expect(placements(snapshot) == "211113112222123311333313132122203201131121121001323303021231")
        #expect(snapshot.tableFigures.ringSize == 6)
        #expect(snapshot.tableFigures.minEntriesPerHost == 1)
        #expect(snapshot.tableFigures.maxEntriesPerHost == 2)
    }

    @Test func ringByLocalityWeight() {
        let a = Locality(region: "a")
        let b = Locality(region: "b")
        let hosts = [
            BalanceSupport.host(19_301, locality: a), BalanceSupport.host(19_302, locality: a),
            BalanceSupport.host(19_303, locality: b), BalanceSupport.host(19_304, locality: b),
            BalanceSupport.host(19_305, weight: 2, locality: b),
        ]
        var spec = ring()
        spec.localityMode = .weighted
        let snapshot = BalanceSupport.snapshot(
            spec, hosts,
            localityWeights: [.init(priority: 0, locality: a): 3, .init(priority: 0, locality: b): 1])
        #expect(placements(snapshot) == "001321301104104101101131101120000311104112110000111101111311")
    }

    @Test func ringByHostnameAndHashKey() {
        let hosts = [
            BalanceSupport.host(19_301, hostname: "one"), BalanceSupport.host(19_302, hostname: "two"),
            BalanceSupport.host(19_303, lb: ["hash_key": .string("mine")], hostname: "three"),
        ]
        let snapshot = BalanceSupport.snapshot(ring { $0.hashing.useHostnameForHashing = true }, hosts)
        #expect(placements(snapshot) == "122021011110012102020010211010012210012020022020112211112121")
    }

    @Test func maglevOfEqualHosts() {
        let snapshot = BalanceSupport.snapshot(maglev(), hosts([1, 1, 1, 1, 1]))
        #expect(placements(snapshot) == "444103240411103113032024203301204114020141040214120034410014")
    }

    @Test func maglevOfWeightedHosts() {
        let snapshot = BalanceSupport.snapshot(maglev(), hosts([1, 2, 3, 4, 5]))
        #expect(placements(snapshot) == "444413244444113113432424213411204134324141240214142034410014")
    }

    @Test func maglevByHashKeyInASmallTable() {
        let hosts = [
            BalanceSupport.host(19_301, lb: ["hash_key": .string("kappa")]),
            BalanceSupport.host(19_302, lb: ["hash_key": .string("alpha")]), BalanceSupport.host(19_303),
        ]
        let snapshot = BalanceSupport.snapshot(maglev { $0.tableSize = 251 }, hosts)
        #expect(placements(snapshot) == "000122101110221001021121002122101102212110002221020201211022")
    }

    @Test func hashAlsoChoosesThePriority() {
        let hosts = [
            BalanceSupport.host(19_301), BalanceSupport.host(19_302, flags: .failedEDSHealth),
            BalanceSupport.host(19_303, flags: .failedEDSHealth), BalanceSupport.host(19_304, priority: 1),
            BalanceSupport.host(19_305, priority: 1),
        ]
        let snapshot = BalanceSupport.snapshot(ring(), hosts)
        #expect(snapshot.prioritySet.load.healthy == [46, 54])
        #expect(placements(snapshot) == "404340340000400000040030343003440043404033330300340030030044")
    }

    @Test func panicHashesOverAllHosts() {
        let hosts = [
            BalanceSupport.host(19_301), BalanceSupport.host(19_302, flags: .failedEDSHealth),
            BalanceSupport.host(19_303, flags: .failedEDSHealth),
        ]
        let snapshot = BalanceSupport.snapshot(ring(), hosts)
        #expect(placements(snapshot) == "001122210100101102101102101220002111101112120000111201111011")
        var random = FastRandom(seed: 1)
        let choice = LoadBalancer(snapshot).choose(LoadBalancerContext(hash: 1), random: &random)
        #expect(choice.outcome == .healthyPanic)
    }

    /// Sixty connections held open, from nine sources in turn.
    private func boundedPlacements(_ snapshot: ClusterSnapshot) -> String {
        let balancer = LoadBalancer(snapshot)
        var random = FastRandom(seed: 1)
        return (0..<60).map { round in
            let choice = balancer.choose(LoadBalancerContext(hash: hash(2 + round % 9)), random: &random)
            guard let index = choice.index else { return "-" }
            _ = balancer.acquire(index)
            return "\(snapshot[index].address.port - 19_301)"
        }.joined()
    }

    @Test func boundedLoadSpillsInTheOrderOfTheHash() {
        let equal = BalanceSupport.snapshot(ring { $0.hashing.balanceFactorPercent = 120 }, hosts([1, 1, 1, 1, 1]))
        #expect(boundedPlacements(equal) == "003323140023321130020321130120321340103423140023423140023423")
        let weighted = BalanceSupport.snapshot(
            maglev { $0.hashing.balanceFactorPercent = 110 }, hosts([1, 2, 3, 4, 5]))
        #expect(boundedPlacements(weighted) == "444213244340213244340413242420413244324213244340213244420413")
    }

    // MARK: - What the algorithms promise

    @Test(arguments: [true, false])
    func removingAHostMovesLittleElse(isRing: Bool) {
        // One point a host with nine hosts as with ten: a ring that keeps its points per host.
        let spec = isRing ? ring { $0.minimumRingSize = 9 } : maglev()
        let all = hosts(Array(repeating: 1, count: 10))
        let before = BalanceSupport.snapshot(spec, all)
        let after = BalanceSupport.snapshot(spec, all.filter { $0.address.port != 19_304 })
        let a = LoadBalancer(before)
        let b = LoadBalancer(after)
        var random = FastRandom(seed: 5)
        var stayedElsewhere = 0
        var movedElsewhere = 0
        for number in 0..<20_000 {
            let context = LoadBalancerContext(hash: XXHash64.hash(UInt64(number)))
            guard let old = a.choose(context, random: &random).index, let new = b.choose(context, random: &random).index
            else {
                Issue.record("every hash has a host")
                return
            }
            if before[old].address.port == 19_304 { continue }
            if before[old].isSame(as: after[new]) { stayedElsewhere += 1 } else { movedElsewhere += 1 }
        }
        // A ring moves only what the lost host owned; Maglev trades a little disruption for even shares.
        #expect(isRing ? movedElsewhere == 0 : Double(movedElsewhere) < 0.03 * Double(stayedElsewhere))
    }

    @Test func placementDoesNotDependOnTheOrderOfHosts() {
        for spec in [ring(), maglev()] {
            let all = hosts([1, 1, 1, 1, 1])
            let forward = BalanceSupport.snapshot(spec, all)
            let backward = BalanceSupport.snapshot(spec, all.reversed())
            #expect(placements(forward) == placements(backward))
        }
    }

    @Test func maglevSlotsFollowTheWeights() {
        let snapshot = BalanceSupport.snapshot(maglev(), hosts([1, 2, 3, 4, 5]))
        var counts: [Int: Int] = [:]
        let balancer = LoadBalancer(snapshot)
        var random = FastRandom(seed: 1)
        for slot in 0..<65_537 {
            let choice = balancer.choose(LoadBalancerContext(hash: UInt64(slot)), random: &random)
            counts[Int(choice.index ?? 9), default: 0] += 1
        }
        // Every slot once: exact shares, within the one slot per host that a prime size cannot divide.
        for (host, weight) in [1, 2, 3, 4, 5].enumerated() {
            #expect(abs(counts[host, default: 0] - 65_537 * weight / 15) <= 2)
        }
        #expect(snapshot.tableFigures.minEntriesPerHost == UInt64(counts[0, default: 0]))
        #expect(snapshot.tableFigures.maxEntriesPerHost == UInt64(counts[4, default: 0]))
    }

    @Test func wideMaglevTablesWorkToo() {
        // More hosts than 16 bits can number.
        let many = (0..<66_000).map { number in
            Host(Host.Attributes(address: .v4(address: 0x0A00_0000 + UInt32(number), port: 80)))
        }
        let snapshot = BalanceSupport.snapshot(maglev { $0.tableSize = 131_071 }, many)
        let balancer = LoadBalancer(snapshot)
        var random = FastRandom(seed: 1)
        var seen = Set<HostIndex>()
        for slot in 0..<131_071 {
            if let index = balancer.choose(LoadBalancerContext(hash: UInt64(slot)), random: &random).index {
                seen.insert(index)
            }
        }
        #expect(seen.count == 66_000)
    }

    @Test func withoutAHashThePlaceIsRandom() {
        let snapshot = BalanceSupport.snapshot(ring { $0.minimumRingSize = 100_000 }, hosts([1, 1, 1, 1]))
        var random = FastRandom(seed: 3)
        let counts = BalanceSupport.counts(LoadBalancer(snapshot), 40_000, &random)
        #expect(counts.keys.sorted() == [0, 1, 2, 3])
        #expect(counts.values.allSatisfy { (9_000...11_000).contains($0) })
    }

    @Test func anotherAttemptLooksFurtherAlong() {
        for spec in [ring(), maglev()] {
            let snapshot = BalanceSupport.snapshot(spec, hosts([1, 1, 1, 1, 1]))
            let balancer = LoadBalancer(snapshot)
            var random = FastRandom(seed: 3)
            for source in 2..<62 {
                var context = LoadBalancerContext(hash: hash(source))
                let first = balancer.choose(context, random: &random)
                let tried = TriedHosts()
                tried.add(snapshot[first.index ?? 0])
                context.predicate = tried
                context.maxHostAttempts = 40
                let second = balancer.choose(context, random: &random)
                #expect(second.index != first.index)
                #expect(!second.outcome.contains(.predicateExhausted))
            }
        }
    }

    @Test func emptySetsGiveNoHost() {
        var random = FastRandom(seed: 3)
        for spec in [ring(), maglev()] {
            let balancer = LoadBalancer(BalanceSupport.snapshot(spec, []))
            #expect(balancer.choose(LoadBalancerContext(hash: 1), random: &random).index == nil)
            // Panic off and nobody healthy.
            var strict = spec
            strict.panicThresholdPercent = 0
            let sick = BalanceSupport.snapshot(strict, [BalanceSupport.host(1, flags: .failedActiveHC)])
            #expect(LoadBalancer(sick).choose(LoadBalancerContext(hash: 1), random: &random).index == nil)
        }
    }
}
