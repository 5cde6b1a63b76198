// What workers count about a cluster.

/// `cluster.<name>.`: connections, requests and choices. Names that only HTTP touches stand at zero, as Envoy's do.
public enum ClusterTrafficStat: Int, StatKey {
    case bindErrors, lbHealthyPanic, lbLocalClusterNotOk, lbRecalculateZoneStructures, lbSubsetsFallback
    case lbSubsetsFallbackPanic, lbSubsetsSelected, lbZoneClusterTooSmall, lbZoneNoCapacityLeft
    case lbZoneRoutingAllDirectly, lbZoneRoutingCrossZone, lbZoneRoutingSampled, originalDstHostInvalid
    case retryOrShadowAbandoned, upstreamCxActive, upstreamCxCloseNotify, upstreamCxConnectAttemptsExceeded
    case upstreamCxConnectFail, upstreamCxConnectTimeout, upstreamCxConnectWith0Rtt, upstreamCxDestroy
    case upstreamCxDestroyLocal, upstreamCxDestroyLocalWithActiveRq, upstreamCxDestroyRemote
    case upstreamCxDestroyRemoteWithActiveRq, upstreamCxDestroyWithActiveRq, upstreamCxHttp1Total
    case upstreamCxHttp2Total, upstreamCxHttp3Total, upstreamCxIdleTimeout, upstreamCxMaxDurationReached
    case upstreamCxMaxRequests, upstreamCxNoneHealthy, upstreamCxOverflow, upstreamCxPoolOverflow
    case upstreamCxPreconnectSkipped, upstreamCxProtocolError, upstreamCxRxBytesBuffered, upstreamCxRxBytesTotal
    case upstreamCxTotal, upstreamCxTxBytesBuffered, upstreamCxTxBytesTotal, upstreamFlowControlBackedUpTotal
    case upstreamFlowControlDrainedTotal, upstreamFlowControlPausedReadingTotal
    case upstreamFlowControlResumedReadingTotal, upstreamHttp3Broken, upstreamInternalRedirectFailedTotal
    case upstreamInternalRedirectSucceededTotal, upstreamQueueOverloaded, upstreamRq0rtt, upstreamRqActive
    case upstreamRqActiveOverflow, upstreamRqCancelled, upstreamRqCompleted, upstreamRqMaintenanceMode
    case upstreamRqMaxDurationReached, upstreamRqPendingActive, upstreamRqPendingFailureEject
    case upstreamRqPendingOverflow, upstreamRqPendingTotal, upstreamRqPerTryIdleTimeout, upstreamRqPerTryTimeout
    case upstreamRqRetry, upstreamRqRetryBackoffExponential, upstreamRqRetryBackoffRatelimited
    case upstreamRqRetryLimitExceeded, upstreamRqRetryOverflow, upstreamRqRetrySuccess, upstreamRqRxReset
    case upstreamRqRxResetNoError, upstreamRqTimeout, upstreamRqTotal, upstreamRqTxReset, upstreamCxConnectMS
    case upstreamCxLengthMS, upstreamRqPerCx

