"""Real servers and clients through the relay: redis-server, nginx and curl."""

import hashlib
import os
import subprocess

import pytest

from support.bootstrap import bootstrap, cluster, listener, many_connections
from support.client import connect, read_exactly
from support.ports import held_port
from support.programs import need
from support.waiting import wait_until


REDIS = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]


def listening(port):
    try:
        connect(port, timeout=1).close()
        return True
    except OSError:
        return False


@pytest.fixture
def run(tmp_path):
    """run(command, port) starts a server and waits until it listens; ended by its process id."""
    running = []

    def factory(command, port):
        log = tmp_path / f"server{len(running)}.log"
        with open(log, "wb") as file:
            process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        running.append(process)

        def ready():
            assert process.poll() is None, f"{command[0]} ended:\n{log.read_text(errors='replace')[-2000:]}"
            return listening(port)

        wait_until(ready, f"{command[0]} to listen", seconds=20)

    yield factory
    for process in running:
        process.kill()
        process.wait(20)


def config(port):
    return bootstrap([listener()], [cluster(endpoints=[port], circuit_breakers=many_connections())])


def test_redis(start, run, tmp_path):
    port = held_port()
    run([need("redis-server"), *REDIS, "--port", port, "--dir", tmp_path], port)
    proxy = start(config(port))
    with connect(proxy.port()) as client:
        client.sendall(b"SET greeting hello\r\nGET greeting\r\nPING\r\n")
        assert read_exactly(client, 5 + 11 + 7) == b"+OK\r\n$5\r\nhello\r\n+PONG\r\n"
        value = os.urandom(3 << 20)
        client.sendall(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n" % len(value) + value + b"\r\n")
        assert read_exactly(client, 5) == b"+OK\r\n"
        client.sendall(b"GET big\r\n")
        header = b"$%d\r\n" % len(value)
        assert read_exactly(client, len(header) + len(value) + 2) == header + value + b"\r\n"


@pytest.mark.limit(90)
def test_redis_benchmark(start, run, tmp_path):
    port = held_port()
    run([need("redis-server"), *REDIS, "--port", port, "--dir", tmp_path], port)
    proxy = start(config(port), concurrency=2)
    ran = subprocess.run(
        [need("redis-benchmark"), "-p", str(proxy.port()), "-n", "20000", "-c", "50", "-P", "8", "-t", "set,get",
         "--csv"],
        capture_output=True, text=True, timeout=80)
    assert ran.returncode == 0, ran.stderr
    assert '"SET"' in ran.stdout and '"GET"' in ran.stdout
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)
    assert proxy.stat("cluster.origin.upstream_cx_connect_fail") == 0


def test_nginx_and_curl(start, run, tmp_path):
    port = held_port()
    (tmp_path / "file").write_bytes(os.urandom(20 << 20))
    (tmp_path / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {tmp_path}/pid; error_log stderr crit;
events {{}}
http {{
    access_log off; client_max_body_size 100m;
    client_body_temp_path {tmp_path}/body; proxy_temp_path {tmp_path}/proxy; fastcgi_temp_path {tmp_path}/fastcgi;
    uwsgi_temp_path {tmp_path}/uwsgi; scgi_temp_path {tmp_path}/scgi;
    server {{ listen 127.0.0.1:{port}; root {tmp_path}; }}
}}
""")
    run([need("nginx"), "-p", tmp_path, "-e", "stderr", "-c", tmp_path / "nginx.conf"], port)
    proxy = start(config(port))
    url = f"http://127.0.0.1:{proxy.port()}/file"
    got = subprocess.run([need("curl"), "-sf", url, url, "-o", tmp_path / "one", "-o", tmp_path / "two"], timeout=50)
    assert got.returncode == 0
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).digest() for name in ("file", "one", "two")}
    assert len(digests) == 1
    # Both transfers of one curl go over one kept connection.
    proxy.wait_stat("tcp.front.downstream_cx_total", 1)
