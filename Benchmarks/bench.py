#!/usr/bin/env python3
"""`make bench`: our proxies beside HAProxy, nginx stream, Envoy and a bare relay, in alternating rounds.

Every proxy has one worker on core 0; load and origin run on core 1. In each round every peer is started, warmed,
measured and ended in turn, so that a slow minute of the machine falls on all of them; figures are medians over the
rounds, ratios are medians of the ratios of each round. Prints a table of Markdown for docs/performance.md and writes
Benchmarks/out/*.json.
"""

import argparse
import contextlib
import fcntl
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from peers import HERE, BareRelay, Missing, all_peers  # noqa: E402
from rows import ROWS, Failed  # noqa: E402

ROOT = HERE.parent

# What each row shows: (figure, heading, digits).
COLUMNS = {
    "small": [("cpu_us_per_request", "CPU µs/request", 2), ("requests_per_s", "requests/s", 0),
              ("p50_us", "p50 µs", 0), ("p99_us", "p99 µs", 0), ("rss_mib", "RSS MiB", 1)],
    "bulk": [("cpu_us_per_mib", "CPU µs/MiB", 0), ("mib_per_s", "MiB/s", 0), ("core_percent", "core %", 0),
             ("p99_us", "p99 µs", 0), ("rss_mib", "RSS MiB", 1)],
    "connect": [("cpu_us_per_request", "CPU µs/connection", 1), ("requests_per_s", "connections/s", 0),
                ("p99_us", "p99 µs", 0)],
    "idle": [("bytes_per_pair", "heap bytes/pair", 0), ("rss_mib", "base RSS MiB", 1),
             ("rss_with_pairs_mib", "RSS with pairs MiB", 1), ("rss_after_mib", "RSS after MiB", 1)],
    "start": [("accept_ms", "first accept ms", 1), ("reply_ms", "first reply ms", 1), ("rss_mib", "RSS MiB", 1),
              ("clusters_accept_ms", "5,000 clusters ms", 0), ("bytes_per_cluster", "bytes/cluster", 0)],
    "syscalls": [("syscalls_per_request", "calls/request", 2)],
    "windows": [("cpu_us_per_mib", "CPU µs/MiB", 0), ("mib_per_s", "MiB/s", 0), ("core_percent", "core %", 0)],
}

# What is to be reached: (row, figure, peers of which the best counts, limit as a ratio) …
RATIO_TARGETS = [
    ("small", "cpu_us_per_request", ("haproxy", "nginx"), 1.00),
    ("small", "cpu_us_per_request", ("envoy",), 0.75),
    ("bulk", "cpu_us_per_mib", ("haproxy", "nginx", "envoy"), 0.75),
    ("connect", "cpu_us_per_request", ("nginx",), 1.00),
]
# … or (row, figure, limit) of our own figure.
OWN_TARGETS = [
    ("idle", "bytes_per_pair", 1536), ("idle", "rss_mib", 24), ("start", "accept_ms", 50),
    ("start", "clusters_accept_ms", 1000), ("start", "bytes_per_cluster", 8192),
]


@contextlib.contextmanager
def machine_to_ourselves(path):
    """Holds a lock while one round runs, so that builds on the same machine wait (and are waited for)."""
    if not path:
        yield
        return
    with open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build():
    (HERE / "bin").mkdir(exist_ok=True)
    for name in ("sluice-load", "bare-relay"):
        source, target = HERE / "load" / f"{name}.c", HERE / "bin" / name
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-o", target, source], check=True)


def window_peers():
    return [
        BareRelay("window 16 KiB", "--window", str(16 << 10)),
        BareRelay("window 64 KiB", "--window", str(64 << 10)),
        BareRelay("window 256 KiB", "--window", str(256 << 10)),
        BareRelay("window 1 MiB", "--window", str(1 << 20)),
        BareRelay("1 MiB, SO_RCVLOWAT 256 KiB", "--lowat", str(256 << 10), "--reply", str(1 << 20)),
        BareRelay("splice, 64 KiB pipe", "--splice", str(64 << 10)),
        BareRelay("splice, 256 KiB pipe", "--splice", str(256 << 10)),
        BareRelay("splice, 1 MiB pipe", "--splice", str(1 << 20)),
    ]


def measure(row, peers, rounds, seconds, lock):
    """Figures of each peer by round: {peer: [figures or None]}."""
    action = ROWS[row][0]
    results, problems = {}, {}
    for turn in range(rounds):
        with machine_to_ourselves(lock):
            for peer in peers:
                if peer.name in problems:
                    continue
                print(f"  {row} {turn + 1}/{rounds} {peer.name} …", end="", file=sys.stderr, flush=True)
                try:
                    figures = action(peer, seconds)
                    results.setdefault(peer.name, []).append(figures)
                    first = COLUMNS[row][0][0]
                    foreign = figures.get("foreign_percent", 0)
                    print(f" {figures[first]:.2f}" + (f"  (others took {foreign:.0f} %)" if foreign > 5 else ""),
                          file=sys.stderr)
                except Missing as missing:
                    problems[peer.name] = f"not installed: {missing}"
                    print(" missing", file=sys.stderr)
                except (Failed, RuntimeError, subprocess.TimeoutExpired) as failure:
                    problems[peer.name] = f"FAILED: {failure}"
                    results.pop(peer.name, None)
                    print(f" FAILED: {failure}", file=sys.stderr)
    return results, problems


