"""Runs snippets of configuration through the real Envoy and through our tcp-proxy, both with --mode validate.

Each case says what both must answer; the few where we differ on purpose say so.
"""
import subprocess
import textwrap

import pytest

TCP = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
ECHO = "type.googleapis.com/envoy.extensions.filters.network.echo.v3.Echo"
STDOUT = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
FILE = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
BASE = """
static_resources:
  listeners:
  - name: l
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: t
        typed_config:
          "@type": %(tcp)s
          stat_prefix: s
%(proxy)s
%(listener)s
  clusters:
  - name: c
    connect_timeout: 1s
%(cluster)s
%(top)s
"""


def build(where, text):
    parts = dict(tcp=TCP, proxy="          cluster: c", listener="", cluster="", top="")
    if where == "whole":
        return text
    indent = {"proxy": 10, "listener": 4, "cluster": 4, "top": 0}[where]
    parts[where] = textwrap.indent(textwrap.dedent(text), " " * indent)
    return BASE % parts


# (part, text, whether both load it)
CASES = [("cluster", line, loads) for line, loads in [
    ("", True),
    ("lb_policy: round_robin", True), ("lb_policy: Random", True), ("lb_policy: 3", True), ("lb_policy: '3'", True),
    ("lb_policy: null", True), ("lb_policy: 3.0", False), ("lb_policy: round-robin", False),
    ("lb_policy: true", False), ("lb_policy: 99", False), ("lbPolicy: RANDOM", True),
    ("lb_policy: RANDOM\nlbPolicy: RANDOM", True),
    ("type: bogus\ntype: static", True), ("type: static\ntype: bogus", False),
    ("cleanup_interval: 5s", True), ("cleanup_interval: 0.25s", True), ("cleanup_interval: {seconds: 5}", True),
    ("cleanup_interval: {seconds: 5, nanos: 5}", True), ("cleanup_interval: {seconds: '5'}", True),
    ("cleanup_interval: 5", False), ("cleanup_interval: '5'", False), ("cleanup_interval: .25s", False),
    ("cleanup_interval: 250ms", False), ("cleanup_interval: -5s", False), ("cleanup_interval: 5S", False),
    ("cleanup_interval: 1.0000000001s", False), ("cleanup_interval: 5.s", False), ("cleanup_interval: ' 5s'", False),
    ("cleanup_interval: +5s", False), ("cleanup_interval: 1e1s", False), ("cleanup_interval: 315576000001s", False),
    ("cleanup_interval: {second: 5}", False), ("cleanup_interval: 0s", False), ("cleanup_interval: [5s]", False),
    ("per_connection_buffer_limit_bytes: 80", True), ("per_connection_buffer_limit_bytes: '80'", True),
    ("per_connection_buffer_limit_bytes: 80.0", True), ("per_connection_buffer_limit_bytes: 0x50", True),
    ("per_connection_buffer_limit_bytes: '0x50'", True), ("per_connection_buffer_limit_bytes: 1e3", True),
    ("per_connection_buffer_limit_bytes: +5", True), ("per_connection_buffer_limit_bytes: 010", True),
    ("per_connection_buffer_limit_bytes: 08", True), ("per_connection_buffer_limit_bytes: {value: 5}", True),
    ("per_connection_buffer_limit_bytes: {}", True), ("per_connection_buffer_limit_bytes: ''", False),
    ("per_connection_buffer_limit_bytes: 1.5", False), ("per_connection_buffer_limit_bytes: -1", False),
    ("per_connection_buffer_limit_bytes: ' 80'", False), ("per_connection_buffer_limit_bytes: 1_000", False),
    ("per_connection_buffer_limit_bytes: 4294967296", False), ("per_connection_buffer_limit_bytes: true", False),
    ("per_connection_buffer_limit_bytes: 4294967295", True), ("per_connection_buffer_limit_bytes: '1e3'", True),
    ("per_connection_buffer_limit_bytes: '+5'", True), ("per_connection_buffer_limit_bytes: 0x", False),
    ("per_connection_buffer_limit_bytes: 1e-3", False), ("per_connection_buffer_limit_bytes: 1e99", False),
    ("per_connection_buffer_limit_bytes: -0", True), ("per_connection_buffer_limit_bytes: '8 0'", False),
    ("per_connection_buffer_limit_bytes: [5]", False),
    ("wait_for_warm_on_init: true", True), ("wait_for_warm_on_init: True", True), ("wait_for_warm_on_init: yes", True),
    ("wait_for_warm_on_init: on", True), ("wait_for_warm_on_init: \"true\"", True),
    ("wait_for_warm_on_init: 'yes'", True), ("wait_for_warm_on_init: '1'", True),
    ("wait_for_warm_on_init: tRue", True), ("wait_for_warm_on_init: 1", False), ("wait_for_warm_on_init: maybe", False),
    ("wait_for_warm_on_init: 'on'", False), ("wait_for_warm_on_init: t", True), ("wait_for_warm_on_init: ' true'", False),
    ("alt_stat_name: abc", True), ("alt_stat_name: '12'", True), ("alt_stat_name: 1.5", True),
    ("alt_stat_name: 2001-01-01", True), ("alt_stat_name: 99999999999", True), ("alt_stat_name: null", True),
    ("alt_stat_name: ", True), ("alt_stat_name: 12", False), ("alt_stat_name: true", False),
    ("alt_stat_name: y", False), ("alt_stat_name: !!str 5", False), ("alt_stat_name: [a]", False),
    ("alt_stat_name: |\n  a\n  b", True), ("alt_stat_name: >-\n  12", True), ("alt_stat_name: a b", True),
    ("alt_stat_name: 0x1G", True), ("alt_stat_name: .5", True), ("alt_stat_name: 1_000", True),
    ("alt_stat_name: +12", False), ("alt_stat_name: 0o17", True), ("alt_stat_name: 0b1", True),
    ("alt_stat_name: ~", True), ("alt_stat_name: NULL", True), ("alt_stat_name: nUll", True),
    ("common_lb_config: {healthy_panic_threshold: {value: 50}}", True),
    ("common_lb_config: {healthy_panic_threshold: {value: '50.5'}}", True),
    ("common_lb_config: {healthy_panic_threshold: {value: .5}}", True),
    ("common_lb_config: {healthy_panic_threshold: {value: .inf}}", False),
    ("common_lb_config: {healthy_panic_threshold: {value: 101}}", False),
    ("common_lb_config: {healthy_panic_threshold: {value: -1}}", False),
    ("transport_socket:", True), ("transport_socket: null", True), ("transport_socket: []", False),
    ("transport_socket: a", False), ("transport_socket: ''", False), ("cluster_type: null", True),
    ("metadata: {filter_metadata: {a: &a {b: 1}, c: *a}}", True), ("metadata: {filter_metadata: {1: {b: 1}}}", True),
    ("metadata: {filter_metadata: {[1]: {b: 1}}}", False), ("transport_socket: {<<: {name: x}}", False),
    ("metadata: {filter_metadata: {a: null}}", True), ("metadata: {filter_metadata: {a: 5}}", False),
    ("metadata: {filter_metadata: []}", False), ("metadata: {filter_metadata: {a: {b: [[1], {}]}}}", True),
    ("foo: 1", False), ("alt_stat_name:\tabc", True), ("circuit_breakers: {thresholds: {max_connections: 5}}", True),
    ("circuit_breakers: {thresholds: [null]}", True), ("health_checks: [{}]", False), ("health_checks: []", True),
    ("health_checks: [null]", False),
    ("load_assignment: {endpoints: []}", False), ("load_assignment: {cluster_name: zz}", True),
    ("ring_hash_lb_config: {minimum_ring_size: 10, maximum_ring_size: 5}\nlb_policy: RING_HASH", False),
    ("maglev_lb_config: {table_size: 5000012}\nlb_policy: MAGLEV", False),
    ("least_request_lb_config: {choice_count: 1}\nlb_policy: LEAST_REQUEST", False),
    ("type: ORIGINAL_DST", False), ("type: ORIGINAL_DST\nlb_policy: CLUSTER_PROVIDED", True),
    ("lb_policy: CLUSTER_PROVIDED", False), ("connect_timeout: 0s", False), ("type: STRICT_DNS", True),
    ("type: STATIC\ncluster_type: {name: envoy.cluster.dns}", False),
]] + [
    ("top", "node: {id: 12}", False), ("top", "node: {id: a, cluster: b}", True),
    ("top", "node_context_params: [[a], b]", True), ("top", "node_context_params: a", True),
    ("top", "node_context_params: {a: b}", False), ("top", "stats_flush_interval: 300s", False),
    ("top", "stats_flush_interval: 0s", False), ("top", "stats_flush_on_admin: false", False),
    ("top", "stats_flush_on_admin: true\nstats_flush_interval: 1s", False),
    ("top", "admin: {address: {socket_address: {address: localhost, port_value: 0}}}", False),
    ("top", "admin: {access_log_path: /nonexist/x, address: {socket_address: {address: 127.0.0.1, port_value: 0}}}",
     False),
    ("top", "admin: {access_log_path: /dev/null, address: {socket_address: {address: 127.0.0.1, port_value: 0}}}",
     True),
    ("top", "layered_runtime: {layers: [{name: a, static_layer: {}}, {name: a, static_layer: {}}]}", False),
    ("top", "layered_runtime: {layers: [{name: a, admin_layer: {}}, {name: b, admin_layer: {}}]}", False),
    ("top", "layered_runtime: {layers: [{name: a, static_layer: {a: 1.5, b: {c: yes}}}]}", True),
    ("top", "layered_runtime: {layers: [{static_layer: {}}]}", False),
    ("top", "stats_config: {stats_matcher: {reject_all: true}}", True),
    ("top", "stats_config: {stats_matcher: {}}", False),
    ("top", "stats_config: {histogram_bucket_settings: [{match: {prefix: a}, buckets: [1, 1]}]}", False),
    ("top", "stats_config: {histogram_bucket_settings: [{match: {prefix: a}, buckets: [1, 2.5]}]}", True),
    ("proxy", "cluster: c\nmax_connect_attempts: 0", False), ("proxy", "cluster: c\nidle_timeout: 0s", True),
    ("proxy", "cluster: c\nhash_policy: [{source_ip: {}}, {source_ip: {}}]", False),
    ("proxy", "cluster: c\nhash_policy: {source_ip: {}}", True), ("proxy", "", False),
    ("proxy", "weighted_clusters: {clusters: [{name: c, weight: 0}]}", False),
    ("proxy", "weighted_clusters: {clusters: []}", False),
    ("proxy", "weighted_clusters: {clusters: [{name: c, weight: 1}]}", True),
    ("proxy", "cluster: c\nweighted_clusters: {clusters: [{name: c, weight: 1}]}", False),
    ("proxy", "cluster: c\ncheck_drain_close: true", True),
    ("proxy", "cluster: c\naccess_log_options: {flush_access_log_on_start: true}", True),
    ("proxy", "cluster: c\nmax_downstream_connection_duration: 0s", False),
    ("listener", "tcp_keepalive: {}", True), ("listener", "drain_type: modify_only", True),
    ("listener", "connection_balance_config: {exact_balance: {}}", True),
    ("listener", "connection_balance_config: {}", False),
    ("listener", "max_connections_to_accept_per_socket_event: 0", False),
    ("listener", "access_log: [{name: a, typed_config: {'@type': %s}}]" % STDOUT, True),
    ("listener", "access_log: {name: a, typed_config: {'@type': %s}}" % STDOUT, True),
    ("listener", "access_log: [{name: a, typed_config: {'@type': %s}}]" % STDOUT.split("/")[1], False),
    ("listener", "access_log: [{name: a, typed_config: {'@type': /%s}}]" % STDOUT.split("/")[1], False),
    ("listener", "access_log: [{name: a, typed_config: {'@type': foo.com/%s}}]" % STDOUT.split("/")[1], True),
    ("listener", "access_log: [{name: a, typed_config: {'@type': type.googleapis.com/foo.Bar}}]", False),
    ("listener", "access_log: [{name: a, typed_config: {path: /dev/null}}]", False),
    ("listener", "access_log: [{name: a, typed_config: {}}]", False),
    ("listener", "access_log: [{name: a, typed_config: {'@type': %s, path: /nonexist/x}}]" % FILE, False),
    ("listener", "access_log: [{name: a, typed_config: {'@type': %s, path: /tmp/}}]" % FILE, False),
    ("listener", "access_log: [{name: a, typed_config: {'@type': %s, path: ''}}]" % FILE, False),
    ("listener", "access_log: [{name: a, typed_config: {'@type': %s}}]" % TCP, False),
    ("whole", "", False), ("whole", "{}", True), ("whole", "[]", False), ("whole", "abc", False),
    ("whole", "{}\n---\nfoo: 1", True), ("whole", "a: [1", False), ("whole", "static_resources:", True),
]
for kind in ("xds.type.v3", "udpa.type.v1"):
    start = "access_log: [{name: a, typed_config: {'@type': type.googleapis.com/%s.TypedStruct, " % kind
    CASES += [
        ("listener", start + "type_url: %s, value: {}}}]" % STDOUT, True),
        ("listener", start + "typeUrl: %s}}]" % STDOUT, True),
        ("listener", start + "type_url: %s, value: {foo: 1}}}]" % STDOUT, False),
        ("listener", start + "value: {}}}]", False),
    ]

