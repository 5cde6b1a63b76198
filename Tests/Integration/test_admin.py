"""The admin port: each endpoint's status, method and form; and side by side with the real Envoy on the same file."""

import http.client
import json
import re
import socket

import pytest

from support.bootstrap import bootstrap, cluster, endpoint, listener, relay_to, tcp_proxy
from support.client import connect, exchange, read_exactly
from support.proxy import Proxy
from support.waiting import wait_until

RUNTIME = {"layers": [{"name": "file", "static_layer": {"some": {"key": 7}}}, {"name": "admin", "admin_layer": {}}]}


@pytest.fixture
def proxy(start, origin):
    running = start(bootstrap(
        [listener(filters=[tcp_proxy()])], [cluster(endpoints=[origin().port])], layered_runtime=RUNTIME))
    with connect(running.port()) as client:
        exchange(client, b"hello")
    running.wait_stat("cluster.origin.upstream_cx_active", 0)
    return running


GET_PATHS = [
    "/", "/help", "/certs", "/clusters", "/clusters?format=json", "/config_dump", "/listeners", "/listeners?format=json",
    "/memory", "/ready", "/runtime", "/server_info", "/stats", "/stats?format=json", "/stats?format=prometheus",
    "/stats/prometheus",
]
POST_PATHS = [
    "/healthcheck/fail", "/healthcheck/ok", "/logging", "/reset_counters", "/runtime_modify?a=b", "/drain_listeners",
    "/reopen_logs", "/quitquitquit",
]


@pytest.mark.parametrize("path", GET_PATHS)
def test_reading_endpoints(proxy, path):
    answer = proxy.admin(path)
    assert answer.status == 200 and answer.body
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache, max-age=0"
    kind = answer.headers["content-type"]
    expected = "text/plain; charset=UTF-8"
    if path == "/":
        expected = "text/html; charset=UTF-8"
    elif "json" in path or path in ("/certs", "/config_dump", "/memory", "/runtime", "/server_info"):
        expected = "application/json"
        json.loads(answer.text)
    assert kind.lower() == expected.lower()


@pytest.mark.parametrize("path", POST_PATHS)
def test_changing_endpoints_want_post(proxy, path):
    answer = proxy.admin(path)
    assert answer.status == 405
    assert answer.text == "Method GET not allowed, POST required."
    assert proxy.alive() and proxy.admin("/ready").status == 200


def test_unknown_path_lists_the_commands(proxy):
    answer = proxy.admin("/nonexistent")
    assert answer.status == 404
    assert answer.text.startswith("invalid path. admin commands are:\n  /: Admin home page\n")
    for path in ("/clusters", "/stats", "/quitquitquit (POST)"):
        assert f"  {path}: " in answer.text


def test_help_names_each_endpoint(proxy):
    text = proxy.admin("/help").text
    assert text.startswith("admin commands are:\n  /: Admin home page\n")
    named = [name.rstrip(":") for name in re.findall(r"^  (/\S*)", text, re.M)]
    assert named == sorted(named)
    for path in GET_PATHS + POST_PATHS:
        assert path.split("?")[0] in named, path


def test_ready(proxy):
    answer = proxy.admin("/ready")
    assert (answer.status, answer.text) == (200, "LIVE\n")


def test_healthcheck_fail_and_ok(proxy):
    assert proxy.admin("/healthcheck/fail", "POST").text == "OK\n"
    answer = proxy.admin("/ready")
    assert (answer.status, answer.text) == (503, "DRAINING\n")
    assert proxy.admin("/server_info").json()["state"] == "DRAINING"
    assert proxy.admin("/healthcheck/ok", "POST").text == "OK\n"
    assert proxy.admin("/ready").text == "LIVE\n"


def test_listeners(proxy):
    host, port = proxy.addresses()["front"]
    assert proxy.admin("/listeners").text == f"front::{host}:{port}\n"
    assert proxy.admin("/listeners?format=json").json() == {"listener_statuses": [{
        "name": "front", "local_address": {"socket_address": {"address": host, "port_value": port}}}]}


