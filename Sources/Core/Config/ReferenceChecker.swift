// Checks that need more than one message: names that must differ, clusters that must exist, the order of filters,
// files that must be openable. Everything here has been compared with what the real Envoy refuses.
import ConfigAPI
import Glibc
import SwiftProtobuf

/// Checks one bootstrap. The problems have paths; the document adds positions.
struct ReferenceChecker {
    private typealias Listener = Envoy_Config_Listener_V3_Listener
    private typealias Cluster = Envoy_Config_Cluster_V3_Cluster
    private typealias Address = Envoy_Config_Core_V3_Address
    private typealias AccessLog = Envoy_Config_Accesslog_V3_AccessLog
    private typealias TCPProxy = Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy

    private let catalog: ExtensionCatalog
    private var problems: [ConfigProblem] = []
    private var clusterNames: Set<String> = []

    init(catalog: ExtensionCatalog) {
        self.catalog = catalog
    }

    mutating func check(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) -> [ConfigProblem] {
        clusters(bootstrap.staticResources.clusters)
        listeners(bootstrap.staticResources.listeners)
        if bootstrap.hasAdmin { admin(bootstrap.admin) }
        runtime(bootstrap.layeredRuntime)
        if bootstrap.hasStatsFlushInterval, case .statsFlushOnAdmin = bootstrap.statsFlush {
            report("stats_flush_interval", "stats_flush_interval and stats_flush_on_admin exclude each other")
        }
        return problems
    }

    // MARK: Clusters

    private mutating func clusters(_ clusters: [Cluster]) {
        var first: [String: Int] = [:]
        for (index, cluster) in clusters.enumerated() {
            if let earlier = first[cluster.name] {
                if !cluster.name.isEmpty {
                    report(
                        "static_resources.clusters[\(index)].name",
                        "the name \"\(cluster.name)\" is already defined, by static_resources.clusters[\(earlier)]")
                }
            } else {
                first[cluster.name] = index
            }
            self.cluster(cluster, index)
        }
        clusterNames = Set(first.keys)
    }

    private mutating func cluster(_ cluster: Cluster, _ index: Int) {
        var path: String { "static_resources.clusters[\(index)]" }
        let isCustom: Bool
        if case .clusterType = cluster.clusterDiscoveryType { isCustom = true } else { isCustom = false }
        let type = cluster.type
        if type == .originalDst, !isCustom, !cluster.hasLoadBalancingPolicy {
            if cluster.lbPolicy != .clusterProvided {
                report(
                    "\(path).lb_policy", "a cluster of type ORIGINAL_DST chooses hosts itself",
                    allowed: "CLUSTER_PROVIDED")
            }
            if cluster.hasLoadAssignment {
                report("\(path).load_assignment", "a cluster of type ORIGINAL_DST takes no load_assignment")
            }
        } else if cluster.lbPolicy == .clusterProvided {
            report("\(path).lb_policy", "CLUSTER_PROVIDED needs a cluster of type ORIGINAL_DST")
        }
        if cluster.lbPolicy == .loadBalancingPolicyConfig, !cluster.hasLoadBalancingPolicy {
            report("\(path).load_balancing_policy", "lb_policy LOAD_BALANCING_POLICY_CONFIG needs it")
        }
        if case .ringHashLbConfig(let ring) = cluster.lbConfig {
            let least = ring.hasMinimumRingSize ? ring.minimumRingSize.value : 1024
            let most = ring.hasMaximumRingSize ? ring.maximumRingSize.value : 8_388_608
            if least > most {
                report(
                    "\(path).ring_hash_lb_config",
                    "minimum_ring_size (\(least)) is larger than maximum_ring_size (\(most))")
            }
        }
        let endpoints = cluster.loadAssignment.endpoints
        if !isCustom && type == .static {
            for (locality, group) in endpoints.enumerated() {
                for (position, endpoint) in group.lbEndpoints.enumerated() {
                    literal(
                        endpoint.endpoint.address,
                        { "\(path).load_assignment.endpoints[\(locality)].lb_endpoints[\(position)].endpoint.address" },
                        hint: "; for a host name use type STRICT_DNS or LOGICAL_DNS")
                }
            }
        } else if !isCustom && type == .logicalDns && cluster.hasLoadAssignment {
            if endpoints.count != 1 || endpoints[0].lbEndpoints.count != 1 {
                report(
                    "\(path).load_assignment",
                    "a cluster of type LOGICAL_DNS needs exactly one locality with exactly one endpoint",
                    found: "\(endpoints.reduce(0) { $0 + $1.lbEndpoints.count }) endpoints")
            }
        }
    }

