// `/clusters` and `/listeners`: text and JSON in Envoy's layout.

import CoreConfig

enum StatusPages {
    // MARK: Listeners

    /// `name::address` per address.
    static func listenersText(_ listeners: [ListenerView]) -> String {
        var out = ""
        for listener in listeners {
            for address in [listener.address] + listener.additionalAddresses { out += "\(listener.name)::\(address)\n" }
        }
        return out
    }

    /// `envoy.admin.v3.Listeners`.
    static func listenersJSON(_ listeners: [ListenerView]) -> JSONValue {
        let statuses = listeners.map { listener in
            var members: [JSONValue.Member] = [
                .init("name", .string(listener.name)), .init("local_address", json(listener.address)),
            ]
            if !listener.additionalAddresses.isEmpty {
                members.append(.init("additional_local_addresses", .array(listener.additionalAddresses.map(json))))
            }
            return JSONValue.object(members)
        }
        return .object(statuses.isEmpty ? [] : [.init("listener_statuses", .array(statuses))])
    }

    // MARK: Clusters

    /// `cluster::what::value` and `cluster::host::what::value`.
    static func clustersText(_ clusters: [ClusterStatusView]) -> String {
        var out = ""
        for cluster in clusters {
            let name = cluster.name
            out += "\(name)::observability_name::\(cluster.observabilityName)\n"
            if let outlier = cluster.outlier {
                out += "\(name)::outlier::success_rate_average::\(number(outlier.successRateAverage))\n"
                out +=
                    "\(name)::outlier::success_rate_ejection_threshold::\(number(outlier.successRateEjectionThreshold))\n"
                out +=
                    "\(name)::outlier::local_origin_success_rate_average::\(number(outlier.localOriginSuccessRateAverage))\n"
                out += "\(name)::outlier::local_origin_success_rate_ejection_threshold::"
                out += "\(number(outlier.localOriginSuccessRateEjectionThreshold))\n"
            }
            for (priority, breaker) in [("default", cluster.defaultPriority), ("high", cluster.highPriority)] {
                out += "\(name)::\(priority)_priority::max_connections::\(breaker.maxConnections)\n"
                out += "\(name)::\(priority)_priority::max_pending_requests::\(breaker.maxPendingRequests)\n"
                out += "\(name)::\(priority)_priority::max_requests::\(breaker.maxRequests)\n"
                out += "\(name)::\(priority)_priority::max_retries::\(breaker.maxRetries)\n"
            }
            out += "\(name)::added_via_api::\(cluster.addedViaAPI)\n"
            if !cluster.edsServiceName.isEmpty { out += "\(name)::eds_service_name::\(cluster.edsServiceName)\n" }
            for host in cluster.hosts { append(host, "\(name)::\(host.address)", to: &out) }
        }
        return out
    }

    private static func append(_ host: HostStatusView, _ prefix: String, to out: inout String) {
        for (name, value, _) in metrics(host.stats).sorted(by: { $0.name < $1.name }) {
            out += "\(prefix)::\(name)::\(value)\n"
        }
        out += "\(prefix)::hostname::\(host.hostname)\n"
        out += "\(prefix)::health_flags::\(host.healthFlags.text)\n"
        out += "\(prefix)::weight::\(host.weight)\n"
        out += "\(prefix)::region::\(host.region)\n"
        out += "\(prefix)::zone::\(host.zone)\n"
        out += "\(prefix)::sub_zone::\(host.subZone)\n"
        out += "\(prefix)::canary::\(host.canary)\n"
        out += "\(prefix)::priority::\(host.priority)\n"
        out += "\(prefix)::success_rate::\(number(host.successRate))\n"
        out += "\(prefix)::local_origin_success_rate::\(number(host.localOriginSuccessRate))\n"
    }

    /// `envoy.admin.v3.Clusters`; members in field order, defaults left out.
    static func clustersJSON(_ clusters: [ClusterStatusView]) -> JSONValue {
        .object(clusters.isEmpty ? [] : [.init("cluster_statuses", .array(clusters.map(json)))])
    }

    private static func json(_ cluster: ClusterStatusView) -> JSONValue {
        var members: [JSONValue.Member] = [.init("name", .string(cluster.name))]
        if cluster.addedViaAPI { members.append(.init("added_via_api", .bool(true))) }
        appendPercent("success_rate_ejection_threshold", cluster.outlier?.successRateEjectionThreshold ?? -1, &members)
        if !cluster.hosts.isEmpty { members.append(.init("host_statuses", .array(cluster.hosts.map(json)))) }
        appendPercent(
            "local_origin_success_rate_ejection_threshold",
            cluster.outlier?.localOriginSuccessRateEjectionThreshold ?? -1,
            &members)
        let thresholds = [json(cluster.defaultPriority, isHigh: false), json(cluster.highPriority, isHigh: true)]
        members.append(.init("circuit_breakers", .object([.init("thresholds", .array(thresholds))])))
        members.append(.init("observability_name", .string(cluster.observabilityName)))
        if !cluster.edsServiceName.isEmpty {
            members.append(.init("eds_service_name", .string(cluster.edsServiceName)))
        }
        return .object(members)
    }

