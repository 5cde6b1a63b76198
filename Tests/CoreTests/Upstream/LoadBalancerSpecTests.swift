import ConfigAPI
import SwiftProtobuf
import Testing

@testable import Core

/// Reading balancing policies from cluster messages; what Envoy 1.40 refuses is refused.
@Suite struct LoadBalancerSpecTests {
    private typealias Cluster = Envoy_Config_Cluster_V3_Cluster

    private func read(_ json: String) throws -> (spec: LoadBalancerSpec, errors: [String], warnings: [String]) {
        // What an `Any` in JSON may hold must be known to the JSON reader.
        for type in [
            Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin.self,
            Envoy_Extensions_LoadBalancingPolicies_LeastRequest_V3_LeastRequest.self,
            Envoy_Extensions_LoadBalancingPolicies_Random_V3_Random.self,
            Envoy_Extensions_LoadBalancingPolicies_RingHash_V3_RingHash.self,
            Envoy_Extensions_LoadBalancingPolicies_Maglev_V3_Maglev.self,
            Envoy_Extensions_LoadBalancingPolicies_Subset_V3_Subset.self,
        ] as [any Message.Type] {
            Google_Protobuf_Any.register(messageType: type)
        }
        let cluster = try Cluster(jsonString: json)
        var errors: [String] = []
        var warnings: [String] = []
        let spec = LoadBalancerSpec(
            cluster, runtime: { ["bias.key": 0.25, "upstream.healthy_panic_threshold": 33][$0] },
            warn: { path, _ in warnings.append(path) }, report: { path, _ in errors.append(path) })
        return (spec, errors, warnings)
    }

    @Test func defaultsAreEnvoys() throws {
        let cluster = try Cluster(jsonString: "{}")
        let spec = LoadBalancerSpec(cluster) { path, text in Issue.record("\(path) \(text)") }
        #expect(spec == LoadBalancerSpec(.roundRobin(slowStart: nil)))
        #expect(spec.panicThresholdPercent == 50)
        #expect(try read(#"{"lb_policy": "LEAST_REQUEST"}"#).spec.policy == .leastRequest(.init()))
        #expect(try read(#"{"lb_policy": "RANDOM"}"#).spec.policy == .random)
        #expect(try read(#"{"lb_policy": "RING_HASH"}"#).spec.policy == .ringHash(.init()))
        #expect(try read(#"{"lb_policy": "MAGLEV"}"#).spec.policy == .maglev(.init()))
        #expect(LoadBalancerSpec.RingHash().minimumRingSize == 1_024)
        #expect(LoadBalancerSpec.RingHash().maximumRingSize == 8_388_608)
        #expect(LoadBalancerSpec.Maglev().tableSize == 65_537)
    }

