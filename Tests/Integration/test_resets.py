"""Resets: RST from either side ends the pair at once, and the other side is told."""

import socket
import time

from support.bootstrap import relay_to
from support.client import connect, ending, exchange, reset
from support.origin import hold, reset_on_first_byte
from support.waiting import wait_until


def test_client_resets(start, origin):
    server = origin(hold)
    proxy = start(relay_to(server.port))
    client = connect(proxy.port())
    client.sendall(b"hello")
    proxy.wait_stat("cluster.origin.upstream_cx_tx_bytes_total", 5)
    reset(client)
    wait_until(lambda: server.notes, "the origin to see an end")
    assert server.notes[0] in ("end", "reset")
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)


def test_origin_resets(start, origin):
    proxy = start(relay_to(origin(reset_on_first_byte).port))
    with connect(proxy.port()) as client:
        client.sendall(b"hello")
        assert ending(client) in ("end", "reset")
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)


def test_a_reset_travels_through(start, origin):
    """A reset is not made to look like an orderly end, in either direction."""
    server = origin(hold)
    proxy = start(relay_to(server.port))
    client = connect(proxy.port())
    client.sendall(b"hello")
    proxy.wait_stat("cluster.origin.upstream_cx_tx_bytes_total", 5)
    reset(client)
    wait_until(lambda: server.notes, "the origin to see an end")
    assert server.notes == ["reset"]

    other = start(relay_to(origin(reset_on_first_byte).port))
    with connect(other.port()) as client:
        client.sendall(b"hello")
        assert ending(client) == "reset"


def test_client_resets_with_a_download_in_flight(start, origin):
    """The client vanishes with megabytes under way: the origin's side ends, nothing is kept."""

    def flood(connection, _server):
        while True:
            connection.sendall(b"f" * 65536)

    proxy = start(relay_to(origin(flood).port))
    for _ in range(20):
        client = connect(proxy.port())
        client.recv(1000)
        reset(client)
    proxy.wait_stat("cluster.origin.upstream_cx_total", 20)
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
    with connect(start(relay_to(origin().port)).port()) as client:
        exchange(client, b"unharmed")


def test_reset_after_half_close(start, origin):
    server = origin(hold)
    proxy = start(relay_to(server.port))
    client = connect(proxy.port())
    client.sendall(b"last words")
    client.shutdown(socket.SHUT_WR)
    time.sleep(0.2)
    reset(client)
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)


def test_reset_before_the_first_byte(start, origin):
    server = origin(hold)
    proxy = start(relay_to(server.port))
    for _ in range(50):
        reset(connect(proxy.port()))
    with connect(proxy.port()) as client:
        client.sendall(b"x")
        proxy.wait_stat("cluster.origin.upstream_cx_tx_bytes_total", 1)
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
