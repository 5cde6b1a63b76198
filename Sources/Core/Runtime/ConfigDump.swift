// `/config_dump`: what the process was given, message by message, as Envoy arranges it.

import ConfigAPI
import CoreConfig
import SwiftProtobuf

/// Renders the dump's parts. Costs a walk over the whole configuration, so only when asked.
struct ConfigDump {
    let bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap
    let listeners: [Envoy_Config_Listener_V3_Listener]
    let clusters: [Envoy_Config_Cluster_V3_Cluster]
    /// When the configuration was loaded, in nanoseconds since 1970.
    let loadedWallNS: UInt64

    /// Bootstrap, clusters, (endpoints,) listeners, in this order.
    func parts(endpoints: [ClusterView]?) -> [JSONValue] {
        var parts = [any(bootstrapPart), any(clusterPart)]
        if let endpoints { parts.append(any(ConfigDump.endpointPart(endpoints))) }
        parts.append(any(listenerPart))
        return parts
    }

    private func any(_ message: some Message) -> JSONValue {
        MessageRenderer.json(Google_Protobuf_Any(packing: message))
    }

    private var loaded: Google_Protobuf_Timestamp {
        // Milliseconds, as Envoy writes them.
        Google_Protobuf_Timestamp(
            seconds: Int64(loadedWallNS / 1_000_000_000),
            nanos: Int32(loadedWallNS % 1_000_000_000 / 1_000_000 * 1_000_000))
    }

    private var bootstrapPart: Envoy_Admin_V3_BootstrapConfigDump {
        var dump = Envoy_Admin_V3_BootstrapConfigDump()
        dump.bootstrap = bootstrap
        dump.lastUpdated = loaded
        return dump
    }

    private var clusterPart: Envoy_Admin_V3_ClustersConfigDump {
        var dump = Envoy_Admin_V3_ClustersConfigDump()
        dump.staticClusters = clusters.map { message in
            var cluster = Envoy_Admin_V3_ClustersConfigDump.StaticCluster()
            cluster.cluster = Google_Protobuf_Any(packing: message)
            cluster.lastUpdated = loaded
            return cluster
        }
        return dump
    }

    private var listenerPart: Envoy_Admin_V3_ListenersConfigDump {
        var dump = Envoy_Admin_V3_ListenersConfigDump()
        dump.staticListeners = listeners.map { message in
            var listener = Envoy_Admin_V3_ListenersConfigDump.StaticListener()
            listener.listener = Google_Protobuf_Any(packing: message)
            listener.lastUpdated = loaded
            return listener
        }
        return dump
    }

    /// The hosts as the process knows them now: resolved, with their health.
    private static func endpointPart(_ clusters: [ClusterView]) -> Envoy_Admin_V3_EndpointsConfigDump {
        var dump = Envoy_Admin_V3_EndpointsConfigDump()
        dump.staticEndpointConfigs = clusters.map { cluster in
            var config = Envoy_Admin_V3_EndpointsConfigDump.StaticEndpointConfig()
            config.endpointConfig = Google_Protobuf_Any(packing: assignment(cluster))
            return config
        }
        return dump
    }

    private static func assignment(_ cluster: ClusterView) -> Envoy_Config_Endpoint_V3_ClusterLoadAssignment {
        struct Group: Hashable {
            var priority: Int
            var locality: Locality
        }
        var assignment = Envoy_Config_Endpoint_V3_ClusterLoadAssignment()
        assignment.clusterName = cluster.name
        var places: [Group: Int] = [:]
        for host in cluster.hosts {
            let group = Group(priority: host.priority, locality: host.locality)
            let place: Int
            if let known = places[group] {
                place = known
            } else {
                place = assignment.endpoints.count
                places[group] = place
                var endpoints = Envoy_Config_Endpoint_V3_LocalityLbEndpoints()
                endpoints.priority = UInt32(host.priority)
                endpoints.locality = .with {
                    ($0.region, $0.zone, $0.subZone) = (host.locality.region, host.locality.zone, host.locality.subZone)
                }
                assignment.endpoints.append(endpoints)
            }
            assignment.endpoints[place].lbEndpoints.append(endpoint(host))
        }
        return assignment
    }

    private static func endpoint(_ host: HostView) -> Envoy_Config_Endpoint_V3_LbEndpoint {
        var endpoint = Envoy_Config_Endpoint_V3_LbEndpoint()
        endpoint.endpoint.address = message(host.address)
        endpoint.endpoint.hostname = host.hostname
        endpoint.healthStatus =
            !host.flags.isDisjoint(with: .unhealthyMask)
            ? .unhealthy : !host.flags.isDisjoint(with: .degradedMask) ? .degraded : .healthy
        endpoint.loadBalancingWeight = Google_Protobuf_UInt32Value(host.weight)
        return endpoint
    }

    private static func message(_ address: SocketAddress) -> Envoy_Config_Core_V3_Address {
        var message = Envoy_Config_Core_V3_Address()
        if case .unix(let path) = address {
            message.pipe.path = path
        } else {
            message.socketAddress.address = address.addressWithoutPort
            message.socketAddress.portValue = UInt32(address.port)
        }
        return message
    }
}
