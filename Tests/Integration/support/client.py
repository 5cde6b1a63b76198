"""Clients: plain sockets with time-outs, and the few moves the stories need."""

import socket
import struct


def has_ipv6():
    """Whether this machine has ::1; containers often do not."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def connect(where, timeout=10.0, source=None):
    """Connects to a port on 127.0.0.1, to (host, port), or to a Unix socket's path ("@name" for an abstract one)."""
    if isinstance(where, str):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(timeout)
        client.connect("\0" + where[1:] if where.startswith("@") else where)
        return client
    if isinstance(where, int):
        where = ("127.0.0.1", where)
    client = socket.create_connection(where, timeout=timeout, source_address=(source, 0) if source else None)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def read_exactly(client, count):
    parts, left = [], count
    while left:
        part = client.recv(min(left, 1 << 20))
        if not part:
            raise AssertionError(f"end of stream with {left} of {count} bytes to come")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def read_to_end(client):
    parts = []
    while part := client.recv(1 << 20):
        parts.append(part)
    return b"".join(parts)


def exchange(client, data):
    """Sends and reads as much back: an echo."""
    client.sendall(data)
    got = read_exactly(client, len(data))
    assert got == data
    return got


def reset(client):
    """Closes with RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def ending(client):
    """How the stream ends with nothing more sent: "end", "reset", or the bytes that came instead."""
    try:
        data = client.recv(1 << 16)
    except ConnectionResetError:
        return "reset"
    return data or "end"


def closed_without_data(where, timeout=10.0, source=None):
    """Connects and says how the proxy ended it, for connections that must not be served."""
    try:
        client = connect(where, timeout, source)
    except ConnectionError:
        return "refused"
    with client:
        return ending(client)