def test_clusters_text(proxy):
    lines = proxy.admin("/clusters").text.splitlines()
    assert lines[:11] == [
        "origin::observability_name::origin",
        "origin::default_priority::max_connections::1024",
        "origin::default_priority::max_pending_requests::1024",
        "origin::default_priority::max_requests::1024",
        "origin::default_priority::max_retries::3",
        "origin::high_priority::max_connections::1024",
        "origin::high_priority::max_pending_requests::1024",
        "origin::high_priority::max_requests::1024",
        "origin::high_priority::max_retries::3",
        "origin::added_via_api::false",
        lines[10],
    ]
    host = re.match(r"origin::(127\.0\.0\.1:\d+)::cx_active::0", lines[10])[1]
    values = dict(line.split(f"origin::{host}::", 1)[1].split("::") for line in lines[10:])
    assert values["cx_total"] == "1" and values["cx_connect_fail"] == "0" and values["rq_total"] == "1"
    assert values["health_flags"] == "healthy" and values["weight"] == "1" and values["priority"] == "0"
    assert {"hostname", "region", "zone", "sub_zone", "canary", "success_rate", "local_origin_success_rate"} <= set(values)


def test_clusters_json(proxy):
    status = proxy.admin("/clusters?format=json").json()["cluster_statuses"]
    assert [each["name"] for each in status] == ["origin"]
    host = status[0]["host_statuses"][0]
    assert host["address"]["socket_address"]["address"] == "127.0.0.1"
    assert host["health_status"] == {"eds_health_status": "HEALTHY"}
    assert {"name": "cx_total", "value": "1"} in host["stats"]
    assert {"name": "cx_active", "type": "GAUGE"} in host["stats"]
    assert status[0]["circuit_breakers"]["thresholds"][0] == {
        "max_connections": 1024, "max_pending_requests": 1024, "max_requests": 1024, "max_retries": 3}


def test_clusters_filter(start, origin):
    port = origin().port
    proxy = start(bootstrap([listener(filters=[tcp_proxy("one")])], [cluster("one", [port]), cluster("two", [port])]))
    status = proxy.admin("/clusters?format=json&filter=^tw").json()["cluster_statuses"]
    assert [each["name"] for each in status] == ["two"]


def test_stats_text_is_sorted_and_complete(proxy):
    lines = proxy.admin("/stats").text.splitlines()
    names = [line.split(":")[0] for line in lines if not line.split(": ", 1)[1].startswith(("P0", "No rec"))]
    assert names == sorted(names)
    assert proxy.stat("tcp.front.downstream_cx_total") == 1
    assert proxy.stat("cluster.origin.upstream_cx_total") == 1


def test_stats_filter_and_usedonly(proxy):
    text = proxy.admin("/stats?filter=^tcp[.]front[.]downstream_cx_").text
    assert text and all(line.startswith("tcp.front.downstream_cx_") for line in text.splitlines())
    every = proxy.admin("/stats?filter=^tcp[.]").text.splitlines()
    used = proxy.admin("/stats?filter=^tcp[.]&usedonly").text.splitlines()
    assert "tcp.front.downstream_cx_total: 1" in used
    assert "tcp.front.idle_timeout: 0" in every and "tcp.front.idle_timeout: 0" not in used


def test_stats_errors(proxy):
    answer = proxy.admin("/stats?filter=((")
    assert answer.status == 400 and answer.text.startswith("Invalid re2 regex")
    answer = proxy.admin("/stats?format=bogus")
    assert answer.status == 400 and answer.text.startswith("usage: /stats?format=")


def test_stats_json(proxy):
    stats = proxy.admin("/stats?format=json&filter=^tcp[.]front").json()["stats"]
    values = {each["name"]: each["value"] for each in stats if "name" in each}
    assert values["tcp.front.downstream_cx_total"] == 1
    histograms = proxy.admin("/stats?format=json&filter=upstream_cx_length_ms").json()["stats"][0]["histograms"]
    assert histograms["supported_quantiles"] == [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100]
    assert histograms["computed_quantiles"][0]["name"] == "cluster.origin.upstream_cx_length_ms"
    assert len(histograms["computed_quantiles"][0]["values"]) == 10


