"""Configuration: what loads and what is refused as by Envoy, and errors a person can act on."""

import re
import socket
import subprocess

import pytest

from support.client import connect, exchange
from support.ports import held_port
from support.waiting import wait_until

BASE = """\
admin:
  address:
    socket_address: {address: 127.0.0.1, port_value: 0}
static_resources:
  listeners:
  - name: front
    address:
      socket_address:
        address: 127.0.0.1
        port_value: 0
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: front
          cluster: origin
  clusters:
  - name: origin
    type: STATIC
    connect_timeout: 1s
    lb_policy: ROUND_ROBIN
    load_assignment:
      cluster_name: origin
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address:
                address: 127.0.0.1
                port_value: 8080
"""
FILTER = "static_resources.listeners[0].filter_chains[0].filters[0]"
CLUSTER = "static_resources.clusters[0]"


@pytest.fixture
def validate(binary, tmp_path):
    """validate(text) gives (exit code, standard output, everything printed)."""

    def run(text, *args, name="config.yaml"):
        path = tmp_path / name
        path.write_text(text)
        ran = subprocess.run(
            [str(binary), "-c", str(path), "--mode", "validate", "-l", "warning", *args],
            capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
        return ran.returncode, ran.stdout, ran.stdout + ran.stderr

    return run


def swap(old, new):
    assert BASE.count(old) >= 1, old
    return BASE.replace(old, new, 1)


def test_a_good_file(validate, tmp_path):
    code, out, _ = validate(BASE)
    assert code == 0
    assert out.strip() == f"configuration '{tmp_path}/config.yaml' OK"


def test_validate_binds_nothing(validate):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, *_ = validate(swap("port_value: 0\n    filter_chains", f"port_value: {port}\n    filter_chains"))
    assert code == 0


LOADS = {
    "lower-case enum": ("type: STATIC", "type: static"),
    "mixed-case enum": ("lb_policy: ROUND_ROBIN", "lb_policy: Round_Robin"),
    "enum as a number": ("type: STATIC", "type: 0"),
    "enum as a quoted number": ("type: STATIC", 'type: "0"'),
    "fraction of a second": ("connect_timeout: 1s", "connect_timeout: 0.25s"),
    "duration as a map": ("connect_timeout: 1s", "connect_timeout: {seconds: 1, nanos: 5}"),
    "number in quotes": ("port_value: 8080", 'port_value: "8080"'),
    "number with a fraction of zero": ("port_value: 8080", "port_value: 80.0"),
    "hexadecimal number": ("port_value: 8080", "port_value: 0x50"),
    "exponent": ("port_value: 8080", "port_value: 1e3"),
    "camelCase": ("connect_timeout: 1s", "connectTimeout: 1s"),
    "null means unset": ("lb_policy: ROUND_ROBIN", "lb_policy: ROUND_ROBIN\n    circuit_breakers: null"),
    "empty means unset": ("lb_policy: ROUND_ROBIN", "lb_policy: ROUND_ROBIN\n    circuit_breakers:"),
    "boolean yes": ("- name: front", "- bind_to_port: yes\n    name: front"),
    "boolean in quotes": ("- name: front", '- bind_to_port: "true"\n    name: front'),
    "boolean on": ("- name: front", "- bind_to_port: on\n    name: front"),
    "name of a filter does not matter": ("name: envoy.filters.network.tcp_proxy", "name: anything"),
    "duplicate keys, the last wins": ("type: STATIC", "type: bogus\n    type: static"),
    "a single value for a list": (
        """      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address:
                address: 127.0.0.1
                port_value: 8080
""",
        """      endpoints:
        lb_endpoints:
          endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 80}}}
"""),
}

REFUSED = {
    "bare number as duration": ("connect_timeout: 1s", "connect_timeout: 5"),
    "number in quotes as duration": ("connect_timeout: 1s", 'connect_timeout: "5"'),
    "duration without a leading digit": ("connect_timeout: 1s", "connect_timeout: .25s"),
    "milliseconds": ("connect_timeout: 1s", "connect_timeout: 250ms"),
    "number for a string": ("lb_policy: ROUND_ROBIN", "alt_stat_name: 12"),
    "one for a boolean": ("- name: front", "- bind_to_port: 1\n    name: front"),
    "list for a message": ("lb_policy: ROUND_ROBIN", "circuit_breakers: []"),
    "unknown field": ("lb_policy: ROUND_ROBIN", "lb_polcy: ROUND_ROBIN"),
    "duplicate keys, the last is wrong": ("type: STATIC", "type: static\n    type: bogus"),
    "port too large": ("port_value: 8080", "port_value: 70000"),
    "port negative": ("port_value: 8080", "port_value: -1"),
    "port a word": ("port_value: 8080", "port_value: http"),
    "no stat_prefix": ("          stat_prefix: front\n", ""),
    "no such cluster": ("cluster: origin\n  clusters", "cluster: orgin\n  clusters"),
    "no cluster at all": ("          cluster: origin\n  clusters", "  clusters"),
    "address not an IP": (
        "address: 127.0.0.1\n                port_value: 8080", "address: localhost\n                port_value: 8080"),
    "filter without typed_config": (
        """        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: front
          cluster: origin
""", ""),
    "unknown type URL": ("tcp_proxy.v3.TcpProxy", "tcp_proxy.v3.TcpProxie"),
    "zero as a duration limit": (
        "stat_prefix: front", "stat_prefix: front\n          max_downstream_connection_duration: 0s"),
    "zero attempts": ("stat_prefix: front", "stat_prefix: front\n          max_connect_attempts: 0"),
    "weight of zero": (
        "cluster: origin\n  clusters", "weighted_clusters: {clusters: [{name: origin, weight: 0}]}\n  clusters"),
    "bad YAML": ("    type: STATIC", "    type: [STATIC"),
    "tab for indentation": ("    type: STATIC", "\ttype: STATIC"),
    "two clusters of one name": (
        "  clusters:\n",
        "  clusters:\n  - {name: origin, type: STATIC, connect_timeout: 1s, load_assignment: {cluster_name: origin}}\n"),
}


@pytest.mark.parametrize("form", LOADS, ids=lambda name: name.replace(" ", "-"))
def test_loads(validate, form):
    code, _, text = validate(swap(*LOADS[form]))
    assert code == 0, text


@pytest.mark.parametrize("form", REFUSED, ids=lambda name: name.replace(" ", "-"))
def test_is_refused(validate, form, oracle):
    if oracle and form == "no such cluster":
        pytest.skip("ours only: Envoy loads it and closes each connection with NC")
    code, out, text = validate(swap(*REFUSED[form]))
    assert code == 1
    assert " OK" not in out and text.strip()


def test_json_loads(validate):
    code, out, _ = validate(
        '{"static_resources": {"clusters": [{"name": "a", "type": "STATIC", "connect_timeout": "1s"}]}}',
        name="config.json")
    assert code == 0, out


def test_config_yaml_merges_over_the_file(validate):
    code, *_ = validate(BASE, "--config-yaml", "{node: {id: me}}")
    assert code == 0
    code, *_ = validate(BASE, "--config-yaml", "{node: {idd: me}}")
    assert code == 1


def test_a_missing_file(binary, tmp_path):
    ran = subprocess.run(
        [str(binary), "-c", str(tmp_path / "nowhere.yaml"), "--mode", "validate"],
        capture_output=True, text=True, timeout=20)
    assert ran.returncode == 1
    assert "nowhere.yaml" in ran.stdout + ran.stderr


def test_serving_a_bad_file_ends_with_one(start):
    proxy = start(swap("port_value: 8080", "port_value: 70000"), wait=False)
    assert proxy.wait(20) == 1


def test_init_only_ends_with_zero(start):
    proxy = start(BASE, args=["--mode", "init_only"], wait=False)
    assert proxy.wait(20) == 0


def test_an_unknown_option_ends_with_one(binary, tmp_path):
    (tmp_path / "config.yaml").write_text(BASE)
    ran = subprocess.run(
        [str(binary), "-c", str(tmp_path / "config.yaml"), "--bogus"], capture_output=True, text=True, timeout=20)
    assert ran.returncode == 1
    assert "bogus" in ran.stdout + ran.stderr


# MARK: errors a person can act on

# form → (mark in the changed text whose line is meant, path, words that the message must have)
HELPFUL = {
    "unknown field": ("lb_polcy", f"{CLUSTER}.lb_polcy", ["lb_policy"]),
    "port too large": ("port_value: 70000", f"{CLUSTER}.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address."
                       "socket_address.port_value", ["70000", "65535"]),
    "port a word": ("port_value: http", "socket_address.port_value", ["http"]),
    "bare number as duration": ("connect_timeout: 5", f"{CLUSTER}.connect_timeout", ["5", "5s"]),
    "milliseconds": ("connect_timeout: 250ms", f"{CLUSTER}.connect_timeout", ["250ms", "0.25s"]),
    "no such cluster": ("cluster: orgin", f"{FILTER}.typed_config.cluster", ["orgin", "origin"]),
    "no stat_prefix": ("\"@type\"", f"{FILTER}.typed_config", ["stat_prefix"]),
    "filter without typed_config": (
        "name: envoy.filters.network.tcp_proxy", FILTER,
        ["type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"]),
    "unknown type URL": ("TcpProxie", f"{FILTER}.typed_config", [
        "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "envoy.extensions.filters.network.echo.v3.Echo"]),
    "duplicate keys, the last is wrong": ("type: bogus", f"{CLUSTER}.type", ["bogus", "STATIC", "STRICT_DNS"]),
    "one for a boolean": ("bind_to_port: 1", "static_resources.listeners[0].bind_to_port", ["true"]),
    "zero attempts": ("max_connect_attempts: 0", f"{FILTER}.typed_config.max_connect_attempts", ["1"]),
    "two clusters of one name": ("name: origin", "static_resources.clusters", ["origin", "already defined"]),
    "list for a message": ("circuit_breakers: []", f"{CLUSTER}.circuit_breakers", ["list"]),
    "number for a string": ("alt_stat_name: 12", f"{CLUSTER}.alt_stat_name", ["12", "string"]),
}


@pytest.mark.ours_only("Envoy gives neither line nor column, and stops at the first problem")
@pytest.mark.parametrize("form", HELPFUL, ids=lambda name: name.replace(" ", "-"))
def test_the_error_says_where_and_what(validate, form):
    text = swap(*REFUSED[form])
    mark, path, words = HELPFUL[form]
    _, _, said = validate(text)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if mark in line]
    places = [int(line) for line, column in re.findall(r"config\.yaml:(\d+):(\d+)", said) if int(column) > 0]
    # A missing field is marked at its message, which begins at its first key or the key before it.
    near = {line + offset for line in lines for offset in ((-1, 0) if form.startswith(("no ", "filter")) else (0,))}
    assert near & set(places), (lines, said)
    assert path in said, said
    for word in words:
        assert word in said, (word, said)


@pytest.mark.ours_only("Envoy stops at the first problem")
def test_all_problems_at_once(validate):
    text = swap("port_value: 8080", "port_value: 70000").replace("connect_timeout: 1s", "connect_timeout: 5").replace(
        "cluster: origin\n  clusters", "cluster: orgin\n  clusters").replace("name: front", "nme: front")
    _, _, said = validate(text)
    for word in ("70000", "connect_timeout", "orgin", "nme"):
        assert word in said, (word, said)
    assert len(set(re.findall(r"config\.yaml:(\d+):\d+", said))) >= 4


@pytest.mark.ours_only("Envoy loads these")
@pytest.mark.parametrize("old,new,word", [
    ("stat_prefix: front", "stat_prefix: front\n          tunneling_config: {hostname: 'a:1'}", "tunneling_config"),
    ("static_resources:", "dynamic_resources: {lds_config: {path: /tmp/l.yaml}}\nstatic_resources:", "dynamic_resources"),
])
def test_a_field_not_honoured_yet_says_so(validate, old, new, word):
    code, _, said = validate(swap(old, new))
    assert code == 1
    assert word in said and re.search(r"not (yet )?(supported|honoured|implemented)|does not", said), said


@pytest.mark.ours_only("Envoy says nothing")
def test_duplicate_keys_are_warned_about(validate):
    code, _, said = validate(swap("type: STATIC", "type: static\n    type: STATIC"))
    assert code == 0
    assert "duplicate" in said.lower() and re.search(r"config\.yaml:\d+:\d+", said), said


@pytest.mark.ours_only("Envoy refuses it")
def test_a_filter_whose_empty_config_is_valid_loads_with_a_warning(validate):
    chain = swap("""      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: front
          cluster: origin
""", "      - name: envoy.filters.network.echo\n")
    code, _, said = validate(chain)
    assert code == 0, said
    assert "typed_config" in said and "envoy.extensions.filters.network.echo.v3.Echo" in said


@pytest.mark.ours_only("Envoy has a line without a column")
def test_yaml_errors_have_a_place(validate):
    for form in ("bad YAML", "tab for indentation"):
        _, _, said = validate(swap(*REFUSED[form]))
        assert re.search(r"config\.yaml:\d+:\d+", said), said


# MARK: quick mode

@pytest.mark.ours_only("Envoy has no quick mode")
def test_print_config_is_a_file_that_loads(binary, validate):
    ran = subprocess.run(
        [str(binary), "--listen", "127.0.0.1:9000", "--upstream", "127.0.0.1:1", "--upstream", "127.0.0.1:2",
         "--print-config"],
        capture_output=True, text=True, timeout=20)
    assert ran.returncode == 0, ran.stderr
    for word in ("9000", "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "static_resources"):
        assert word in ran.stdout
    code, _, said = validate(ran.stdout)
    assert code == 0, said


@pytest.mark.ours_only("Envoy has no quick mode")
def test_quick_mode_relays(binary, origin, tmp_path):
    port = held_port()
    process = subprocess.Popen(
        [str(binary), "--listen", f"127.0.0.1:{port}", "--upstream", f"127.0.0.1:{origin().port}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
    try:
        def relays():
            try:
                with connect(port, timeout=2) as client:
                    exchange(client, b"quick")
                    return True
            except (OSError, AssertionError):
                return False

        wait_until(relays, "the quick mode to relay")
    finally:
        process.kill()
        process.wait(10)
