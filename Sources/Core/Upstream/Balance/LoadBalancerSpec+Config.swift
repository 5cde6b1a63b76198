public import ConfigAPI
import SwiftProtobuf

extension LoadBalancerSpec {
    /// Reads the balancing part of a cluster message: `load_balancing_policy` when present (its first policy that we
    /// have), else `lb_policy` with its own config message, `lb_subset_config` around it, and `common_lb_config`.
    ///
    /// - Parameters:
    ///   - runtime: value of a runtime key, for the fields that name one.
    ///   - warn: called for what loads but has no effect, with the path inside the cluster and a sentence.
    ///   - report: called for every mistake, likewise. The resulting value is usable even then, with defaults instead.
    public init(
        _ cluster: Envoy_Config_Cluster_V3_Cluster,
        runtime: (String) -> Double? = { _ in nil },
        warn: (_ path: String, _ text: String) -> Void = { _, _ in },
        report: (_ path: String, _ text: String) -> Void
    ) {
        // The reader holds the closures only for the duration of this call.
        self = withoutActuallyEscaping(runtime) { runtime in
            withoutActuallyEscaping(warn) { warn in
                withoutActuallyEscaping(report) { report in
                    LoadBalancerSpecReader(cluster: cluster, runtime: runtime, warn: warn, report: report).read()
                }
            }
        }
    }
}

/// One reading of a cluster's balancing fields.
struct LoadBalancerSpecReader {
    typealias Cluster = Envoy_Config_Cluster_V3_Cluster

    let cluster: Cluster
    let runtime: (String) -> Double?
    let warn: (String, String) -> Void
    let report: (String, String) -> Void

    func read() -> LoadBalancerSpec {
        var spec = LoadBalancerSpec()
        if cluster.hasLoadBalancingPolicy {
            if cluster.hasLbSubsetConfig {
                report("lb_subset_config", "cannot be combined with load_balancing_policy; use the subset policy in it")
            }
            if let read = read(cluster.loadBalancingPolicy, path: "load_balancing_policy", depth: 0) { spec = read }
        } else {
            spec.policy = legacyPolicy()
            spec.localityMode = localityMode(cluster.commonLbConfig)
            checkLegacyConfigFits()
        }
        applyCommon(to: &spec)
        // An empty lb_subset_config (no selector) leaves the balancer as it is, as in Envoy.
        if !cluster.hasLoadBalancingPolicy, cluster.hasLbSubsetConfig, !cluster.lbSubsetConfig.subsetSelectors.isEmpty {
            if cluster.lbPolicy == .clusterProvided {
                report("lb_subset_config", "cannot be combined with the policy CLUSTER_PROVIDED")
            } else {
                spec = wrap(spec, cluster.lbSubsetConfig)
            }
        }
        return spec
    }

    private func applyCommon(to spec: inout LoadBalancerSpec) {
        if cluster.commonLbConfig.hasHealthyPanicThreshold {
            spec.panicThresholdPercent = wholePercent(cluster.commonLbConfig.healthyPanicThreshold.value)
        }
        if let value = runtime("upstream.healthy_panic_threshold") {
            spec.panicThresholdPercent = wholePercent(value)
        }
        if case .subset(var subset) = spec.policy {
            subset.inner.panicThresholdPercent = spec.panicThresholdPercent
            spec.policy = .subset(subset)
        }
    }

    // MARK: - lb_policy and its messages

