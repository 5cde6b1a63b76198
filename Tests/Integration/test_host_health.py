"""Relays when their host fails its health check, or leaves: only the first ends them, and only when asked to."""

import socket

import pytest

from support.bootstrap import bootstrap, cluster, listener, tcp_proxy
from support.client import connect, ending, exchange

CHECK = {
    "timeout": "1s", "interval": "0.1s", "no_traffic_interval": "0.1s", "unhealthy_threshold": 1,
    "healthy_threshold": 1, "tcp_health_check": {},
}


def relay(start, server, **fields):
    return start(bootstrap(
        [listener(filters=[tcp_proxy()])], [cluster(endpoints=[server.port], health_checks=[CHECK], **fields)]))


def stop_listening(server):
    """New connections are refused; those that stand are left alone."""
    server.stopped = True
    server.listener.shutdown(socket.SHUT_RDWR)
    server.listener.close()


@pytest.mark.parametrize("closes", [False, True])
def test_health_failure(start, origin, closes):
    server = origin()
    proxy = relay(start, server, close_connections_on_host_health_failure=closes)
    proxy.wait_stat("cluster.origin.membership_healthy", 1)
    with connect(proxy.port()) as client:
        exchange(client, b"while healthy")
        stop_listening(server)
        proxy.wait_stat("cluster.origin.membership_healthy", 0)
        if closes:
            client.settimeout(5)
            assert ending(client) == "end"
            proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
            proxy.wait_stat("cluster.origin.upstream_cx_destroy_local_with_active_rq", 1)
            assert proxy.stat("tcp.front.upstream_flush_active") == 0
        else:
            exchange(client, b"still there")
            assert proxy.stat("cluster.origin.upstream_cx_active") == 1
