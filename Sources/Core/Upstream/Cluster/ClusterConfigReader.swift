// From a cluster message to values, with every further mistake named by its path.

package import ConfigAPI
package import CoreConfig
import SwiftProtobuf

/// Reads one cluster message. Field rules (required, ranges) were checked by the loader; what is checked here needs
/// more than one field.
///
/// All problems are gathered; the result is nil when one of them is an error.
package struct ClusterConfigReader {
    private let cluster: Envoy_Config_Cluster_V3_Cluster
    private let path: String
    /// `cluster_manager.upstream_bind_config`.
    private let defaultBind: Envoy_Config_Core_V3_BindConfig?
    package private(set) var problems: [ConfigProblem] = []

    /// - Parameter path: of the message: `static_resources.clusters[2]`.
    package init(
        _ cluster: Envoy_Config_Cluster_V3_Cluster, path: String, defaultBind: Envoy_Config_Core_V3_BindConfig? = nil
    ) {
        self.cluster = cluster
        self.path = path
        self.defaultBind = defaultBind
    }

    package mutating func read() -> (config: ClusterConfig, assignment: EndpointAssignment)? {
        var config = ClusterConfig(name: cluster.name)
        if !cluster.altStatName.isEmpty { config.statName = cluster.altStatName }
        config.discovery = readDiscovery()
        config.connect = readConnect()
        config.balancing = readBalancing(config.discovery)
        config.breakers = readBreakers()
        readHealthCheck(into: &config)
        config.waitsForWarmOnInit = cluster.hasWaitForWarmOnInit ? cluster.waitForWarmOnInit.value : true
        config.ignoresNewHostsUntilFirstHC = cluster.commonLbConfig.ignoreNewHostsUntilFirstHc
        config.closesConnectionsOnHostSetChange = cluster.commonLbConfig.closeConnectionsOnHostSetChange
        config.closesConnectionsOnHostHealthFailure = cluster.closeConnectionsOnHostHealthFailure
        config.ignoresHealthOnHostRemoval = cluster.ignoreHealthOnHostRemoval
        if cluster.commonLbConfig.hasUpdateMergeWindow {
            config.updateMergeWindowMS = cluster.commonLbConfig.updateMergeWindow.milliseconds
        }
        config.metadata = Metadata(cluster.metadata)
        let policy = cluster.loadAssignment.policy
        if policy.hasOverprovisioningFactor {
            config.overprovisioningPercent = policy.overprovisioningFactor.value
        }
        config.hasWeightedPriorityHealth = policy.weightedPriorityHealth
        let assignment = readAssignment(config.discovery)
        return problems.hasErrors ? nil : (config, assignment)
    }

    mutating func fail(_ field: String, _ text: String, found: String? = nil, allowed: String? = nil) {
        problems.append(ConfigProblem(path: "\(path).\(field)", found: found, allowed: allowed, text: text))
    }

    // MARK: Discovery

    private mutating func readDiscovery() -> DiscoverySpec {
        guard case .clusterType(let custom)? = cluster.clusterDiscoveryType else {
            return readDiscovery(of: cluster.type)
        }
        switch custom.name {
        case "envoy.clusters.static": return readDiscovery(of: .static)
        case "envoy.clusters.strict_dns": return readDiscovery(of: .strictDns)
        case "envoy.clusters.logical_dns": return readDiscovery(of: .logicalDns)
        case "envoy.clusters.original_dst": return readDiscovery(of: .originalDst)
        default: break
        }
        let field = "cluster_type.typed_config"
        guard custom.hasTypedConfig else {
            fail(
                "cluster_type", "a cluster type needs its typed_config", found: "\"\(custom.name)\"",
                allowed: "type.googleapis.com/\(Envoy_Extensions_Clusters_Dns_V3_DnsCluster.protoMessageName)")
            return .staticHosts
        }
        guard custom.typedConfig.isA(Envoy_Extensions_Clusters_Dns_V3_DnsCluster.self),
            let dns = try? Envoy_Extensions_Clusters_Dns_V3_DnsCluster(unpackingAny: custom.typedConfig)
        else {
            fail(
                field, "no such cluster type", found: custom.typedConfig.typeURL,
                allowed: "type.googleapis.com/\(Envoy_Extensions_Clusters_Dns_V3_DnsCluster.protoMessageName)")
            return .staticHosts
        }
        return readDNSCluster(dns, field)
    }

    private mutating func readDiscovery(of type: Envoy_Config_Cluster_V3_Cluster.DiscoveryType) -> DiscoverySpec {
        switch type {
        case .static: return .staticHosts
        case .strictDns: return .strictDNS(readDNSFields())
        case .logicalDns: return .logicalDNS(readDNSFields())
        case .originalDst:
            let interval = cluster.hasCleanupInterval ? cluster.cleanupInterval.milliseconds : 5000
            return .originalDestination(cleanupIntervalMS: max(1, interval))
        case .UNRECOGNIZED(let number):
            fail("type", "no such discovery type", found: "\(number)")
            return .staticHosts
        }
    }

    /// The fields of the cluster itself, all but the family deprecated in favour of `DnsCluster`.
    private mutating func readDNSFields() -> DNSDiscoverySpec {
        var spec = DNSDiscoverySpec()
        switch cluster.dnsLookupFamily {
        case .auto: spec.family = .auto
        case .v4Only: spec.family = .v4Only
        case .v6Only: spec.family = .v6Only
        case .v4Preferred: spec.family = .v4Preferred
        case .all: spec.family = .all
        case .UNRECOGNIZED(let number): fail("dns_lookup_family", "no such lookup family", found: "\(number)")
        }
        if cluster.hasDnsRefreshRate { spec.refreshMS = max(1, cluster.dnsRefreshRate.milliseconds) }
        spec.respectsTTL = cluster.respectDnsTtl
        if cluster.hasDnsJitter { spec.jitterMS = cluster.dnsJitter.milliseconds }
        if cluster.hasDnsFailureRefreshRate {
            let rate = cluster.dnsFailureRefreshRate
            spec.failureRefresh = readFailureRefresh(
                base: rate.baseInterval, max: rate.hasMaxInterval ? rate.maxInterval : nil, "dns_failure_refresh_rate")
        }
        var resolverReader = ResolverOptionsReader(path: path)
        if cluster.hasTypedDnsResolverConfig {
            spec.resolver = resolverReader.read(cluster.typedDnsResolverConfig, field: "typed_dns_resolver_config")
        } else if cluster.hasDnsResolutionConfig {
            spec.resolver = resolverReader.read(cluster.dnsResolutionConfig, field: "dns_resolution_config")
        } else if !cluster.dnsResolvers.isEmpty || cluster.useTcpForDnsLookups {
            var options = ResolverOptions()
            options.servers = resolverReader.readServers(cluster.dnsResolvers, field: "dns_resolvers")
            options.useTCP = cluster.useTcpForDnsLookups
            spec.resolver = options
        }
        problems += resolverReader.problems
        return spec
    }

    private mutating func readDNSCluster(
        _ dns: Envoy_Extensions_Clusters_Dns_V3_DnsCluster, _ field: String
    ) -> DiscoverySpec {
        var spec = DNSDiscoverySpec()
        switch dns.dnsLookupFamily {
        case .unspecified, .auto: spec.family = .auto
        case .v4Only: spec.family = .v4Only
        case .v6Only: spec.family = .v6Only
        case .v4Preferred: spec.family = .v4Preferred
        case .all: spec.family = .all
        case .UNRECOGNIZED(let number): fail("\(field).dns_lookup_family", "no such lookup family", found: "\(number)")
        }
        if dns.hasDnsRefreshRate { spec.refreshMS = max(1, dns.dnsRefreshRate.milliseconds) }
        spec.respectsTTL = dns.respectDnsTtl
        if dns.hasDnsJitter { spec.jitterMS = dns.dnsJitter.milliseconds }
        if dns.hasDnsFailureRefreshRate {
            let rate = dns.dnsFailureRefreshRate
            spec.failureRefresh = readFailureRefresh(
                base: rate.baseInterval, max: rate.hasMaxInterval ? rate.maxInterval : nil,
                "\(field).dns_failure_refresh_rate")
        }
        if dns.hasTypedDnsResolverConfig {
            var resolverReader = ResolverOptionsReader(path: path)
            spec.resolver = resolverReader.read(
                dns.typedDnsResolverConfig, field: "\(field).typed_dns_resolver_config")
            problems += resolverReader.problems
        }
        return dns.allAddressesInSingleEndpoint ? .logicalDNS(spec) : .strictDNS(spec)
    }

    private mutating func readFailureRefresh(
        base: Google_Protobuf_Duration, max maximum: Google_Protobuf_Duration?, _ field: String
    ) -> DNSDiscoverySpec.FailureRefresh {
        let baseMS = max(1, base.milliseconds)
        let maxMS = maximum?.milliseconds ?? baseMS * 10
        if maxMS < baseMS {
            fail(
                "\(field).max_interval", "max_interval is less than base_interval", found: "\(maxMS) ms",
                allowed: "at least \(baseMS) ms")
        }
        return .init(baseMS: baseMS, maxMS: max(baseMS, maxMS))
    }

    // MARK: Balancing

    private mutating func readBalancing(_ discovery: DiscoverySpec) -> LoadBalancerSpec {
        var found: [ConfigProblem] = []
        let prefix = path
        var spec = LoadBalancerSpec(
            cluster,
            warn: { field, text in
                found.append(ConfigProblem(severity: .warning, path: "\(prefix).\(field)", text: text))
            },
            report: { field, text in found.append(ConfigProblem(path: "\(prefix).\(field)", text: text)) })
        problems += found
        if case .originalDestination = discovery {
            if cluster.lbPolicy != .clusterProvided, cluster.lbPolicy != .loadBalancingPolicyConfig {
                fail(
                    "lb_policy", "ORIGINAL_DST clusters choose the host themselves", found: "\(cluster.lbPolicy.text)",
                    allowed: "CLUSTER_PROVIDED")
            }
            // The balancer's reader knows the discovery by `type` alone; `cluster_type` may name it too.
            if spec.policy == .clusterProvided {
                var destination = LoadBalancerSpec.OriginalDestination()
                if cluster.originalDstLbConfig.hasUpstreamPortOverride {
                    destination.upstreamPortOverride = UInt16(
                        clamping: cluster.originalDstLbConfig.upstreamPortOverride.value)
                }
                spec.policy = .originalDestination(destination)
            }
        } else if cluster.lbPolicy == .clusterProvided {
            fail(
                "lb_policy", "a cluster of type \(discovery.text) provides no balancer", found: "CLUSTER_PROVIDED",
                allowed: "ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM, MAGLEV")
        }
        return spec
    }

    // MARK: Breakers

    private mutating func readBreakers() -> BreakerSpec {
        var spec = BreakerSpec()
        var seen: Set<RoutingPriority> = []
        for (index, message) in cluster.circuitBreakers.thresholds.enumerated() {
            let priority: RoutingPriority = message.priority == .high ? .high : .default
            // The first entry of a priority counts.
            if !seen.insert(priority).inserted {
                fail("circuit_breakers.thresholds[\(index)].priority", "a second entry for one priority")
                continue
            }
            var thresholds = BreakerThresholds()
            if message.hasMaxConnections { thresholds.maxConnections = UInt64(message.maxConnections.value) }
            if message.hasMaxPendingRequests {
                thresholds.maxPendingRequests = UInt64(message.maxPendingRequests.value)
            }
            if message.hasMaxRequests { thresholds.maxRequests = UInt64(message.maxRequests.value) }
            if message.hasMaxRetries { thresholds.maxRetries = UInt64(message.maxRetries.value) }
            if message.hasMaxConnectionPools {
                thresholds.maxConnectionPools = UInt64(message.maxConnectionPools.value)
            }
            if message.hasRetryBudget {
                var budget = BreakerThresholds.RetryBudget()
                if message.retryBudget.hasBudgetPercent { budget.percent = message.retryBudget.budgetPercent.value }
                if message.retryBudget.hasMinRetryConcurrency {
                    budget.minRetryConcurrency = UInt64(message.retryBudget.minRetryConcurrency.value)
                }
                thresholds.retryBudget = budget
            }
            thresholds.tracksRemaining = message.trackRemaining
            if priority == .default { spec.standard = thresholds } else { spec.high = thresholds }
        }
        for (index, message) in cluster.circuitBreakers.perHostThresholds.enumerated() {
            let onlyConnections =
                !message.hasMaxPendingRequests && !message.hasMaxRequests && !message.hasMaxRetries
                && !message.hasMaxConnectionPools && !message.hasRetryBudget && !message.trackRemaining
            if !onlyConnections || message.priority != .default {
                fail(
                    "circuit_breakers.per_host_thresholds[\(index)]",
                    "a host has no breaker but max_connections of priority DEFAULT")
            } else if message.hasMaxConnections, spec.maxConnectionsPerHost == .max {
                spec.maxConnectionsPerHost = UInt64(message.maxConnections.value)
            }
        }
        return spec
    }

    // MARK: Health checks

    private mutating func readHealthCheck(into config: inout ClusterConfig) {
        if cluster.healthChecks.count > 1 {
            fail(
                "health_checks", "a cluster has one health check", found: "\(cluster.healthChecks.count)", allowed: "1")
        }
        guard let message = cluster.healthChecks.first else { return }
        var reader = HealthCheckReader(message, path: "\(path).health_checks[0]")
        config.healthCheck = reader.read()
        problems += reader.problems
    }

    // MARK: Endpoints

    private mutating func readAssignment(_ discovery: DiscoverySpec) -> EndpointAssignment {
        if case .originalDestination = discovery {
            if cluster.hasLoadAssignment {
                fail("load_assignment", "ORIGINAL_DST clusters take their hosts from connections")
            }
            return EndpointAssignment()
        }
        var reader = EndpointReader(cluster.loadAssignment, path: "\(path).load_assignment", discovery: discovery)
        let assignment = reader.read()
        problems += reader.problems
        if case .logicalDNS = discovery, assignment.endpoints.count != 1 || cluster.loadAssignment.endpoints.count != 1
        {
            fail(
                "load_assignment.endpoints", "LOGICAL_DNS clusters have one locality with one endpoint",
                found: "\(cluster.loadAssignment.endpoints.count) localities, \(assignment.endpoints.count) endpoints",
                allowed: "1 locality, 1 endpoint")
        }
        return assignment
    }

    // MARK: Connections

    private mutating func readConnect() -> ConnectSettings {
        var settings = ConnectSettings()
        if cluster.hasConnectTimeout { settings.connectTimeoutMS = max(1, cluster.connectTimeout.milliseconds) }
        if cluster.hasPerConnectionBufferLimitBytes {
            settings.bufferLimitBytes = cluster.perConnectionBufferLimitBytes.value
        }
        if cluster.upstreamConnectionOptions.hasTcpKeepalive {
            let message = cluster.upstreamConnectionOptions.tcpKeepalive
            settings.keepalive = TCPKeepaliveSpec(
                probes: message.hasKeepaliveProbes ? message.keepaliveProbes.value : nil,
                idleSeconds: message.hasKeepaliveTime ? message.keepaliveTime.value : nil,
                intervalSeconds: message.hasKeepaliveInterval ? message.keepaliveInterval.value : nil)
        }
        if cluster.hasUpstreamBindConfig {
            var reader = BindConfigReader(path: "\(path).upstream_bind_config")
            reader.read(cluster.upstreamBindConfig, into: &settings)
            problems += reader.problems
        } else if let defaultBind {
            var reader = BindConfigReader(path: "cluster_manager.upstream_bind_config")
            reader.read(defaultBind, into: &settings)
            problems += reader.problems
        }
        for (key, any) in cluster.typedExtensionProtocolOptions.sorted(by: { $0.key < $1.key }) {
            if any.isA(Envoy_Extensions_Upstreams_Tcp_V3_TcpProtocolOptions.self),
                let options = try? Envoy_Extensions_Upstreams_Tcp_V3_TcpProtocolOptions(unpackingAny: any)
            {
                if options.hasIdleTimeout { settings.tcpIdleTimeoutMS = options.idleTimeout.milliseconds }
            } else {
                fail(
                    "typed_extension_protocol_options[\"\(key)\"]", "no such protocol options", found: any.typeURL,
                    allowed:
                        "type.googleapis.com/\(Envoy_Extensions_Upstreams_Tcp_V3_TcpProtocolOptions.protoMessageName)")
            }
        }
        return settings
    }
}
