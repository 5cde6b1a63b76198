"""tcp_proxy's options: time-outs, weights, hashing, subsets, connect modes, early data."""

import collections
import time

import pytest

from support.bootstrap import FRONT, bootstrap, cluster, endpoint, file_access_log, listener, relay_to, tcp_proxy
from support.client import closed_without_data, connect, ending, exchange, read_exactly
from support.origin import greet, hold
from support.ports import held_port
from support.waiting import wait_until

REASON = "%RESPONSE_FLAGS% %DOWNSTREAM_LOCAL_CLOSE_REASON% %BYTES_RECEIVED% %BYTES_SENT%\n"


def line(path):
    return wait_until(lambda: path.exists() and path.read_text(), "an access log line").strip()


def who(proxy, source=None):
    with connect(proxy.port(), source=source) as client:
        return read_exactly(client, 2).decode()[:1]


def test_idle_timeout(start, origin, tmp_path):
    log = tmp_path / "log"
    proxy = start(relay_to(origin().port, idle_timeout="0.5s", access_log=[file_access_log(log, REASON)]))
    with connect(proxy.port()) as client:
        began = time.monotonic()
        exchange(client, b"abc")
        assert ending(client) == "end"
        assert 0.4 < time.monotonic() - began < 2
    proxy.wait_stat("tcp.front.idle_timeout", 1)
    assert line(log) == "- tcp_session_idle_timeout 3 3"


def test_traffic_holds_off_the_idle_timeout(start, origin):
    proxy = start(relay_to(origin().port, idle_timeout="0.6s"))
    with connect(proxy.port()) as client:
        for turn in range(8):
            exchange(client, b"%d" % turn)
            time.sleep(0.25)
        assert ending(client) == "end"
    proxy.wait_stat("tcp.front.idle_timeout", 1)


def test_one_way_traffic_holds_off_the_idle_timeout(start, origin):
    def tick(connection, _server):
        for _ in range(8):
            connection.sendall(b".")
            time.sleep(0.25)

    proxy = start(relay_to(origin(tick).port, idle_timeout="0.6s"))
    with connect(proxy.port()) as client:
        assert read_exactly(client, 8) == b"." * 8
    assert proxy.stat("tcp.front.idle_timeout") == 0


def test_idle_timeout_of_zero_is_none(start, origin):
    proxy = start(relay_to(origin().port, idle_timeout="0s"))
    with connect(proxy.port(), timeout=1.5) as client:
        exchange(client, b"x")
        with pytest.raises(TimeoutError):
            ending(client)


def test_max_downstream_connection_duration(start, origin, tmp_path):
    log = tmp_path / "log"
    proxy = start(relay_to(
        origin().port, max_downstream_connection_duration="0.7s", access_log=[file_access_log(log, REASON)]))
    with connect(proxy.port()) as client:
        began = time.monotonic()
        exchange(client, b"busy")
        assert ending(client) == "end"
        assert 0.6 < time.monotonic() - began < 2
    proxy.wait_stat("tcp.front.max_downstream_connection_duration", 1)
    assert line(log) == "DT max_connection_duration_reached 4 4"


def test_weighted_clusters(start, origin):
    one, two = origin(greet("1")), origin(greet("2"))
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy(None, weighted_clusters={"clusters": [
            {"name": "one", "weight": 1}, {"name": "two", "weight": 3}]})])],
        [cluster("one", [one.port]), cluster("two", [two.port])]))
    shares = collections.Counter(who(proxy) for _ in range(400))
    # 100 of 400 expected, standard deviation 8.7: six of them leave room for no chance.
    assert 48 <= shares["1"] <= 152, shares
    assert shares["1"] + shares["2"] == 400


def test_source_ip_hash_policy(start, origin):
    origins = [origin(greet(name)) for name in "abcd"]
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy(hash_policy=[{"source_ip": {}}])])],
        [cluster(endpoints=[each.port for each in origins], lb_policy="RING_HASH")]))
    choices = {source: {who(proxy, source) for _ in range(5)} for source in [f"127.0.1.{i}" for i in range(1, 25)]}
    assert all(len(chosen) == 1 for chosen in choices.values()), choices
    assert len(set.union(*choices.values())) > 1


