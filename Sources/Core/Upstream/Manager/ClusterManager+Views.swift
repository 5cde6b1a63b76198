// Clusters as the admin pages show them: plain values, taken at one moment on the main thread.

/// One cluster for `/clusters` and `/config_dump`.
public struct ClusterView: Sendable {
    public var name: String
    /// `alt_stat_name` or the name.
    public var observabilityName: String
    public var isAddedViaAPI: Bool
    /// `STATIC`, `STRICT_DNS` …
    public var discovery: String
    public var isWarming: Bool
    /// Caps in force, runtime included, and what is taken of them.
    public var breakers: [BreakerView]
    public var hosts: [HostView]
    public var metadata: Metadata
}

/// The breakers of one priority.
public struct BreakerView: Sendable {
    public var priority: RoutingPriority
    public var maxConnections: UInt64
    public var maxPendingRequests: UInt64
    public var maxRequests: UInt64
    public var maxRetries: UInt64
    public var connections: UInt64
    public var pendingRequests: UInt64
    public var requests: UInt64
    public var retries: UInt64
}

/// One host.
public struct HostView: Sendable {
    public var address: SocketAddress
    public var hostname: String
    public var flags: HealthFlags
    public var weight: UInt32
    public var priority: Int
    public var locality: Locality
    public var isCanary: Bool
    public var figures: HostFigures
    public var metadata: Metadata
}

extension ClusterManager {
    /// All clusters in the order of configuration. Cost: O(hosts).
    public var views: [ClusterView] { clusterNames.compactMap { cluster(named: $0)?.view } }
}

extension ManagedCluster {
    public var view: ClusterView {
        ClusterView(
            name: config.name, observabilityName: config.statName, isAddedViaAPI: config.isAddedViaAPI,
            discovery: config.discovery.text, isWarming: !isInitialised,
            breakers: RoutingPriority.allCases.map { priority in
                let breakers = shared.breakers[priority]
                return BreakerView(
                    priority: priority, maxConnections: breakers.limit(of: .connections),
                    maxPendingRequests: breakers.limit(of: .pendingRequests),
                    maxRequests: breakers.limit(of: .requests), maxRetries: breakers.limit(of: .retries),
                    connections: breakers.count(.connections), pendingRequests: breakers.count(.pendingRequests),
                    requests: breakers.count(.requests), retries: breakers.count(.retries))
            },
            hosts: shared.snapshot.hosts.map { host in
                HostView(
                    address: host.address, hostname: host.hostname, flags: host.flags, weight: host.weight,
                    priority: host.priority, locality: host.locality,
                    isCanary: host.metadata.lbValue("canary") == .bool(true), figures: shared.figures(of: host),
                    metadata: host.metadata)
            },
            metadata: config.metadata)
    }
}
