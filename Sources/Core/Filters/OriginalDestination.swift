// The listener filter that asks the kernel where a redirected connection was going.

import Glibc

/// `envoy.filters.listener.original_dst`: takes the address before an iptables REDIRECT as the connection's local one.
///
/// Source: netfilter's SO_ORIGINAL_DST (80, IPv4 at SOL_IP, IPv6 at SOL_IPV6). Under TPROXY the socket is bound to the
/// original address already and there is nothing to ask.
package struct OriginalDestinationConfig: ListenerFilterConfig {
    package init() {}

    package func makeFactory(on worker: Worker) -> ListenerFilterFactory { OriginalDestinationFactory() }
}

private final class OriginalDestinationFactory: ListenerFilterFactory {
    // Without state: one filter serves all connections of the worker.
    private let filter = OriginalDestinationFilter()

    override func makeFilter() -> ListenerFilter { filter }
}

private final class OriginalDestinationFilter: ListenerFilter {
    private static let soOriginalDestination: Int32 = 80

    override func onAccept(_ connection: PendingConnection) -> ListenerFilterStatus {
        let level: Int32
        switch connection.info.downstreamLocalAddress {
        case .v4: level = Int32(IPPROTO_IP)
        case .v6: level = Int32(IPPROTO_IPV6)
        case .unix, nil: return .proceed
        }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = getsockopt(connection.descriptor, level, Self.soOriginalDestination, &storage, &length)
        if status == 0, let original = SocketAddress(storage, length: length) {
            connection.info.downstreamLocalAddress = original
        }
        return .proceed
    }
}
