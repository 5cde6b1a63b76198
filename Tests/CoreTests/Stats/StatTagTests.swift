import Testing

@testable import Core

/// Names and labels as Envoy 1.40 showed them on `/stats/prometheus`.
@Suite struct StatTagTests {
    @Test(arguments: [
        ("cluster.plain.upstream_cx_total", "cluster.upstream_cx_total", ["envoy.cluster_name=plain"]),
        ("cluster.foo.bar.upstream_cx_total", "cluster.bar.upstream_cx_total", ["envoy.cluster_name=foo"]),
        ("cluster_manager.cluster_added", "cluster_manager.cluster_added", []),
        (
            "listener.127.0.0.1_19910.downstream_cx_total", "listener.downstream_cx_total",
            ["envoy.listener_address=127.0.0.1_19910"]
        ),
        (
            "listener.127.0.0.1_19910.worker_0.downstream_cx_total", "listener.worker.downstream_cx_total",
            ["envoy.worker_id=0", "envoy.listener_address=127.0.0.1_19910"]
        ),
        ("listener.[__1]_80.downstream_cx_total", "listener.downstream_cx_total", ["envoy.listener_address=[__1]_80"]),
        ("listener.admin.downstream_cx_length_ms", "listener.admin.downstream_cx_length_ms", []),
        (
            "listener.admin.http.admin.downstream_rq_5xx", "listener.admin.http.downstream_rq_xx",
            ["envoy.response_code_class=5", "envoy.http_conn_manager_prefix=admin"]
        ),
        ("http.admin.downstream_rq_time", "http.downstream_rq_time", ["envoy.http_conn_manager_prefix=admin"]),
        ("tcp.plain.idle_timeout", "tcp.idle_timeout", ["envoy.tcp_prefix=plain"]),
        ("tcp.my.tcp.idle_timeout", "tcp.tcp.idle_timeout", ["envoy.tcp_prefix=my"]),
        (
            "connection_limit.cl.limited_connections", "connection_limit.limited_connections",
            ["envoy.connection_limit_prefix=cl"]
        ),
        (
            "local_rate_limit.lrl.rate_limited", "local_rate_limit.rate_limited",
            ["envoy.local_network_ratelimit_prefix=lrl"]
        ),
        ("rbp.rbac.shadow_denied", "rbac.shadow_denied", ["envoy.rbac_prefix=rbp"]),
        ("server.worker_0.watchdog_miss", "server.worker.watchdog_miss", ["envoy.worker_id=0"]),
        ("server.main_thread.watchdog_miss", "server.main_thread.watchdog_miss", []),
        (
            "cluster.c.upstream_rq_503", "cluster.upstream_rq",
            ["envoy.response_code=503", "envoy.cluster_name=c"]
        ),
        (
            "mongo.m.collection.users.callsite.getById.query.total", "mongo.collection.callsite.query.total",
            ["envoy.mongo_callsite=getById", "envoy.mongo_collection=users", "envoy.mongo_prefix=m"]
        ),
    ])
    func defaultRules(_ name: String, _ extracted: String, _ tags: [String]) {
        let result = StatTagRules.standard.extract(name)
        #expect(result.name == extracted)
        #expect(result.tags.map { "\($0.name)=\($0.value)" } == tags)
    }

    @Test func customRuleCutsItsFirstGroup() throws {
        var rules = StatTagRules()
        rules.add(name: "zone", try RE2Regex("^cluster\\.((\\w+)-zone\\.)"))
        let result = rules.extract("cluster.east-zone.upstream_cx_total")
        #expect(result.name == "cluster.upstream_cx_total")
        #expect(result.tags == [StatTag(name: "zone", value: "east")])
        #expect(rules.extract("cluster.east.upstream_cx_total").tags.isEmpty)
    }
}
