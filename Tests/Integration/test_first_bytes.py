"""What a client says at once: read while the upstream is sought, sent along with the connect, and nothing of it lost."""

import hashlib
import os
import socket
import time

from support.bootstrap import bootstrap, cluster, listener, relay_to, tcp_proxy
from support.client import connect, exchange, read_exactly, read_to_end
from support.origin import echo, say
from support.ports import held_port


def two_hosts(first, second):
    """A relay that tries each of two hosts in turn."""
    return bootstrap(
        listeners=[listener(filters=[tcp_proxy(max_connect_attempts=2)])], clusters=[cluster(endpoints=[first, second])])


def test_first_bytes_survive_a_refused_attempt(start, origin):
    server = origin(echo)
    proxy = start(two_hosts(held_port(), server.port))
    for number in range(6):
        with connect(proxy.port()) as client:
            said = f"request {number}".encode()
            assert exchange(client, said) == said
    assert proxy.stat("cluster.origin.upstream_cx_connect_fail") >= 2


def test_a_large_first_write_arrives_whole(start, origin):
    payload = os.urandom(3 << 20)

    def digest(connection, _server):
        connection.sendall(hashlib.sha256(read_to_end(connection)).digest())

    proxy = start(relay_to(origin(digest).port))
    with connect(proxy.port()) as client:
        client.sendall(payload)
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == hashlib.sha256(payload).digest()


def test_a_server_that_speaks_first_is_not_kept_waiting(start, origin):
    """The ACK that ends the handshake waits for bytes only when there are some: else the greeting would be 40 to 200 ms
    late each time."""
    greeting = b"220 ready\r\n"
    proxy = start(relay_to(origin(say(greeting)).port))
    took = []
    for _ in range(5):
        began = time.monotonic()
        with connect(proxy.port()) as client:
            assert read_exactly(client, len(greeting)) == greeting
        took.append(time.monotonic() - began)
    assert min(took) < 0.03, took


def test_many_small_requests_on_one_connection(start, origin):
    """The second write and those after it are not held back by Nagle's algorithm either."""
    proxy = start(relay_to(origin(echo).port))
    with connect(proxy.port()) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        took = []
        for _ in range(20):
            began = time.monotonic()
            # Two writes, so that the second meets the first unacknowledged.
            client.sendall(b"he")
            time.sleep(0.001)
            client.sendall(b"llo")
            assert read_exactly(client, 5) == b"hello"
            took.append(time.monotonic() - began)
        assert min(took) < 0.03, took


def test_bytes_behind_an_urgent_one_in_a_large_flow(start, origin):
    """splice(2) stops before an urgent byte for good, recv(2) passes it: as everywhere, it is not relayed itself."""
    def confirm(connection, _server):
        read_exactly(connection, 5 << 20)
        connection.sendall(b"all there")

    proxy = start(relay_to(origin(confirm).port))
    with connect(proxy.port()) as client:
        client.sendall(bytes(4 << 20))
        client.send(b"!", socket.MSG_OOB)
        client.sendall(bytes(1 << 20))
        # No FIN: it would free a relay that waits before the urgent byte.
        assert read_exactly(client, 9) == b"all there"