def test_histograms(proxy):
    """After the flush, a recorded value shows in quantiles and in cumulative and disjoint buckets."""
    name = "cluster.origin.upstream_cx_length_ms"
    wait_until(lambda: "P50" in proxy.admin(f"/stats?filter={name}").text, "the histogram to be merged", seconds=12)
    line = proxy.admin(f"/stats?filter={name}").text
    assert re.match(name + r": P0\(\S+,\S+\) P25\(", line)
    cumulative = proxy.admin(f"/stats?filter={name}&histogram_buckets=cumulative").text
    assert re.match(name + r": B0\.5\(\d+,\d+\) B1\(", cumulative)
    assert re.search(r"B3\.6e\+06\(\d+,1\)", cumulative), cumulative
    assert proxy.admin(f"/stats?filter={name}&histogram_buckets=disjoint").text.startswith(f"{name}: B0.5(")


def test_prometheus(proxy):
    text = proxy.admin("/stats/prometheus").text
    assert '# TYPE envoy_tcp_downstream_cx_total counter\nenvoy_tcp_downstream_cx_total{envoy_tcp_prefix="front"} 1\n' in text
    assert 'envoy_cluster_upstream_cx_total{envoy_cluster_name="origin"} 1\n' in text
    assert re.search(r'envoy_listener_downstream_cx_total\{envoy_listener_address="127\.0\.0\.1_0"\} 1\n', text)
    # One TYPE line for each family, and nothing between its samples.
    families = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)
    assert len(families) == len(set(families)) == len({name for name, _ in families})
    for line in text.splitlines():
        assert re.match(r"# (TYPE|HELP) |[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? \S+$|$", line), line


def test_prometheus_histogram(proxy):
    name = "envoy_cluster_upstream_cx_length_ms"
    wait_until(
        lambda: f'{name}_count{{envoy_cluster_name="origin"}} 1' in proxy.admin("/stats/prometheus").text,
        "the histogram to be merged", seconds=12)
    text = proxy.admin("/stats/prometheus").text
    buckets = re.findall(name + r'_bucket\{envoy_cluster_name="origin",le="([^"]+)"\} (\d+)', text)
    assert buckets[-1] == ("+Inf", "1") and buckets[0][0] == "0.5" and len(buckets) == 20
    counts = [int(count) for _, count in buckets]
    assert counts == sorted(counts)


def test_reset_counters(proxy):
    assert proxy.admin("/reset_counters", "POST").text == "OK\n"
    assert proxy.stat("tcp.front.downstream_cx_total") == 0
    assert proxy.stat("cluster.origin.membership_total") == 1
    with connect(proxy.port()) as client:
        exchange(client, b"after")
    proxy.wait_stat("tcp.front.downstream_cx_total", 1)


def test_server_info(proxy):
    info = proxy.admin("/server_info").json()
    assert info["state"] == "LIVE"
    assert {"version", "uptime_current_epoch", "uptime_all_epochs", "hot_restart_version", "command_line_options", "node"} <= set(info)
    options = info["command_line_options"]
    assert options["concurrency"] == 1 and options["config_path"].endswith("config.json")
    assert options["drain_time"] == "600s" and options["disable_hot_restart"] is True


def test_memory(proxy):
    memory = proxy.admin("/memory").json()
    assert set(memory) == {
        "allocated", "heap_size", "pageheap_unmapped", "pageheap_free", "total_thread_cache", "total_physical_bytes"}
    assert all(isinstance(value, str) and value.isdigit() for value in memory.values())
    assert int(memory["allocated"]) > 0


