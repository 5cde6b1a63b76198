"""The command line: each option shows where it should."""

import re
import subprocess

import pytest

from support.bootstrap import bootstrap, relay_to
from support.client import connect, exchange
from support.waiting import wait_until


def levels(proxy):
    return dict(re.findall(r"^  (\S+): (\S+)$", proxy.admin("/logging", "POST").text, re.M))


def test_version(binary):
    ran = subprocess.run([str(binary), "--version"], capture_output=True, text=True, timeout=20)
    assert ran.returncode == 0
    assert re.search(r"\S+/\d+\.\d+\.\d+\S*/(Clean|Modified)/(RELEASE|DEBUG)/\S+", ran.stdout), ran.stdout


def test_help(binary):
    ran = subprocess.run([str(binary), "--help"], capture_output=True, text=True, timeout=20)
    assert ran.returncode == 0
    for option in ("--config-path", "--config-yaml", "--mode", "--concurrency", "--log-level", "--component-log-level",
                   "--log-format", "--log-path", "--admin-address-path", "--service-cluster", "--service-node",
                   "--service-zone", "--file-flush-interval-msec", "--drain-time-s", "--parent-shutdown-time-s",
                   "--base-id", "--disable-hot-restart"):
        assert option in ran.stdout, option


def test_no_configuration_is_an_error(binary):
    ran = subprocess.run([str(binary)], capture_output=True, text=True, timeout=20)
    assert ran.returncode == 1
    assert ran.stdout + ran.stderr


def test_node_and_times_in_server_info(start, origin):
    proxy = start(relay_to(origin().port), args=[
        "--service-cluster", "shop", "--service-node", "node-7", "--service-zone", "zone-b", "--drain-time-s", "33",
        "--parent-shutdown-time-s", "44"])
    info = proxy.admin("/server_info").json()
    options = info["command_line_options"]
    assert (options["service_cluster"], options["service_node"], options["service_zone"]) == ("shop", "node-7", "zone-b")
    assert (options["drain_time"], options["parent_shutdown_time"]) == ("33s", "44s")
    assert options["file_flush_interval"] == "0.050s"
    node = info["node"]
    assert (node["id"], node["cluster"], node["locality"]["zone"]) == ("node-7", "shop", "zone-b")


def test_config_yaml_alone(binary, start):
    proxy = start(bootstrap([], []), args=["--config-yaml", "{layered_runtime: {layers: [{name: over, static_layer: {a: 1}}]}}"])
    assert proxy.admin("/runtime").json()["entries"]["a"]["final_value"] == "1"


def test_log_levels(start, origin):
    proxy = start(relay_to(origin().port), args=["--component-log-level", "upstream:debug,config:error"])
    found = levels(proxy)
    assert found["upstream"] == "debug" and found["config"] == "error" and found["main"] == "info"


def test_log_path_and_format(start, origin, tmp_path):
    path = tmp_path / "proxy.log"
    proxy = start(relay_to(origin().port), args=["--log-path", path, "--log-format", "<%l> [%n] %v"])
    with connect(proxy.port()) as client:
        exchange(client, b"x")
    wait_until(lambda: path.exists() and path.read_text(), "the log file to be written")
    assert all(re.match(r"<\w+> \[\w+\] ", line) for line in path.read_text().splitlines()[:3]), path.read_text()


def test_the_default_log_format(start, origin):
    proxy = start(relay_to(origin().port))
    first = proxy.log().splitlines()[0]
    assert re.match(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\]\[\d+\]\[\w+\]\[\w+\] \[\S+:\d+\] \S", first), first


@pytest.mark.parametrize("arguments,word", [
    (["--mode", "sing"], "sing"),
    (["--concurrency", "many"], "many"),
    (["-l", "loud"], "loud"),
])
def test_wrong_values_are_errors(binary, tmp_path, arguments, word):
    path = tmp_path / "config.yaml"
    path.write_text("static_resources: {}\n")
    ran = subprocess.run([str(binary), "-c", str(path), *arguments], capture_output=True, text=True, timeout=20)
    assert ran.returncode == 1
    assert word in ran.stdout + ran.stderr


def test_concurrency(start, origin):
    proxy = start(relay_to(origin().port), concurrency=3)
    assert proxy.admin("/server_info").json()["command_line_options"]["concurrency"] == 3
    assert proxy.stat("server.concurrency") == 3
