import CoreBytes

/// Original destination: the host is the address the connection was made for (or that a header or filter state named:
/// the session puts it into ``LoadBalancerContext/originalDestination``).
///
/// An address that is no host yet comes back as ``ChoiceOutcome/hostToAdmit``: the caller makes the ``Host`` for
/// ``destination(_:)``, uses it at once and asks the cluster manager to admit it.
final class OriginalDestinationPicker: HostPicker {
    private var snapshot: ClusterSnapshot
    private let portOverride: UInt16?

    init(_ snapshot: ClusterSnapshot, _ settings: LoadBalancerSpec.OriginalDestination) {
        self.snapshot = snapshot
        portOverride = settings.upstreamPortOverride
    }

    override func adopt(_ snapshot: ClusterSnapshot, _ prioritySet: PrioritySet) { self.snapshot = snapshot }

    override func pick(
        _ context: LoadBalancerContext, attempt: UInt32, random: inout FastRandom
    ) -> HostChoice {
        guard let address = context.originalDestination, address.isIP, !address.isUnspecified else {
            return HostChoice(nil, .originalDestinationInvalid)
        }
        let target = portOverride.map { address.with(port: $0) } ?? address
        if let index = snapshot.indexOfAddress[target] { return HostChoice(index) }
        return HostChoice(nil, .hostToAdmit)
    }
}

extension LoadBalancerSpec.OriginalDestination {
    /// Where a connection for `address` is sent.
    public func destination(_ address: SocketAddress) -> SocketAddress {
        upstreamPortOverride.map { address.with(port: $0) } ?? address
    }
}
