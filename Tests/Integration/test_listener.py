"""Listeners: address families, sockets without a bind, balance over workers, connection limits, filter-chain match."""

import os
import socket
import time

import pytest

from support.bootstrap import (
    FRONT, address, bootstrap, cluster, file_access_log, listener, many_connections, network_filter, relay_to, tcp_proxy, typed)
from support.client import closed_without_data, connect, ending, exchange, has_ipv6, read_exactly, read_to_end
from support.origin import greet
from support.ports import held_port
from support.waiting import wait_until


def served(proxy, name="front"):
    where = proxy.addresses()[name]
    with connect(where if isinstance(where, str) else tuple(where)) as client:
        exchange(client, b"through")


def direct(text):
    return network_filter("direct_response", "Config", response={"inline_string": text})


def test_ipv6(start, origin):
    if not has_ipv6():
        pytest.skip("IPv6 is not available")
    proxy = start(bootstrap([listener(at=address(host="::1"))], [cluster(endpoints=[origin().port])]))
    assert proxy.addresses()["front"][0] == "::1"
    served(proxy)


def test_ipv4_compat_serves_both_families(start, origin):
    if not has_ipv6():
        pytest.skip("IPv6 is not available")
    at = {"socket_address": {"address": "::", "port_value": 0, "ipv4_compat": True}}
    proxy = start(bootstrap([listener(at=at)], [cluster(endpoints=[origin().port])]))
    port = proxy.port()
    for host in ("127.0.0.1", "::1"):
        with connect((host, port)) as client:
            exchange(client, b"either")


def test_unix_socket_with_mode(start, origin, tmp_path):
    path = str(tmp_path / "front.sock")
    proxy = start(bootstrap(
        [listener(at={"pipe": {"path": path, "mode": 0o600}})], [cluster(endpoints=[origin().port])]))
    served(proxy)
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_abstract_socket(start, origin):
    path = f"@sluice-test-{os.getpid()}-{time.monotonic_ns()}"
    proxy = start(bootstrap([listener(at={"pipe": {"path": path}})], [cluster(endpoints=[origin().port])]))
    with connect(path) as client:
        exchange(client, b"through")
    assert proxy.alive()


def test_unix_socket_upstream(start, tmp_path):
    import threading

    path = str(tmp_path / "origin.sock")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def serve():
        connection, _ = server.accept()
        while data := connection.recv(4096):
            connection.sendall(data)
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    proxy = start(bootstrap([listener()], [cluster(endpoints=[path])]))
    served(proxy)
    server.close()


def test_additional_addresses(start, origin):
    proxy = start(bootstrap(
        [listener(additional_addresses=[{"address": address(host="127.0.0.2")}])],
        [cluster(endpoints=[origin().port])]))
    status = proxy.admin("/listeners?format=json").json()["listener_statuses"][0]
    more = status["additional_local_addresses"][0]["socket_address"]
    with connect((more["address"], more["port_value"])) as client:
        exchange(client, b"second door")
    served(proxy)


def test_port_in_use_is_an_error(start, binary, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        proxy = start(bootstrap([listener(at=address(port))], [cluster(endpoints=[port])]), wait=False)
        assert proxy.wait(20) == 1
        assert str(port) in proxy.log() and "address already in use" in proxy.log().lower()


def test_bind_to_port_false_listens_nowhere(start, origin):
    port = held_port()
    proxy = start(bootstrap(
        [listener("unbound", at=address(port), bind_to_port=False), listener()], [cluster(endpoints=[origin().port])]))
    served(proxy)
    with pytest.raises(ConnectionRefusedError):
        connect(port)


def test_exact_balance_is_exact(start, origin):
    proxy = start(bootstrap(
        [listener(connection_balance_config={"exact_balance": {}})],
        [cluster(endpoints=[origin().port], circuit_breakers=many_connections())]), concurrency=2)
    clients = []
    for _ in range(60):
        client = connect(proxy.port())
        exchange(client, b"ping")
        clients.append(client)
    for worker in (0, 1):
        proxy.wait_stat(FRONT + f"worker_{worker}.downstream_cx_active", 30)
    for client in clients:
        client.close()


def test_connection_limit_of_a_listener(start, origin):
    proxy = start(bootstrap(
        [listener()], [cluster(endpoints=[origin().port])],
        layered_runtime={"layers": [{
            "name": "limits",
            "static_layer": {"envoy": {"resource_limits": {"listener": {"front": {"connection_limit": 3}}}}},
        }]}))
    clients = [connect(proxy.port()) for _ in range(3)]
    for client in clients:
        exchange(client, b"inside")
    assert closed_without_data(proxy.port()) in ("end", "reset", "refused")
    proxy.wait_stat(FRONT + "downstream_cx_overflow", 1)
    for client in clients:
        exchange(client, b"still inside")
    clients.pop().close()
    wait_until(lambda: proxy.stat(FRONT + "downstream_cx_active") == 2, "the place to be free")
    with connect(proxy.port()) as client:
        exchange(client, b"my turn")
    for client in clients:
        client.close()


def test_global_connection_limit(start, origin):
    """The overload manager's monitor of downstream connections: over it, connections are closed at once and counted."""
    monitor = {
        "name": "envoy.resource_monitors.global_downstream_max_connections",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3."
                     "DownstreamConnectionsConfig",
            "max_active_downstream_connections": 2,
        },
    }
    proxy = start(bootstrap(
        [listener()], [cluster(endpoints=[origin().port])], overload_manager={"resource_monitors": [monitor]}))
    clients = [connect(proxy.port()) for _ in range(2)]
    for client in clients:
        exchange(client, b"inside")
    assert closed_without_data(proxy.port()) in ("end", "reset", "refused")
    proxy.wait_stat(FRONT + "downstream_global_cx_overflow", 1)
    for client in clients:
        exchange(client, b"still inside")
        client.close()


