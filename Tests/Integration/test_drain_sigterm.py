"""SIGTERM: accepting stops, what stands finishes with every byte, then the process ends with 0; a second one is final."""

import hashlib
import os
import signal
import threading
import time

import pytest

from support.bootstrap import bootstrap, cluster, listener, relay_to, tcp_proxy
from support.client import connect, exchange, read_exactly, read_to_end
from support.waiting import wait_until

pytestmark = pytest.mark.ours_only("Envoy ends at once on SIGTERM, cutting every connection")


def refused(port):
    try:
        connect(port, timeout=1).close()
        return False
    except OSError:
        return True


def test_downloads_under_way_lose_no_byte(start, origin):
    """Eight downloads are half-way when SIGTERM comes, with the drain check of tcp_proxy at its default."""
    payload = os.urandom(1 << 20)
    pieces = 24

    def serve(connection, _server):
        connection.recv(1)
        for _ in range(pieces):
            connection.sendall(payload)
            time.sleep(0.05)

    proxy = start(relay_to(origin(serve).port), concurrency=2)
    results = {}

    def download(index):
        with connect(proxy.port(), timeout=30) as client:
            client.sendall(b"g")
            results[index] = hashlib.sha256(read_to_end(client)).digest()

    threads = [threading.Thread(target=download, args=(index,), daemon=True) for index in range(8)]
    port = proxy.port()
    for thread in threads:
        thread.start()
    proxy.wait_stat("cluster.origin.upstream_cx_active", 8)
    time.sleep(0.3)
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: refused(port), "new connections to be refused", seconds=3)
    for thread in threads:
        thread.join(30)
    assert results == {index: hashlib.sha256(payload * pieces).digest() for index in range(8)}
    assert proxy.wait() == 0


def test_requests_under_way_lose_no_byte(start, origin):
    """Clients that ask in turn: none gets a part of an answer, whether its connection is ended or goes on."""
    payload = os.urandom(50_000)

    def serve(connection, _server):
        while connection.recv(1):
            connection.sendall(payload)

    proxy = start(relay_to(origin(serve).port), concurrency=2, args=["--drain-time-s", "3"])
    port = proxy.port()
    partial, answered, stopping = [], [0], threading.Event()

    def ask():
        with connect(port, timeout=10) as client:
            while not stopping.is_set():
                try:
                    client.sendall(b"q")
                    first = client.recv(1 << 16)
                except ConnectionError:
                    return
                if not first:
                    return
                try:
                    rest = read_exactly(client, len(payload) - len(first)) if len(first) < len(payload) else b""
                except (AssertionError, OSError) as error:
                    partial.append(error)
                    return
                if first + rest != payload:
                    partial.append("wrong bytes")
                answered[0] += 1

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: answered[0] > 100, "answers")
    proxy.signal(signal.SIGTERM)
    time.sleep(1)
    stopping.set()
    for thread in threads:
        thread.join(10)
    assert not partial
    assert proxy.wait() == 0


def test_ends_at_once_when_idle(start, origin):
    proxy = start(relay_to(origin().port))
    with connect(proxy.port()) as client:
        exchange(client, b"done")
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
    began = time.monotonic()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait() == 0
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_at_once(start, origin, number):
    proxy = start(relay_to(origin().port), args=["--drain-time-s", "60"])
    with connect(proxy.port()) as client:
        exchange(client, b"held open")
        proxy.signal(number)
        wait_until(lambda: refused(proxy.port()), "new connections to be refused", seconds=3)
        assert proxy.alive()
        began = time.monotonic()
        proxy.signal(number)
        proxy.wait()
        assert time.monotonic() - began < 1


def test_the_deadline_ends_what_does_not_end_itself(start, origin):
    chain = [tcp_proxy(check_drain_close=False)]
    config = bootstrap([listener(filters=chain)], [cluster(endpoints=[origin().port])])
    proxy = start(config, args=["--drain-time-s", "2"])
    with connect(proxy.port()) as client:
        exchange(client, b"held open")
        began = time.monotonic()
        proxy.signal(signal.SIGTERM)
        exchange(client, b"still relayed while draining")
        assert proxy.wait() == 0
        assert 1.5 < time.monotonic() - began < 4


def test_state_is_draining(start, origin):
    proxy = start(relay_to(origin().port), args=["--drain-time-s", "30"])
    with connect(proxy.port()) as client:
        exchange(client, b"held open")
        proxy.signal(signal.SIGTERM)
        wait_until(lambda: refused(proxy.port()), "new connections to be refused", seconds=3)
        ready = proxy.admin("/ready")
        assert ready.status == 503 and "DRAINING" in ready.text
        assert proxy.admin("/server_info").json()["state"] == "DRAINING"
        proxy.signal(signal.SIGTERM)
        proxy.wait()


def test_failed_health_checks_end_quiet_connections(start, origin):
    """`drain_type: DEFAULT` follows /healthcheck/fail, `MODIFY_ONLY` does not; /healthcheck/ok calls it off."""
    config = bootstrap(
        [listener("follows"), listener("stays", drain_type="MODIFY_ONLY")], [cluster(endpoints=[origin().port])])
    proxy = start(config)
    with connect(proxy.port("follows")) as follows, connect(proxy.port("stays")) as stays:
        exchange(follows, b"first")
        exchange(stays, b"second")
        assert proxy.admin("/healthcheck/fail", "POST").status == 200
        assert follows.recv(1) == b""
        time.sleep(0.3)
        exchange(stays, b"still here")
        with connect(proxy.port("follows")) as late:
            assert late.recv(1) == b""
        assert proxy.admin("/healthcheck/ok", "POST").status == 200
        with connect(proxy.port("follows")) as again:
            exchange(again, b"third")
            time.sleep(0.3)
            exchange(again, b"fourth")


def test_quitquitquit(start, origin):
    proxy = start(relay_to(origin().port))
    assert proxy.admin("/quitquitquit", "POST").status == 200
    assert proxy.wait() == 0
