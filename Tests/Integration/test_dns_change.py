"""DNS changes under load: new connections follow the records, standing ones are left alone."""

import signal
import socket
import subprocess
import threading
import time

import pytest

from support.bootstrap import bootstrap, cluster, listener, many_connections, tcp_proxy, typed
from support.client import connect, exchange, has_ipv6, read_exactly
from support.dns import answers
from support.origin import Origin, greet
from support.programs import need
from support.waiting import wait_until


def resolver(port):
    return {
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": typed(
            "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            resolvers=[{"socket_address": {"address": "127.0.0.1", "port_value": port}}],
            dns_resolver_options={"no_default_search_domain": True},
        ),
    }


def config(kind, origin_port, dns_port, **fields):
    fields = {"dns_lookup_family": "V4_ONLY", "dns_refresh_rate": "0.2s", **fields}
    return bootstrap(
        [listener(filters=[tcp_proxy()])],
        [cluster(endpoints=[("service.test", origin_port)], kind=kind, typed_dns_resolver_config=resolver(dns_port),
                 circuit_breakers=many_connections(), **fields)],
    )


@pytest.fixture
def two_origins():
    """Two origins on one port, at 127.0.0.2 and 127.0.0.3, which greet with their names."""
    first = Origin(greet("one"), host="127.0.0.2")
    second = Origin(greet("two"), host="127.0.0.3", port=first.port)
    yield first, second
    first.stop()
    second.stop()


def who(proxy):
    with connect(proxy.port()) as client:
        return read_exactly(client, 4).decode().strip()


