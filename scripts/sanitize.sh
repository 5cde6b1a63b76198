#!/bin/sh
# Unit tests, then the integration stories that do not measure memory, under one sanitizer: address or thread.
set -eu
cd "$(dirname "$0")/.."
kind="${1:?usage: scripts/sanitize.sh address|thread [pytest options]}"
shift
case "$kind" in
address) scratch=.build-asan ;;
thread) scratch=.build-tsan ;;
*) echo "usage: scripts/sanitize.sh address|thread" >&2; exit 2 ;;
esac
# Swift's runtime keeps metadata for ever, which is no leak. A report ends the process with a code that no test expects.
export ASAN_OPTIONS="detect_leaks=0:halt_on_error=1:exitcode=86"
# The thread sanitizer would sleep for a second at each exit; and both have allocators that mallinfo knows nothing of.
export TSAN_OPTIONS="halt_on_error=1:exitcode=86:second_deadlock_stack=1:atexit_sleep_ms=0"
# The sanitizers watch sockets through libc's wrappers (Sources/CModules/CLinux/include/fastcalls.h).
build="--sanitize $kind --scratch-path $scratch -Xcc -DLINUX_CALLS_THROUGH_LIBC"
# shellcheck disable=SC2086
swift build --build-tests $build
# shellcheck disable=SC2086
swift test --skip-build $build
# shellcheck disable=SC2086
swift build --product tcp-proxy $build
stories=""
for story in half_close first_bytes resets connect_failures killed_upstream dns_change drain_sigterm filters \
    tcp_proxy_options admin access_log listener log_rotation; do
    stories="$stories Tests/Integration/test_$story.py"
done
# shellcheck disable=SC2086
SLUICE_BIN_DIR="$(swift build $build --show-bin-path)" \
    exec scripts/pytest.sh -q $stories --deselect test_admin.py::test_memory "$@"
