"""What the shared network filters leave in access logs and stats: Envoy's words, checked against Envoy 1.40 too."""

import socket
import time

import pytest

from support.bootstrap import bootstrap, cluster, file_access_log, listener, network_filter, tcp_proxy
from support.client import closed_without_data, connect, exchange
from support.waiting import wait_until

FORMAT = ("flags=%RESPONSE_FLAGS% term=%CONNECTION_TERMINATION_DETAILS% close=%DOWNSTREAM_LOCAL_CLOSE_REASON% "
          "rbac=%DYNAMIC_METADATA(envoy.filters.network.rbac)% common=%DYNAMIC_METADATA(envoy.common)%\n")
ANY = {"any": True}
NOBODY = {"authenticated": {}}


def echo():
    return network_filter("echo", "Echo")


@pytest.fixture
def run(start, tmp_path):
    """run(filters) starts a listener that logs; gives the proxy and a function that waits for lines."""

    def go(filters, **fields):
        log = tmp_path / "log"
        proxy = start(bootstrap([listener(filters=filters, access_log=[file_access_log(log, FORMAT)])], **fields))

        def lines(count=1):
            return wait_until(
                lambda: log.exists() and len(log.read_text().splitlines()) >= count and log.read_text(),
                f"{count} lines in the log").splitlines()

        return proxy, lines

    return go


def rules(action, **policies):
    return {"action": action, "policies": {
        name.replace("_", " "): {"permissions": [ANY], "principals": [who]} for name, who in policies.items()}}


def rbac(**fields):
    return network_filter("rbac", "RBAC", **{"stat_prefix": "gate", **fields})


def speak(proxy):
    """What a client gets for "hi": the echo, or nothing when it is turned away."""
    try:
        with connect(proxy.port()) as client:
            client.sendall(b"hi")
            client.settimeout(2)
            return client.recv(10)
    except (ConnectionResetError, BrokenPipeError):
        return b""


@pytest.mark.parametrize("fields,answer,line", [
    ({"rules": rules("DENY", z_last=ANY, b_first=ANY)}, b"",
     "flags=- term=rbac_access_denied_matched_policy[b_first] close=rbac_deny_close rbac=- common=-"),
    ({"rules": rules("ALLOW", it=NOBODY)}, b"",
     "flags=- term=rbac_access_denied_matched_policy[none] close=rbac_deny_close rbac=- common=-"),
    ({"rules": {}}, b"",
     "flags=- term=rbac_access_denied_matched_policy[none] close=rbac_deny_close rbac=- common=-"),
    ({}, b"hi", "flags=- term=- close=- rbac=- common=-"),
    ({"rules": rules("LOG", it=ANY)}, b"hi", 'flags=- term=- close=- rbac=- common={"access_log_hint":true}'),
    ({"rules": rules("LOG", it=NOBODY)}, b"hi", 'flags=- term=- close=- rbac=- common={"access_log_hint":false}'),
    ({"shadow_rules": rules("DENY", it=ANY)}, b"hi",
     'flags=- term=- close=- rbac={"shadow_effective_policy_id":"it","shadow_engine_result":"denied"} common=-'),
    ({"shadow_rules": rules("ALLOW", it=NOBODY), "shadow_rules_stat_prefix": "sh_"}, b"hi",
     'flags=- term=- close=- rbac={"sh_shadow_engine_result":"denied"} common=-'),
])
def test_rbac_record(run, fields, answer, line):
    proxy, lines = run([rbac(**fields), echo()])
    assert speak(proxy) == answer
    assert lines()[0] == line


def test_rbac_stats(run):
    proxy, _ = run([rbac(rules=rules("ALLOW", it=ANY), shadow_rules=rules("ALLOW", it=NOBODY),
                         shadow_rules_stat_prefix="sh_"), echo()])
    assert speak(proxy) == b"hi"
    proxy.wait_stat("gate.rbac.allowed", 1)
    proxy.wait_stat("gate.rbac.sh_.shadow_denied", 1)
    assert proxy.stat("gate.rbac.denied") == 0
    assert proxy.stat("gate.rbac.sh_.shadow_allowed") == 0


def test_rbac_counts_once_or_every_read(run):
    for kind, counted in (("ONE_TIME_ON_FIRST_BYTE", 1), ("CONTINUOUS", 3)):
        proxy, _ = run([rbac(rules=rules("ALLOW", it=ANY), enforcement_type=kind), echo()])
        with connect(proxy.port()) as client:
            for _ in range(3):
                exchange(client, b"one at a time")
            # Before the client ends its side, which is one more read.
            proxy.wait_stat("gate.rbac.allowed", counted)


def test_rbac_in_front_of_a_relay_counts_the_end_too(start, origin):
    """A relay half-closes, so that the end of the stream is one more read; an echo does not."""
    gate = rbac(rules=rules("ALLOW", it=ANY), enforcement_type="CONTINUOUS")
    proxy = start(bootstrap([listener(filters=[gate, tcp_proxy()])], [cluster(endpoints=[origin().port])]))
    with connect(proxy.port()) as client:
        for _ in range(3):
            exchange(client, b"one at a time")
    proxy.wait_stat("gate.rbac.allowed", 4)


