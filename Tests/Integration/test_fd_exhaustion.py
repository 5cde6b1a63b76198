"""Out of file descriptors: what stands keeps being served, and accepting starts again when it can."""

import contextlib
import time

import pytest

from support.bootstrap import relay_to
from support.client import connect, exchange

LIMIT = 160

pytestmark = pytest.mark.ours_only("Envoy 1.40 ends with a segmentation fault when it cannot make an upstream socket")


@pytest.mark.limit(90)
def test_keeps_serving_and_accepts_again(start, origin):
    proxy = start(relay_to(origin().port), nofile=LIMIT)
    clients, working = [], []
    for _ in range(LIMIT):
        with contextlib.suppress(OSError):
            clients.append(connect(proxy.port(), timeout=2))
    time.sleep(0.5)
    assert proxy.alive()
    for client in clients:
        client.settimeout(0.3)
        try:
            exchange(client, b"served")
            working.append(client)
        except (OSError, AssertionError):
            continue
    # A pair takes two descriptors: well under the limit, well over none.
    assert LIMIT // 8 < len(working) < LIMIT // 2
    # Said once for all that wait, not for each try.
    assert proxy.log().count("cannot accept") == 1
    # The ones that stand go on while others knock.
    for _ in range(5):
        for client in working[:10]:
            client.settimeout(5)
            exchange(client, b"still")
    for client in clients:
        client.close()
    # New ones are served as soon as descriptors are free.
    deadline = time.monotonic() + 15
    served = 0
    while served < 20 and time.monotonic() < deadline:
        try:
            with connect(proxy.port(), timeout=2) as client:
                exchange(client, b"again")
            served += 1
        except (OSError, AssertionError):
            time.sleep(0.1)
    assert served == 20


@pytest.mark.alone
def test_does_not_spin_while_exhausted(start, origin):
    """A listener that stays readable must not turn the worker into a loop of failing accepts."""
    proxy = start(relay_to(origin().port), nofile=LIMIT)
    clients = []
    for _ in range(LIMIT):
        with contextlib.suppress(OSError):
            clients.append(connect(proxy.port(), timeout=2))
    time.sleep(1)
    before = cpu_seconds(proxy)
    time.sleep(2)
    assert cpu_seconds(proxy) - before < 1.0
    for client in clients:
        client.close()


def cpu_seconds(proxy):
    with open(f"/proc/{proxy.process.pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