    // MARK: Listeners

    private mutating func listeners(_ listeners: [Listener]) {
        var firstNamed: [String: Int] = [:]
        var firstAt: [String: String] = [:]
        for (index, listener) in listeners.enumerated() {
            let path = "static_resources.listeners[\(index)]"
            if !listener.name.isEmpty {
                if let earlier = firstNamed[listener.name] {
                    report(
                        "\(path).name",
                        "the name \"\(listener.name)\" is already defined, by static_resources.listeners[\(earlier)]")
                } else {
                    firstNamed[listener.name] = index
                }
            }
            if !listener.hasAddress {
                report("\(path).address", "is required")
            }
            var addresses = listener.hasAddress ? [(listener.address, "\(path).address")] : []
            for (position, more) in listener.additionalAddresses.enumerated() {
                addresses.append((more.address, "\(path).additional_addresses[\(position)].address"))
            }
            for (address, place) in addresses {
                literal(address, { place }, hint: "")
                guard let key = Self.key(of: address) else { continue }
                if let earlier = firstAt[key] {
                    report(place, "the address \(key) is already used by \(earlier)")
                } else {
                    firstAt[key] = place
                }
            }
            if listener.filterChains.isEmpty, !listener.hasDefaultFilterChain {
                report("\(path).filter_chains", "is required: a listener needs at least one filter chain")
            }
            for (position, chain) in listener.filterChains.enumerated() {
                filters(chain, "\(path).filter_chains[\(position)]")
            }
            if listener.hasDefaultFilterChain { filters(listener.defaultFilterChain, "\(path).default_filter_chain") }
            accessLogs(listener.accessLog, path)
        }
    }

    private mutating func filters(_ chain: Envoy_Config_Listener_V3_FilterChain, _ path: String) {
        for (index, filter) in chain.filters.enumerated() {
            let typeName = AnyUnpacker.typeName(of: filter.typedConfig)
            if let known = catalog.find(typeName: typeName), known.category == .networkFilter {
                let isLast = index == chain.filters.count - 1
                if known.isTerminal && !isLast {
                    report(
                        "\(path).filters[\(index + 1)]",
                        "stands after \(known.name), which ends the chain; nothing would reach it")
                } else if !known.isTerminal && isLast {
                    let ends = catalog.all(.networkFilter).filter(\.isTerminal).map(\.name)
                    report(
                        "\(path).filters[\(index)]",
                        "\(known.name) does not end the chain; a filter that does must follow",
                        allowed: ends.joined(separator: ", "))
                }
            }
            if let proxy = AnyUnpacker.unpack(filter.typedConfig, as: TCPProxy.self) {
                tcpProxy(proxy, "\(path).filters[\(index)].typed_config")
            }
        }
    }

    private mutating func tcpProxy(_ proxy: TCPProxy, _ path: String) {
        switch proxy.clusterSpecifier {
        case .cluster(let name): clusterExists(name, "\(path).cluster")
        case .weightedClusters(let weighted):
            for (index, cluster) in weighted.clusters.enumerated() {
                clusterExists(cluster.name, "\(path).weighted_clusters.clusters[\(index)].name")
            }
        case nil: break
        }
        accessLogs(proxy.accessLog, path)
    }

    private mutating func clusterExists(_ name: String, _ path: String) {
        guard !name.isEmpty, !clusterNames.contains(name) else { return }
        let known = clusterNames.filter { !$0.isEmpty }.sorted()
        let nearest = NearestName.find(name, among: known)
        var allowed: String?
        if nearest == nil { allowed = known.isEmpty ? "none: there are no clusters" : Self.some(known) }
        report(path, "there is no cluster \"\(name)\"", allowed: allowed, nearest: nearest)
    }

