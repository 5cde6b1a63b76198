/// One upstream address admitted to a cluster.
///
/// All attributes are immutable. When discovery changes a weight, a hostname or metadata, the main thread makes a new
/// object with ``replacing(_:)`` and publishes it in the next ``ClusterSnapshot``; both objects share one
/// ``HostHealth``, so health, active checks and connection counts continue. ``isSame(as:)`` compares that identity.
/// A changed address or health-check address is another host: make it with `init`.
///
/// Made on the main thread, read by all.
public final class Host: Sendable {
    /// Everything about a host but its health, as a value to build from and to change.
    public struct Attributes: Hashable, Sendable {
        /// Where connections go.
        public var address: SocketAddress
        /// Further addresses of the same endpoint, tried in order by staggered connects.
        public var additionalAddresses: [SocketAddress] = []
        /// Where active health checks go, nil = `address`.
        public var healthCheckAddress: SocketAddress?
        /// Name for active health checks, empty = `hostname`.
        public var healthCheckHostname = ""
        /// No active health check for this host: it counts as passing.
        public var disableActiveHealthCheck = false
        /// The endpoint's name, or the DNS name the address came from. May be empty.
        public var hostname = ""
        public var locality = Locality.unspecified
        /// Tier, 0 is used first.
        public var priority: UInt32 = 0
        /// Load balancing weight, at least 1.
        public var weight: UInt32 = 1
        public var metadata = Metadata()
        /// What configuration or discovery says of the host's health.
        public var configuredStatus = ConfiguredHealthStatus.unknown

        public init(address: SocketAddress) { self.address = address }
    }

    public let attributes: Attributes
    public let health: HostHealth

    public init(_ attributes: Attributes, health: HostHealth = HostHealth()) {
        var attributes = attributes
        attributes.weight = max(1, attributes.weight)
        self.attributes = attributes
        self.health = health
    }

    /// A host with other attributes and the same identity. Its address and health-check address must not change.
    public func replacing(_ attributes: Attributes) -> Host {
        precondition(
            attributes.address == address && attributes.healthCheckAddress == self.attributes.healthCheckAddress,
            "Another address is another host.")
        return Host(attributes, health: health)
    }

    public var address: SocketAddress { attributes.address }
    public var healthCheckAddress: SocketAddress { attributes.healthCheckAddress ?? attributes.address }
    public var hostname: String { attributes.hostname }
    public var locality: Locality { attributes.locality }
    public var priority: Int { Int(attributes.priority) }
    public var weight: UInt32 { attributes.weight }
    public var metadata: Metadata { attributes.metadata }

    public var configuredStatus: ConfiguredHealthStatus { attributes.configuredStatus }

    public var flags: HealthFlags { health.flags }
    public var availability: HostAvailability { health.flags.availability }

    /// Whether both objects stand for the same admitted address.
    public func isSame(as other: Host) -> Bool { health === other.health }
}

/// `health_status` of an endpoint: what configuration or discovery says, before any check of ours.
public enum ConfiguredHealthStatus: UInt8, Sendable {
    case unknown = 0
    case healthy, unhealthy, draining, timeout, degraded

    /// The flags a host of this status carries.
    public var flags: HealthFlags {
        switch self {
        case .unknown, .healthy: []
        case .unhealthy, .timeout: .failedEDSHealth
        case .draining: .edsStatusDraining
        case .degraded: .degradedEDSHealth
        }
    }
}

extension Host {
    /// The host's status in the terms of configuration, checks of ours included; what `override_host_status` lists.
    public var status: ConfiguredHealthStatus {
        let flags = flags
        switch configuredStatus {
        case .unhealthy, .draining, .timeout: return configuredStatus
        case .unknown, .healthy, .degraded: break
        }
        switch flags.availability {
        case .unhealthy: return flags.contains(.activeHCTimeout) ? .timeout : .unhealthy
        case .degraded: return .degraded
        case .healthy: return configuredStatus
        }
    }
}
