#!/bin/sh
# Installs what is missing on a Debian or Ubuntu machine, and nothing else.
#
#   scripts/install-deps.sh build        the C libraries and tools that building needs
#   scripts/install-deps.sh test         also the real servers and clients of the integration tests, and their Python
#   scripts/install-deps.sh bench        also the peers of the benchmark
#
# Servers are installed without being started. SLUICE_NO_INSTALL=1 only says what is missing.
set -eu

want_build="make:make git:git pkg-config:pkg-config cc:gcc g++:g++ python3:python3 lib/libevent:libevent-dev \
    lib/libcares:libc-ares-dev header/re2/re2.h:libre2-dev"
want_test="python/ensurepip:python3-venv curl:curl redis-server:redis-server redis-benchmark:redis-tools nginx:nginx \
    dnsmasq:dnsmasq-base protoc:protobuf-compiler"
want_bench="nginx:nginx haproxy:haproxy strace:strace"

case "${1:-build}" in
build) want="$want_build" ;;
test) want="$want_build $want_test" ;;
bench) want="$want_build $want_bench" ;;
*) echo "usage: $0 build|test|bench" >&2; exit 2 ;;
esac

PATH="$PATH:/usr/sbin:/sbin:/usr/local/sbin"
missing=""
for pair in $want; do
    what="${pair%:*}"
    package="${pair#*:}"
    case "$what" in
    lib/*) command -v pkg-config >/dev/null && pkg-config --exists "${what#lib/}" && continue ;;
    python/*) python3 -c "import ${what#python/}" 2>/dev/null && continue ;;
    header/*) [ -e "/usr/include/${what#header/}" ] || [ -e "/usr/local/include/${what#header/}" ] && continue ;;
    *) command -v "$what" >/dev/null && continue ;;
    esac
    case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
done
# nginx serves TCP through a module of its own package on Debian.
if [ "${1:-build}" = bench ] && ! ls /usr/lib*/nginx/modules/ngx_stream_module.so >/dev/null 2>&1; then
    missing="$missing libnginx-mod-stream"
fi

if [ -n "$missing" ]; then
    if [ -n "${SLUICE_NO_INSTALL:-}" ]; then
        echo "missing:$missing" >&2
        exit 1
    fi
    if ! command -v apt-get >/dev/null; then
        echo "These are missing, and this system has no apt-get to install them with:$missing" >&2
        exit 1
    fi
    sudo=""
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || { echo "Run as root, or install yourself: apt-get install$missing" >&2; exit 1; }
        sudo="sudo"
    fi
    echo "Installing:$missing"
    $sudo apt-get update -q
    # RUNLEVEL=1 keeps the packages from starting their services.
    # shellcheck disable=SC2086
    $sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -q -y --no-install-recommends $missing
fi

if ! command -v swift >/dev/null; then
    echo "swift is not installed. The project needs Swift 6.2 or later:" >&2
    echo "  https://www.swift.org/install/linux/ (swiftly, a tar file, or the image swift:6.2-bookworm)" >&2
    echo "Then open a new shell, or add its bin folder to PATH, and run this again." >&2
    exit 1
fi
version="$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\)\.\([0-9]*\).*/\1 \2/p' | head -n 1)"
major="${version% *}"
minor="${version#* }"
if [ -n "$version" ] && { [ "$major" -lt 6 ] || { [ "$major" -eq 6 ] && [ "$minor" -lt 2 ]; }; }; then
    echo "Swift $major.$minor is installed; the project needs 6.2 or later: https://www.swift.org/install/linux/" >&2
    exit 1
fi
if [ "${1:-build}" = test ]; then
    "$(dirname "$0")/python.sh" >/dev/null
fi
