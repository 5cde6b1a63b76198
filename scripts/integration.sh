#!/bin/sh
# The integration tests: two at a time, then one after another those that measure or load both cores (marked `alone`).
# Arguments go to both passes of pytest. SLUICE_BIN_DIR says where the binaries are.
set -eu
cd "$(dirname "$0")/.."
pass() { timeout --kill-after=30 1200 scripts/pytest.sh -q "$@"; }
together=0
pass -m "not alone" -n 2 --dist worksteal Tests/Integration "$@" || together=$?
alone=0
pass -m alone Tests/Integration "$@" || alone=$?
# 5 is "no test ran": right for one of the passes when arguments choose tests, wrong for both.
case "$together/$alone" in
0/0 | 0/5 | 5/0) exit 0 ;;
0/* | 5/*) exit "$alone" ;;
*) exit "$together" ;;
esac
