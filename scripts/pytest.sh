#!/bin/sh
# Runs pytest with the packages of Tests/requirements.txt.
set -eu
python="$("$(dirname "$0")/python.sh")"
exec "$python" -m pytest "$@"
