"""The examples of configs/ and README.md: each loads, is one that Envoy takes too, and does over loopback what it says."""

import contextlib
import json
import re
import subprocess
import time

import pytest

from support.bootstrap import FRONT
from support.client import closed_without_data, connect, exchange, read_exactly, read_to_end
from support.origin import greet
from support.programs import ROOT

EXAMPLES = sorted((ROOT / "configs" / "tcp-proxy").glob("*.yaml"))
# Over a listener's limit the answer is RST, which a client may meet before its connect has returned.
REFUSED = ("refused", "reset")
ADMIN = "{admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}}"


def readme_yaml():
    """The configuration that README.md shows."""
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    return text


def validate(binary, path, *more):
    return subprocess.run(
        [str(binary), "--mode", "validate", "-c", str(path), *more], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_loads(binary, path):
    ran = validate(binary, path, "--skip-deprecated-logs")
    assert ran.returncode == 0, ran.stderr
    assert f"configuration '{path}' OK" in ran.stdout
    assert "warning: " not in ran.stderr and "error: " not in ran.stderr


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_envoy_loads_it_too(envoy, path):
    ran = validate(envoy, path)
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_every_example_is_listed():
    listed = re.findall(r"\(tcp-proxy/(.*?\.yaml)\)", (ROOT / "configs" / "README.md").read_text())
    assert sorted(listed) == [path.name for path in EXAMPLES]


@pytest.fixture
def serve(start, origin):
    """serve(name or text) starts the proxy with an example: its listener on a free port, an origin in place of each
    upstream that says its port in the file and then echoes."""

    def factory(example, **options):
        text = example if "\n" in example else (ROOT / "configs" / "tcp-proxy" / f"{example}.yaml").read_text()
        upstreams = {port: origin(greet(port)) for port in sorted(set(re.findall(r"port_value: (8\d\d\d)\b", text)))}
        assert upstreams and "port_value: 9000" in text
        text = re.sub(r"port_value: (9000|9901)\b", "port_value: 0", text)
        for port, each in upstreams.items():
            text = re.sub(rf"port_value: {port}\b", f"port_value: {each.port}", text)
        args = [] if "\nadmin:" in text else ["--config-yaml", ADMIN]
        proxy = start(text, args=args, **options)
        proxy.origins = upstreams
        return proxy

    return factory


def answering(proxy, source=None):
    """Which upstream a new connection is relayed to. The bytes make the way there and back too."""
    ((_, port),) = proxy.addresses().values()
    with connect(port, source=source) as client:
        name = read_exactly(client, 5).decode().strip()
        exchange(client, b"hello " * 1000)
    return name


def test_relay(serve):
    proxy = serve("relay")
    assert sorted(answering(proxy) for _ in range(4)) == ["8001", "8001", "8002", "8002"]
    proxy.wait_stat("cluster.backend.health_check.healthy", 2)
    proxy.origins["8001"].stop()
    # The dead one refuses; the second attempt reaches the other, long before the health check has noticed.
    assert {answering(proxy) for _ in range(4)} == {"8002"}


def test_weighted(serve):
    proxy = serve("weighted")
    count = 40
    answers = [answering(proxy) for _ in range(count)]
    assert answers.count("8001") > count / 2
    share = {name: proxy.stat(f"cluster.{name}.upstream_cx_total") for name in ("stable", "canary")}
    assert share == {"stable": answers.count("8001"), "canary": answers.count("8002")}

    def lines():
        return [json.loads(line) for line in proxy.log().splitlines() if line.startswith("{")]

    deadline = time.monotonic() + 5
    while len(lines()) < count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(lines()) == count
    for line in lines():
        assert line["cluster"] in ("stable", "canary")
        assert line["received"] == 6000 and line["sent"] == 6005 and line["flags"] == "-"


def test_match(serve):
    proxy = serve("match")
    assert answering(proxy) == "8001"
    assert answering(proxy, source="127.0.0.2") == "8002"
    # RBAC judges at the first byte.
    with connect(proxy.port(), source="127.0.9.7") as client:
        client.sendall(b"let me in")
        with contextlib.suppress(ConnectionResetError):
            assert b"let me in" not in read_to_end(client)
    proxy.wait_stat("loopback.rbac.denied", 1)


def test_match_by_default(serve):
    """No address outside 127.0.0.0/8 is at hand on every machine, so the local chains are moved away instead."""
    text = (ROOT / "configs" / "tcp-proxy" / "match.yaml").read_text()
    text = text.replace("127.0.0.1, prefix_len: 32", "192.0.2.1, prefix_len: 32")
    text = text.replace("127.0.0.0, prefix_len: 8", "198.51.100.0, prefix_len: 24")
    proxy = serve(text)
    with connect(proxy.port()) as client:
        assert read_to_end(client) == b"This port is not for you.\n"


def test_dns(serve):
    proxy = serve("dns")
    assert answering(proxy) == "8001"
    assert proxy.stat("cluster.backend.membership_total") == 1
    assert proxy.stat("cluster.backend.update_success") >= 1


def test_limits(serve):
    proxy = serve("limits")
    clients = [connect(proxy.port()) for _ in range(40)]
    for client in clients:
        read_exactly(client, 5)
    # The breaker is full: the next ones are taken and ended at once, and still count in front of it.
    assert closed_without_data(proxy.port()) in ("end", "reset")
    proxy.wait_stat("cluster.backend.upstream_cx_overflow", 1)
    assert proxy.stat("cluster.backend.circuit_breakers.default.remaining_cx") == 0
    proxy.wait_stat("connection_limit.front.active_connections", 40)
    for client in clients:
        client.close()
    proxy.wait_stat("connection_limit.front.active_connections", 0)
    # More than 100 in less than a second: the bucket is empty before they are through.
    for _ in range(150):
        connect(proxy.port()).close()
    proxy.wait_stat("local_rate_limit.front.rate_limited", lambda value: value > 0)


def test_limits_of_the_listener(serve):
    text = (ROOT / "configs" / "tcp-proxy" / "limits.yaml").read_text()
    proxy = serve(text.replace("connection_limit: 1000", "connection_limit: 2"))
    with connect(proxy.port()) as first, connect(proxy.port()) as second:
        read_exactly(first, 5), read_exactly(second, 5)
        assert closed_without_data(proxy.port()) in REFUSED
        proxy.wait_stat(FRONT + "downstream_cx_overflow", 1)


def test_limits_of_the_process(serve):
    text = (ROOT / "configs" / "tcp-proxy" / "limits.yaml").read_text()
    proxy = serve(text.replace("max_active_downstream_connections: 10000", "max_active_downstream_connections: 1"))
    with connect(proxy.port()) as first:
        read_exactly(first, 5)
        assert closed_without_data(proxy.port()) in REFUSED
        proxy.wait_stat(FRONT + "downstream_global_cx_overflow", 1)


def test_sticky(serve):
    proxy = serve("sticky")
    homes = {}
    for last in range(1, 21):
        source = f"127.0.3.{last}"
        homes[source] = answering(proxy, source)
        assert answering(proxy, source) == homes[source]
    assert len(set(homes.values())) > 1


def test_from_envoy(serve):
    proxy = serve("from-envoy")
    assert answering(proxy) == "8001"
    assert "deprecated" in proxy.log()
    assert "<html" in proxy.admin("/").text.lower()
    info = proxy.admin("/server_info").json()
    assert info["state"] == "LIVE" and info["node"]["id"] == "edge-1"
    names = proxy.stats()
    assert names["cluster.backend.upstream_cx_total"] == 1
    assert not [name for name in names if "_http1_total" in name]
    # The default line of the access log.
    deadline = time.monotonic() + 5
    while '"- - -" 0 -' not in proxy.log() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert '"- - -" 0 -' in proxy.log()


def test_readme(serve, binary, tmp_path):
    text = readme_yaml()
    assert len(text.strip().splitlines()) == 5
    (tmp_path / "readme.yaml").write_text(text)
    ran = validate(binary, tmp_path / "readme.yaml")
    assert ran.returncode == 0 and not ran.stderr, ran.stderr
    assert answering(serve(text)) == "8001"


@pytest.mark.ours_only("Envoy gives neither line nor column")
def test_readme_shows_a_true_error(binary, tmp_path):
    (shown,) = re.findall(r"^ +five-lines.yaml:.*$", (ROOT / "README.md").read_text(), re.M)
    (tmp_path / "five-lines.yaml").write_text(readme_yaml().replace("type: STRICT_DNS", "lb_polcy: random"))
    ran = subprocess.run(
        [str(binary), "--mode", "validate", "-c", "five-lines.yaml"], capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 1
    assert shown.strip() in ran.stderr.splitlines()


@pytest.mark.ours_only("the quick mode")
def test_quick_mode_prints_what_it_stands_for(serve, binary):
    words = ["--listen", "127.0.0.1:9000", "--upstream", "127.0.0.1:8001", "--upstream", "127.0.0.1:8002"]
    ran = subprocess.run([str(binary), *words, "--print-config"], capture_output=True, text=True, timeout=30)
    assert ran.returncode == 0 and not ran.stderr
    proxy = serve(ran.stdout)
    assert {answering(proxy) for _ in range(4)} == {"8001", "8002"}
