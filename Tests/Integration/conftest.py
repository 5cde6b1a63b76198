"""Fixtures of the integration tests.

    SLUICE_BIN_DIR    folder of the binaries (.build/debug, then .build/release)
    SLUICE_TCP_PROXY  one binary instead; the real Envoy's path runs the same stories against the oracle
    CI                when true, a missing program fails instead of skipping

Each test has 60 seconds; `@pytest.mark.limit(seconds)` asks for more. `@pytest.mark.ours_only(why)` marks behaviour in
which we mean to differ from Envoy, and is skipped against it.
"""

import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.dns import DNSServer  # noqa: E402
from support.origin import Origin, echo  # noqa: E402
from support.programs import proxy_binary, real_envoy  # noqa: E402
from support.proxy import Proxy  # noqa: E402

SANITIZER = ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "ERROR: LeakSanitizer", "runtime error:")
CRASH = ("Fatal error:", "Precondition failed", "Caught Segmentation fault", "*** Signal", "assert failure")


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): the time this test may take")
    config.addinivalue_line("markers", "ours_only(why): deliberate difference from Envoy")
    config.addinivalue_line("markers", "slow: takes more than five seconds")


def is_envoy(path):
    return "envoy" in Path(path).name


@pytest.fixture(scope="session")
def binary():
    return proxy_binary()


@pytest.fixture(scope="session")
def oracle(binary):
    """True when the binary under test is the real Envoy."""
    return is_envoy(binary)


@pytest.fixture(scope="session")
def envoy():
    """The real Envoy to compare with. No package of Debian has it, so its absence is no failure anywhere."""
    return real_envoy() or pytest.skip("envoy is not installed")


@pytest.fixture(autouse=True)
def bounded(request):
    """Ends a test that hangs, with its own traceback."""
    marker = request.node.get_closest_marker("limit")
    seconds = marker.args[0] if marker else 60

    def late(_signal, _frame):
        raise TimeoutError(f"the test took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def deliberate_difference(request, binary):
    marker = request.node.get_closest_marker("ours_only")
    if marker and is_envoy(binary):
        pytest.skip(f"ours only: {marker.args[0]}")


@pytest.fixture
def start(binary, tmp_path):
    """start(config, …) starts a proxy for this test. At the end each must still run, unless the test ended it."""
    started = []

    def factory(config, binary_=None, **options):
        proxy = Proxy(binary_ or binary, config, tmp_path / f"proxy{len(started)}", **options)
        started.append(proxy)
        return proxy

    yield factory
    problems = []
    for proxy in started:
        code = proxy.stop()
        log = proxy.log()
        if code is not None and not proxy.ended_by_test:
            problems.append(f"the proxy ended with {code} during the test")
        problems += [f"the log says {sign!r}" for sign in SANITIZER + CRASH if sign in log]
        if problems:
            problems.append(log[-4000:])
    assert not problems, "\n".join(problems)


@pytest.fixture
def origin():
    """origin(script) starts a scripted origin, an echo unless told otherwise."""
    started = []

    def factory(script=echo, **options):
        started.append(Origin(script, **options))
        return started[-1]

    yield factory
    for each in started:
        each.stop()
    for each in started:
        each.assert_clean()


@pytest.fixture
def dns_server():
    server = DNSServer()
    yield server
    server.stop()
