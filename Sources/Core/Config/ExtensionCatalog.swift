// The extensions a program has, by the place in the configuration where they may stand. The loader uses it to judge
// type URLs; each proxy adds its own to the shared ones.

/// A place where a typed configuration may stand.
package enum ExtensionCategory: String, Sendable {
    case networkFilter = "network filter"
    case listenerFilter = "listener filter"
    case accessLog = "access log"
    case transportSocket = "transport socket"
    case clusterType = "cluster type"
    case loadBalancingPolicy = "load balancing policy"
    case dnsResolver = "DNS resolver"
    case upstreamOptions = "upstream protocol options"
    case resourceMonitor = "resource monitor"

    /// In a sentence.
    var withArticle: String {
        switch self {
        case .accessLog: return "an " + rawValue
        case .upstreamOptions: return rawValue
        default: return "a " + rawValue
        }
    }
}

/// One extension.
package struct ConfigExtension: Sendable {
    package var category: ExtensionCategory
    /// Envoy's well-known name. It matters only where `typed_config` is missing.
    package var name: String
    /// The full name of its configuration message.
    package var typeName: String
    /// Whether its configuration may be empty, so that the name alone says enough.
    package var isEmptyConfigValid: Bool
    /// Whether a network filter ends its chain.
    package var isTerminal: Bool
    /// Older names of the same extension.
    package var aliases: [String]

    package init(
        _ category: ExtensionCategory, _ name: String, _ typeName: String, isEmptyConfigValid: Bool = false,
        isTerminal: Bool = false, aliases: [String] = []
    ) {
        self.category = category
        self.name = name
        self.typeName = typeName
        self.isEmptyConfigValid = isEmptyConfigValid
        self.isTerminal = isTerminal
        self.aliases = aliases
    }

    package var typeURL: String { ExtensionCatalog.typeURLPrefix + typeName }
}

