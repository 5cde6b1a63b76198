import ConfigAPI
import SwiftProtobuf

/// Values and bounds that the two spellings of a policy share.
extension LoadBalancerSpecReader {
    func slowStart(
        window: Google_Protobuf_Duration, aggression: Envoy_Config_Core_V3_RuntimeDouble?, minWeight: Double?
    ) -> LoadBalancerSpec.SlowStart? {
        let seconds = UInt64(clamping: window.seconds)
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        let milliseconds = overflow ? UInt64.max : scaled &+ UInt64(clamping: window.nanos / 1_000_000)
        if milliseconds == 0 { return nil }
        var settings = LoadBalancerSpec.SlowStart(windowMS: milliseconds)
        if let aggression {
            let value = self.value(aggression)
            // A curve with a zero or negative exponent makes no sense: linear, as Envoy does.
            settings.aggression = value > 0 ? value : 1
        }
        if let minWeight { settings.minWeightPercent = min(100, max(0, minWeight)) }
        return settings
    }

    /// Envoy takes 1 for a negative bias or one that is no number.
    func bias(_ message: Envoy_Config_Core_V3_RuntimeDouble) -> Double {
        let value = self.value(message)
        return value >= 0 ? value : 1
    }

    func value(_ message: Envoy_Config_Core_V3_RuntimeDouble) -> Double {
        (message.runtimeKey.isEmpty ? nil : runtime(message.runtimeKey)) ?? message.defaultValue
    }

    func choiceCount(_ value: Google_Protobuf_UInt32Value, _ path: String) -> UInt32 {
        if value.value < 2 { report("\(path).choice_count", "must be at least 2, found \(value.value)") }
        return max(2, value.value)
    }

    func wholePercent(_ value: Double) -> UInt32 { UInt32(min(100, max(0, value)).rounded()) }

    func balanceFactor(_ percent: UInt32, _ path: String) -> UInt32 {
        if percent < 100 { report("\(path).hash_balance_factor", "must be at least 100, found \(percent)") }
        return max(100, percent)
    }

    /// Only hosts found by strict DNS have names to hash.
    func checkedHostname(_ wanted: Bool, _ path: String) -> Bool {
        if wanted, case .type(let type)? = cluster.clusterDiscoveryType, type != .strictDns {
            report("\(path).use_hostname_for_hashing", "needs a cluster of type STRICT_DNS")
        } else if wanted, cluster.clusterDiscoveryType == nil {
            report("\(path).use_hostname_for_hashing", "needs a cluster of type STRICT_DNS")
        }
        return wanted
    }

    func checkRing(_ settings: LoadBalancerSpec.RingHash, path: String) {
        let limit = LoadBalancerSpec.RingHash.maxRingSize
        if settings.minimumRingSize > limit {
            report("\(path).minimum_ring_size", "must be at most \(limit), found \(settings.minimumRingSize)")
        }
        if settings.maximumRingSize > limit {
            report("\(path).maximum_ring_size", "must be at most \(limit), found \(settings.maximumRingSize)")
        }
        if settings.minimumRingSize > settings.maximumRingSize {
            report(
                "\(path).minimum_ring_size",
                "\(settings.minimumRingSize) is above maximum_ring_size \(settings.maximumRingSize)")
        }
        if settings.minimumRingSize == 0 {
            warn("\(path).minimum_ring_size", "0 makes an empty ring: no request would find a host")
        }
    }

    func checkTable(_ settings: inout LoadBalancerSpec.Maglev, path: String) {
        let limit = LoadBalancerSpec.Maglev.maxTableSize
        let size = settings.tableSize
        if size > limit {
            report(path, "must be at most \(limit), found \(size)")
        } else if !Self.isPrime(size) {
            report(path, "must be a prime number, found \(size)")
        } else {
            return
        }
        settings.tableSize = LoadBalancerSpec.Maglev().tableSize
    }

    /// By trial division: at most some 2,200 steps for the greatest table.
    static func isPrime(_ number: UInt64) -> Bool {
        if number < 4 { return number >= 2 }
        if number % 2 == 0 { return false }
        var divisor: UInt64 = 3
        while divisor * divisor <= number {
            if number % divisor == 0 { return false }
            divisor += 2
        }
        return true
    }

    func check(_ selector: LoadBalancerSpec.Selector, path: String) {
        guard selector.fallback == .keysSubset else {
            if !selector.fallbackKeys.isEmpty {
                report("\(path).fallback_keys_subset", "can be set only with the fallback policy KEYS_SUBSET")
            }
            return
        }
        if selector.fallbackKeys.isEmpty {
            report("\(path).fallback_keys_subset", "cannot be empty with the fallback policy KEYS_SUBSET")
        } else if !Set(selector.fallbackKeys).isSubset(of: selector.keys) {
            report("\(path).fallback_keys_subset", "must be a subset of the selector's keys")
        } else if selector.fallbackKeys.count == selector.keys.count {
            report("\(path).fallback_keys_subset", "cannot be equal to the selector's keys")
        }
    }

    /// `lb_subset_config` around the cluster's policy.
    func wrap(_ spec: LoadBalancerSpec, _ message: Cluster.LbSubsetConfig) -> LoadBalancerSpec {
        var settings = LoadBalancerSpec.Subset(inner: spec)
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
            check(selector, path: "lb_subset_config.subset_selectors[\(index)]")
            settings.selectors.append(selector)
        }
        var outer = LoadBalancerSpec(.subset(settings))
        outer.panicThresholdPercent = spec.panicThresholdPercent
        outer.overrideHostStatus = spec.overrideHostStatus
        return outer
    }
}