def median(rounds, figure):
    values = [each[figure] for each in rounds if each.get(figure) is not None]
    return statistics.median(values) if values else None


def ratio(ours, theirs, figure):
    pairs = [a[figure] / b[figure] for a, b in zip(ours, theirs) if a.get(figure) and b.get(figure)]
    return statistics.median(pairs) if pairs else None


def cell(value, digits):
    return "–" if value is None else f"{value:,.{digits}f}"


def table(row, results, problems, us):
    columns = COLUMNS[row]
    first = columns[0][0]
    notes = []
    with_ratio = us in results
    lines = [f"### {row}: {ROWS[row][1]}", ""]
    head = ["proxy"] + [heading for _, heading, _ in columns]
    ruler = "| --- |" + " ---: |" * (len(head) - 1)
    if row == "syscalls":
        head.append("by name")
        ruler += " --- |"
    if with_ratio:
        head.append("ours/peer")
        ruler += " ---: |"
    lines.append("| " + " | ".join(head) + " |")
    lines.append(ruler)
    for name, rounds in results.items():
        cells = [name] + [cell(median(rounds, figure), digits) for figure, _, digits in columns]
        if row == "syscalls":
            cells.append(", ".join(
                f"{figure[6:]} {value:.2f}" for figure, value in rounds[-1].items() if figure.startswith("calls.")))
        if with_ratio:
            cells.append("" if name == us else cell(ratio(results[us], rounds, first), 2))
        lines.append("| " + " | ".join(cells) + " |")
        noisy = sum(each.get("foreign_percent", 0) > 6 for each in rounds)
        if noisy:
            notes.append(f"{name}: others took more than 6 % of the machine in {noisy} of {len(rounds)} rounds.")
    for name, problem in problems.items():
        lines.append("| " + " | ".join([name, problem] + [""] * (len(head) - 2)) + " |")
    return "\n".join(lines + [""] + notes) + "\n"


def verdicts(everything, us):
    lines = []
    for row, figure, against, limit in RATIO_TARGETS:
        results = everything.get(row, ({}, {}))[0]
        rivals = [rounds for name, rounds in results.items() if name.split("-")[0] in against]
        if us not in results or not rivals:
            continue
        # The rival that is hardest to beat, judged over all rounds: the least figure of many noisy ones in each round
        # would be nobody's.
        value = max(ratio(results[us], theirs, figure) for theirs in rivals)
        best = ", ".join(against)
        lines.append((value <= limit, f"{row}: {figure} over the best of {best}: {value:.2f} (at most {limit:.2f})"))
    for row, figure, limit in OWN_TARGETS:
        results = everything.get(row, ({}, {}))[0]
        if us in results and (value := median(results[us], figure)) is not None:
            lines.append((value <= limit, f"{row}: {figure} {value:,.1f} (at most {limit:,})"))
    return "\n".join(f"- {'reached' if good else 'MISSED'}: {text}" for good, text in lines)


def machine():
    model = ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model or platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ours", action="append", metavar="PATH",
                        help="our binary; give it several times to compare builds (.build/release/tcp-proxy)")
    parser.add_argument("--rows", default="small,bulk,connect,idle,start", help=f"of {','.join(ROWS)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each measured window")
    parser.add_argument("--peers", default="", help="only these (by name or prefix); ours is always there")
    parser.add_argument("--lock", default=os.environ.get("SLUICE_BENCH_LOCK", ""), help="a file to lock for each round")
    parser.add_argument("--out", default=str(HERE / "out"), help="folder for the JSON results")
    options = parser.parse_args()
    rows = [row for row in options.rows.split(",") if row]
    unknown = [row for row in rows if row not in ROWS]
    if unknown or options.rounds < 1 or options.seconds <= 0:
        parser.error(f"no such row: {', '.join(unknown)}" if unknown else "--rounds and --seconds must be positive")
    build()
    ours = options.ours or [str(ROOT / ".build" / "release" / "tcp-proxy")]
    everyone = all_peers(ours)
    us = everyone[0].name
    wanted = [name for name in options.peers.split(",") if name]
    peers = [peer for peer in everyone
             if not wanted or peer.name.startswith("ours") or any(peer.name.startswith(name) for name in wanted)]

    everything = {}
    for row in rows:
        chosen = window_peers() if row == "windows" else peers
        rounds = 1 if row == "syscalls" else options.rounds
        everything[row] = measure(row, chosen, rounds, options.seconds, options.lock)

    versions = {}
    for peer in peers:
        with contextlib.suppress(Missing):
            versions[peer.name] = peer.version()
    print(f"\nMachine: {machine()}. Rounds: {options.rounds}, window: {options.seconds} s. "
          f"{time.strftime('%Y-%m-%d')}.\n")
    for row, (results, problems) in everything.items():
        print(table(row, results, problems, us))
    said = verdicts(everything, us)
    if said:
        print(said + "\n")
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{time.strftime('%Y%m%dT%H%M%S')}.json"
    path.write_text(json.dumps({
        "machine": machine(), "versions": versions, "rounds": options.rounds, "seconds": options.seconds,
        "rows": {row: {"figures": results, "problems": problems} for row, (results, problems) in everything.items()},
    }, indent=1))
    print(f"All figures of all rounds: {path}")
    failed = [text for _, problems in everything.values() for text in problems.values() if text.startswith("FAILED")]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