def test_chain_by_source_address(start):
    chains = [
        {"filter_chain_match": {"source_prefix_ranges": [{"address_prefix": "127.0.0.5", "prefix_len": 32}]},
         "filters": [direct("five")]},
        {"filter_chain_match": {"source_prefix_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 24}]},
         "filters": [direct("near")]},
    ]
    proxy = start(bootstrap([listener(filter_chains=chains, default_filter_chain={"filters": [direct("other")]})]))

    def answer(source):
        with connect(proxy.port(), source=source) as client:
            return read_to_end(client)

    assert answer("127.0.0.5") == b"five"
    assert answer("127.0.0.9") == b"near"
    assert answer("127.0.7.9") == b"other"


def test_chain_by_destination_address_and_source_port(start):
    chains = [
        {"filter_chain_match": {"prefix_ranges": [{"address_prefix": "127.0.0.6", "prefix_len": 32}]},
         "filters": [direct("six")]},
        {"filter_chain_match": {"source_ports": [45678]}, "filters": [direct("port")]},
        {"filter_chain_match": {"source_type": "SAME_IP_OR_LOOPBACK"}, "filters": [direct("loop")]},
    ]
    proxy = start(bootstrap([listener(at=address(host="0.0.0.0"), filter_chains=chains)]))
    with connect(("127.0.0.6", proxy.port())) as client:
        assert read_to_end(client) == b"six"
    with connect(proxy.port()) as client:
        assert read_to_end(client) == b"loop"


def test_identical_chain_matches_are_refused(start):
    chains = [{"filter_chain_match": {"destination_port": 80}, "filters": [direct(text)]} for text in "ab"]
    proxy = start(bootstrap([listener(filter_chains=chains)]), wait=False)
    assert proxy.wait(20) == 1
    assert "same matching rules" in proxy.log() or "identical" in proxy.log()


def test_listener_access_log_of_unmatched_connections(start, tmp_path):
    log = tmp_path / "log"
    chain = {"filter_chain_match": {"destination_port": 1}, "filters": [direct("never")]}
    proxy = start(bootstrap([listener(filter_chains=[chain], access_log=[file_access_log(log)])]))
    assert closed_without_data(proxy.port()) in ("end", "reset", "refused")
    assert wait_until(lambda: log.exists() and log.read_text(), "a line") == "NR\n"


def test_a_backlog_is_served_in_bursts(start, origin):
    """One accept per event still serves everyone who knocks at once."""
    proxy = start(bootstrap(
        [listener(max_connections_to_accept_per_socket_event=1, tcp_backlog_size=512)],
        [cluster(endpoints=[origin().port], circuit_breakers=many_connections())]))
    clients = [connect(proxy.port()) for _ in range(300)]
    for client in clients:
        exchange(client, b"hi")
    for client in clients:
        client.close()


def test_socket_options(start, origin):
    """SO_KEEPALIVE (1, 9) before bind is inherited by accepted sockets; a wrong option is an error at start."""
    option = {"description": "keepalive", "level": 1, "name": 9, "int_value": 1, "state": "STATE_PREBIND"}
    proxy = start(bootstrap([listener(socket_options=[option])], [cluster(endpoints=[origin().port])]))
    served(proxy)
    wrong = {**option, "level": 6, "name": 9999}
    other = start(bootstrap([listener(socket_options=[wrong])], [cluster(endpoints=[1])]), wait=False)
    assert other.wait(20) == 1


def test_two_listeners_two_origins(start, origin):
    one, two = origin(greet("one")), origin(greet("two"))
    proxy = start(bootstrap(
        [listener("a", [tcp_proxy("one")]), listener("b", [tcp_proxy("two")])],
        [cluster("one", [one.port]), cluster("two", [two.port])]))
    for name, expected in (("a", b"one\n"), ("b", b"two\n")):
        with connect(proxy.port(name)) as client:
            assert read_exactly(client, 4) == expected


def test_idle_connection_ends_nothing(start, origin):
    proxy = start(relay_to(origin().port))
    with connect(proxy.port()) as client:
        exchange(client, b"one")
        client.settimeout(1)
        with pytest.raises(TimeoutError):
            ending(client)
        client.settimeout(5)
        exchange(client, b"two")


@pytest.mark.parametrize("fields", [
    {"use_original_dst": True},
    {"listener_filters": [{"name": "envoy.filters.listener.original_dst", "typed_config": typed(
        "envoy.extensions.filters.listener.original_dst.v3.OriginalDst")}]},
])
def test_original_dst_serves_what_was_not_redirected(start, origin, fields):
    """Without a redirect the kernel knows no other address: the connection is the listener's own."""
    server = origin(greet("here"))
    proxy = start(bootstrap([listener(**fields)], [cluster(endpoints=[server.port])]))
    with connect(proxy.port()) as client:
        assert read_exactly(client, 4) == b"here"