@pytest.mark.parametrize("policy", ["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM", "MAGLEV"])
def test_balancers_reach_every_host(start, origin, policy):
    origins = [origin(greet(name)) for name in "abc"]
    proxy = start(bootstrap([listener()], [cluster(endpoints=[each.port for each in origins], lb_policy=policy)]))
    shares = collections.Counter(who(proxy) for _ in range(90))
    assert set(shares) == set("abc"), shares
    if policy == "ROUND_ROBIN":
        assert set(shares.values()) == {30}


def test_weighted_round_robin(start, origin):
    one, two = origin(greet("1")), origin(greet("2"))
    proxy = start(bootstrap([listener()], [cluster(endpoints=[
        endpoint(one.port, load_balancing_weight=1), endpoint(two.port, load_balancing_weight=3)])]))
    shares = collections.Counter(who(proxy) for _ in range(80))
    assert shares == {"1": 20, "2": 60}


def subset_cluster(one, two):
    def with_stage(where, stage):
        return endpoint(where, metadata={"filter_metadata": {"envoy.lb": {"stage": stage}}})

    return cluster(
        endpoints=[with_stage(one, "prod"), with_stage(two, "canary")],
        lb_subset_config={"fallback_policy": "NO_FALLBACK", "subset_selectors": [{"keys": ["stage"]}]})


def test_metadata_match_picks_the_subset(start, origin, tmp_path):
    one, two = origin(greet("1")), origin(greet("2"))
    log = tmp_path / "log"

    def matching(stage):
        return tcp_proxy(
            metadata_match={"filter_metadata": {"envoy.lb": {"stage": stage}}}, access_log=[file_access_log(log)])

    proxy = start(bootstrap(
        [listener("prod", [matching("prod")]), listener("canary", [matching("canary")]),
         listener("none", [matching("nowhere")])],
        [subset_cluster(one.port, two.port)]))
    for _ in range(5):
        for name, expected in (("prod", b"1\n"), ("canary", b"2\n")):
            with connect(proxy.port(name)) as client:
                assert read_exactly(client, 2) == expected
    wait_until(lambda: log.exists() and len(log.read_text().splitlines()) == 10, "ten lines")
    assert closed_without_data(proxy.port("none")) in ("end", "reset")
    wait_until(lambda: "UH" in log.read_text(), "the flag UH")


def test_connect_on_downstream_data(start, origin):
    server = origin()
    proxy = start(relay_to(server.port, upstream_connect_mode="ON_DOWNSTREAM_DATA", max_early_data_bytes=8192))
    with connect(proxy.port()) as client:
        time.sleep(0.4)
        assert proxy.stat("cluster.origin.upstream_cx_total") == 0
        exchange(client, b"now")
        proxy.wait_stat("cluster.origin.upstream_cx_total", 1)
    proxy.wait_stat("tcp.front.early_data_received_count_total", 1)


def test_early_data_beyond_its_limit_arrives_whole(start, origin):
    proxy = start(relay_to(origin().port, upstream_connect_mode="ON_DOWNSTREAM_DATA", max_early_data_bytes=16))
    with connect(proxy.port()) as client:
        exchange(client, b"x" * 100_000)


@pytest.mark.ours_only("Envoy keeps the half-closed client until its idle time-out")
def test_a_client_that_never_sends_leaves_nothing(start, origin):
    server = origin()
    proxy = start(relay_to(server.port, upstream_connect_mode="ON_DOWNSTREAM_DATA", max_early_data_bytes=8192))
    connect(proxy.port()).close()
    proxy.wait_stat("tcp.front.downstream_cx_total", 1)
    proxy.wait_stat(FRONT + "downstream_cx_active", 0)


def test_connect_mode_without_early_data_limit_is_refused(start):
    proxy = start(relay_to(1, upstream_connect_mode="ON_DOWNSTREAM_DATA"), wait=False)
    assert proxy.wait(20) == 1
    assert "max_early_data_bytes" in proxy.log()


