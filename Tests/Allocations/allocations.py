#!/usr/bin/env python3
"""Allocation budgets: what the workers of a release build allocate for each unit of work, against budgets.json.

    allocations.py PATH/tcp-proxy

The proxy runs with a preloaded counter (alloc-count.c); only threads other than the main one are looked at, and the
periodic flush of stats is put off. Two counts are taken while load runs, so connecting and warming up do not show.
A number in budgets.json is a ceiling for one unit, to two decimals; raising one needs a sentence in the change.
"""

import json
import mmap
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Integration"))

from support.bootstrap import bootstrap, cluster, listener, many_connections, tcp_proxy  # noqa: E402
from support.programs import load_tool  # noqa: E402
from support.proxy import Proxy  # noqa: E402

SLOT = struct.Struct("=QQQQ")


def counter_library(folder):
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("clang") or sys.exit("no C compiler (cc)")
    target = Path(folder) / "liballoc-count.so"
    subprocess.run([compiler, "-O2", "-fPIC", "-shared", "-o", target, HERE / "alloc-count.c"], check=True)
    return target


class Counted:
    """A running proxy with its counters."""

    def __init__(self, binary, folder, origin_port, library):
        self.path = Path(folder) / "counts"
        self.path.write_bytes(b"")
        config = bootstrap(
            [listener(filters=[tcp_proxy()])],
            [cluster(endpoints=[origin_port], circuit_breakers=many_connections())], stats_flush_interval="299s")
        self.proxy = Proxy(binary, config, Path(folder) / "proxy", env={
            "LD_PRELOAD": str(library), "ALLOC_COUNT_FILE": str(self.path)})
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    def workers(self):
        """{thread: allocations}, the main thread apart."""
        found = {}
        for at in range(0, len(self.map), SLOT.size):
            thread, count, _, _ = SLOT.unpack_from(self.map, at)
            if thread and thread != self.proxy.process.pid:
                found[thread] = count
        if not any(found.values()):
            sys.exit("the counter saw no allocation of any thread: does the program bring its own malloc?")
        return found


def between(before, after):
    return sum(count - before.get(thread, 0) for thread, count in after.items())


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
    with tempfile.TemporaryDirectory() as folder, Origin(reply_bytes) as origin:
        counted = Counted(binary, folder, origin.port, library)
        try:
            load = Load("rr", counted.proxy.port(), reply_bytes, connections, 4)
            time.sleep(1.5)
            before = counted.workers()
            time.sleep(1.5)
            allocations = between(before, counted.workers())
            result = load.result()
        finally:
            counted.proxy.stop()
    requests = result["requests"] / result["seconds"] * 1.5
    units = requests if unit_bytes is None else requests * reply_bytes / unit_bytes
    return allocations / units, f"{allocations} in about {units:,.0f}"


def connecting(binary, library):
    with tempfile.TemporaryDirectory() as folder, Origin(64) as origin:
        counted = Counted(binary, folder, origin.port, library)
        try:
            Load("connect", counted.proxy.port(), 64, 8, 0.5).result()
            before = counted.workers()
            result = Load("connect", counted.proxy.port(), 64, 8, 2).result()
            time.sleep(0.3)
            allocations = between(before, counted.workers())
        finally:
            counted.proxy.stop()
    return allocations / result["opened"], f"{allocations} in {result['opened']:,}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    binary = Path(sys.argv[1]).absolute()
    if not os.access(binary, os.X_OK):
        sys.exit(f"{binary} is not there: run `make release`")
    budgets = json.loads((HERE / "budgets.json").read_text())
    over = 0
    with tempfile.TemporaryDirectory() as folder:
        library = counter_library(folder)
        scenarios = {
            "relayed small request": lambda: relayed(binary, library, 64, 64),
            "relayed MiB": lambda: relayed(binary, library, 1 << 20, 8, 1 << 20),
            "new connection": lambda: connecting(binary, library),
        }
        for name, run in scenarios.items():
            each, detail = run()
            good = round(each, 2) <= budgets[name]
            over += not good
            sys.stdout.write(f"{'ok  ' if good else 'OVER'} {name}: {each:.2f} allocations ({detail}), budget {budgets[name]}\n")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
