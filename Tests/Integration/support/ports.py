"""Ports that belong to one test: bound by this process for as long as it lives, so nobody else is given them."""

import socket

_held = []


def held_port(host="127.0.0.1"):
    """A TCP port on which nothing listens: connecting to it is refused.

    A server that sets SO_REUSEADDR, as nearly all do, may listen on it later. The kernel gives it to no one who asks
    for any port, which a port that was bound and closed again would not be safe from.
    """
    holder = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind((host, 0))
    _held.append(holder)
    return holder.getsockname()[1]
