import ConfigAPI
import SwiftProtobuf

/// `load_balancing_policy`: the first policy of the list that we have.
extension LoadBalancerSpecReader {
    private typealias Common = Envoy_Extensions_LoadBalancingPolicies_Common_V3_LocalityLbConfig
    private typealias RoundRobin = Envoy_Extensions_LoadBalancingPolicies_RoundRobin_V3_RoundRobin
    private typealias LeastRequest = Envoy_Extensions_LoadBalancingPolicies_LeastRequest_V3_LeastRequest
    private typealias Random = Envoy_Extensions_LoadBalancingPolicies_Random_V3_Random
    private typealias RingHash = Envoy_Extensions_LoadBalancingPolicies_RingHash_V3_RingHash
    private typealias Maglev = Envoy_Extensions_LoadBalancingPolicies_Maglev_V3_Maglev
    private typealias Subset = Envoy_Extensions_LoadBalancingPolicies_Subset_V3_Subset

    /// Policies nested in policies beyond this are a mistake.
    private static var maxDepth: Int { 4 }

    func read(
        _ list: Envoy_Config_Cluster_V3_LoadBalancingPolicy, path: String, depth: Int
    ) -> LoadBalancerSpec? {
        var skipped: [String] = []
        for (index, policy) in list.policies.enumerated() {
            let any = policy.typedExtensionConfig.typedConfig
            let path = "\(path).policies[\(index)].typed_extension_config.typed_config"
            if any.isA(RoundRobin.self) { return unpack(any, path, readRoundRobin) }
            if any.isA(LeastRequest.self) { return unpack(any, path, readLeastRequest) }
            if any.isA(Random.self) { return unpack(any, path, readRandom) }
            if any.isA(RingHash.self) { return unpack(any, path, readRingHash) }
            if any.isA(Maglev.self) { return unpack(any, path, readMaglev) }
            if any.isA(Subset.self) { return unpack(any, path) { readSubset($0, $1, depth) } }
            skipped.append(any.typeURL.isEmpty ? policy.typedExtensionConfig.name : any.typeURL)
        }
        report(
            path,
            "has no policy that we have among [\(skipped.joined(separator: ", "))]; there are round_robin, "
                + "least_request, random, ring_hash, maglev and subset under envoy.extensions.load_balancing_policies")
        return nil
    }

    private func unpack<M: Message>(
        _ any: Google_Protobuf_Any, _ path: String, _ read: (M, String) -> LoadBalancerSpec?
    ) -> LoadBalancerSpec? {
        guard let message = try? M(unpackingAny: any) else {
            report(path, "does not hold a valid \(M.protoMessageName)")
            return nil
        }
        return read(message, path)
    }

    private func readRoundRobin(_ message: RoundRobin, _ path: String) -> LoadBalancerSpec {
        var spec = LoadBalancerSpec(
            .roundRobin(slowStart: message.hasSlowStartConfig ? slowStart(message.slowStartConfig) : nil))
        spec.localityMode = localityMode(message.localityLbConfig)
        return spec
    }

    private func readLeastRequest(_ message: LeastRequest, _ path: String) -> LoadBalancerSpec {
        var settings = LoadBalancerSpec.LeastRequest()
        if message.hasChoiceCount { settings.choiceCount = choiceCount(message.choiceCount, path) }
        if message.hasActiveRequestBias { settings.activeRequestBias = bias(message.activeRequestBias) }
        if message.hasSlowStartConfig { settings.slowStart = slowStart(message.slowStartConfig) }
        settings.isFullScan = message.selectionMethod == .fullScan || message.enableFullScan.value
        var spec = LoadBalancerSpec(.leastRequest(settings))
        spec.localityMode = localityMode(message.localityLbConfig)
        return spec
    }

    private func readRandom(_ message: Random, _ path: String) -> LoadBalancerSpec {
        var spec = LoadBalancerSpec(.random)
        spec.localityMode = localityMode(message.localityLbConfig)
        return spec
    }

    private func readRingHash(_ message: RingHash, _ path: String) -> LoadBalancerSpec {
        var settings = LoadBalancerSpec.RingHash()
        if message.hasMinimumRingSize { settings.minimumRingSize = message.minimumRingSize.value }
        if message.hasMaximumRingSize { settings.maximumRingSize = message.maximumRingSize.value }
        if message.hashFunction == .murmurHash2 { settings.hashFunction = .murmurHash2 }
        if message.hasConsistentHashingLbConfig {
            settings.hashing = hashing(message.consistentHashingLbConfig, path)
        } else {
            settings.hashing.useHostnameForHashing = checkedHostname(message.useHostnameForHashing, path)
            if message.hasHashBalanceFactor {
                settings.hashing.balanceFactorPercent = balanceFactor(message.hashBalanceFactor.value, path)
            }
        }
        checkRing(settings, path: path)
        var spec = LoadBalancerSpec(.ringHash(settings))
        if message.hasLocalityWeightedLbConfig { spec.localityMode = .weighted }
        return spec
    }

