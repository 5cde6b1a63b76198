"""The network filters that every proxy shares: each alone, and several in a row before the terminal one."""

import socket
import time

import pytest

from support.bootstrap import bootstrap, cluster, listener, network_filter, tcp_proxy
from support.client import closed_without_data, connect, ending, exchange, read_to_end


def echo():
    return network_filter("echo", "Echo")


def test_echo(start):
    proxy = start(bootstrap([listener(filters=[echo()])]))
    with connect(proxy.port()) as client:
        exchange(client, b"x" * 300_000)
        client.shutdown(socket.SHUT_WR)
        assert ending(client) == "end"


def test_direct_response(start):
    proxy = start(bootstrap([listener(filters=[
        network_filter("direct_response", "Config", response={"inline_string": "hello and goodbye"})])]))
    for _ in range(5):
        with connect(proxy.port()) as client:
            assert read_to_end(client) == b"hello and goodbye"


def test_direct_response_from_a_file(start, tmp_path):
    (tmp_path / "text").write_bytes(b"from a file" * 1000)
    proxy = start(bootstrap([listener(filters=[
        network_filter("direct_response", "Config", response={"filename": str(tmp_path / "text")})])]))
    with connect(proxy.port()) as client:
        assert read_to_end(client) == b"from a file" * 1000


def test_connection_limit(start, origin):
    limit = network_filter("connection_limit", "ConnectionLimit", stat_prefix="door", max_connections=2)
    proxy = start(bootstrap([listener(filters=[limit, tcp_proxy()])], [cluster(endpoints=[origin().port])]))
    clients = [connect(proxy.port()) for _ in range(2)]
    for client in clients:
        exchange(client, b"inside")
    assert proxy.stat("connection_limit.door.active_connections") == 2
    assert closed_without_data(proxy.port()) in ("end", "reset")
    proxy.wait_stat("connection_limit.door.limited_connections", 1)
    clients.pop().close()
    proxy.wait_stat("connection_limit.door.active_connections", 1)
    with connect(proxy.port()) as client:
        exchange(client, b"my turn")
    clients.pop().close()
    proxy.wait_stat("connection_limit.door.active_connections", 0)


def test_connection_limit_with_delay(start, origin):
    limit = network_filter(
        "connection_limit", "ConnectionLimit", stat_prefix="door", max_connections=1, delay="0.5s")
    proxy = start(bootstrap([listener(filters=[limit, tcp_proxy()])], [cluster(endpoints=[origin().port])]))
    with connect(proxy.port()) as first:
        exchange(first, b"inside")
        began = time.monotonic()
        assert closed_without_data(proxy.port()) in ("end", "reset")
        assert 0.4 < time.monotonic() - began < 2


def test_local_ratelimit(start, origin):
    limit = network_filter("local_ratelimit", "LocalRateLimit", stat_prefix="pace", token_bucket={
        "max_tokens": 3, "tokens_per_fill": 3, "fill_interval": "3600s"})
    proxy = start(bootstrap([listener(filters=[limit, tcp_proxy()])], [cluster(endpoints=[origin().port])]))
    for _ in range(3):
        with connect(proxy.port()) as client:
            exchange(client, b"token")
    assert closed_without_data(proxy.port()) in ("end", "reset")
    proxy.wait_stat("local_rate_limit.pace.rate_limited", 1)


