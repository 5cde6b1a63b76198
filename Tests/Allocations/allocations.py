#!/usr/bin/env python3
"""Allocation budgets: what the workers of a release build allocate for each unit of work, against budgets.json.

    allocations.py PATH/tcp-proxy

The proxy runs with a preloaded counter (alloc-count.c). Allocations are those of all threads but the main one, and the
periodic flush of stats is put off. Relayed requests are counted while load runs, so that connecting and warming up do
not show; connections are counted over a whole load after a first one of the same kind. `line` is what an access log adds
to a connection, its flusher's thread included. Heap is what all threads hold, with malloc's own word for each chunk.
A number in budgets.json is a ceiling for one unit, to two decimals; raising one needs a sentence in the change.
"""

import json
import mmap
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Integration"))

from support.bootstrap import bootstrap, cluster, file_access_log, listener, many_connections, tcp_proxy  # noqa: E402
from support.programs import load_tool  # noqa: E402
from support.proxy import Proxy  # noqa: E402

SLOT = struct.Struct("=QQQq")
PAIRS = 2000
LINE = "%START_TIME% %DOWNSTREAM_REMOTE_ADDRESS% %UPSTREAM_HOST% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESPONSE_FLAGS%\n"


def counter_library(folder):
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("clang") or sys.exit("no C compiler (cc)")
    target = Path(folder) / "liballoc-count.so"
    subprocess.run([compiler, "-O2", "-fPIC", "-shared", "-o", target, HERE / "alloc-count.c"], check=True)
    return target


class Counted:
    """A running proxy with its counters."""

    def __init__(self, binary, folder, origin_port, library, access_log=False):
        self.path = Path(folder) / "counts"
        self.path.write_bytes(b"")
        logs = {"access_log": [file_access_log(Path(folder) / "access.log", LINE)]} if access_log else {}
        config = bootstrap(
            [listener(filters=[tcp_proxy(**logs)])],
            [cluster(endpoints=[origin_port], circuit_breakers=many_connections())], stats_flush_interval="299s")
        self.proxy = Proxy(binary, config, Path(folder) / "proxy", env={
            "LD_PRELOAD": str(library), "ALLOC_COUNT_FILE": str(self.path)})
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.proxy.stop()
        self.map.close()

    def slots(self):
        for at in range(0, len(self.map), SLOT.size):
            thread, count, _, held = SLOT.unpack_from(self.map, at)
            if thread:
                yield thread, count, held

    def workers(self):
        """Allocations of all threads, the main thread apart."""
        counts = [count for thread, count, _ in self.slots() if thread != self.proxy.process.pid]
        if not any(counts):
            sys.exit("the counter saw no allocation of any thread: does the program bring its own malloc?")
        return sum(counts)

    def held(self):
        """Bytes of heap."""
        return sum(held for _, _, held in self.slots())

    def wait_for_connections(self, count):
        self.proxy.wait_stat("cluster.origin.upstream_cx_active", count, seconds=30)


class Load:
    def __init__(self, mode, port, reply_bytes, connections, seconds):
        self.process = subprocess.Popen([
            load_tool(), mode, "--port", str(port), "--reply", str(reply_bytes), "--connections", str(connections),
            "--seconds", str(seconds), "--warmup", "0",
        ], stdout=subprocess.PIPE, text=True)

    def result(self):
        out, _ = self.process.communicate(timeout=60)
        result = json.loads(out)
        if result["errors"]:
            sys.exit(f"the load failed: {result['error']}")
        return result


class Idle:
    """PAIRS connections that have carried one request each, and are left alone until the end."""

    def __init__(self, port):
        self.process = subprocess.Popen(
            [load_tool(), "idle", "--port", str(port), "--connections", str(PAIRS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        held = json.loads(self.process.stdout.readline())
        if held["held"] != PAIRS:
            sys.exit(f"only {held['held']} pairs: {held['error']}")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


class Origin:
    def __init__(self, reply_bytes):
        self.process = subprocess.Popen(
            [load_tool(), "origin", "--port", "0", "--reply", str(reply_bytes)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=10)


def relayed(binary, library, reply_bytes, connections, unit_bytes=None):
    """Allocations for each request, or for each `unit_bytes` of replies, over the middle of a run."""
    with (tempfile.TemporaryDirectory() as folder, Origin(reply_bytes) as origin,
          Counted(binary, folder, origin.port, library) as counted):
        load = Load("rr", counted.proxy.port(), reply_bytes, connections, 4)
        time.sleep(1.5)
        before = counted.workers()
        time.sleep(1.5)
        allocations = counted.workers() - before
        result = load.result()
    requests = result["requests"] / result["seconds"] * 1.5
    units = requests if unit_bytes is None else requests * reply_bytes / unit_bytes
    return allocations / units, f"{allocations} allocations in about {units:,.0f}"


def connecting(binary, library, access_log=False):
    """Allocations for each connection that carries one request."""
    with (tempfile.TemporaryDirectory() as folder, Origin(64) as origin,
          Counted(binary, folder, origin.port, library, access_log) as counted):
        Load("connect", counted.proxy.port(), 64, 8, 0.5).result()
        counted.wait_for_connections(0)
        before = counted.workers()
        result = Load("connect", counted.proxy.port(), 64, 8, 2).result()
        counted.wait_for_connections(0)
        allocations = counted.workers() - before
    return allocations / result["opened"], f"{allocations} allocations in {result['opened']:,}"


def a_line(binary, library):
    """What an access log adds to a connection."""
    without, _ = connecting(binary, library)
    with_line, detail = connecting(binary, library, access_log=True)
    return max(0.0, with_line - without), f"{detail} with a line, {without:.2f} each without"


def idle(binary, library):
    """Bytes of heap for each idle pair, after as many pairs once came and went: what a worker keeps is no pair's."""
    with (tempfile.TemporaryDirectory() as folder, Origin(64) as origin,
          Counted(binary, folder, origin.port, library) as counted):
        held = []
        for _ in range(2):
            before = counted.held()
            with Idle(counted.proxy.port()):
                counted.wait_for_connections(PAIRS)
                held.append(counted.held() - before)
            counted.wait_for_connections(0)
    return held[1] / PAIRS, f"{held[0]:,} bytes for the first {PAIRS:,} pairs, then {held[1]:,} for as many again"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary = Path(sys.argv[1]).absolute()
    if not os.access(binary, os.X_OK):
        sys.exit(f"{binary} is not there: run `make release`")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    budgets = json.loads((HERE / "budgets.json").read_text())
    over = 0
    with tempfile.TemporaryDirectory() as folder:
        library = counter_library(folder)
        scenarios = {
            "relayed small request": lambda: relayed(binary, library, 64, 64),
            "relayed MiB": lambda: relayed(binary, library, 1 << 20, 8, 1 << 20),
            "new connection": lambda: connecting(binary, library),
            "access log line": lambda: a_line(binary, library),
            "heap bytes of an idle pair": lambda: idle(binary, library),
        }
        for name, run in scenarios.items():
            each, detail = run()
            good = round(each, 2) <= budgets[name]
            over += not good
            sys.stdout.write(f"{'ok  ' if good else 'OVER'} {name}: {each:,.2f} of {budgets[name]} ({detail})\n")
            sys.stdout.flush()
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