def test_logging(proxy):
    def levels(text):
        return dict(re.findall(r"^  (\S+): (\S+)$", text, re.M))

    before = levels(proxy.admin("/logging", "POST").text)
    assert before and set(before.values()) == {"info"}
    assert set(levels(proxy.admin("/logging?level=debug", "POST").text).values()) == {"debug"}
    name = sorted(before)[0]
    after = levels(proxy.admin(f"/logging?{name}=error", "POST").text)
    assert after[name] == "error" and {value for key, value in after.items() if key != name} == {"debug"}
    first, second = sorted(before)[:2]
    after = levels(proxy.admin(f"/logging?paths={first}:warning,{second}:info", "POST").text)
    assert (after[first], after[second]) == ("warning", "info")
    answer = proxy.admin("/logging?level=bogus", "POST")
    assert answer.status == 400 and "unknown logger level" in answer.text
    answer = proxy.admin("/logging?nosuchlogger=info", "POST")
    assert answer.status == 400


def test_runtime(proxy):
    runtime = proxy.admin("/runtime").json()
    assert runtime["layers"] == ["file", "admin"]
    assert runtime["entries"]["some.key"] == {"final_value": "7", "layer_values": ["7", ""]}
    assert proxy.admin("/runtime_modify?some.key=8&new=x", "POST").text == "OK\n"
    entries = proxy.admin("/runtime").json()["entries"]
    assert entries["some.key"] == {"final_value": "8", "layer_values": ["7", "8"]}
    assert entries["new"]["final_value"] == "x"
    assert proxy.admin("/runtime_modify?some.key=", "POST").status == 200
    assert proxy.admin("/runtime").json()["entries"]["some.key"]["final_value"] == "7"
    answer = proxy.admin("/runtime_modify", "POST")
    assert answer.status == 400 and answer.text.startswith("usage: /runtime_modify?key1=value1")


def test_runtime_modify_takes_a_form(proxy):
    answer = proxy.admin(
        "/runtime_modify", "POST", body="a.b=1&c=2", headers={"content-type": "application/x-www-form-urlencoded"})
    assert answer.text == "OK\n"
    assert proxy.admin("/runtime").json()["entries"]["a.b"]["final_value"] == "1"


def test_runtime_modify_needs_an_admin_layer(start, origin):
    proxy = start(relay_to(origin().port))
    answer = proxy.admin("/runtime_modify?a=b", "POST")
    assert answer.status == 503
    assert "No admin layer" in answer.text


def test_a_modified_connection_limit_takes_effect(start, origin):
    proxy = start(bootstrap([listener()], [cluster(endpoints=[origin().port])], layered_runtime=RUNTIME))
    proxy.admin("/runtime_modify?envoy.resource_limits.listener.front.connection_limit=1", "POST")

    def limited():
        with connect(proxy.port()) as first, connect(proxy.port()) as second:
            try:
                exchange(first, b"in")
                exchange(second, b"out")
                return False
            except (AssertionError, OSError):
                return True

    wait_until(limited, "the new limit to hold")


