// What a cluster's configuration says, as plain values with every default filled in.

/// Immutable and shared by the main thread and all workers. Read from a message by ``ClusterConfigReader``.
///
/// Endpoints are not in here: discovery takes them and turns them into hosts, so that a static cluster does not hold
/// its addresses twice.
public struct ClusterConfig: Sendable {
    public var name: String
    /// `alt_stat_name`, or the name: what stands in stat names.
    public var statName: String
    public var discovery = DiscoverySpec.staticHosts
    public var connect = ConnectSettings()
    public var balancing = LoadBalancerSpec()
    public var overprovisioningPercent: UInt32 = 140
    public var hasWeightedPriorityHealth = false
    public var breakers = BreakerSpec()
    public var healthCheck: HealthCheckSpec?
    /// The process is ready only when this cluster's first discovery and first health checks have ended.
    public var waitsForWarmOnInit = true
    /// New hosts get no traffic, and count in no total, until their first health check.
    public var ignoresNewHostsUntilFirstHC = false
    public var closesConnectionsOnHostSetChange = false
    public var closesConnectionsOnHostHealthFailure = false
    public var ignoresHealthOnHostRemoval = false
    /// Changes of health and weight only are gathered this long; 0 = each at once.
    public var updateMergeWindowMS: Int64 = 1000
    public var metadata = Metadata()
    /// Came from a control plane, not from the bootstrap.
    public var isAddedViaAPI = false

    public init(name: String) {
        self.name = name
        statName = name
    }
}

/// The configured caps of a cluster.
public struct BreakerSpec: Hashable, Sendable {
    public var standard = BreakerThresholds()
    public var high = BreakerThresholds()
    public var maxConnectionsPerHost = UInt64.max

    public init() {}

    public subscript(priority: RoutingPriority) -> BreakerThresholds { priority == .default ? standard : high }
}

/// Where a cluster's hosts come from.
public enum DiscoverySpec: Hashable, Sendable {
    case staticHosts
    case strictDNS(DNSDiscoverySpec)
    case logicalDNS(DNSDiscoverySpec)
    /// Hosts are the destinations of connections; unused ones are dropped at each interval.
    case originalDestination(cleanupIntervalMS: Int64)

    /// As `type` spells it.
    public var text: String {
        switch self {
        case .staticHosts: "STATIC"
        case .strictDNS: "STRICT_DNS"
        case .logicalDNS: "LOGICAL_DNS"
        case .originalDestination: "ORIGINAL_DST"
        }
    }
}

/// How names are resolved and how often.
public struct DNSDiscoverySpec: Hashable, Sendable {
    public var family = DNSLookupFamily.auto
    public var refreshMS: Int64 = 5000
    /// After a failure: from `base`, doubling up to `max`. Nil = `refreshMS` each time.
    public var failureRefresh: FailureRefresh?
    /// Refresh when the answer's time to live ends, where it has one.
    public var respectsTTL = false
    /// Up to this much is added to each interval at random.
    public var jitterMS: Int64 = 0
    /// Nil = the process's resolver.
    public var resolver: ResolverOptions?

    public struct FailureRefresh: Hashable, Sendable {
        public var baseMS: Int64
        public var maxMS: Int64

        public init(baseMS: Int64, maxMS: Int64) {
            self.baseMS = baseMS
            self.maxMS = maxMS
        }
    }

    public init() {}
}

/// One endpoint of a load assignment.
public struct EndpointSpec: Sendable {
    public enum Target: Hashable, Sendable {
        case address(SocketAddress)
        case name(String, port: UInt16)
    }

    public var target: Target
    /// Everything but the addresses.
    public var attributes: Host.Attributes
    /// `health_check_config.port_value`; 0 = the endpoint's port.
    public var healthCheckPort: UInt16 = 0
    /// What `health_status` amounts to.
    public var flags: HealthFlags = []

    public init(target: Target) {
        self.target = target
        attributes = Host.Attributes(address: .v4(address: 0, port: 0))
    }

    /// Attributes of a host of this endpoint at `address`.
    func attributes(at address: SocketAddress, clusterPort: UInt16 = 0) -> Host.Attributes {
        var made = attributes
        made.address = address
        let port = healthCheckPort != 0 ? healthCheckPort : clusterPort
        if made.healthCheckAddress == nil, port != 0, address.isIP {
            made.healthCheckAddress = address.with(port: port)
        }
        return made
    }
}

/// The endpoints of a cluster with the weights of their localities.
public struct EndpointAssignment: Sendable {
    public var endpoints: [EndpointSpec] = []
    public var localityWeights: [ClusterSnapshotBuilder.PriorityLocality: UInt32] = [:]

    public init() {}
}