    @Test func ownMessagesAreRead() throws {
        let least = try read(
            #"""
            {"lb_policy": "LEAST_REQUEST", "least_request_lb_config": {"choice_count": 4,
             "active_request_bias": {"default_value": 0.5, "runtime_key": "other.key"},
             "slow_start_config": {"slow_start_window": "1.500s", "aggression": {"default_value": 2, "runtime_key": "a"},
             "min_weight_percent": {"value": 20}}}}
            """#)
        var settings = LoadBalancerSpec.LeastRequest()
        settings.choiceCount = 4
        settings.activeRequestBias = 0.5
        settings.slowStart = .init(windowMS: 1_500, aggression: 2, minWeightPercent: 20)
        #expect(least.spec.policy == .leastRequest(settings))
        #expect(least.errors.isEmpty && least.warnings.isEmpty)

        let ring = try read(
            #"""
            {"type": "STRICT_DNS", "lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 7,
             "maximum_ring_size": 9, "hash_function": "MURMUR_HASH_2"}, "common_lb_config": {
             "consistent_hashing_lb_config": {"use_hostname_for_hashing": true, "hash_balance_factor": 150},
             "locality_weighted_lb_config": {}}}
            """#)
        var hashing = LoadBalancerSpec.RingHash()
        hashing.minimumRingSize = 7
        hashing.maximumRingSize = 9
        hashing.hashFunction = .murmurHash2
        hashing.hashing.useHostnameForHashing = true
        hashing.hashing.balanceFactorPercent = 150
        #expect(ring.spec.policy == .ringHash(hashing))
        #expect(ring.spec.localityMode == .weighted)
        #expect(ring.errors.isEmpty)
    }

    @Test func runtimeKeysOverride() throws {
        let read = try read(
            #"""
            {"lb_policy": "LEAST_REQUEST", "common_lb_config": {"healthy_panic_threshold": {"value": 10}},
             "least_request_lb_config": {"active_request_bias": {"default_value": 1, "runtime_key": "bias.key"}}}
            """#)
        guard case .leastRequest(let settings) = read.spec.policy else {
            Issue.record("least request expected")
            return
        }
        #expect(settings.activeRequestBias == 0.25)
        #expect(read.spec.panicThresholdPercent == 33)
    }

    @Test func panicThresholdRounds() throws {
        let cluster = try Cluster(jsonString: #"{"common_lb_config": {"healthy_panic_threshold": {"value": 12.5}}}"#)
        #expect(LoadBalancerSpec(cluster) { _, _ in }.panicThresholdPercent == 13)
    }

    /// Each of these Envoy 1.40 refuses too.
    @Test(arguments: [
        (#"{"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 100}}"#, "maglev_lb_config.table_size"),
        (#"{"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": 5000081}}"#, "maglev_lb_config.table_size"),
        (
            #"{"lb_policy": "RING_HASH", "ring_hash_lb_config": {"minimum_ring_size": 9, "maximum_ring_size": 8}}"#,
            "ring_hash_lb_config.minimum_ring_size"
        ),
        (
            #"{"lb_policy": "RING_HASH", "ring_hash_lb_config": {"maximum_ring_size": 9000000}}"#,
            "ring_hash_lb_config.maximum_ring_size"
        ),
        (
            #"{"lb_policy": "LEAST_REQUEST", "least_request_lb_config": {"choice_count": 1}}"#,
            "least_request_lb_config.choice_count"
        ),
        (
            #"{"type": "STATIC", "lb_policy": "RING_HASH", "common_lb_config": {"consistent_hashing_lb_config": {"use_hostname_for_hashing": true}}}"#,
            "common_lb_config.consistent_hashing_lb_config.use_hostname_for_hashing"
        ),
        (
            #"{"lb_policy": "MAGLEV", "common_lb_config": {"consistent_hashing_lb_config": {"hash_balance_factor": 50}}}"#,
            "common_lb_config.consistent_hashing_lb_config.hash_balance_factor"
        ),
        (#"{"lb_policy": "LOAD_BALANCING_POLICY_CONFIG"}"#, "lb_policy"),
        (
            #"{"lb_policy": "CLUSTER_PROVIDED", "lb_subset_config": {"subset_selectors": [{"keys": ["a"]}]}}"#,
            "lb_subset_config"
        ),
        (
            #"{"lb_subset_config": {"subset_selectors": [{"keys": ["a"], "fallback_policy": "KEYS_SUBSET"}]}}"#,
            "lb_subset_config.subset_selectors[0].fallback_keys_subset"
        ),
        (
            #"{"lb_subset_config": {"subset_selectors": [{"keys": ["a"], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["a"]}]}}"#,
            "lb_subset_config.subset_selectors[0].fallback_keys_subset"
        ),
        (
            #"{"lb_subset_config": {"subset_selectors": [{"keys": ["a"], "fallback_policy": "KEYS_SUBSET", "fallback_keys_subset": ["b"]}]}}"#,
            "lb_subset_config.subset_selectors[0].fallback_keys_subset"
        ),
        (
            #"{"lb_subset_config": {"subset_selectors": [{"keys": ["b"]}, {"keys": ["a"], "fallback_keys_subset": ["a"]}]}}"#,
            "lb_subset_config.subset_selectors[1].fallback_keys_subset"
        ),
        (#"{"load_balancing_policy": {"policies": []}}"#, "load_balancing_policy"),
    ])
    func mistakesAreReported(json: String, path: String) throws {
        #expect(try read(json).errors == [path])
    }

    @Test func aMessageForAnotherPolicyIsWarnedOf() throws {
        let read = try read(#"{"lb_policy": "LEAST_REQUEST", "ring_hash_lb_config": {"minimum_ring_size": 9}}"#)
        #expect(read.errors.isEmpty)
        #expect(read.warnings == ["ring_hash_lb_config"])
    }

    @Test func subsetConfigWrapsThePolicy() throws {
        let read = try read(
            #"""
            {"lb_policy": "RING_HASH", "common_lb_config": {"healthy_panic_threshold": {"value": 0},
             "locality_weighted_lb_config": {}},
             "lb_subset_config": {"fallback_policy": "DEFAULT_SUBSET", "default_subset": {"a": "b", "n": 1},
             "subset_selectors": [{"keys": ["y", "x"], "fallback_policy": "KEYS_SUBSET",
             "fallback_keys_subset": ["x"], "single_host_per_subset": true}], "list_as_any": true,
             "panic_mode_any": true, "locality_weight_aware": true, "scale_locality_weight": true,
             "metadata_fallback_policy": "FALLBACK_LIST"}}
            """#)
        #expect(read.errors.isEmpty)
        guard case .subset(let subset) = read.spec.policy else {
            Issue.record("subset expected")
            return
        }
        #expect(subset.inner.policy == .ringHash(.init()))
        #expect(subset.inner.localityMode == .weighted)
        #expect(subset.inner.panicThresholdPercent == 33)  // the runtime key
        #expect(subset.fallback == .defaultSubset)
        #expect(subset.defaultSubset == ["a": .string("b"), "n": .number(1)])
        #expect(subset.selectors.map(\.keys) == [["x", "y"]])
        #expect(subset.selectors[0].fallbackKeys == ["x"])
        #expect(subset.selectors[0].isSingleHostPerSubset)
        #expect(subset.listAsAny && subset.panicModeAny && subset.usesMetadataFallbackList)
        #expect(subset.isLocalityWeightAware && subset.scalesLocalityWeight)
        // Without a selector the message does nothing.
        #expect(
            try self.read(#"{"lb_subset_config": {"fallback_policy": "ANY_ENDPOINT"}}"#).spec.policy
                == .roundRobin(slowStart: nil))
    }

    @Test func theFirstPolicyThatWeHaveWins() throws {
        let read = try read(
            #"""
            {"lb_policy": "RANDOM", "load_balancing_policy": {"policies": [
              {"typed_extension_config": {"name": "x", "typed_config": {
                "@type": "type.googleapis.com/google.protobuf.Struct", "value": {}}}},
              {"typed_extension_config": {"name": "y", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
                "choice_count": 3, "selection_method": "FULL_SCAN",
                "locality_lb_config": {"locality_weighted_lb_config": {}}}}},
              {"typed_extension_config": {"name": "z", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.random.v3.Random"}}}]}}
            """#)
        #expect(read.errors.isEmpty)
        var settings = LoadBalancerSpec.LeastRequest()
        settings.choiceCount = 3
        settings.isFullScan = true
        #expect(read.spec.policy == .leastRequest(settings))
        #expect(read.spec.localityMode == .weighted)
    }

    @Test func policiesWithoutOneOfOursAreNamed() throws {
        var texts: [String] = []
        let cluster = try Cluster(
            jsonString: #"""
                {"load_balancing_policy": {"policies": [{"typed_extension_config": {"name": "x", "typed_config": {
                "@type": "type.googleapis.com/google.protobuf.Struct", "value": {}}}}]}}
                """#)
        _ = LoadBalancerSpec(cluster) { _, text in texts.append(text) }
        #expect(texts.count == 1)
        #expect(texts.first?.contains("google.protobuf.Struct") == true)
    }

    @Test func subsetPolicyHoldsAnother() throws {
        let read = try read(
            #"""
            {"load_balancing_policy": {"policies": [{"typed_extension_config": {"name": "s", "typed_config": {
              "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.subset.v3.Subset",
              "fallback_policy": "ANY_ENDPOINT", "allow_redundant_keys": true, "subset_selectors": [{"keys": ["a"]}],
              "subset_lb_policy": {"policies": [{"typed_extension_config": {"name": "m", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev",
                "table_size": 251}}}]}}}}]}}
            """#)
        #expect(read.errors.isEmpty)
        guard case .subset(let subset) = read.spec.policy, case .maglev(let maglev) = subset.inner.policy else {
            Issue.record("a subset of Maglev expected")
            return
        }
        #expect(maglev.tableSize == 251)
        #expect(subset.allowsRedundantKeys)
        #expect(subset.fallback == .anyEndpoint)
    }

    @Test func originalDestinationTakesItsPort() throws {
        let read = try read(
            #"""
            {"type": "ORIGINAL_DST", "lb_policy": "CLUSTER_PROVIDED",
             "original_dst_lb_config": {"upstream_port_override": 8443}}
            """#)
        var settings = LoadBalancerSpec.OriginalDestination()
        settings.upstreamPortOverride = 8_443
        #expect(read.spec.policy == .originalDestination(settings))
    }

    @Test func primesAreKnown() {
        let primes = (0..<100).filter { LoadBalancerSpecReader.isPrime($0) }
        #expect(primes.count == 25)
        #expect(LoadBalancerSpecReader.isPrime(65_537))
        #expect(LoadBalancerSpecReader.isPrime(5_000_011))
        #expect(!LoadBalancerSpecReader.isPrime(5_000_009))
        #expect(!LoadBalancerSpecReader.isPrime(251 * 241))
    }
}
