#!/usr/bin/env python3
"""Builds the fuzz targets of Tests/Fuzz with the fuzzer and the address sanitizer, replays their corpora and runs them.

    scripts/fuzz.py --target all|http1|config [--seconds 30 | --smoke | --replay]

--smoke tries the same inputs each time: a fixed seed, a fixed number of runs, and no corpus of earlier runs.

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
# Runs of a smoke: some ten seconds each.
SMOKE_RUNS = {"http1": 40000, "config": 4000}


def build(product):
    command = [
        "swift", "build", "--product", product, "--scratch-path", str(SCRATCH),
        "-Xswiftc", "-sanitize=fuzzer,address", "-Xlinker", "-lstdc++",
    ]
    # The linker warns once for each of the sanitizer's entry points: some hundred lines, shown only with an error.
    ran = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "SLUICE_FUZZ": "1"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace")
    if ran.returncode:
        sys.exit("\n".join(line for line in ran.stdout.splitlines() if "Cannot export local symbol" not in line))
    shown = subprocess.run(
        command + ["--show-bin-path"], check=True, cwd=ROOT, env={**os.environ, "SLUICE_FUZZ": "1"},
        capture_output=True, text=True)
    return Path(shown.stdout.strip().splitlines()[-1]) / product


def run(name, options):
    program = build(TARGETS[name])
    seeds = ROOT / "Tests" / "Corpora" / name
    crashes = SCRATCH / "crashes" / name
    found = SCRATCH / "corpus" / name
    for folder in (crashes, found):
        folder.mkdir(parents=True, exist_ok=True)
    longest, memory = LIMITS[name]
    known = [str(path) for path in sorted(seeds.rglob("*")) if path.is_file() and path.name != "README.md"]
    if not known:
        sys.exit(f"{seeds} holds no seeds")
    common = [
        str(program), f"-max_len={longest}", f"-rss_limit_mb={memory}", "-timeout=20", f"-artifact_prefix={crashes}/",
    ]

    def fuzz(arguments, failure):
        ran = subprocess.run(
            common + arguments, env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}, cwd=ROOT, capture_output=True,
            text=True, errors="replace")
        if ran.returncode:
            sys.stderr.write(ran.stderr[-6000:])
            sys.exit(f"fuzz {name}: {failure}")
        return ran.stderr

    def say(text):
        sys.stdout.write(f"fuzz {name}: {text}\n")
        sys.stdout.flush()

    fuzz(known, "a saved input fails")
    say(f"{len(known)} saved inputs pass")
    if options.replay:
        return
    if options.smoke:
        fuzz([f"-runs={SMOKE_RUNS[name]}", "-seed=1", str(seeds)], f"a crash is saved in {crashes}")
        say(f"{SMOKE_RUNS[name]} inputs, no crash")
        return
    said = fuzz([f"-max_total_time={options.seconds}", "-print_final_stats=1", str(found), str(seeds)],
                f"a crash is saved in {crashes}")
    units = [line.split()[-1] for line in said.splitlines() if "number_of_executed_units" in line]
    say(f"{units[0] if units else '?'} inputs in {options.seconds} s, no crash")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="all", choices=["all", *TARGETS])
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--smoke", action="store_true", help="the same few inputs each time")
    parser.add_argument("--replay", action="store_true", help="only the saved inputs")
    options = parser.parse_args()
    for name in TARGETS if options.target == "all" else [options.target]:
        run(name, options)


if __name__ == "__main__":
    main()
