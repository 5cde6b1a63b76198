#!/usr/bin/env python3
"""Builds the fuzz targets of Tests/Fuzz with the fuzzer and the address sanitizer, replays their corpora and runs them.

    scripts/fuzz.py --target all|http1|config [--seconds 30] [--replay]

Seeds are in Tests/Corpora/TARGET/, fixed crashes in Tests/Corpora/TARGET/regressions/. New inputs go to
.build-fuzz/corpus/TARGET, crashes to .build-fuzz/crashes/TARGET: move one to regressions/ together with its fix.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / ".build-fuzz"
TARGETS = {"http1": "FuzzHTTP1", "config": "FuzzConfig"}
# Longest input worth trying, and the most memory one run may take.
LIMITS = {"http1": (4096, 1024), "config": (16384, 2048)}


def build(product):
    command = [
        "swift", "build", "--product", product, "--scratch-path", str(SCRATCH),
        "-Xswiftc", "-sanitize=fuzzer,address", "-Xlinker", "-lstdc++",
    ]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "SLUICE_FUZZ": "1"})
    shown = subprocess.run(
        command + ["--show-bin-path"], check=True, cwd=ROOT, env={**os.environ, "SLUICE_FUZZ": "1"},
        capture_output=True, text=True)
    return Path(shown.stdout.strip().splitlines()[-1]) / product


def run(name, seconds, replay):
    program = build(TARGETS[name])
    seeds = ROOT / "Tests" / "Corpora" / name
    crashes = SCRATCH / "crashes" / name
    found = SCRATCH / "corpus" / name
    for folder in (crashes, found):
        folder.mkdir(parents=True, exist_ok=True)
    longest, memory = LIMITS[name]
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    known = [str(path) for path in sorted(seeds.rglob("*")) if path.is_file()]
    if not known:
        sys.exit(f"{seeds} holds no seeds")
    common = [
        str(program), f"-max_len={longest}", f"-rss_limit_mb={memory}", "-timeout=10", f"-artifact_prefix={crashes}/",
    ]
    ran = subprocess.run(common + known, env=environment, cwd=ROOT, capture_output=True, text=True)
    if ran.returncode:
        sys.stderr.write(ran.stderr[-6000:])
        sys.exit(f"fuzz {name}: a saved input fails")
    sys.stdout.write(f"fuzz {name}: {len(known)} saved inputs pass\n")
    sys.stdout.flush()
    if replay:
        return
    ran = subprocess.run(
        common + [f"-max_total_time={seconds}", "-print_final_stats=1", "-seed=1", str(found), str(seeds)],
        env=environment, cwd=ROOT, capture_output=True, text=True)
    if ran.returncode:
        sys.stderr.write(ran.stderr[-6000:])
        sys.exit(f"fuzz {name}: a crash is saved in {crashes}")
    units = [line.split()[-1] for line in ran.stderr.splitlines() if "number_of_executed_units" in line]
    sys.stdout.write(f"fuzz {name}: {units[0] if units else '?'} inputs in {seconds} s, no crash\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="all", choices=["all", *TARGETS])
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--replay", action="store_true", help="only the saved inputs")
    options = parser.parse_args()
    for name in TARGETS if options.target == "all" else [options.target]:
        run(name, options.seconds, options.replay)


if __name__ == "__main__":
    main()