def test_rbac_delay_deny(run):
    proxy, lines = run([rbac(rules=rules("DENY", it=ANY), delay_deny="0.4s"), echo()])
    began = time.monotonic()
    assert speak(proxy) == b""
    assert 0.35 < time.monotonic() - began < 2
    assert "rbac_access_denied_matched_policy[it]" in lines()[0]
    assert proxy.stat("gate.rbac.denied") == 1


def test_rbac_leaves_a_silent_client(run):
    proxy, _ = run([rbac(rules=rules("DENY", it=ANY)), echo()])
    with connect(proxy.port()) as client:
        client.settimeout(0.3)
        with pytest.raises(socket.timeout):
            client.recv(1)
        assert proxy.stat("gate.rbac.denied") == 0


def test_local_ratelimit_record(run):
    proxy, lines = run([network_filter("local_ratelimit", "LocalRateLimit", stat_prefix="pace", token_bucket={
        "max_tokens": 1, "fill_interval": "3600s"}), echo()])
    assert speak(proxy) == b"hi"
    assert closed_without_data(proxy.port()) in ("end", "reset")
    assert [line for line in lines(2) if "URX" in line] == [
        "flags=URX term=- close=local_ratelimit_close_over_limit rbac=- common=-"]


def test_local_ratelimit_gives_tokens_one_by_one(run):
    """Ten per two seconds: one every 200 ms, not ten at the end of the interval."""
    proxy, _ = run([network_filter("local_ratelimit", "LocalRateLimit", stat_prefix="pace", token_bucket={
        "max_tokens": 1, "tokens_per_fill": 10, "fill_interval": "2s"}), echo()])
    assert speak(proxy) == b"hi"
    assert closed_without_data(proxy.port()) in ("end", "reset")
    time.sleep(0.3)
    assert speak(proxy) == b"hi"


def test_local_ratelimit_share_key(start):
    def pace(name, **fields):
        return network_filter("local_ratelimit", "LocalRateLimit", stat_prefix=name, token_bucket={
            "max_tokens": 2, "fill_interval": "3600s"}, **fields)

    proxy = start(bootstrap([
        listener("a", [pace("a", share_key="k"), echo()]), listener("b", [pace("b", share_key="k"), echo()]),
        listener("c", [pace("c"), echo()])]))
    for name in ("a", "b"):
        with connect(proxy.port(name)) as client:
            exchange(client, b"token")
    for name in ("a", "b"):
        assert closed_without_data(proxy.port(name)) in ("end", "reset")
    with connect(proxy.port("c")) as client:
        exchange(client, b"its own")


RUNTIME = {"layered_runtime": {"layers": [{"name": "hand", "admin_layer": {}}]}}


def test_runtime_switches_local_ratelimit(run):
    proxy, _ = run([network_filter(
        "local_ratelimit", "LocalRateLimit", stat_prefix="pace",
        token_bucket={"max_tokens": 1, "fill_interval": "3600s"},
        runtime_enabled={"default_value": False, "runtime_key": "pace.on"}), echo()], **RUNTIME)
    for _ in range(3):
        assert speak(proxy) == b"hi"
    assert proxy.admin("/runtime_modify?pace.on=true", method="POST").status == 200
    wait_until(lambda: speak(proxy) == b"", "the limit to hold")


def test_connection_limit_record(run):
    proxy, lines = run([network_filter(
        "connection_limit", "ConnectionLimit", stat_prefix="door", max_connections=1), echo()])
    with connect(proxy.port()) as client:
        exchange(client, b"inside")
        assert closed_without_data(proxy.port()) in ("end", "reset")
        assert lines()[0] == "flags=- term=- close=over_connection_limit rbac=- common=-"


@pytest.mark.ours_only("Envoy 1.40's gauge wraps below zero, and the filter then refuses everyone")
def test_connection_limit_switched_off_counts_nothing(run):
    proxy, lines = run([network_filter(
        "connection_limit", "ConnectionLimit", stat_prefix="door", max_connections=1,
        runtime_enabled={"default_value": False, "runtime_key": "door.on"}), echo()], **RUNTIME)
    for _ in range(3):
        assert speak(proxy) == b"hi"
    lines(3)
    assert proxy.stat("connection_limit.door.active_connections") == 0
    assert proxy.admin("/runtime_modify?door.on=true", method="POST").status == 200
    time.sleep(0.2)
    with connect(proxy.port()) as client:
        exchange(client, b"inside")
        assert closed_without_data(proxy.port()) in ("end", "reset")


@pytest.mark.parametrize("kind,message,fields,place", [
    ("rbac", "RBAC", {"stat_prefix": "g", "rules": {"policies": {"p": {
        "permissions": [{"destination_port_range": {"start": 9, "end": 9}}], "principals": [ANY]}}}},
     "destination_port_range"),
    ("local_ratelimit", "LocalRateLimit", {"stat_prefix": "g", "token_bucket": {
        "max_tokens": 1, "fill_interval": "0.01s"}}, "fill_interval"),
    ("direct_response", "Config", {"response": {"filename": "/nowhere/at/all"}}, "filename"),
])
def test_mistakes_are_named(start, kind, message, fields, place):
    # direct_response ends a chain by itself: an echo behind it would be another mistake, reported first.
    behind = [] if kind == "direct_response" else [echo()]
    proxy = start(bootstrap([listener(filters=[network_filter(kind, message, **fields), *behind])]), wait=False)
    assert proxy.wait(20) == 1
    assert place in proxy.log() or "50ms" in proxy.log() or "/nowhere" in proxy.log() or "range" in proxy.log()
