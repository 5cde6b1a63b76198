import CoreBytes
import Testing

@testable import Core

/// Subset selection and its fallbacks. Hosts are the seven of the documentation's example: by stage, version and type.
@Suite struct SubsetTests {
    private static func host(_ port: UInt16, _ lb: [String: MetadataValue], flags: HealthFlags = []) -> Host {
        BalanceSupport.host(port, flags: flags, lb: lb)
    }

    private static func labels(_ stage: String, _ version: String, _ type: String) -> [String: MetadataValue] {
        ["stage": .string(stage), "version": .string(version), "type": .string(type)]
    }

    private let hosts = [
        host(1, labels("prod", "1.0", "std")), host(2, labels("prod", "1.0", "std")),
        host(3, labels("prod", "1.1", "std")), host(4, labels("prod", "1.1", "std")),
        host(5, labels("prod", "1.0", "bigmem")), host(6, labels("prod", "1.1", "bigmem")),
        host(7, labels("dev", "1.2-pre", "std")),
    ]

    private func spec(
        _ selectors: [LoadBalancerSpec.Selector] = [
            .init(keys: ["stage", "type"]), .init(keys: ["stage", "version"]), .init(keys: ["version"]),
        ], _ change: (inout LoadBalancerSpec.Subset) -> Void = { _ in }
    ) -> LoadBalancerSpec {
        var settings = LoadBalancerSpec.Subset(inner: LoadBalancerSpec())
        settings.selectors = selectors
        change(&settings)
        return LoadBalancerSpec(.subset(settings))
    }

    private func context(_ members: [String: MetadataValue]?) -> LoadBalancerContext {
        var context = LoadBalancerContext()
        context.metadataMatch = members.map { MetadataMatchCriteria($0) }
        return context
    }

    /// Ports reached over many choices, and the outcomes seen.
    private func reach(
        _ spec: LoadBalancerSpec, _ members: [String: MetadataValue]?, hosts: [Host]? = nil
    ) -> (ports: [UInt16], outcome: ChoiceOutcome) {
        var random = FastRandom(seed: 101)
        let snapshot = BalanceSupport.snapshot(spec, hosts ?? self.hosts)
        let balancer = LoadBalancer(snapshot)
        var ports = Set<UInt16>()
        var outcome: ChoiceOutcome = []
        for _ in 0..<100 {
            let choice = balancer.choose(context(members), random: &random)
            if let index = choice.index { ports.insert(snapshot[index].address.port) }
            outcome.formUnion(choice.outcome)
        }
        return (ports.sorted(), outcome)
    }

    // MARK: - Matching

    @Test func criteriaNameTheSubset() {
        let cases: [([String: MetadataValue], [UInt16])] = [
            (["stage": .string("prod"), "type": .string("bigmem")], [5, 6]),
            (["stage": .string("prod"), "version": .string("1.0")], [1, 2, 5]),
            (["version": .string("1.2-pre")], [7]),
            (["stage": .string("dev"), "type": .string("std")], [7]),
        ]
        for (criteria, ports) in cases {
            let reached = reach(spec(), criteria)
            #expect(reached.ports == ports)
            #expect(reached.outcome == .subsetSelected)
        }
        #expect(BalanceSupport.snapshot(spec(), hosts).tableFigures.subsets == 9)
    }

    @Test func keysMustBeExactlyASelectors() {
        // No selector has "stage" alone, nor all three keys; a value nobody has makes no subset either.
        for criteria: [String: MetadataValue] in [
            ["stage": .string("prod")], Self.labels("prod", "1.0", "std"), ["version": .string("9")], [:],
        ] {
            #expect(reach(spec(), criteria) == ([], []))
        }
        #expect(reach(spec(), nil) == ([], []))
    }

    @Test func valuesCompareByKind() {
        let hosts = [
            Self.host(1, ["v": .number(1)]), Self.host(2, ["v": .string("1")]), Self.host(3, ["v": .bool(true)]),
            Self.host(4, ["v": .object(["a": .list([.null])])]),
        ]
        let spec = spec([.init(keys: ["v"])])
        #expect(reach(spec, ["v": .number(1)], hosts: hosts).ports == [1])
        #expect(reach(spec, ["v": .string("1")], hosts: hosts).ports == [2])
        #expect(reach(spec, ["v": .bool(true)], hosts: hosts).ports == [3])
        #expect(reach(spec, ["v": .object(["a": .list([.null])])], hosts: hosts).ports == [4])
    }

    @Test func listAsAnyMakesASubsetPerElement() {
        let hosts = [
            Self.host(1, ["v": .list([.string("a"), .string("b")]), "w": .list([.number(1), .number(2)])]),
            Self.host(2, ["v": .string("b"), "w": .number(2)]), Self.host(3, ["v": .list([]), "w": .number(2)]),
        ]
        let any = spec([.init(keys: ["v"]), .init(keys: ["v", "w"])]) { $0.listAsAny = true }
        #expect(reach(any, ["v": .string("a")], hosts: hosts).ports == [1])
        #expect(reach(any, ["v": .string("b")], hosts: hosts).ports == [1, 2])
        #expect(reach(any, ["v": .string("b"), "w": .number(1)], hosts: hosts).ports == [1])
        let exact = spec([.init(keys: ["v"])])
        #expect(reach(exact, ["v": .string("a")], hosts: hosts).ports == [])
        #expect(reach(exact, ["v": .list([.string("a"), .string("b")])], hosts: hosts).ports == [1])
    }

