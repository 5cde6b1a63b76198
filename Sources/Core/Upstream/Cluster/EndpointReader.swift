// From a load assignment message to endpoints.

import ConfigAPI
import CoreConfig

/// Reads `load_assignment` for one kind of discovery.
struct EndpointReader {
    private let message: Envoy_Config_Endpoint_V3_ClusterLoadAssignment
    private let path: String
    private let takesNames: Bool
    private let discovery: DiscoverySpec
    private(set) var problems: [ConfigProblem] = []

    init(_ message: Envoy_Config_Endpoint_V3_ClusterLoadAssignment, path: String, discovery: DiscoverySpec) {
        self.message = message
        self.path = path
        self.discovery = discovery
        takesNames = discovery != .staticHosts
    }

    mutating func read() -> EndpointAssignment {
        var assignment = EndpointAssignment()
        for (groupIndex, group) in message.endpoints.enumerated() {
            let groupPath = "endpoints[\(groupIndex)]"
            let locality = Locality(
                region: group.locality.region, zone: group.locality.zone, subZone: group.locality.subZone)
            if group.hasLoadBalancingWeight {
                let key = ClusterSnapshotBuilder.PriorityLocality(priority: group.priority, locality: locality)
                assignment.localityWeights[key] = group.loadBalancingWeight.value
            }
            for (index, entry) in group.lbEndpoints.enumerated() {
                let entryPath = "\(groupPath).lb_endpoints[\(index)]"
                guard let (endpoint, endpointPath) = endpoint(of: entry, entryPath),
                    var spec = read(endpoint, endpointPath)
                else { continue }
                spec.attributes.locality = locality
                spec.attributes.priority = group.priority
                spec.attributes.metadata = Metadata(entry.metadata)
                if entry.hasLoadBalancingWeight { spec.attributes.weight = entry.loadBalancingWeight.value }
                switch entry.healthStatus {
                case .unhealthy, .timeout: spec.flags = .failedEDSHealth
                case .draining: spec.flags = .edsStatusDraining
                case .degraded: spec.flags = .degradedEDSHealth
                case .unknown, .healthy, .UNRECOGNIZED: break
                }
                assignment.endpoints.append(spec)
            }
        }
        return assignment
    }

    private mutating func fail(_ field: String, _ text: String, found: String? = nil, allowed: String? = nil) {
        problems.append(ConfigProblem(path: "\(path).\(field)", found: found, allowed: allowed, text: text))
    }

    private mutating func endpoint(
        of entry: Envoy_Config_Endpoint_V3_LbEndpoint, _ field: String
    ) -> (Envoy_Config_Endpoint_V3_Endpoint, String)? {
        switch entry.hostIdentifier {
        case .endpoint(let endpoint)?:
            return (endpoint, "\(field).endpoint")
        case .endpointName(let name)?:
            if let endpoint = message.namedEndpoints[name] { return (endpoint, "named_endpoints[\"\(name)\"]") }
            fail(
                "\(field).endpoint_name", "no such endpoint in named_endpoints", found: "\"\(name)\"",
                allowed: message.namedEndpoints.keys.sorted().joined(separator: ", "))
        case nil:
            fail(field, "an endpoint is missing", allowed: "endpoint, endpoint_name")
        }
        return nil
    }

    private mutating func read(_ endpoint: Envoy_Config_Endpoint_V3_Endpoint, _ field: String) -> EndpointSpec? {
        guard endpoint.hasAddress, let target = target(endpoint.address, "\(field).address") else {
            if !endpoint.hasAddress { fail(field, "an endpoint needs its address") }
            return nil
        }
        var spec = EndpointSpec(target: target)
        spec.attributes.hostname = endpoint.hostname
        if spec.attributes.hostname.isEmpty, case .name(let name, _) = target { spec.attributes.hostname = name }
        if endpoint.hasHealthCheckConfig {
            let check = endpoint.healthCheckConfig
            spec.healthCheckPort = UInt16(clamping: check.portValue)
            spec.attributes.healthCheckHostname = check.hostname
            spec.attributes.disableActiveHealthCheck = check.disableActiveHealthCheck
            if check.hasAddress {
                switch self.target(check.address, "\(field).health_check_config.address", takesNames: false) {
                case .address(let address)?:
                    spec.attributes.healthCheckAddress =
                        spec.healthCheckPort == 0 ? address : address.with(port: spec.healthCheckPort)
                default: return nil
                }
            }
        }
        return spec
    }

    private mutating func target(
        _ address: Envoy_Config_Core_V3_Address, _ field: String, takesNames allowed: Bool? = nil
    ) -> EndpointSpec.Target? {
        let takesNames = allowed ?? self.takesNames
        switch address.address {
        case .socketAddress(let message)?:
            let port = UInt16(clamping: message.portValue)
            if let literal = SocketAddress(literal: message.address, port: port) {
                return takesNames ? .name(message.address, port: port) : .address(literal)
            }
            if takesNames { return .name(message.address, port: port) }
            fail(
                "\(field).socket_address.address",
                "malformed IP address; a name needs a cluster of type STRICT_DNS or LOGICAL_DNS",
                found: "\"\(message.address)\"", allowed: "an IPv4 or IPv6 address")
        case .pipe(let pipe)?:
            if discovery != .staticHosts, allowed == nil {
                fail("\(field).pipe", "a \(discovery.text) cluster resolves names, a pipe has none")
                return nil
            }
            if pipe.path.utf8.count > SocketAddress.maxUnixPathBytes {
                fail(
                    "\(field).pipe.path", "the path is too long for a Unix socket",
                    found: "\(pipe.path.utf8.count) bytes",
                    allowed: "at most \(SocketAddress.maxUnixPathBytes) bytes")
                return nil
            }
            return .address(.unix(path: pipe.path))
        case nil:
            fail(field, "an address is missing", allowed: "socket_address, pipe")
        }
        return nil
    }
}