    private func legacyPolicy() -> LoadBalancerSpec.Policy {
        switch cluster.lbPolicy {
        case .roundRobin:
            return .roundRobin(slowStart: slowStart(cluster.roundRobinLbConfig))
        case .leastRequest:
            return .leastRequest(leastRequest(cluster.leastRequestLbConfig))
        case .random:
            return .random
        case .ringHash:
            var settings = LoadBalancerSpec.RingHash()
            let message = cluster.ringHashLbConfig
            if message.hasMinimumRingSize { settings.minimumRingSize = message.minimumRingSize.value }
            if message.hasMaximumRingSize { settings.maximumRingSize = message.maximumRingSize.value }
            if message.hashFunction == .murmurHash2 { settings.hashFunction = .murmurHash2 }
            settings.hashing = hashing(cluster.commonLbConfig)
            checkRing(settings, path: "ring_hash_lb_config")
            return .ringHash(settings)
        case .maglev:
            var settings = LoadBalancerSpec.Maglev()
            if cluster.maglevLbConfig.hasTableSize { settings.tableSize = cluster.maglevLbConfig.tableSize.value }
            settings.hashing = hashing(cluster.commonLbConfig)
            checkTable(&settings, path: "maglev_lb_config.table_size")
            return .maglev(settings)
        case .clusterProvided:
            return clusterProvided()
        case .loadBalancingPolicyConfig:
            report("lb_policy", "LOAD_BALANCING_POLICY_CONFIG needs load_balancing_policy to be set")
        case .UNRECOGNIZED(let number):
            report("lb_policy", "has no value \(number)")
        }
        return .roundRobin(slowStart: nil)
    }

    private func clusterProvided() -> LoadBalancerSpec.Policy {
        guard case .type(.originalDst)? = cluster.clusterDiscoveryType else { return .clusterProvided }
        var settings = LoadBalancerSpec.OriginalDestination()
        let message = cluster.originalDstLbConfig
        if message.hasUpstreamPortOverride {
            guard let port = UInt16(exactly: message.upstreamPortOverride.value) else {
                report("original_dst_lb_config.upstream_port_override", "must be at most 65535")
                return .originalDestination(settings)
            }
            settings.upstreamPortOverride = port
        }
        return .originalDestination(settings)
    }

    /// A config message for another policy than the chosen one has no effect; Envoy says nothing, we do.
    private func checkLegacyConfigFits() {
        let fit: (field: String, isRight: Bool)
        switch cluster.lbConfig {
        case nil: return
        case .ringHashLbConfig: fit = ("ring_hash_lb_config", cluster.lbPolicy == .ringHash)
        case .maglevLbConfig: fit = ("maglev_lb_config", cluster.lbPolicy == .maglev)
        case .originalDstLbConfig: fit = ("original_dst_lb_config", cluster.lbPolicy == .clusterProvided)
        case .leastRequestLbConfig: fit = ("least_request_lb_config", cluster.lbPolicy == .leastRequest)
        case .roundRobinLbConfig: fit = ("round_robin_lb_config", cluster.lbPolicy == .roundRobin)
        }
        if !fit.isRight { warn(fit.field, "has no effect: lb_policy chooses another balancer") }
    }

    private func slowStart(_ message: Cluster.RoundRobinLbConfig) -> LoadBalancerSpec.SlowStart? {
        guard message.hasSlowStartConfig else { return nil }
        return slowStart(message.slowStartConfig)
    }

    private func slowStart(_ message: Cluster.SlowStartConfig) -> LoadBalancerSpec.SlowStart? {
        slowStart(
            window: message.slowStartWindow, aggression: message.hasAggression ? message.aggression : nil,
            minWeight: message.hasMinWeightPercent ? message.minWeightPercent.value : nil)
    }

    private func leastRequest(_ message: Cluster.LeastRequestLbConfig) -> LoadBalancerSpec.LeastRequest {
        var settings = LoadBalancerSpec.LeastRequest()
        if message.hasChoiceCount { settings.choiceCount = choiceCount(message.choiceCount, "least_request_lb_config") }
        if message.hasActiveRequestBias { settings.activeRequestBias = bias(message.activeRequestBias) }
        if message.hasSlowStartConfig { settings.slowStart = slowStart(message.slowStartConfig) }
        return settings
    }

    private func hashing(_ message: Cluster.CommonLbConfig) -> LoadBalancerSpec.ConsistentHashing {
        var settings = LoadBalancerSpec.ConsistentHashing()
        guard message.hasConsistentHashingLbConfig else { return settings }
        let common = message.consistentHashingLbConfig
        let path = "common_lb_config.consistent_hashing_lb_config"
        settings.useHostnameForHashing = checkedHostname(common.useHostnameForHashing, path)
        if common.hasHashBalanceFactor {
            settings.balanceFactorPercent = balanceFactor(common.hashBalanceFactor.value, path)
        }
        return settings
    }

    private func localityMode(_ message: Cluster.CommonLbConfig) -> LoadBalancerSpec.LocalityMode {
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