# Where we differ on purpose: (part, text, Envoy loads, we load).
DIFFERENCES = [
    # A cluster that can never exist is an error, not a connection that fails later.
    ("proxy", "cluster: nope", True, False),
    # A well-known name whose configuration may be empty says enough.
    ("cluster", "transport_socket: {name: envoy.transport_sockets.raw_buffer}", False, True),
    ("listener", "access_log: [{name: envoy.access_loggers.stdout}]", False, True),
    # A number outside the enum is always an error.
    ("listener", "drain_type: 9", True, False),
    # Not yet.
    ("cluster", "cluster_type: {name: envoy.cluster.strict_dns}", True, False),
    ("cluster", "outlier_detection: {}", True, False),
]


def validate(command, path):
    done = subprocess.run([*command, "--mode", "validate", "-c", path], capture_output=True, text=True, timeout=60)
    return done.returncode == 0, (done.stdout + done.stderr)[-2000:]


ALL = [(w, t, v, v) for w, t, v in CASES] + DIFFERENCES


@pytest.mark.parametrize("where,text,theirs,ours", ALL, ids=[f"{i}-{t[:40]!r}" for i, (_, t, _, _) in enumerate(ALL)])
def test_verdicts(tmp_path, binary, envoy, where, text, theirs, ours):
    path = tmp_path / "config.yaml"
    path.write_text(build(where, text))
    verdict, output = validate([envoy, "-l", "critical"], str(path))
    assert verdict == theirs, f"envoy says otherwise: {output}"
    if binary != envoy:
        verdict, output = validate([binary], str(path))
        assert verdict == ours, f"we say otherwise: {output}"