def test_config_dump(proxy):
    dump = proxy.admin("/config_dump").json()["configs"]
    kinds = [each["@type"].rsplit(".", 1)[1] for each in dump]
    assert {"BootstrapConfigDump", "ClustersConfigDump", "ListenersConfigDump"} <= set(kinds)
    by_kind = dict(zip(kinds, dump))
    assert by_kind["BootstrapConfigDump"]["bootstrap"]["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"
    assert by_kind["ClustersConfigDump"]["static_clusters"][0]["cluster"]["name"] == "origin"
    front = by_kind["ListenersConfigDump"]["static_listeners"][0]
    assert front["listener"]["name"] == "front" and front["last_updated"].endswith("Z")
    filter_ = front["listener"]["filter_chains"][0]["filters"][0]["typed_config"]
    assert filter_["@type"].endswith("tcp_proxy.v3.TcpProxy") and filter_["cluster"] == "origin"


def test_config_dump_resource_mask_and_name(start, origin):
    port = origin().port
    proxy = start(bootstrap([listener(filters=[tcp_proxy("one")])], [cluster("one", [port]), cluster("two", [port])]))
    configs = proxy.admin("/config_dump?resource=static_clusters").json()["configs"]
    assert sorted(each["cluster"]["name"] for each in configs) == ["one", "two"]
    assert all(each["@type"].endswith("ClustersConfigDump.StaticCluster") for each in configs)
    configs = proxy.admin("/config_dump?resource=static_clusters&mask=cluster.name").json()["configs"]
    assert [set(each["cluster"]) for each in configs] == [{"@type", "name"}] * 2
    configs = proxy.admin("/config_dump?resource=static_clusters&name_regex=tw.*").json()["configs"]
    assert [each["cluster"]["name"] for each in configs] == ["two"]
    answer = proxy.admin("/config_dump?resource=nothing")
    assert answer.status == 404 and "nothing not found in config dump" in answer.text
    assert proxy.admin("/config_dump?mask=static_clusters.cluster.name&resource=static_listeners").status == 400


def test_quitquitquit(start, origin):
    proxy = start(relay_to(origin().port))
    assert proxy.admin("/quitquitquit", "POST").text == "OK\n"
    assert proxy.wait() == 0


@pytest.mark.ours_only("Envoy's page is a table of forms")
def test_home_page_is_whole(proxy):
    """It stands alone: nothing is fetched from elsewhere, and each link it has is one we serve."""
    text = proxy.admin("/").text
    assert text.lower().startswith("<!doctype html>") and "</html>" in text.lower()
    assert not re.findall(r'(?:src|href)=["\'](?:https?:)?//', text)
    for path in set(re.findall(r'href=["\'](/?[^"\'#:]*)["\']', text)):
        if path.startswith("data"):
            continue
        path = "/" + path.lstrip("/")
        assert proxy.admin(path.replace("&amp;", "&")).status in (200, 405), path


def test_keep_alive(proxy):
    host, port = proxy.admin_address()
    connection = http.client.HTTPConnection(host, port, timeout=5)
    for _ in range(20):
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"LIVE\n")
    connection.close()


@pytest.mark.ours_only("Envoy's admin port closes before it has answered all pipelined requests")
def test_pipelining(proxy):
    with socket.create_connection(proxy.admin_address(), timeout=5) as raw:
        raw.sendall(b"GET /ready HTTP/1.1\r\nhost: a\r\n\r\n" * 3)
        text = b""
        while text.count(b"LIVE\n") < 3:
            part = raw.recv(65536)
            assert part
            text += part
        assert text.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize("request_", [
    b"GET /ready HTTP/1.1\r\n\r\n",
    b"GET /ready HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    b"GET /ready HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 2\r\n\r\n",
    b"GET /ready HTTP/1.1\r\nhost : a\r\n\r\n",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
])
def test_bad_requests_are_refused(proxy, request_):
    with socket.create_connection(proxy.admin_address(), timeout=5) as raw:
        raw.sendall(request_)
        raw.shutdown(socket.SHUT_WR)
        text = b""
        while part := raw.recv(65536):
            text += part
        assert text == b"" or text.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501")), text
    assert proxy.admin("/ready").status == 200


