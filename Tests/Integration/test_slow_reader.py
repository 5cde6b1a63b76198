"""Slow readers: a stalled side pauses the other, memory stays within the watermarks, everything arrives in the end."""

import socket
import threading
import zlib

import pytest

from support.bootstrap import bootstrap, cluster, listener, relay_to, tcp_proxy
from support.client import connect, read_to_end
from support.waiting import wait_still, wait_until

GIB = 1 << 30
MIB = 1 << 20
PIECE = bytes((index * 7 + (index >> 8)) & 0xFF for index in range(MIB + 4099))  # No whole number of MiB: shifts show.


def expected_crc(total):
    crc, left = 0, total
    while left:
        take = min(left, len(PIECE))
        crc = zlib.crc32(memoryview(PIECE)[:take], crc)
        left -= take
    return crc


def pour(connection, total, notes=None):
    """Sends `total` bytes of the pattern; notes[0] is how many the socket has taken so far."""
    left = total
    while left:
        at = 0
        take = min(left, len(PIECE))
        while at < take:
            n = connection.send(memoryview(PIECE)[at:take])
            at += n
            if notes is not None:
                notes[0] += n
        left -= take


def drain(connection):
    """Reads to the end: (count, checksum)."""
    total, crc, buffer = 0, 0, bytearray(4 * MIB)
    view = memoryview(buffer)
    while n := connection.recv_into(buffer):
        crc = zlib.crc32(view[:n], crc)
        total += n
    return total, crc


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.limit(150)
def test_a_gibibyte_to_a_stalled_client(start, origin):
    sent = [0]

    def serve(connection, _server):
        connection.recv(1)
        pour(connection, GIB, sent)

    proxy = start(relay_to(origin(serve).port))
    with connect(proxy.port(), timeout=60) as warm:
        warm.shutdown(socket.SHUT_WR)
        # Sends the first byte nowhere: the origin sees the end and pours into a closed connection.
    client = connect(proxy.port(), timeout=60)
    before = proxy.rss()
    client.sendall(b"g")
    # The kernel's own buffers hold some tens of MiB; the rest must wait at the origin.
    wait_until(lambda: sent[0], "the first bytes")
    assert wait_still(lambda: sent[0], "what the origin has sent") < GIB // 4
    held = proxy.rss()
    # One MiB of watermark each way, what one read may overshoot, and the heap's slack.
    assert held - before < 12 * MIB
    total, crc = drain(client)
    assert total == GIB
    assert crc == expected_crc(GIB)
    assert proxy.rss() - before < 16 * MIB
    client.close()
    assert proxy.stat("cluster.origin.upstream_flow_control_paused_reading_total") > 0
    assert (proxy.stat("cluster.origin.upstream_flow_control_resumed_reading_total")
            == proxy.stat("cluster.origin.upstream_flow_control_paused_reading_total"))


@pytest.mark.alone
@pytest.mark.limit(90)
def test_a_stalled_origin_pauses_the_client(start, origin):
    go = threading.Event()
    result = []

    def serve(connection, _server):
        go.wait(60)
        result.append(drain(connection))

    total = 256 * MIB
    proxy = start(relay_to(origin(serve).port))
    client = connect(proxy.port(), timeout=60)
    sent = [0]
    sender = threading.Thread(target=lambda: (pour(client, total, sent), client.shutdown(socket.SHUT_WR)), daemon=True)
    before = proxy.rss()
    sender.start()
    wait_until(lambda: sent[0], "the first bytes")
    assert wait_still(lambda: sent[0], "what the client has sent") < total // 2
    assert proxy.rss() - before < 12 * MIB
    proxy.wait_stat("tcp.front.downstream_flow_control_paused_reading_total", lambda value: value > 0)
    go.set()
    assert read_to_end(client) == b""
    sender.join(30)
    assert result == [(total, expected_crc(total))]
    client.close()
    paused = proxy.stat("tcp.front.downstream_flow_control_paused_reading_total")
    assert proxy.stat("tcp.front.downstream_flow_control_resumed_reading_total") == paused


@pytest.mark.alone
@pytest.mark.limit(90)
def test_small_watermarks_bound_many_stalled_clients(start, origin):
    """64 stalled downloads with limits of 32 KiB a side hold little, and each gets all of its bytes."""
    total = 8 * MIB

    def serve(connection, _server):
        connection.recv(1)
        pour(connection, total)

    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy()], per_connection_buffer_limit_bytes=32768)],
        [cluster(endpoints=[origin(serve).port], per_connection_buffer_limit_bytes=32768)],
    ))
    clients = []
    before = proxy.rss()
    for _ in range(64):
        client = connect(proxy.port(), timeout=30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.sendall(b"g")
        clients.append(client)
    wait_still(lambda: proxy.stat("cluster.origin.upstream_cx_rx_bytes_total"), "what the origins have sent", still=1.0)
    # 64 × 32 KiB and as much again for what one read overshoots, instead of 64 × 1 MiB.
    assert proxy.rss() - before < 24 * MIB
    crc = expected_crc(total)
    for client in clients:
        assert drain(client) == (total, crc)
        client.close()
