"""The programs the tests use. A missing one skips with its name on a laptop and fails in continuous integration."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def missing(name):
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(f"{name} is not installed", pytrace=False)
    pytest.skip(f"{name} is not installed")


def need(name):
    """The path of a program that must be there."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin") or missing(name)


def proxy_binary():
    """The tcp-proxy under test: SLUICE_TCP_PROXY, or in SLUICE_BIN_DIR, or the latest debug build, then release."""
    named = os.environ.get("SLUICE_TCP_PROXY")
    if named:
        return Path(named)
    folder = os.environ.get("SLUICE_BIN_DIR")
    folders = [Path(folder)] if folder else [ROOT / ".build" / "debug", ROOT / ".build" / "release"]
    for each in folders:
        if os.access(each / "tcp-proxy", os.X_OK):
            return (each / "tcp-proxy").absolute()
    return missing(f"tcp-proxy in {' or '.join(map(str, folders))} (run `make build`)")


def real_envoy():
    """The ELF of Envoy, not pip's script around it; None where there is none."""
    named = os.environ.get("ENVOY")
    if named:
        return Path(named)
    found = shutil.which("envoy")
    candidates = [Path(found)] if found else []
    if found:
        # pip's `envoy` is a script of the interpreter that has the package.
        for interpreter in ("python3", "python"):
            program = shutil.which(interpreter)
            if program:
                ran = subprocess.run(
                    [program, "-c", "import importlib.util as u; s = u.find_spec('envoy'); print(s.origin if s else '')"],
                    capture_output=True, text=True,
                )
                if ran.stdout.strip():
                    candidates.append(Path(ran.stdout.strip()).parent / "_bin" / "envoy")
    for path in candidates:
        try:
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    return path
        except OSError:
            continue
    return None


def load_tool():
    """The strict load and origin of the benchmarks, built when its source is newer."""
    source = ROOT / "Benchmarks" / "load" / "sluice-load.c"
    target = ROOT / "Benchmarks" / "bin" / "sluice-load"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("clang") or missing("cc")
        target.parent.mkdir(exist_ok=True)
        subprocess.run([compiler, "-O2", "-o", str(target), str(source)], check=True)
    return target