@pytest.mark.ours_only("Envoy's admin port sends a body to HEAD")
def test_head_has_no_body(proxy):
    host, port = proxy.admin_address()
    with socket.create_connection((host, port), timeout=5) as raw:
        raw.sendall(b"HEAD /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        text = b""
        while part := raw.recv(65536):
            text += part
    assert text.startswith(b"HTTP/1.1 200 OK\r\n") and text.endswith(b"\r\n\r\n")


# MARK: beside the real Envoy

@pytest.fixture
def pair(start, envoy, origin, oracle, tmp_path):
    """Ours and Envoy on the same file, each having relayed one connection."""
    if oracle:
        pytest.skip("comparing Envoy with itself")
    value = bootstrap(
        [listener(filters=[tcp_proxy()])],
        [cluster(endpoints=[endpoint(origin().port)]), cluster("empty", [])], layered_runtime=RUNTIME)
    running = [start(value), start(value, envoy)]
    for each in running:
        with connect(each.port()) as client:
            exchange(client, b"hello")
        each.wait_stat("cluster.origin.upstream_cx_active", 0)
    return running


# Names that Envoy has for things a TCP proxy does not do: HTTP, EDS, zones of a local cluster, and its own internals.
NOT_OURS = re.compile(
    r"http|^listener\.admin\.|^envoy\.|^dns\.|^workers\.|^main_thread\.|^thread_local_cluster_manager\.|^overload\."
    r"|^server\.(worker_\d+|main_thread)\.watchdog|_rq_(retry|per_try|maintenance|0rtt|rx_reset|tx_reset|completed)"
    r"|internal_redirect|assignment_|lb_zone_|lb_local_|lb_recalculate|retry_or_shadow|with_0_rtt|total_match_count"
    r"|rq_max_duration|queue_overloaded|close_notify|config_missing")


def names(proxy):
    return {line.rpartition(": ")[0] if not re.search(r": (P0|No rec)", line) else line.split(": ")[0]
            for line in proxy.admin("/stats").text.splitlines()}


def test_every_stat_of_envoy_is_there(pair):
    ours, theirs = map(names, pair)
    missing = sorted(name for name in theirs - ours if not NOT_OURS.search(name))
    assert not missing


def test_values_after_one_connection_agree(pair):
    """Counters of the relay itself say the same; gauges of memory and time may not."""
    ours, theirs = (each.stats("^(tcp|cluster.origin|listener.127)[.]") for each in pair)
    different = {
        name: (ours[name], theirs[name]) for name in ours.keys() & theirs.keys()
        if ours[name] != theirs[name] and not NOT_OURS.search(name)
        and not name.endswith(("update_attempt", "update_success", ".version"))}
    assert not different


def test_clusters_json_agrees(pair):
    def shape(proxy):
        status = proxy.admin("/clusters?format=json").json()
        for each in status["cluster_statuses"]:
            for host in each.get("host_statuses", []):
                host["stats"] = sorted(host["stats"], key=lambda stat: stat["name"])
        return sorted(status["cluster_statuses"], key=lambda each: each["name"])

    ours, theirs = map(shape, pair)
    assert ours == theirs


def test_clusters_text_agrees(pair):
    ours, theirs = (sorted(each.admin("/clusters").text.splitlines()) for each in pair)
    assert ours == theirs


def test_server_info_has_the_same_keys(pair):
    ours, theirs = (each.admin("/server_info").json() for each in pair)
    assert set(ours) == set(theirs)
    theirs_options = set(theirs["command_line_options"])
    assert set(ours["command_line_options"]) <= theirs_options


def test_listeners_and_runtime_agree(pair):
    ours, theirs = pair
    strip = re.compile(r":\d+$", re.M)
    assert strip.sub(":0", ours.admin("/listeners").text) == strip.sub(":0", theirs.admin("/listeners").text)
    assert ours.admin("/runtime").json() == theirs.admin("/runtime").json()


def test_prometheus_families_agree(pair):
    def families(proxy):
        return dict(re.findall(r"^# TYPE (\S+) (\S+)$", proxy.admin("/stats/prometheus").text, re.M))

    ours, theirs = map(families, pair)
    wrong = {name: (kind, ours.get(name)) for name, kind in theirs.items()
             if re.match("envoy_(tcp|cluster_upstream_cx|listener_downstream)_", name) and not NOT_OURS.search(name)
             and ours.get(name) != kind}
    assert not wrong


def test_config_dump_of_clusters_agrees(pair):
    def clusters(proxy):
        found = proxy.admin("/config_dump?resource=static_clusters").json()["configs"]
        return sorted((each["cluster"] for each in found), key=lambda each: each["name"])

    ours, theirs = map(clusters, pair)
    assert ours == theirs


def test_read_after_the_origin_greets(start, origin):
    """The admin port answers while a relay is busy on the same worker."""
    proxy = start(relay_to(origin(lambda connection, _: connection.sendall(b"x" * 4_000_000)).port))
    with connect(proxy.port()) as client:
        assert proxy.admin("/ready").status == 200
        read_exactly(client, 4_000_000)
    assert isinstance(proxy, Proxy)
