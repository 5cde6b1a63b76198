"""A killed origin: its connections end, new ones fail with a reason, and service returns with the origin."""

import os
import signal
import subprocess
import sys

from support.bootstrap import file_access_log, relay_to
from support.client import closed_without_data, connect, ending, exchange
from support.ports import held_port
from support.programs import ROOT
from support.waiting import wait_until

ECHO = """
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), reuse_port=False)
print(listener.getsockname()[1], flush=True)
def serve(connection):
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.close()
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
"""


class EchoProcess:
    def __init__(self, port):
        self.process = subprocess.Popen([sys.executable, "-c", ECHO, str(port)], stdout=subprocess.PIPE, cwd=ROOT)
        self.port = int(self.process.stdout.readline())

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def test_killed_and_started_again(start, tmp_path):
    server = EchoProcess(held_port())
    log = tmp_path / "access.log"
    proxy = start(relay_to(server.port, access_log=[file_access_log(log)]))
    try:
        clients = [connect(proxy.port()) for _ in range(20)]
        for client in clients:
            exchange(client, b"alive")
        server.kill()
        for client in clients:
            assert ending(client) in ("end", "reset")
            client.close()
        proxy.wait_stat("cluster.origin.upstream_cx_active", 0)

        assert closed_without_data(proxy.port()) in ("end", "reset")
        proxy.wait_stat("cluster.origin.upstream_cx_connect_fail", 1)
        wait_until(lambda: log.exists() and "UF,URX" in log.read_text(), "the access log to say UF,URX")
    finally:
        if server.process.poll() is None:
            server.kill()

    server = EchoProcess(server.port)
    try:
        with connect(proxy.port()) as client:
            exchange(client, b"back again")
    finally:
        server.kill()


def test_killed_with_unread_bytes(start, origin):
    """The origin dies with our bytes unread, which resets the connection: the client is told, nothing lingers."""
    proxy = start(relay_to(origin(lambda connection, server: (connection.recv(1), connection.close())).port))
    client = connect(proxy.port())
    client.sendall(b"x" * 100_000)
    assert ending(client) in ("end", "reset")
    client.close()
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
    proxy.wait_stat("cluster.origin.upstream_cx_total", 1)
