"""The rows: what is asked of a running proxy, and what is counted.

A row gives, for one peer, a dictionary of numbers; it raises `Failed` when a single byte, reply or connection was
wrong, because a figure over wrong answers means nothing.
"""

import json
import os
import re
import resource
import subprocess
import tempfile
import time
from pathlib import Path

from peers import HERE, LOAD_CORE, PROXY_CORE, Running, cpu_seconds, free_port, memory, on_core

LOAD = str(HERE / "bin" / "sluice-load")
MIB = 1 << 20


class Failed(Exception):
    """The row's answers were wrong or did not come."""


class Origin:
    """The server behind the proxy, on the load's core."""

    def __init__(self, reply_bytes):
        self.process = subprocess.Popen(
            on_core(LOAD_CORE, [LOAD, "origin", "--port", "0", "--reply", str(reply_bytes)]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        out, _ = self.process.communicate(timeout=10)
        seen = json.loads(out)
        if kind is None and seen["errors"]:
            raise Failed(f"the origin saw {seen['errors']} wrong requests")


def load(mode, port, reply_bytes, connections, seconds, watch, warmup=0.5):
    command = [
        LOAD, mode, "--port", str(port), "--reply", str(reply_bytes), "--connections", str(connections),
        "--seconds", str(seconds), "--warmup", str(warmup),
    ]
    if watch:
        command += ["--watch", ",".join(map(str, watch))]
    ran = subprocess.run(on_core(LOAD_CORE, command), capture_output=True, text=True, timeout=3 * seconds + 90)
    try:
        result = json.loads(ran.stdout)
    except ValueError:
        raise Failed(f"the load said: {ran.stdout} {ran.stderr}") from None
    if ran.returncode or result["errors"] or not result["requests"]:
        raise Failed(result["error"] or "no request was answered")
    return result


def busy_seconds():
    """CPU time of the whole machine, without idle, waiting and stolen time (for that, see the load's quiet slices)."""
    fields = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


class Foreign:
    """How much CPU other programs took meanwhile, as a share of the machine. Figures beside a busy stranger are noise:
    a starved relay is woken less often and finds more to do each time."""

    def __init__(self, *pids):
        self.pids = pids

    def own(self):
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return sum(cpu_seconds(pid) for pid in self.pids) + usage.ru_utime + usage.ru_stime

    def __enter__(self):
        self.began, self.busy, self.ours = time.monotonic(), busy_seconds(), self.own()
        return self

    def __exit__(self, *_):
        spent = (busy_seconds() - self.busy) - (self.own() - self.ours)
        self.share = max(0.0, spent / ((time.monotonic() - self.began) * (os.cpu_count() or 1)))


DISTURBED_SHARE = 0.06
ATTEMPTS = 3


def traffic(mode, peer, seconds, reply_bytes, connections):
    """One window of load; again while strangers took more than a few percent, and the quietest of three at worst."""
    quietest = None
    for _ in range(ATTEMPTS):
        figures = one_window(mode, peer, seconds, reply_bytes, connections)
        if quietest is None or figures["foreign_percent"] < quietest["foreign_percent"]:
            quietest = figures
        if quietest["foreign_percent"] < DISTURBED_SHARE * 100:
            break
    return quietest


def one_window(mode, peer, seconds, reply_bytes, connections):
    with (tempfile.TemporaryDirectory() as folder, Origin(reply_bytes) as origin,
          Running(peer, folder, origin.port) as proxy):
        pids = proxy.pids()
        with Foreign(origin.process.pid, *pids) as foreign:
            result = load(mode, proxy.port, reply_bytes, connections, seconds, pids)
        after = proxy.memory()
    # Slices in which the hypervisor stole nothing, if there were enough of them.
    kind = "quiet_" if result["quiet_seconds"] >= seconds / 4 else ""
    count, cpu_ns, took = (result[kind + name] for name in ("requests", "cpu_ns", "seconds"))
    return {
        "quiet_seconds": result["quiet_seconds"],
        "foreign_percent": foreign.share * 100,
        "cpu_us_per_request": cpu_ns / 1000 / count,
        "cpu_us_per_mib": cpu_ns / 1000 / (count * reply_bytes / MIB),
        "requests_per_s": count / took,
        "mib_per_s": count * reply_bytes / MIB / took,
        "core_percent": cpu_ns / 1e7 / took,
        "p50_us": result["p50_us"],
        "p99_us": result["p99_us"],
        "rss_mib": after["rss"] / MIB,
    }


def small(peer, seconds):
    return traffic("rr", peer, seconds, 64, 64)


def bulk(peer, seconds):
    return traffic("rr", peer, seconds, MIB, 8)


def connect(peer, seconds):
    return traffic("connect", peer, seconds, 64, 16)


def idle(peer, _seconds, pairs=5000):
    with tempfile.TemporaryDirectory() as folder, Origin(64) as origin, Running(peer, folder, origin.port) as proxy:
        # A little traffic first, so that what a proxy sets up once is not charged to the pairs.
        load("rr", proxy.port, 64, 8, 0.3, [], warmup=0.2)
        before = proxy.memory()
        holder = subprocess.Popen(
            on_core(LOAD_CORE, [LOAD, "idle", "--port", str(proxy.port), "--connections", str(pairs)]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        try:
            held = json.loads(holder.stdout.readline())
            if held["errors"] or held["held"] != pairs:
                raise Failed(f"{held['held']} of {pairs} pairs stand: {held['error']}")
            time.sleep(0.5)
            during = proxy.memory()
        finally:
            holder.stdin.close()
            holder.wait(timeout=20)
        time.sleep(0.5)
        after = proxy.memory()
    return {
        "bytes_per_pair": (during["anon"] - before["anon"]) / pairs,
        "rss_mib": before["rss"] / MIB,
        "rss_with_pairs_mib": during["rss"] / MIB,
        "rss_after_mib": after["rss"] / MIB,
    }


def started(peer, origin_port, folder, clusters):
    port = free_port()
    command = peer.command(folder, port, origin_port, clusters)
    runner = subprocess.Popen(
        on_core(LOAD_CORE, [
            LOAD, "start", "--port", str(port), "--timeout", "60", "--core", str(PROXY_CORE), "--", *command,
        ]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    try:
        line = runner.stdout.readline()
        if not line:
            raise Failed("it did not start")
        seen = json.loads(line)
        if seen["reply_ms"] < 0:
            raise Failed("it never relayed a reply")
        time.sleep(0.5)
        seen.update(memory(seen["pid"]))
        return seen
    finally:
        runner.stdin.close()
        runner.wait(timeout=20)


def start(peer, _seconds, clusters=5000):
    with tempfile.TemporaryDirectory() as folder, Origin(64) as origin:
        one = started(peer, origin.port, folder, 0)
        result = {"accept_ms": one["accept_ms"], "reply_ms": one["reply_ms"], "rss_mib": one["rss"] / MIB}
        if peer.name == "bare-relay":
            return result
        many = started(peer, origin.port, folder, clusters)
        result["clusters_accept_ms"] = many["accept_ms"]
        result["clusters_rss_mib"] = many["rss"] / MIB
        result["bytes_per_cluster"] = (many["rss"] - one["rss"]) / clusters
    return result


def syscalls(peer, _seconds):
    """System calls per small request, by name, under strace (which slows everything: no other figure of it counts)."""
    with tempfile.TemporaryDirectory() as folder, Origin(64) as origin, Running(peer, folder, origin.port) as proxy:
        path = Path(folder) / "strace.txt"
        pids = [option for pid in proxy.pids() for option in ("-p", str(pid))]
        tracer = subprocess.Popen(
            ["strace", "-c", "-f", "-o", str(path), *pids], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(1.0)
        result = load("rr", proxy.port, 64, 64, 2, [], warmup=0)
        tracer.send_signal(2)
        tracer.wait(timeout=20)
        total, by_name = 0, {}
        for line in path.read_text().splitlines():
            found = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", line)
            if found and found[2] != "total":
                total += int(found[1])
                by_name[found[2]] = int(found[1]) / result["total_requests"]
    figures = {"syscalls_per_request": total / result["total_requests"]}
    for name, each in sorted(by_name.items(), key=lambda item: -item[1]):
        if each >= 0.01:
            figures[f"calls.{name}"] = each
    return figures


ROWS = {
    "small": (small, "64 bytes each way, 64 connections, closed loop"),
    "bulk": (bulk, "1 MiB replies, 8 connections, closed loop"),
    "connect": (connect, "one connection per 64-byte request, 16 at a time"),
    "idle": (idle, "5,000 idle pairs"),
    "start": (start, "start to first accept; again with 5,000 static clusters"),
    "syscalls": (syscalls, "system calls per small request, under strace"),
    "windows": (bulk, "the bare relay with other read sizes and with splice, 1 MiB replies, 8 connections"),
}
