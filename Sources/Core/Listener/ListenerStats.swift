// The counters of a listener, by Envoy's names.

/// `listener.<address>.`
enum ListenerStat: Int, StatKey {
    case connectionsTotal, connectionsDestroy, connectionsActive, connectionLengthMS, transportSocketConnectTimeout
    case overflow, overloadReject, globalOverflow, acceptedPerSocketEvent, preConnectionTimeout, preConnectionActive
    case noFilterChainMatch, listenerFilterRemoteClose, listenerFilterError, acceptExhausted

    var definition: StatDefinition {
        switch self {
        case .connectionsTotal: .counter("downstream_cx_total")
        case .connectionsDestroy: .counter("downstream_cx_destroy")
        case .connectionsActive: .gauge("downstream_cx_active")
        case .connectionLengthMS: .histogram("downstream_cx_length_ms", .milliseconds)
        case .transportSocketConnectTimeout: .counter("downstream_cx_transport_socket_connect_timeout")
        case .overflow: .counter("downstream_cx_overflow")
        case .overloadReject: .counter("downstream_cx_overload_reject")
        case .globalOverflow: .counter("downstream_global_cx_overflow")
        case .acceptedPerSocketEvent: .histogram("connections_accepted_per_socket_event", .unspecified)
        case .preConnectionTimeout: .counter("downstream_pre_cx_timeout")
        case .preConnectionActive: .gauge("downstream_pre_cx_active")
        case .noFilterChainMatch: .counter("no_filter_chain_match")
        case .listenerFilterRemoteClose: .counter("downstream_listener_filter_remote_close")
        case .listenerFilterError: .counter("downstream_listener_filter_error")
        // Ours: accepts that stopped because no descriptor or memory was left.
        case .acceptExhausted: .counter("downstream_accept_exhausted")
        }
    }
}

/// `listener.<address>.<worker>.`
enum ListenerWorkerStat: Int, StatKey {
    case connectionsTotal, connectionsActive

    var definition: StatDefinition {
        switch self {
        case .connectionsTotal: .counter("downstream_cx_total")
        case .connectionsActive: .gauge("downstream_cx_active")
        }
    }
}