/// The extensions of one program.
package struct ExtensionCatalog: Sendable {
    package static let typeURLPrefix = "type.googleapis.com/"

    package private(set) var extensions: [ConfigExtension]

    package init(_ extensions: [ConfigExtension]) {
        self.extensions = extensions
    }

    package func adding(_ more: [ConfigExtension]) -> ExtensionCatalog {
        ExtensionCatalog(extensions + more)
    }

    func all(_ category: ExtensionCategory) -> [ConfigExtension] {
        extensions.filter { $0.category == category }
    }

    package func find(typeName: String) -> ConfigExtension? {
        extensions.first { $0.typeName == typeName }
    }

    func find(name: String, in category: ExtensionCategory) -> ConfigExtension? {
        extensions.first { $0.category == category && ($0.name == name || $0.aliases.contains(name)) }
    }

    /// The messages with a `name` beside their `typed_config`, and the category of the latter.
    static let holders: [String: ExtensionCategory] = [
        "envoy.config.listener.v3.Filter": .networkFilter,
        "envoy.config.listener.v3.ListenerFilter": .listenerFilter,
        "envoy.config.accesslog.v3.AccessLog": .accessLog,
        "envoy.config.core.v3.TransportSocket": .transportSocket,
        "envoy.config.cluster.v3.Cluster.CustomClusterType": .clusterType,
        "envoy.config.overload.v3.ResourceMonitor": .resourceMonitor,
    ]

    /// Fields whose value says what a TypedExtensionConfig or an Any inside it is for.
    static let fieldPlaces: [String: ExtensionCategory] = [
        "typed_extension_config": .loadBalancingPolicy,
        "typed_dns_resolver_config": .dnsResolver,
        "typed_extension_protocol_options": .upstreamOptions,
    ]

    /// Cluster types that Envoy also has by name; here the field `type` says the same.
    static let clusterTypesByName: [String: String] = [
        "envoy.cluster.static": "STATIC",
        "envoy.cluster.strict_dns": "STRICT_DNS",
        "envoy.cluster.logical_dns": "LOGICAL_DNS",
        "envoy.cluster.original_dst": "ORIGINAL_DST",
    ]

    /// What every proxy shares.
    package static let core = ExtensionCatalog([
        ConfigExtension(
            .networkFilter, "envoy.filters.network.tcp_proxy",
            "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", isTerminal: true, aliases: ["envoy.tcp_proxy"]),
        ConfigExtension(
            .networkFilter, "envoy.filters.network.echo", "envoy.extensions.filters.network.echo.v3.Echo",
            isEmptyConfigValid: true, isTerminal: true, aliases: ["envoy.echo"]),
        ConfigExtension(
            .networkFilter, "envoy.filters.network.direct_response",
            "envoy.extensions.filters.network.direct_response.v3.Config", isEmptyConfigValid: true, isTerminal: true),
        ConfigExtension(
            .networkFilter, "envoy.filters.network.connection_limit",
            "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit"),
        ConfigExtension(
            .networkFilter, "envoy.filters.network.local_ratelimit",
            "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit"),
        ConfigExtension(
            .networkFilter, "envoy.filters.network.rbac", "envoy.extensions.filters.network.rbac.v3.RBAC"),
        ConfigExtension(
            .networkFilter, "envoy.filters.network.sni_cluster",
            "envoy.extensions.filters.network.sni_cluster.v3.SniCluster", isEmptyConfigValid: true),
        ConfigExtension(
            .listenerFilter, "envoy.filters.listener.original_dst",
            "envoy.extensions.filters.listener.original_dst.v3.OriginalDst", isEmptyConfigValid: true,
            aliases: ["envoy.listener.original_dst"]),
        ConfigExtension(
            .accessLog, "envoy.access_loggers.file", "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            aliases: ["envoy.file_access_log"]),
        ConfigExtension(
            .accessLog, "envoy.access_loggers.stdout", "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            isEmptyConfigValid: true),
        ConfigExtension(
            .accessLog, "envoy.access_loggers.stderr", "envoy.extensions.access_loggers.stream.v3.StderrAccessLog",
            isEmptyConfigValid: true),
        ConfigExtension(
            .transportSocket, "envoy.transport_sockets.raw_buffer",
            "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer", isEmptyConfigValid: true,
            aliases: ["raw_buffer"]),
        ConfigExtension(
            .clusterType, "envoy.cluster.dns", "envoy.extensions.clusters.dns.v3.DnsCluster",
            aliases: ["envoy.clusters.dns"]),
        ConfigExtension(
            .loadBalancingPolicy, "envoy.load_balancing_policies.round_robin",
            "envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin", isEmptyConfigValid: true),
        ConfigExtension(
            .loadBalancingPolicy, "envoy.load_balancing_policies.least_request",
            "envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest", isEmptyConfigValid: true),
        ConfigExtension(
            .loadBalancingPolicy, "envoy.load_balancing_policies.random",
            "envoy.extensions.load_balancing_policies.random.v3.Random", isEmptyConfigValid: true),
        ConfigExtension(
            .loadBalancingPolicy, "envoy.load_balancing_policies.ring_hash",
            "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash", isEmptyConfigValid: true),
        ConfigExtension(
            .loadBalancingPolicy, "envoy.load_balancing_policies.maglev",
            "envoy.extensions.load_balancing_policies.maglev.v3.Maglev", isEmptyConfigValid: true),
        ConfigExtension(
            .loadBalancingPolicy, "envoy.load_balancing_policies.subset",
            "envoy.extensions.load_balancing_policies.subset.v3.Subset"),
        ConfigExtension(
            .dnsResolver, "envoy.network.dns_resolver.cares",
            "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig", isEmptyConfigValid: true),
        ConfigExtension(
            .upstreamOptions, "envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions",
            "envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions"),
        ConfigExtension(
            .resourceMonitor, "envoy.resource_monitors.global_downstream_max_connections",
            "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"),
    ])
}