class Talkers:
    """Long-lived connections that exchange all the time; any failure is remembered."""

    def __init__(self, port, count):
        self.stopping, self.failures, self.exchanges = False, [], [0] * count
        self.threads = [threading.Thread(target=self._talk, args=(port, i), daemon=True) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def _talk(self, port, index):
        try:
            with connect(port) as client:
                read_exactly(client, 4)
                while not self.stopping:
                    exchange(client, b"%d" % self.exchanges[index])
                    self.exchanges[index] += 1
                    time.sleep(0.002)
        except (OSError, AssertionError) as error:
            self.failures.append(error)

    def end(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(10)
        assert not self.failures, self.failures
        assert min(self.exchanges) > 10


@pytest.mark.parametrize("kind", ["STRICT_DNS", "LOGICAL_DNS"])
def test_records_change_under_load(start, dns_server, two_origins, kind):
    dns_server.records["service.test"] = ["127.0.0.2"]
    proxy = start(config(kind, two_origins[0].port, dns_server.port), concurrency=2)
    assert who(proxy) == "one"
    talkers = Talkers(proxy.port(), 16)
    wait_until(lambda: min(talkers.exchanges) > 5, "every connection to talk")
    dns_server.records["service.test"] = ["127.0.0.3"]
    wait_until(lambda: who(proxy) == "two", "new connections to go to the new address")
    assert all(who(proxy) == "two" for _ in range(10))
    # The talkers still speak with the first origin.
    before = list(talkers.exchanges)
    wait_until(lambda: all(a > b for a, b in zip(talkers.exchanges, before)), "every connection to go on")
    talkers.end()
    assert proxy.stat("cluster.origin.membership_total") == 1
    assert proxy.stat("cluster.origin.update_success") >= 2


def test_strict_dns_uses_every_address(start, dns_server, two_origins):
    dns_server.records["service.test"] = ["127.0.0.2", "127.0.0.3"]
    proxy = start(config("STRICT_DNS", two_origins[0].port, dns_server.port))
    proxy.wait_stat("cluster.origin.membership_total", 2)
    assert {who(proxy) for _ in range(10)} == {"one", "two"}
    dns_server.records["service.test"] = ["127.0.0.3"]
    proxy.wait_stat("cluster.origin.membership_total", 1)
    assert {who(proxy) for _ in range(5)} == {"two"}


def test_logical_dns_uses_one_address(start, dns_server, two_origins):
    dns_server.records["service.test"] = ["127.0.0.2", "127.0.0.3"]
    proxy = start(config("LOGICAL_DNS", two_origins[0].port, dns_server.port))
    proxy.wait_stat("cluster.origin.membership_total", 1)
    assert len({who(proxy) for _ in range(10)}) == 1


def test_a_failing_server_keeps_the_hosts(start, dns_server, two_origins):
    dns_server.records["service.test"] = ["127.0.0.2"]
    proxy = start(config(
        "STRICT_DNS", two_origins[0].port, dns_server.port,
        dns_failure_refresh_rate={"base_interval": "0.1s", "max_interval": "0.2s"},
    ))
    assert who(proxy) == "one"
    dns_server.failure = 2
    proxy.wait_stat("cluster.origin.update_failure", lambda value: value > 0, seconds=20)
    assert who(proxy) == "one"
    dns_server.failure = 0
    dns_server.records["service.test"] = ["127.0.0.3"]
    wait_until(lambda: who(proxy) == "two", "recovery", seconds=20)


def test_starts_without_an_answer(start, dns_server, two_origins):
    """A name that does not resolve must not hold up the listeners for ever; it is served once it resolves."""
    dns_server.failure = 3
    proxy = start(config(
        "STRICT_DNS", two_origins[0].port, dns_server.port,
        dns_failure_refresh_rate={"base_interval": "0.1s", "max_interval": "0.2s"},
    ))
    with connect(proxy.port()) as client:
        assert client.recv(10) == b""
    dns_server.failure = 0
    dns_server.records["service.test"] = ["127.0.0.2"]

    def served():
        try:
            return who(proxy) == "one"
        except (AssertionError, OSError):
            return False

    wait_until(served, "the name to resolve", seconds=20)


def test_time_to_live_sets_the_pace(start, dns_server, two_origins):
    """With respect_dns_ttl, a TTL of one second beats a refresh rate of an hour, and sixty seconds beat 0.1 s."""
    dns_server.records["service.test"] = ["127.0.0.2"]
    dns_server.ttl_s = 1
    proxy = start(config(
        "STRICT_DNS", two_origins[0].port, dns_server.port, dns_refresh_rate="3600s", respect_dns_ttl=True))
    assert who(proxy) == "one"
    dns_server.records["service.test"] = ["127.0.0.3"]
    dns_server.ttl_s = 60
    wait_until(lambda: who(proxy) == "two", "the change after one TTL", seconds=8)
    asked = len(dns_server.questions)
    time.sleep(2.5)
    assert len(dns_server.questions) == asked


def test_an_ipv6_answer(start, dns_server):
    if not has_ipv6():
        pytest.skip("IPv6 is not available")
    server = Origin(greet("six"), host="::1")
    try:
        dns_server.records["service.test"] = ["::1"]
        proxy = start(config("STRICT_DNS", server.port, dns_server.port, dns_lookup_family="V6_ONLY"))
        assert who(proxy) == "six"[:4]
    finally:
        server.stop()


def test_localhost_comes_from_the_hosts_file(start, origin):
    proxy = start(bootstrap(
        [listener()],
        [cluster(endpoints=[("localhost", origin().port)], kind="STRICT_DNS", dns_lookup_family="V4_ONLY")]))
    with connect(proxy.port()) as client:
        exchange(client, b"by name")


def start_dnsmasq(program, hosts, pid_file, attempts=5):
    """(process, port). It takes no port of the kernel's choice, so a port that someone else got first is tried anew."""
    for _ in range(attempts):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen([
            program, "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
            f"--addn-hosts={hosts}", "--listen-address=127.0.0.1", "--bind-interfaces", f"--port={port}",
            "--local-ttl=1", "--user=root", f"--pid-file={pid_file}",
        ], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(lambda: server.poll() is not None or answers(port, "service.test"), "dnsmasq to answer")
        if server.poll() is None:
            return server, port
    raise AssertionError(f"dnsmasq does not start: {server.stderr.read().decode(errors='replace')}")


@pytest.mark.limit(90)
def test_dnsmasq(start, two_origins, tmp_path):
    """The same story with a real server: dnsmasq with a hosts file, changed and reread by SIGHUP."""
    program = need("dnsmasq")
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.2 service.test\n")
    hosts.chmod(0o644)
    for folder in (tmp_path, *tmp_path.parents):
        if folder == type(folder)("/tmp"):
            break
        folder.chmod(folder.stat().st_mode | 0o055)
    server, port = start_dnsmasq(program, hosts, tmp_path / "dnsmasq.pid")
    try:
        proxy = start(config("STRICT_DNS", two_origins[0].port, port), concurrency=2)

        def served(name):
            try:
                return who(proxy) == name
            except (AssertionError, OSError):
                return False

        wait_until(lambda: served("one"), "dnsmasq's first answer", seconds=15)
        talkers = Talkers(proxy.port(), 8)
        wait_until(lambda: min(talkers.exchanges) > 5, "every connection to talk")
        hosts.write_text("127.0.0.3 service.test\n")
        server.send_signal(signal.SIGHUP)
        wait_until(lambda: served("two"), "the new record", seconds=15)
        talkers.end()
    finally:
        server.kill()
        server.wait(10)
        server.stderr.close()