    private static func some(_ names: [String]) -> String {
        names.count <= 10 ? names.joined(separator: ", ") : names.prefix(10).joined(separator: ", ") + ", …"
    }

    // MARK: Addresses

    /// Reports a socket address that is a name where only a literal can be used.
    private mutating func literal(_ address: Address, _ path: () -> String, hint: String) {
        guard case .socketAddress(let socket) = address.address, !socket.address.isEmpty,
            !Self.isLiteral(socket.address)
        else { return }
        report(path() + ".socket_address.address", "not an IP address\(hint)", found: "\"\(socket.address)\"")
    }

    static func isLiteral(_ text: String) -> Bool {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return true }
        // A zone may follow a link-local address.
        let plain = text.split(separator: "%", maxSplits: 1).first.map(String.init) ?? text
        return inet_pton(AF_INET6, plain, &six) == 1
    }

    /// What makes two listeners collide; nil when they cannot (port 0).
    private static func key(of address: Address) -> String? {
        switch address.address {
        case .socketAddress(let socket):
            guard socket.portValue != 0 else { return nil }
            return socket.address.contains(":")
                ? "[\(socket.address)]:\(socket.portValue)" : "\(socket.address):\(socket.portValue)"
        case .pipe(let pipe): return pipe.path
        case nil: return nil
        }
    }

    // MARK: Files

    private mutating func accessLogs(_ logs: [AccessLog], _ path: String) {
        typealias File = Envoy_Extensions_AccessLoggers_File_V3_FileAccessLog
        for (index, log) in logs.enumerated() {
            guard let file = AnyUnpacker.unpack(log.typedConfig, as: File.self) else { continue }
            openable(file.path, "\(path).access_log[\(index)].typed_config.path")
        }
    }

    /// The file itself may be missing, its folder may not.
    private mutating func openable(_ file: String, _ path: String) {
        guard !file.isEmpty else { return }
        var status = stat()
        if stat(file, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR {
                unopenable(path, file, EISDIR)
            }
            return
        }
        var folder = "."
        if let slash = file.lastIndex(of: "/") { folder = slash == file.startIndex ? "/" : String(file[..<slash]) }
        if stat(folder, &status) != 0 {
            unopenable(path, file, errno)
        } else if status.st_mode & S_IFMT != S_IFDIR {
            unopenable(path, file, ENOTDIR)
        }
    }

    private mutating func unopenable(_ path: String, _ file: String, _ error: Int32) {
        report(path, "unable to open file '\(file)': \(String(cString: strerror(error)))")
    }

    // MARK: Admin, runtime

    private mutating func admin(_ admin: Envoy_Config_Bootstrap_V3_Admin) {
        if admin.hasAddress { literal(admin.address, { "admin.address" }, hint: "") }
        accessLogs(admin.accessLog, "admin")
        openable(admin.accessLogPath, "admin.access_log_path")
    }

    private mutating func runtime(_ runtime: Envoy_Config_Bootstrap_V3_LayeredRuntime) {
        var names: Set<String> = []
        var admins = 0
        for (index, layer) in runtime.layers.enumerated() {
            if !layer.name.isEmpty, !names.insert(layer.name).inserted {
                report("layered_runtime.layers[\(index)].name", "the name \"\(layer.name)\" is given twice")
            }
            if case .adminLayer = layer.layerSpecifier {
                admins += 1
                if admins == 2 {
                    report("layered_runtime.layers[\(index)].admin_layer", "only one admin layer may be given")
                }
            }
        }
    }

    private mutating func report(
        _ path: String, _ text: String, found: String? = nil, allowed: String? = nil, nearest: String? = nil
    ) {
        guard problems.count < RuleChecker.maxProblems else { return }
        problems.append(ConfigProblem(path: path, found: found, allowed: allowed, nearest: nearest, text: text))
    }
}