    public var definition: StatDefinition {
        switch self {
        case .bindErrors: .counter("bind_errors")
        case .lbHealthyPanic: .counter("lb_healthy_panic")
        case .lbLocalClusterNotOk: .counter("lb_local_cluster_not_ok")
        case .lbRecalculateZoneStructures: .counter("lb_recalculate_zone_structures")
        case .lbSubsetsFallback: .counter("lb_subsets_fallback")
        case .lbSubsetsFallbackPanic: .counter("lb_subsets_fallback_panic")
        case .lbSubsetsSelected: .counter("lb_subsets_selected")
        case .lbZoneClusterTooSmall: .counter("lb_zone_cluster_too_small")
        case .lbZoneNoCapacityLeft: .counter("lb_zone_no_capacity_left")
        case .lbZoneRoutingAllDirectly: .counter("lb_zone_routing_all_directly")
        case .lbZoneRoutingCrossZone: .counter("lb_zone_routing_cross_zone")
        case .lbZoneRoutingSampled: .counter("lb_zone_routing_sampled")
        case .originalDstHostInvalid: .counter("original_dst_host_invalid")
        case .retryOrShadowAbandoned: .counter("retry_or_shadow_abandoned")
        case .upstreamCxActive: .gauge("upstream_cx_active")
        case .upstreamCxCloseNotify: .counter("upstream_cx_close_notify")
        case .upstreamCxConnectAttemptsExceeded: .counter("upstream_cx_connect_attempts_exceeded")
        case .upstreamCxConnectFail: .counter("upstream_cx_connect_fail")
        case .upstreamCxConnectTimeout: .counter("upstream_cx_connect_timeout")
        case .upstreamCxConnectWith0Rtt: .counter("upstream_cx_connect_with_0_rtt")
        case .upstreamCxDestroy: .counter("upstream_cx_destroy")
        case .upstreamCxDestroyLocal: .counter("upstream_cx_destroy_local")
        case .upstreamCxDestroyLocalWithActiveRq: .counter("upstream_cx_destroy_local_with_active_rq")
        case .upstreamCxDestroyRemote: .counter("upstream_cx_destroy_remote")
        case .upstreamCxDestroyRemoteWithActiveRq: .counter("upstream_cx_destroy_remote_with_active_rq")
        case .upstreamCxDestroyWithActiveRq: .counter("upstream_cx_destroy_with_active_rq")
        case .upstreamCxHttp1Total: .counter("upstream_cx_http1_total")
        case .upstreamCxHttp2Total: .counter("upstream_cx_http2_total")
        case .upstreamCxHttp3Total: .counter("upstream_cx_http3_total")
        case .upstreamCxIdleTimeout: .counter("upstream_cx_idle_timeout")
        case .upstreamCxMaxDurationReached: .counter("upstream_cx_max_duration_reached")
        case .upstreamCxMaxRequests: .counter("upstream_cx_max_requests")
        case .upstreamCxNoneHealthy: .counter("upstream_cx_none_healthy")
        case .upstreamCxOverflow: .counter("upstream_cx_overflow")
        case .upstreamCxPoolOverflow: .counter("upstream_cx_pool_overflow")
        case .upstreamCxPreconnectSkipped: .counter("upstream_cx_preconnect_skipped")
        case .upstreamCxProtocolError: .counter("upstream_cx_protocol_error")
        case .upstreamCxRxBytesBuffered: .gauge("upstream_cx_rx_bytes_buffered")
        case .upstreamCxRxBytesTotal: .counter("upstream_cx_rx_bytes_total")
        case .upstreamCxTotal: .counter("upstream_cx_total")
        case .upstreamCxTxBytesBuffered: .gauge("upstream_cx_tx_bytes_buffered")
        case .upstreamCxTxBytesTotal: .counter("upstream_cx_tx_bytes_total")
        case .upstreamFlowControlBackedUpTotal: .counter("upstream_flow_control_backed_up_total")
        case .upstreamFlowControlDrainedTotal: .counter("upstream_flow_control_drained_total")
        case .upstreamFlowControlPausedReadingTotal: .counter("upstream_flow_control_paused_reading_total")
        case .upstreamFlowControlResumedReadingTotal: .counter("upstream_flow_control_resumed_reading_total")
        case .upstreamHttp3Broken: .counter("upstream_http3_broken")
        case .upstreamInternalRedirectFailedTotal: .counter("upstream_internal_redirect_failed_total")
        case .upstreamInternalRedirectSucceededTotal: .counter("upstream_internal_redirect_succeeded_total")
        case .upstreamQueueOverloaded: .counter("upstream_queue_overloaded")
        case .upstreamRq0rtt: .counter("upstream_rq_0rtt")
        case .upstreamRqActive: .gauge("upstream_rq_active")
        case .upstreamRqActiveOverflow: .counter("upstream_rq_active_overflow")
        case .upstreamRqCancelled: .counter("upstream_rq_cancelled")
        case .upstreamRqCompleted: .counter("upstream_rq_completed")
        case .upstreamRqMaintenanceMode: .counter("upstream_rq_maintenance_mode")
        case .upstreamRqMaxDurationReached: .counter("upstream_rq_max_duration_reached")
        case .upstreamRqPendingActive: .gauge("upstream_rq_pending_active")
        case .upstreamRqPendingFailureEject: .counter("upstream_rq_pending_failure_eject")
        case .upstreamRqPendingOverflow: .counter("upstream_rq_pending_overflow")
        case .upstreamRqPendingTotal: .counter("upstream_rq_pending_total")
        case .upstreamRqPerTryIdleTimeout: .counter("upstream_rq_per_try_idle_timeout")
        case .upstreamRqPerTryTimeout: .counter("upstream_rq_per_try_timeout")
        case .upstreamRqRetry: .counter("upstream_rq_retry")
        case .upstreamRqRetryBackoffExponential: .counter("upstream_rq_retry_backoff_exponential")
        case .upstreamRqRetryBackoffRatelimited: .counter("upstream_rq_retry_backoff_ratelimited")
        case .upstreamRqRetryLimitExceeded: .counter("upstream_rq_retry_limit_exceeded")
        case .upstreamRqRetryOverflow: .counter("upstream_rq_retry_overflow")
        case .upstreamRqRetrySuccess: .counter("upstream_rq_retry_success")
        case .upstreamRqRxReset: .counter("upstream_rq_rx_reset")
        case .upstreamRqRxResetNoError: .counter("upstream_rq_rx_reset_no_error")
        case .upstreamRqTimeout: .counter("upstream_rq_timeout")
        case .upstreamRqTotal: .counter("upstream_rq_total")
        case .upstreamRqTxReset: .counter("upstream_rq_tx_reset")
        case .upstreamCxConnectMS: .histogram("upstream_cx_connect_ms", .milliseconds)
        case .upstreamCxLengthMS: .histogram("upstream_cx_length_ms", .milliseconds)
        case .upstreamRqPerCx: .histogram("upstream_rq_per_cx", .unspecified)
        }
    }
}