def test_byte_counters(start, origin):
    proxy = start(relay_to(origin().port))
    with connect(proxy.port()) as client:
        exchange(client, b"x" * 1000)
    proxy.wait_stat("tcp.front.downstream_cx_rx_bytes_total", 1000)
    proxy.wait_stat("tcp.front.downstream_cx_tx_bytes_total", 1000)
    proxy.wait_stat("cluster.origin.upstream_cx_rx_bytes_total", 1000)
    proxy.wait_stat("cluster.origin.upstream_cx_tx_bytes_total", 1000)


def test_priorities_fail_over(start, origin):
    """Priority 1 serves when all of priority 0 is marked unhealthy."""
    one, two = origin(greet("1")), origin(greet("2"))
    spare = cluster()
    spare["load_assignment"]["endpoints"] = [
        {"priority": 0, "lb_endpoints": [endpoint(one.port, health_status="UNHEALTHY")]},
        {"priority": 1, "lb_endpoints": [endpoint(two.port)]},
    ]
    proxy = start(bootstrap([listener()], [spare]))
    assert {who(proxy) for _ in range(10)} == {"2"}


def test_tcp_health_check_takes_a_dead_host_out(start, origin):
    alive = origin(greet("1"))
    dead = held_port()
    check = {"timeout": "0.5s", "interval": "0.2s", "no_traffic_interval": "0.2s", "unhealthy_threshold": 1,
             "healthy_threshold": 1, "tcp_health_check": {}}
    proxy = start(bootstrap([listener()], [cluster(endpoints=[alive.port, dead], health_checks=[check])]))
    proxy.wait_stat("cluster.origin.membership_healthy", 1)
    assert {who(proxy) for _ in range(20)} == {"1"}
    back = origin(greet("2"), port=dead)
    proxy.wait_stat("cluster.origin.membership_healthy", 2)
    assert {who(proxy) for _ in range(20)} == {"1", "2"}
    back.stop()
    proxy.wait_stat("cluster.origin.membership_healthy", 1)

    def only_one():
        try:
            return {who(proxy) for _ in range(20)} == {"1"}
        except AssertionError:
            return False

    # Workers learn of it within the merge window, a second by default.
    wait_until(only_one, "the dead host to be left out", seconds=5)


def test_upstream_bind_config(start, origin):
    seen = []

    def note(connection, _server):
        seen.append(connection.getpeername()[0])
        hold(connection, _server)

    proxy = start(bootstrap([listener()], [cluster(
        endpoints=[origin(note).port],
        upstream_bind_config={"source_address": {"address": "127.0.0.77", "port_value": 0}})]))
    with connect(proxy.port()):
        wait_until(lambda: seen, "the origin to see a connection")
    assert seen == ["127.0.0.77"]


def test_access_log_flush_interval(start, origin, tmp_path):
    log = tmp_path / "log"
    proxy = start(relay_to(
        origin().port, access_log=[file_access_log(log, "%ACCESS_LOG_TYPE%\n")],
        access_log_options={
            "access_log_flush_interval": "0.2s", "flush_access_log_on_connected": True,
            "flush_access_log_on_start": True}))
    with connect(proxy.port()) as client:
        exchange(client, b"x")
        wait_until(lambda: log.read_text().count("TcpPeriodic") >= 3, "periodic lines")
    wait_until(lambda: "TcpConnectionEnd" in log.read_text(), "the last line")
    kinds = log.read_text().split()
    assert kinds[0] == "TcpConnectionStart" and kinds[-1] == "TcpConnectionEnd"
    assert kinds.count("TcpUpstreamConnected") == 1


def test_drain_listeners_stops_accepting(start, origin):
    proxy = start(relay_to(origin().port, check_drain_close=False))
    port = proxy.port()
    with connect(port) as client:
        exchange(client, b"before")
        assert proxy.admin("/drain_listeners", "POST").status == 200
        exchange(client, b"stands")

        def refused():
            try:
                connect(port, timeout=1).close()
                return False
            except OSError:
                return True

        wait_until(refused, "new connections to be refused")
        exchange(client, b"still stands")
    assert proxy.alive()
