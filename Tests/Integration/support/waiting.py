"""Waiting with a bound: every wait of the suite ends."""

import time


def wait_until(condition, what, seconds=10.0, pause=0.02):
    """Calls `condition` until it gives something true, and returns that. Fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds} s for: {what}")
        time.sleep(pause)


def wait_equal(read, expected, what, seconds=10.0):
    """Waits until `read()` is `expected`; says the last value when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        value = read()
        if value == expected:
            return
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: {value!r} after {seconds} s, expected {expected!r}")
        time.sleep(0.02)


def wait_still(read, what, still=0.5, seconds=15.0):
    """Waits until `read()` has not changed for `still` seconds, and returns it."""
    deadline = time.monotonic() + seconds
    value, since = read(), time.monotonic()
    while time.monotonic() - since < still:
        if time.monotonic() >= deadline:
            raise AssertionError(f"{what}: still changing after {seconds} s, now {value!r}")
        time.sleep(0.02)
        now = read()
        if now != value:
            value, since = now, time.monotonic()
    return value
