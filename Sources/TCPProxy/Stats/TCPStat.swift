// The counters of tcp_proxy, by Envoy's names.

import Core

/// `tcp.<stat_prefix>.`
enum TCPStat: Int, StatKey {
    case connectionsTotal, noRoute, txBytes, txBuffered, rxBytes, rxBuffered, pausedReading, resumedReading
    case earlyData, idleTimeout, maxDuration, onDemandAttempt, onDemandMissing, onDemandSuccess, onDemandTimeout
    case flushTotal, flushActive, drainClose, overloadClose, routeDelayed, spliceRefused

    var definition: StatDefinition {
        switch self {
        case .connectionsTotal: .counter("downstream_cx_total")
        case .noRoute: .counter("downstream_cx_no_route")
        case .txBytes: .counter("downstream_cx_tx_bytes_total")
        case .txBuffered: .gauge("downstream_cx_tx_bytes_buffered")
        case .rxBytes: .counter("downstream_cx_rx_bytes_total")
        case .rxBuffered: .gauge("downstream_cx_rx_bytes_buffered")
        case .pausedReading: .counter("downstream_flow_control_paused_reading_total")
        case .resumedReading: .counter("downstream_flow_control_resumed_reading_total")
        case .earlyData: .counter("early_data_received_count_total")
        case .idleTimeout: .counter("idle_timeout")
        case .maxDuration: .counter("max_downstream_connection_duration")
        case .onDemandAttempt: .counter("on_demand_cluster_attempt")
        case .onDemandMissing: .counter("on_demand_cluster_missing")
        case .onDemandSuccess: .counter("on_demand_cluster_success")
        case .onDemandTimeout: .counter("on_demand_cluster_timeout")
        case .flushTotal: .counter("upstream_flush_total")
        case .flushActive: .gauge("upstream_flush_active")
        case .drainClose: .counter("downstream_cx_drain_close")
        // Envoy's names for what does not happen here: there is no overload action that closes connections, and a
        // route is known when the connection is.
        case .overloadClose: .counter("downstream_cx_overload_close")
        case .routeDelayed: .counter("route_delayed_total")
        // Ours: bulk reads that were copied for want of a pipe.
        case .spliceRefused: .counter("splice_refused")
        }
    }
}