    private static func json(_ breaker: CircuitBreakerView, isHigh: Bool) -> JSONValue {
        var members: [JSONValue.Member] = isHigh ? [.init("priority", .string("HIGH"))] : []
        members.append(.init("max_connections", .number("\(breaker.maxConnections)")))
        members.append(.init("max_pending_requests", .number("\(breaker.maxPendingRequests)")))
        members.append(.init("max_requests", .number("\(breaker.maxRequests)")))
        members.append(.init("max_retries", .number("\(breaker.maxRetries)")))
        return .object(members)
    }

    private static func json(_ host: HostStatusView) -> JSONValue {
        var members: [JSONValue.Member] = [.init("address", json(host.address))]
        let stats = metrics(host.stats).map { name, value, isGauge in
            var metric: [JSONValue.Member] = isGauge ? [.init("type", .string("GAUGE"))] : []
            if value != 0 { metric.append(.init("value", .string("\(value)"))) }
            metric.append(.init("name", .string(name)))
            return JSONValue.object(metric)
        }
        members.append(.init("stats", .array(stats)))
        members.append(.init("health_status", .object(health(host.healthFlags))))
        appendPercent("success_rate", host.successRate, &members)
        members.append(.init("weight", .number("\(host.weight)")))
        if !host.hostname.isEmpty { members.append(.init("hostname", .string(host.hostname))) }
        if host.priority != 0 { members.append(.init("priority", .number("\(host.priority)"))) }
        appendPercent("local_origin_success_rate", host.localOriginSuccessRate, &members)
        var locality: [JSONValue.Member] = []
        if !host.region.isEmpty { locality.append(.init("region", .string(host.region))) }
        if !host.zone.isEmpty { locality.append(.init("zone", .string(host.zone))) }
        if !host.subZone.isEmpty { locality.append(.init("sub_zone", .string(host.subZone))) }
        members.append(.init("locality", .object(locality)))
        return .object(members)
    }

    /// `envoy.admin.v3.HostHealthStatus`, in field order.
    private static func health(_ flags: HealthFlags) -> [JSONValue.Member] {
        var members: [JSONValue.Member] = []
        func flag(_ flag: HealthFlags, _ name: String) {
            if flags.contains(flag) { members.append(.init(name, .bool(true))) }
        }
        flag(.failedActiveHC, "failed_active_health_check")
        flag(.failedOutlierCheck, "failed_outlier_check")
        let eds =
            flags.contains(.edsStatusDraining)
            ? "DRAINING"
            : flags.contains(.failedEDSHealth)
                ? "UNHEALTHY" : flags.contains(.degradedEDSHealth) ? "DEGRADED" : "HEALTHY"
        members.append(.init("eds_health_status", .string(eds)))
        flag(.degradedActiveHC, "failed_active_degraded_check")
        flag(.pendingDynamicRemoval, "pending_dynamic_removal")
        flag(.pendingActiveHC, "pending_active_hc")
        flag(.excludedViaImmediateHCFail, "excluded_via_immediate_hc_fail")
        flag(.activeHCTimeout, "active_hc_timeout")
        return members
    }

    // MARK: Parts

    /// Counters first, then gauges, each by name: the order of the JSON.
    private static func metrics(_ stats: HostStatusView.Stats) -> [(name: String, value: Int, isGauge: Bool)] {
        [
            ("cx_connect_fail", stats.cxConnectFail, false), ("cx_total", stats.cxTotal, false),
            ("rq_error", stats.rqError, false), ("rq_success", stats.rqSuccess, false),
            ("rq_timeout", stats.rqTimeout, false), ("rq_total", stats.rqTotal, false),
            ("cx_active", stats.cxActive, true), ("rq_active", stats.rqActive, true),
            ("rq_pending_active", stats.rqPendingActive, true),
        ]
    }

    private static func json(_ address: SocketAddress) -> JSONValue {
        if case .unix(let path) = address {
            return .object([.init("pipe", .object([.init("path", .string(path))]))])
        }
        let socket: [JSONValue.Member] = [
            .init("address", .string(address.addressWithoutPort)), .init("port_value", .number("\(address.port)")),
        ]
        return .object([.init("socket_address", .object(socket))])
    }

    private static func appendPercent(_ name: String, _ value: Double, _ members: inout [JSONValue.Member]) {
        if value >= 0 { members.append(.init(name, .object(value == 0 ? [] : [.init("value", .number(value))]))) }
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() ? "\(Int64(value))" : "\(value)"
    }
}