    private func readMaglev(_ message: Maglev, _ path: String) -> LoadBalancerSpec {
        var settings = LoadBalancerSpec.Maglev()
        if message.hasTableSize { settings.tableSize = message.tableSize.value }
        settings.hashing = hashing(message.consistentHashingLbConfig, path)
        checkTable(&settings, path: "\(path).table_size")
        var spec = LoadBalancerSpec(.maglev(settings))
        if message.hasLocalityWeightedLbConfig { spec.localityMode = .weighted }
        return spec
    }

    private func readSubset(_ message: Subset, _ path: String, _ depth: Int) -> LoadBalancerSpec? {
        guard depth < Self.maxDepth else {
            report(path, "nests policies too deeply, the limit is \(Self.maxDepth)")
            return nil
        }
        guard let inner = read(message.subsetLbPolicy, path: "\(path).subset_lb_policy", depth: depth + 1) else {
            return nil
        }
        if case .subset = inner.policy {
            report("\(path).subset_lb_policy", "cannot be a subset policy again")
            return nil
        }
        var settings = LoadBalancerSpec.Subset(inner: inner)
        switch message.fallbackPolicy {
        case .anyEndpoint: settings.fallback = .anyEndpoint
        case .defaultSubset: settings.fallback = .defaultSubset
        case .noFallback, .UNRECOGNIZED: settings.fallback = .noFallback
        }
        settings.defaultSubset = MetadataValue.members(message.defaultSubset)
        settings.isLocalityWeightAware = message.localityWeightAware
        settings.scalesLocalityWeight = message.scaleLocalityWeight
        settings.panicModeAny = message.panicModeAny
        settings.listAsAny = message.listAsAny
        settings.usesMetadataFallbackList = message.metadataFallbackPolicy == .fallbackList
        settings.allowsRedundantKeys = message.allowRedundantKeys
        for (index, entry) in message.subsetSelectors.enumerated() {
            let fallback: LoadBalancerSpec.SelectorFallback
            switch entry.fallbackPolicy {
            case .notDefined, .UNRECOGNIZED: fallback = .notDefined
            case .noFallback: fallback = .noFallback
            case .anyEndpoint: fallback = .anyEndpoint
            case .defaultSubset: fallback = .defaultSubset
            case .keysSubset: fallback = .keysSubset
            }
            var selector = LoadBalancerSpec.Selector(
                keys: entry.keys, fallback: fallback, fallbackKeys: entry.fallbackKeysSubset)
            selector.isSingleHostPerSubset = entry.singleHostPerSubset
            check(selector, path: "\(path).subset_selectors[\(index)]")
            settings.selectors.append(selector)
        }
        return LoadBalancerSpec(.subset(settings))
    }

    private func slowStart(
        _ message: Envoy_Extensions_LoadBalancingPolicies_Common_V3_SlowStartConfig
    ) -> LoadBalancerSpec.SlowStart? {
        slowStart(
            window: message.slowStartWindow, aggression: message.hasAggression ? message.aggression : nil,
            minWeight: message.hasMinWeightPercent ? message.minWeightPercent.value : nil)
    }

    private func hashing(
        _ message: Envoy_Extensions_LoadBalancingPolicies_Common_V3_ConsistentHashingLbConfig, _ path: String
    ) -> LoadBalancerSpec.ConsistentHashing {
        var settings = LoadBalancerSpec.ConsistentHashing()
        let path = "\(path).consistent_hashing_lb_config"
        settings.useHostnameForHashing = checkedHostname(message.useHostnameForHashing, path)
        if message.hasHashBalanceFactor {
            settings.balanceFactorPercent = balanceFactor(message.hashBalanceFactor.value, path)
        }
        return settings
    }

    private func localityMode(_ message: Common) -> LoadBalancerSpec.LocalityMode {
        switch message.localityConfigSpecifier {
        case nil: return .none
        case .localityWeightedLbConfig: return .weighted
        case .zoneAwareLbConfig(let zone):
            var settings = LoadBalancerSpec.ZoneAware()
            settings.failTrafficOnPanic = zone.failTrafficOnPanic
            return .zoneAware(settings)
        }
    }
}
