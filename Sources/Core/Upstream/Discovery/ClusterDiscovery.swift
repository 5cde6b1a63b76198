// The seam for kinds of discovery.

/// An endpoint that discovery offers for admission.
public struct DiscoveredHost: Sendable {
    public var attributes: Host.Attributes
    /// Of the flags, those that discovery decides (``HealthFlags/discoveryMask``).
    public var flags: HealthFlags

    public init(attributes: Host.Attributes, flags: HealthFlags = []) {
        self.attributes = attributes
        self.flags = flags
    }
}

extension HealthFlags {
    /// Flags that come from configuration or discovery.
    static let discoveryMask: HealthFlags = [.failedEDSHealth, .degradedEDSHealth, .edsStatusDraining]
}

/// Finds the hosts of one cluster and tells the cluster, on the main thread. A proxy's own discovery subclasses this.
open class ClusterDiscovery: EventTarget {
    /// Set by the cluster that owns this discovery.
    public internal(set) unowned(unsafe) var cluster: ManagedCluster!

    /// Begins; must call ``ManagedCluster/finishFirstDiscovery()`` once, when the first answer (or failure) is in.
    open func start() {}

    /// Ends: no timer, query or call is left behind.
    open func stop() {}
}

/// Discovery without discovering: the configured addresses.
final class StaticDiscovery: ClusterDiscovery {
    private var assignment: EndpointAssignment

    init(_ assignment: EndpointAssignment) { self.assignment = assignment }

    override func start() {
        cluster.setFirst(
            assignment.endpoints.compactMap { endpoint in
                guard case .address(let address) = endpoint.target else { return nil }
                return DiscoveredHost(
                    attributes: endpoint.attributes(at: address, clusterPort: cluster.alternatePort),
                    flags: endpoint.flags)
            }, localityWeights: assignment.localityWeights)
        // The hosts have it now.
        assignment = EndpointAssignment()
        cluster.finishFirstDiscovery()
    }
}