    @Test func healthCountsInsideTheSubset() {
        hosts[0].health.set(.failedActiveHC)
        defer { hosts[0].health.clear(.failedActiveHC) }
        let reached = reach(spec(), ["stage": .string("prod"), "version": .string("1.0")])
        #expect(reached.ports == [2, 5])
        // One of two down is not below 50 %, both down is panic inside the subset.
        hosts[4].health.set(.failedActiveHC)
        hosts[5].health.set(.failedActiveHC)
        defer {
            hosts[4].health.clear(.failedActiveHC)
            hosts[5].health.clear(.failedActiveHC)
        }
        let panic = reach(spec(), ["stage": .string("prod"), "type": .string("bigmem")])
        #expect(panic.ports == [5, 6])
        #expect(panic.outcome == [.subsetSelected, .healthyPanic])
    }

    // MARK: - Fallbacks

    @Test func anyEndpointFallsBackToAll() {
        let any = spec { $0.fallback = .anyEndpoint }
        let reached = reach(any, ["version": .string("9")])
        #expect(reached.ports == [1, 2, 3, 4, 5, 6, 7])
        #expect(reached.outcome == .subsetFallback)
        #expect(reach(any, nil).ports.count == 7)
        #expect(reach(any, ["version": .string("1.2-pre")]).ports == [7])
    }

    @Test func defaultSubsetFallsBackToItsHosts() {
        let fixed = spec {
            $0.fallback = .defaultSubset
            $0.defaultSubset = ["stage": .string("dev")]
        }
        let reached = reach(fixed, ["version": .string("9")])
        #expect(reached.ports == [7])
        #expect(reached.outcome == .subsetFallback)
    }

    @Test func panicModeAnyIsTheLastResort() {
        let nobody = spec {
            $0.fallback = .defaultSubset
            $0.defaultSubset = ["stage": .string("none")]
            $0.panicModeAny = true
        }
        let reached = reach(nobody, ["version": .string("9")])
        #expect(reached.ports == [1, 2, 3, 4, 5, 6, 7])
        #expect(reached.outcome.contains(.subsetFallbackPanic))
        #expect(!reached.outcome.contains(.subsetFallback))
        // It stands behind a fallback, not in place of one.
        #expect(reach(spec { $0.panicModeAny = true }, ["version": .string("9")]).ports == [])
    }

    @Test func selectorsHaveTheirOwnFallbacks() {
        let own = spec([
            .init(keys: ["stage"], fallback: .noFallback), .init(keys: ["type"], fallback: .anyEndpoint),
            .init(keys: ["version"], fallback: .defaultSubset),
            .init(keys: ["stage", "version"], fallback: .keysSubset, fallbackKeys: ["stage"]),
            .init(keys: ["stage", "type", "version"], fallback: .keysSubset, fallbackKeys: ["stage", "version"]),
            .init(keys: ["type", "version"]),
        ]) {
            $0.fallback = .anyEndpoint
            $0.defaultSubset = ["version": .string("1.1"), "type": .string("bigmem")]
        }
        #expect(reach(own, ["stage": .string("x")]) == ([], []))
        #expect(reach(own, ["type": .string("x")]).ports.count == 7)
        #expect(reach(own, ["version": .string("x")]).ports == [6])
        #expect(reach(own, ["stage": .string("dev"), "version": .string("x")]).ports == [7])
        #expect(reach(own, ["stage": .string("dev"), "version": .string("x")]).outcome == .subsetSelected)
        // Two steps down: (stage, type, version) → (stage, version) → (stage).
        #expect(reach(own, Self.labels("dev", "x", "y")).ports == [7])
        #expect(reach(own, Self.labels("x", "y", "z")) == ([], []))
        // Not defined: the cluster's.
        let cluster = reach(own, ["type": .string("x"), "version": .string("y")])
        #expect(cluster.ports.count == 7)
        #expect(cluster.outcome == .subsetFallback)
    }

    @Test func metadataFallbackListIsTriedInOrder() {
        let list = spec([.init(keys: ["stage", "version"]), .init(keys: ["stage"])]) {
            $0.usesMetadataFallbackList = true
        }
        func criteria(_ versions: [MetadataValue]) -> [String: MetadataValue] {
            ["stage": .string("prod"), "fallback_list": .list(versions)]
        }
        let first: MetadataValue = .object(["version": .string("7")])
        let second: MetadataValue = .object(["version": .string("1.1")])
        let third: MetadataValue = .object(["version": .string("1.0")])
        #expect(reach(list, criteria([first, second, third])).ports == [3, 4, 6])
        #expect(reach(list, criteria([third, second])).ports == [1, 2, 5])
        #expect(reach(list, criteria([first])).ports == [])
        // An empty list asks for the other criteria alone.
        #expect(reach(list, criteria([])).ports == [1, 2, 3, 4, 5, 6])
        // Without the policy the list is a key like any other.
        #expect(reach(spec([.init(keys: ["stage"])]), criteria([])).ports == [])
    }

