#!/bin/sh
# Prints the Python that has Tests/requirements.txt: in .build-venv, made at the first call and when that file changes.
#
# SLUICE_PYTHON names another one instead. A laptop on which one of the packages cannot be had goes on without it, and
# the tests that need it skip; continuous integration (CI=true) stops here.
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
if [ -n "${SLUICE_PYTHON:-}" ]; then
    echo "$SLUICE_PYTHON"
    exit 0
fi
folder="$root/.build-venv"
wanted="$root/Tests/requirements.txt"
python="$folder/bin/python"
if cmp -s "$wanted" "$folder/requirements.txt" && [ -x "$python" ]; then
    echo "$python"
    exit 0
fi
echo "Installing Tests/requirements.txt into .build-venv" >&2
rm -rf "$folder"
for base in python3 /usr/bin/python3; do
    "$base" -m venv "$folder" >&2 && break
    rm -rf "$folder"
done
if ! [ -x "$python" ]; then
    echo "python3 cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2
    exit 1
fi
pip="$python -m pip install -q --disable-pip-version-check --retries 5 --prefer-binary"
if ! $pip -r "$wanted" >&2; then
    case "${CI:-}" in
    1 | true | yes)
        echo "A package of Tests/requirements.txt could not be installed, and continuous integration needs them all." >&2
        exit 1
        ;;
    esac
    $pip pytest pytest-xdist >&2
    for package in $(sed 's/#.*//' "$wanted"); do
        $pip "$package" >&2 || echo "Going on without $package: the tests that need it will skip." >&2
    done
fi
cp "$wanted" "$folder/requirements.txt"
echo "$python"
