"""Half-close: one direction ends, the other goes on until it ends too, and no byte after a FIN is lost."""

import hashlib
import os
import socket

from support.bootstrap import FRONT, relay_to
from support.client import connect, ending, read_exactly, read_to_end
from support.origin import count
from support.waiting import wait_until


def test_client_ends_first_and_still_reads(start, origin):
    server = origin(count)
    proxy = start(relay_to(server.port))
    with connect(proxy.port()) as client:
        client.sendall(b"x" * 300_000)
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == b"300000"
    wait_until(lambda: server.notes == [300_000], "the origin to have read everything")


def test_client_ends_without_sending(start, origin):
    server = origin(count)
    proxy = start(relay_to(server.port))
    with connect(proxy.port()) as client:
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == b"0"


def test_origin_ends_first_and_still_reads(start, origin):
    def greet_and_end(connection, server):
        connection.sendall(b"bye")
        connection.shutdown(socket.SHUT_WR)
        server.notes.append(len(read_to_end(connection)))

    server = origin(greet_and_end)
    proxy = start(relay_to(server.port))
    with connect(proxy.port()) as client:
        assert read_to_end(client) == b"bye"
        # The origin's end has come through; our direction still stands.
        for _ in range(100):
            client.sendall(b"y" * 5000)
        client.shutdown(socket.SHUT_WR)
        proxy.wait_stat("tcp.front.downstream_cx_rx_bytes_total", 500_000)
        proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
    # The origin notes the count after it has read our end, which may be a moment after we let go.
    wait_until(lambda: server.notes == [500_000], "the origin to have read everything")


def test_origin_answers_long_after_the_clients_end(start, origin):
    """Megabytes that start to flow only after the client's FIN arrive whole, with the end after them."""
    payload = os.urandom(8 << 20)

    def answer(connection, _server):
        read_to_end(connection)
        connection.sendall(payload)

    proxy = start(relay_to(origin(answer).port))
    with connect(proxy.port()) as client:
        client.sendall(b"go")
        client.shutdown(socket.SHUT_WR)
        assert hashlib.sha256(read_to_end(client)).digest() == hashlib.sha256(payload).digest()


def test_both_send_everything_and_end_at_once(start, origin):
    """Both sides write their last bytes and FIN without reading: each must still get all of the other's."""
    up, down = os.urandom(200_000), os.urandom(200_000)
    got = []

    def cross(connection, _server):
        connection.sendall(down)
        connection.shutdown(socket.SHUT_WR)
        got.append(read_to_end(connection))

    proxy = start(relay_to(origin(cross).port))
    with connect(proxy.port()) as client:
        client.sendall(up)
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client) == down
        proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
    assert got == [up]


def test_a_full_close_of_the_origin_ends_the_client(start, origin):
    server = origin(lambda connection, _server: connection.sendall(b"all"))
    proxy = start(relay_to(server.port))
    with connect(proxy.port()) as client:
        assert read_exactly(client, 3) == b"all"
        assert ending(client) == "end"
    proxy.wait_stat("tcp.front.downstream_cx_total", 1)
    proxy.wait_stat(FRONT + "downstream_cx_active", 0)


def test_pairs_leave_nothing_behind(start, origin):
    """Many half-closed pairs in either order: afterwards no connection and no descriptor is left."""
    proxy = start(relay_to(origin(count).port))
    with connect(proxy.port()) as client:
        client.shutdown(socket.SHUT_WR)
        read_to_end(client)
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
    before = proxy.open_files()
    for turn in range(200):
        with connect(proxy.port()) as client:
            client.sendall(b"z" * turn)
            if turn % 2:
                client.shutdown(socket.SHUT_WR)
                assert read_to_end(client) == str(turn).encode()
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
    proxy.wait_stat("cluster.origin.upstream_cx_total", 201)
    assert proxy.open_files() <= before + 2