    @Test func redundantKeysAreDroppedWhenAllowed() {
        let strict = spec([.init(keys: ["version"])])
        let lenient = spec([.init(keys: ["version"])]) { $0.allowsRedundantKeys = true }
        let criteria = Self.labels("prod", "1.0", "whatever")
        #expect(reach(strict, criteria).ports == [])
        #expect(reach(lenient, criteria).ports == [1, 2, 5])
    }

    // MARK: - Single hosts, localities, tables

    @Test func singleHostSubsetsHoldTheFirst() {
        var selector = LoadBalancerSpec.Selector(keys: ["version"])
        selector.isSingleHostPerSubset = true
        let single = spec([selector])
        #expect(reach(single, ["version": .string("1.0")]).ports == [1])
        #expect(reach(single, ["version": .string("1.1")]).ports == [3])
        #expect(BalanceSupport.snapshot(single, hosts).tableFigures.singleHostSubsetDuplicates == 4)
    }

    @Test func localityWeightsCountOnlyWhenAware() {
        let a = Locality(region: "a")
        let b = Locality(region: "b")
        let lb: [String: MetadataValue] = ["v": .number(1)]
        // Locality a: 1 of its 4 hosts in the subset; b: its only host.
        let hosts =
            [BalanceSupport.host(1, locality: a, lb: lb), BalanceSupport.host(2, locality: b, lb: lb)]
            + (3..<6).map { BalanceSupport.host($0, locality: a) }
        func counts(aware: Bool, scale: Bool) -> [Int: Int] {
            var inner = LoadBalancerSpec()
            inner.localityMode = .weighted
            var settings = LoadBalancerSpec.Subset(inner: inner)
            settings.selectors = [.init(keys: ["v"])]
            settings.isLocalityWeightAware = aware
            settings.scalesLocalityWeight = scale
            var random = FastRandom(seed: 7)
            let snapshot = BalanceSupport.snapshot(
                .init(.subset(settings)), hosts,
                localityWeights: [.init(priority: 0, locality: a): 12, .init(priority: 0, locality: b): 3])
            return BalanceSupport.counts(LoadBalancer(snapshot), context(lb), 600, &random)
        }
        #expect(counts(aware: false, scale: false) == [0: 300, 1: 300])
        #expect(abs(counts(aware: true, scale: false)[0, default: 0] - 480) <= 1)
        // 12 × 1/4 = 3 against 3.
        #expect(counts(aware: true, scale: true) == [0: 300, 1: 300])
    }

    @Test func subsetsHaveTheirOwnTables() {
        var settings = LoadBalancerSpec.Subset(inner: LoadBalancerSpec(.maglev(.init())))
        settings.selectors = [.init(keys: ["version"])]
        let snapshot = BalanceSupport.snapshot(.init(.subset(settings)), hosts)
        let balancer = LoadBalancer(snapshot)
        var random = FastRandom(seed: 7)
        var context = context(["version": .string("1.1")])
        var ports: [UInt16: Int] = [:]
        for number in 0..<3_000 {
            context.hash = XXHash64.hash(UInt64(number))
            let once = balancer.choose(context, random: &random).index
            #expect(once == balancer.choose(context, random: &random).index)
            if let once { ports[snapshot[once].address.port, default: 0] += 1 }
        }
        #expect(ports.keys.sorted() == [3, 4, 6])
        #expect(ports.values.allSatisfy { (850...1_150).contains($0) })
    }

    @Test func loadsAreSharedBetweenSubsets() {
        var settings = LoadBalancerSpec.Subset(
            inner: LoadBalancerSpec(
                .leastRequest(
                    {
                        var settings = LoadBalancerSpec.LeastRequest()
                        settings.isFullScan = true
                        return settings
                    }())))
        settings.selectors = [.init(keys: ["version"]), .init(keys: ["type"])]
        let balancer = LoadBalancer(BalanceSupport.snapshot(.init(.subset(settings)), hosts))
        var random = FastRandom(seed: 7)
        // Host 5 (index 4) is in both subsets; make it busy through one and look through the other.
        _ = balancer.acquire(4)
        let counts = BalanceSupport.counts(balancer, context(["type": .string("bigmem")]), 20, &random)
        #expect(counts == [5: 20])
    }

    @Test func requestMadeCriteriaDoNotPileUp() {
        let lenient = spec([.init(keys: ["version"])]) { $0.allowsRedundantKeys = true }
        let balancer = LoadBalancer(BalanceSupport.snapshot(lenient, hosts))
        var random = FastRandom(seed: 7)
        for number in 0..<1_000 {
            let context = context(["version": .string("1.0"), "extra": .number(Double(number))])
            #expect(balancer.choose(context, random: &random).index != nil)
        }
    }
}
