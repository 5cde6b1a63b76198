"""The programs the tests use. A missing one skips with its name on a laptop and fails in continuous integration."""

import importlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def missing(name):
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(f"{name} is not installed, and continuous integration needs it: "
                    "see scripts/install-deps.sh and Tests/requirements.txt", pytrace=False)
    pytest.skip(f"{name} is not installed", allow_module_level=True)


def need_module(name, package):
    """A Python module of a package that must be there."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return missing(f"the python package {package}")


def need(name):
    """The path of a program that must be there."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin") or missing(name)


def is_envoy(path):
    return "envoy" in Path(path).name


def proxy_binary():
    """The tcp-proxy under test: SLUICE_TCP_PROXY, or in SLUICE_BIN_DIR, or the latest debug build, then release."""
    named = os.environ.get("SLUICE_TCP_PROXY")
    if named:
        return Path(named).absolute()
    folder = os.environ.get("SLUICE_BIN_DIR")
    folders = [Path(folder)] if folder else [ROOT / ".build" / "debug", ROOT / ".build" / "release"]
    for each in folders:
        if os.access(each / "tcp-proxy", os.X_OK):
            return (each / "tcp-proxy").absolute()
    return missing(f"tcp-proxy in {' or '.join(map(str, folders))} (`make build`)")


def real_envoy():
    """The ELF of Envoy, not pip's script around it: ENVOY=PATH, this Python's package, or the PATH; None without one."""
    named = os.environ.get("ENVOY")
    if named:
        return Path(named).absolute()
    package = importlib.util.find_spec("envoy")
    candidates = [Path(each) / "_bin" / "envoy" for each in (package.submodule_search_locations or [])] if package else []
    if found := shutil.which("envoy"):
        candidates.append(Path(found))
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
        # Tests beside this one may build it too: each writes a file of its own, and the last name wins.
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            made = Path(folder) / target.name
            subprocess.run([compiler, "-O2", "-o", made, source], check=True)
            os.replace(made, target)
    return target
