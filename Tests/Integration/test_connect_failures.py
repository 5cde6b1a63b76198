"""Connecting upstream fails: refused, no answer, nobody to connect to, too many; each with its counter and its flag."""

import contextlib
import socket
import time

import pytest

from support.bootstrap import (
    FRONT, bootstrap, cluster, file_access_log, listener, many_connections, relay_to, tcp_proxy)
from support.client import closed_without_data, connect, ending, exchange, read_exactly, reset
from support.origin import greet
from support.ports import held_port
from support.waiting import wait_until


@pytest.fixture
def silent_port():
    """A port that answers no SYN: its accept queue is full, so Linux drops what comes."""
    listener_ = socket.socket()
    listener_.bind(("127.0.0.1", 0))
    listener_.listen(0)
    port = listener_.getsockname()[1]
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            filler.connect(("127.0.0.1", port))
        fillers.append(filler)
    time.sleep(0.1)
    yield port
    for each in fillers + [listener_]:
        each.close()


def log_line(path):
    return wait_until(lambda: path.exists() and path.read_text(), "an access log line").splitlines()[0]


def test_refused(start, tmp_path):
    log = tmp_path / "log"
    proxy = start(relay_to(held_port(), access_log=[file_access_log(log, "%RESPONSE_FLAGS% %BYTES_SENT%\n")]))
    assert closed_without_data(proxy.port()) in ("end", "reset")
    assert log_line(log) == "UF,URX 0"
    proxy.wait_stat("cluster.origin.upstream_cx_connect_fail", 1)
    assert proxy.stat("cluster.origin.upstream_cx_connect_attempts_exceeded") == 1
    assert proxy.stat("cluster.origin.upstream_cx_connect_timeout") == 0
    assert proxy.stat("cluster.origin.upstream_cx_active") == 0


def test_refused_as_often_as_allowed(start, tmp_path):
    log = tmp_path / "log"
    proxy = start(relay_to(held_port(), max_connect_attempts=3, access_log=[file_access_log(log)]))
    assert closed_without_data(proxy.port()) in ("end", "reset")
    assert log_line(log) == "UF,URX"
    proxy.wait_stat("cluster.origin.upstream_cx_connect_fail", 3)
    assert proxy.stat("cluster.origin.upstream_cx_connect_attempts_exceeded") == 1


def test_another_attempt_reaches_another_host(start, origin):
    alive = origin(greet("alive"))
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy(max_connect_attempts=2)])],
        [cluster(endpoints=[held_port(), alive.port])],
    ))
    for _ in range(10):
        with connect(proxy.port()) as client:
            assert read_exactly(client, 6) == b"alive\n"
            exchange(client, b"data")
    proxy.wait_stat("cluster.origin.upstream_cx_connect_fail", lambda value: value >= 4)
    assert proxy.stat("cluster.origin.upstream_cx_connect_attempts_exceeded") == 0


def test_bytes_sent_before_connecting_survive_a_failed_attempt(start, origin):
    alive = origin()
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy(max_connect_attempts=2)])],
        [cluster(endpoints=[held_port(), alive.port])],
    ))
    for turn in range(6):
        with connect(proxy.port()) as client:
            exchange(client, b"early %d" % turn)


def test_no_answer_times_out(start, silent_port, tmp_path):
    log = tmp_path / "log"
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy(access_log=[file_access_log(log)])])],
        [cluster(endpoints=[silent_port], connect_timeout="0.25s")],
    ))
    began = time.monotonic()
    assert closed_without_data(proxy.port()) in ("end", "reset")
    assert 0.2 < time.monotonic() - began < 2
    assert log_line(log) == "UF,URX"
    proxy.wait_stat("cluster.origin.upstream_cx_connect_timeout", 1)
    proxy.wait_stat("cluster.origin.upstream_cx_connect_fail", 1)


def test_each_attempt_has_its_own_timeout(start, silent_port):
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy(max_connect_attempts=3)])],
        [cluster(endpoints=[silent_port], connect_timeout="0.2s")],
    ))
    began = time.monotonic()
    assert closed_without_data(proxy.port()) in ("end", "reset")
    assert 0.55 < time.monotonic() - began < 3
    proxy.wait_stat("cluster.origin.upstream_cx_connect_timeout", 3)


@pytest.mark.ours_only("Envoy notices the reset only when the attempt ends")
def test_client_resets_while_connecting(start, silent_port):
    """The attempt is given up with the client: nothing is left when the time-out would have come. (A mere FIN may be a
    half-close, after which the client still waits for an answer.)"""
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy()])], [cluster(endpoints=[silent_port], connect_timeout="30s")]))
    client = connect(proxy.port())
    proxy.wait_stat("cluster.origin.upstream_cx_total", 1)
    reset(client)
    proxy.wait_stat(FRONT + "downstream_cx_active", 0)
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)


def test_no_host(start, tmp_path):
    log = tmp_path / "log"
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy(access_log=[file_access_log(log)])])], [cluster(endpoints=[])]))
    assert closed_without_data(proxy.port()) in ("end", "reset")
    assert log_line(log) == "UH"
    proxy.wait_stat("cluster.origin.upstream_cx_none_healthy", 1)


def test_breaker_refuses_the_second_connection(start, origin, tmp_path):
    log = tmp_path / "log"
    server = origin()
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy(access_log=[file_access_log(log)])])],
        [cluster(endpoints=[server.port], circuit_breakers={"thresholds": [{"max_connections": 1}]})],
    ))
    with connect(proxy.port()) as first:
        exchange(first, b"mine")
        proxy.wait_stat("cluster.origin.circuit_breakers.default.cx_open", 1)
        assert closed_without_data(proxy.port()) in ("end", "reset")
        assert log_line(log) == "UO"
        proxy.wait_stat("cluster.origin.upstream_cx_overflow", 1)
        exchange(first, b"still")
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
    proxy.wait_stat("cluster.origin.circuit_breakers.default.cx_open", 0)
    with connect(proxy.port()) as third:
        exchange(third, b"again")


def test_no_filter_chain_fits(start, origin):
    server = origin()
    chain = {"filter_chain_match": {"destination_port": 1}, "filters": [tcp_proxy()]}
    proxy = start(bootstrap([listener(filter_chains=[chain])], [cluster(endpoints=[server.port])]))
    assert closed_without_data(proxy.port()) in ("end", "reset")
    proxy.wait_stat(FRONT + "no_filter_chain_match", 1)


def test_a_burst_into_a_refusing_origin_leaves_nothing(start):
    proxy = start(bootstrap([listener()], [cluster(endpoints=[held_port()], circuit_breakers=many_connections())]))
    clients = [connect(proxy.port()) for _ in range(200)]
    for client in clients:
        assert ending(client) in ("end", "reset")
        client.close()
    proxy.wait_stat("cluster.origin.upstream_cx_connect_fail", 200)
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