def test_local_ratelimit_fills_up_again(start, origin):
    limit = network_filter("local_ratelimit", "LocalRateLimit", stat_prefix="pace", token_bucket={
        "max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "0.5s"})
    proxy = start(bootstrap([listener(filters=[limit, tcp_proxy()])], [cluster(endpoints=[origin().port])]))
    with connect(proxy.port()) as client:
        exchange(client, b"first")
    assert closed_without_data(proxy.port()) in ("end", "reset")
    time.sleep(0.8)
    with connect(proxy.port()) as client:
        exchange(client, b"filled")


def rbac(action, principals, shadow=False, permissions=None):
    policy = {"permissions": permissions or [{"any": True}], "principals": principals}
    rules = {"action": action, "policies": {"it": policy}}
    return network_filter("rbac", "RBAC", stat_prefix="gate.", **{"shadow_rules" if shadow else "rules": rules})


def cidr(address, bits=32):
    return {"direct_remote_ip": {"address_prefix": address, "prefix_len": bits}}


@pytest.mark.parametrize("action,inside,outside", [("ALLOW", "allowed", "denied"), ("DENY", "denied", "allowed")])
def test_rbac_by_source(start, origin, action, inside, outside):
    proxy = start(bootstrap(
        [listener(filters=[rbac(action, [cidr("127.0.0.8")]), tcp_proxy()])], [cluster(endpoints=[origin().port])]))

    def verdict(source):
        with connect(proxy.port(), source=source) as client:
            client.sendall(b"hello")
            return "allowed" if ending(client) == b"hello" else "denied"

    assert verdict("127.0.0.8") == inside
    assert verdict("127.0.0.9") == outside
    proxy.wait_stat("gate.rbac.allowed", 1)
    proxy.wait_stat("gate.rbac.denied", 1)


def test_rbac_combinations(start, origin):
    """not, and, or, and a range of ports."""
    principals = [{"and_ids": {"ids": [cidr("127.0.0.0", 8), {"not_id": cidr("127.0.0.9")}]}}]
    permissions = [{"or_rules": {"rules": [
        {"destination_port": 1}, {"destination_port_range": {"start": 1024, "end": 65536}}]}}]
    proxy = start(bootstrap(
        [listener(filters=[rbac("ALLOW", principals, permissions=permissions), tcp_proxy()])],
        [cluster(endpoints=[origin().port])]))
    with connect(proxy.port(), source="127.0.0.8") as client:
        exchange(client, b"in")
    with connect(proxy.port(), source="127.0.0.9") as client:
        client.sendall(b"out")
        assert ending(client) in ("end", "reset")


def test_rbac_shadow_rules_only_count(start, origin):
    proxy = start(bootstrap(
        [listener(filters=[rbac("ALLOW", [cidr("127.0.0.8")], shadow=True), tcp_proxy()])],
        [cluster(endpoints=[origin().port])]))
    with connect(proxy.port(), source="127.0.0.9") as client:
        exchange(client, b"let through")
    proxy.wait_stat("gate.rbac.shadow_denied", 1)


def test_filters_before_the_terminal_one_all_run(start, origin):
    """Three filters in a row before tcp_proxy: each counts the connection."""
    pace = network_filter("local_ratelimit", "LocalRateLimit", stat_prefix="pace", token_bucket={
        "max_tokens": 100, "tokens_per_fill": 1, "fill_interval": "1s"})
    door = network_filter("connection_limit", "ConnectionLimit", stat_prefix="door", max_connections=10)
    proxy = start(bootstrap(
        [listener(filters=[pace, door, rbac("ALLOW", [{"any": True}]), tcp_proxy()])],
        [cluster(endpoints=[origin().port])]))
    with connect(proxy.port()) as client:
        exchange(client, b"through all")
        proxy.wait_stat("connection_limit.door.active_connections", 1)
        proxy.wait_stat("gate.rbac.allowed", 1)


def test_sni_cluster_falls_back_to_the_configured_one(start, origin):
    """Without TLS there is no server name, so tcp_proxy's own cluster serves."""
    proxy = start(bootstrap(
        [listener(filters=[network_filter("sni_cluster", "SniCluster"), tcp_proxy()])],
        [cluster(endpoints=[origin().port])]))
    with connect(proxy.port()) as client:
        exchange(client, b"plain")


@pytest.mark.parametrize("filters,word", [
    ([tcp_proxy(), echo()], "terminal"),
    ([network_filter("connection_limit", "ConnectionLimit", stat_prefix="door", max_connections=2)], "terminal"),
])
def test_the_terminal_filter_is_last_and_there(start, filters, word):
    proxy = start(bootstrap([listener(filters=filters)], [cluster(endpoints=[1])]), wait=False)
    assert proxy.wait(20) == 1
    assert word in proxy.log()
