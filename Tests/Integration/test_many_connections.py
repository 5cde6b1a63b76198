"""8,000 connections at once, each used before and after all of them stand."""

import json
import os
import resource
import select
import signal
import socket
import subprocess

import pytest

from support.bootstrap import FRONT, bootstrap, cluster, listener, many_connections
from support.client import connect, exchange
from support.programs import load_tool

PAIRS = 8000


@pytest.fixture
def descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * PAIRS + 500:
        pytest.skip(f"{PAIRS} pairs need {2 * PAIRS + 500} descriptors, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def strict_origin():
    process = subprocess.Popen([load_tool(), "origin", "--port", "0"], stdout=subprocess.PIPE, text=True)
    yield int(process.stdout.readline()), process
    if process.poll() is None:
        process.kill()
        process.wait()
    process.stdout.close()


def config(port):
    return bootstrap([listener()], [cluster(endpoints=[port], circuit_breakers=many_connections())])


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.limit(120)
def test_eight_thousand_idle_pairs(start, descriptors, strict_origin):
    port, origin = strict_origin
    proxy = start(config(port))
    holder = subprocess.Popen(
        [load_tool(), "idle", "--port", str(proxy.port()), "--connections", str(PAIRS)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    held = json.loads(holder.stdout.readline())
    assert held == {"held": PAIRS, "errors": 0, "error": ""}
    proxy.wait_stat("cluster.origin.upstream_cx_active", PAIRS)
    # Full as it is, it serves one more.
    assert proxy.admin("/ready").status == 200
    holder.stdin.close()
    assert holder.wait(30) == 0
    holder.stdout.close()
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0, seconds=20)
    proxy.wait_stat("cluster.origin.upstream_cx_total", PAIRS)
    assert proxy.open_files() < 100
    origin.send_signal(signal.SIGTERM)
    seen = json.loads(origin.stdout.readline())
    assert seen["errors"] == 0 and seen["requests"] == PAIRS


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.limit(120)
def test_all_talk_at_the_same_time(start, descriptors, strict_origin):
    port, _ = strict_origin
    proxy = start(config(port), concurrency=2)
    ran = subprocess.run(
        [load_tool(), "rr", "--port", str(proxy.port()), "--connections", "4000", "--seconds", "2", "--warmup", "0"],
        capture_output=True, text=True, timeout=90,
    )
    result = json.loads(ran.stdout)
    assert result["errors"] == 0, result
    assert result["requests"] > 4000
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0, seconds=20)


@pytest.mark.alone
@pytest.mark.limit(120)
def test_a_storm_of_connections(start, strict_origin):
    """Tens of thousands of short connections, many at once: each is answered whole, none is left."""
    port, _ = strict_origin
    proxy = start(config(port), concurrency=2)
    ran = subprocess.run(
        [load_tool(), "connect", "--port", str(proxy.port()), "--connections", "200", "--seconds", "3"],
        capture_output=True, text=True, timeout=90,
    )
    result = json.loads(ran.stdout)
    assert result["errors"] == 0, result
    proxy.wait_stat("cluster.origin.upstream_cx_total", result["opened"])
    proxy.wait_stat("cluster.origin.upstream_cx_active", 0)


def test_workers_share_the_connections(start, origin):
    """SO_REUSEPORT spreads new connections over the workers: with 200, each of two has some."""
    proxy = start(config(origin().port), concurrency=2)
    clients = [connect(proxy.port()) for _ in range(200)]
    for client in clients:
        exchange(client, b"ping")
    shares = [proxy.stat(FRONT + f"worker_{worker}.downstream_cx_total") for worker in (0, 1)]
    assert sum(shares) == 200
    assert min(shares) > 20, shares
    for client in clients:
        client.close()


def test_clients_that_never_send_cost_no_thread(start, origin):
    """A thousand silent clients beside a busy one: the busy one is not held up."""
    proxy = start(config(origin().port))
    silent = [connect(proxy.port()) for _ in range(1000)]
    with connect(proxy.port()) as busy:
        for turn in range(200):
            exchange(busy, b"%d" % turn)
    ready, _, _ = select.select(silent[:500], [], [], 0)
    assert not ready
    assert len(os.listdir(f"/proc/{proxy.process.pid}/task")) < 40
    for client in silent:
        client.shutdown(socket.SHUT_RDWR)
        client.close()
