#!/bin/sh
# Runs pytest with the first Python that has it; makes a virtual environment in .build-venv when none has.
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
for python in "${PYTHON:-}" python3 /usr/bin/python3 "$root/.build-venv/bin/python"; do
    [ -n "$python" ] && command -v "$python" >/dev/null || continue
    if "$python" -c 'import pytest, sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
        exec "$python" -m pytest "$@"
    fi
done
echo "pytest is missing: installing it in .build-venv"
if python3 -m venv "$root/.build-venv" 2>/dev/null && "$root/.build-venv/bin/python" -m pip install -q pytest; then
    exec "$root/.build-venv/bin/python" -m pytest "$@"
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
$sudo apt-get update -q && $sudo apt-get install -q -y --no-install-recommends python3-pytest
exec /usr/bin/python3 -m pytest "$@"
