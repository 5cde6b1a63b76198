"""Access logs: what each operator says about a relayed connection, text and JSON, filters, and errors at load."""

import json
import re

import pytest

from support.bootstrap import bootstrap, cluster, file_access_log, listener, relay_to, tcp_proxy, typed
from support.client import closed_without_data, connect, ending, exchange, reset
from support.origin import reset_on_first_byte
from support.waiting import wait_until


def read(path, count=1):
    return wait_until(
        lambda: path.exists() and len(path.read_text().splitlines()) >= count and path.read_text(),
        f"{count} lines in the log").splitlines()


@pytest.fixture
def one_line(start, origin, tmp_path):
    """one_line(format) relays one echo of five bytes and gives (the log line, client address, origin, proxy)."""

    def run(text):
        log = tmp_path / "log"
        server = origin()
        proxy = start(relay_to(server.port, access_log=[file_access_log(log, text + "\n")]))
        with connect(proxy.port()) as client:
            exchange(client, b"hello")
            address = "%s:%d" % client.getsockname()
        return read(log)[0], address, server, proxy

    return run


def test_addresses(one_line):
    line, client, server, proxy = one_line(
        "%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT% "
        "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_PORT% "
        "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% %UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS%")
    port = proxy.port()
    assert line.split() == [
        client, "127.0.0.1", client.split(":")[1], client, f"127.0.0.1:{port}", str(port), "127.0.0.1",
        f"127.0.0.1:{server.port}", f"127.0.0.1:{server.port}",
    ]


def test_counts_and_names(one_line):
    line, *_ = one_line(
        "%BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_WIRE_BYTES_SENT% %UPSTREAM_WIRE_BYTES_RECEIVED% "
        "%DOWNSTREAM_WIRE_BYTES_SENT% %DOWNSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_CLUSTER% %RESPONSE_FLAGS% "
        "%RESPONSE_FLAGS_LONG% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %ACCESS_LOG_TYPE%")
    assert line == "5 5 5 5 5 5 origin - - 1 TcpConnectionEnd"


def test_what_a_plain_relay_does_not_have_is_a_dash(one_line):
    line, *_ = one_line(
        "%PROTOCOL% %REQUESTED_SERVER_NAME% %ROUTE_NAME% %FILTER_CHAIN_NAME% %RESPONSE_CODE_DETAILS% "
        "%CONNECTION_TERMINATION_DETAILS% %UPSTREAM_TRANSPORT_FAILURE_REASON% %REQ(:METHOD)% %RESP(X-ANY?Y)% "
        "%DOWNSTREAM_LOCAL_CLOSE_REASON% %DOWNSTREAM_TLS_VERSION% %DYNAMIC_METADATA(a:b)%")
    assert line == " ".join("-" * 12)


def test_times(one_line):
    line, *_ = one_line(
        "%START_TIME%|%START_TIME(%s)%|%START_TIME(%Y-%m-%dT%H:%M:%S%z)%|%START_TIME(%s.%3f)%|%DURATION%|"
        "%EMIT_TIME%|%COMMON_DURATION(DS_RX_BEG:DS_RX_END:ms)%")
    start_time, seconds, formatted, milliseconds, duration, emitted, _ = line.split("|")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", start_time)
    assert re.fullmatch(r"1\d{9}", seconds)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", formatted)
    assert re.fullmatch(r"1\d{9}\.\d{3}", milliseconds)
    assert int(duration) < 5000
    assert emitted >= start_time


def test_identity(one_line):
    line, *_ = one_line("%CONNECTION_ID% %UPSTREAM_CONNECTION_ID% %STREAM_ID% %HOSTNAME% %ENVIRONMENT(PATH):4%")
    connection, upstream, stream, host, path = line.split(" ", 4)
    assert connection.isdigit() and upstream.isdigit()
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", stream)
    assert host and len(path) == 4


def test_percent_and_plain_text(one_line):
    line, *_ = one_line("100%% of \"%BYTES_SENT%\" [x]")
    assert line == '100% of "5" [x]'


def test_the_default_format(start, origin, tmp_path):
    log = tmp_path / "log"
    server = origin()
    plain = {
        "name": "envoy.access_loggers.file",
        "typed_config": typed("envoy.extensions.access_loggers.file.v3.FileAccessLog", path=str(log)),
    }
    proxy = start(relay_to(server.port, access_log=[plain]))
    with connect(proxy.port()) as client:
        exchange(client, b"hello")
    assert re.fullmatch(
        r'\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "- - -" 0 - 5 5 \d+ - "-" "-" "-" "-" '
        r'"127\.0\.0\.1:' + str(server.port) + '"', read(log)[0])


def test_json(start, origin, tmp_path):
    log = tmp_path / "log"
    entry = {
        "name": "envoy.access_loggers.file",
        "typed_config": typed(
            "envoy.extensions.access_loggers.file.v3.FileAccessLog", path=str(log),
            log_format={"json_format": {
                "sent": "%BYTES_SENT%", "flags": "%RESPONSE_FLAGS%", "text": "sent %BYTES_SENT% to %UPSTREAM_CLUSTER%",
                "nothing": "%REQUESTED_SERVER_NAME%", "nested": {"cluster": "%UPSTREAM_CLUSTER%", "quote": "a\"b"},
            }}),
    }
    proxy = start(relay_to(origin().port, access_log=[entry]))
    with connect(proxy.port()) as client:
        exchange(client, b"hello")
    value = json.loads(read(log)[0])
    assert value == {
        "sent": 5, "flags": "-", "text": "sent 5 to origin", "nothing": None,
        "nested": {"cluster": "origin", "quote": 'a"b'},
    }
    assert list(json.loads(read(log)[0])) == sorted(value)


@pytest.mark.parametrize("kind", ["Stdout", "Stderr"])
def test_standard_streams(start, origin, kind):
    entry = {
        "name": f"envoy.access_loggers.{kind.lower()}",
        "typed_config": typed(
            f"envoy.extensions.access_loggers.stream.v3.{kind}AccessLog",
            log_format={"text_format_source": {"inline_string": "LOGGED %BYTES_SENT%\n"}}),
    }
    proxy = start(relay_to(origin().port, access_log=[entry]))
    with connect(proxy.port()) as client:
        exchange(client, b"hello")
    wait_until(lambda: "LOGGED 5\n" in proxy.log(), "the line on the stream")


def test_refused_connection(start, tmp_path):
    log = tmp_path / "log"
    proxy = start(relay_to(1, access_log=[file_access_log(
        log, "%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG% %UPSTREAM_HOST% %UPSTREAM_TRANSPORT_FAILURE_REASON%\n")]))
    closed_without_data(proxy.port())
    flags, long_flags, host, reason = read(log)[0].split(" ", 3)
    assert flags == "UF,URX"
    assert long_flags == "UpstreamConnectionFailure,UpstreamRetryLimitExceeded"
    assert host == "127.0.0.1:1"
    assert "refused" in reason.lower()


def test_how_a_connection_ended(start, origin, tmp_path):
    log = tmp_path / "log"
    text = "%RESPONSE_FLAGS% %DOWNSTREAM_DETECTED_CLOSE_TYPE% %UPSTREAM_DETECTED_CLOSE_TYPE%\n"
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy(access_log=[file_access_log(log, text)])]),
         listener("broken", [tcp_proxy("broken", access_log=[file_access_log(log, text)])])],
        [cluster(endpoints=[origin().port]), cluster("broken", [origin(reset_on_first_byte).port])]))
    with connect(proxy.port()) as client:
        exchange(client, b"normal")
    assert read(log, 1)[0] == "- Normal Normal"
    client = connect(proxy.port())
    exchange(client, b"reset")
    reset(client)
    assert read(log, 2)[1].startswith("- RemoteReset ")
    with connect(proxy.port("broken")) as client:
        client.sendall(b"x")
        assert ending(client) == "reset"
    assert read(log, 3)[2] == "UR LocalReset RemoteReset"


def test_filters_choose_what_is_logged(start, origin, tmp_path):
    """Only failed connections go to one log, everything to another."""
    failed, everything = tmp_path / "failed", tmp_path / "everything"
    flags = {"filter": {"response_flag_filter": {"flags": ["UF"]}}}
    logs = [file_access_log(failed, **flags), file_access_log(everything)]
    proxy = start(bootstrap(
        [listener(filters=[tcp_proxy(access_log=logs)]), listener("dead", [tcp_proxy("dead", access_log=logs)])],
        [cluster(endpoints=[origin().port]), cluster("dead", [1])]))
    for _ in range(3):
        with connect(proxy.port()) as client:
            exchange(client, b"fine")
    closed_without_data(proxy.port("dead"))
    assert read(everything, 4).count("-") == 3
    assert read(failed) == ["UF,URX"]


def test_and_or_and_duration_filters(start, origin, tmp_path):
    log = tmp_path / "log"

    def duration(operator, value):
        return {"duration_filter": {"comparison": {
            "op": operator, "value": {"default_value": value, "runtime_key": "access_log.key"}}}}

    never = {"and_filter": {"filters": [duration("GE", 60000), {"response_flag_filter": {}}]}}
    always = {"or_filter": {"filters": [duration("GE", 60000), duration("LE", 60000)]}}
    proxy = start(relay_to(origin().port, access_log=[
        file_access_log(log, "never\n", filter=never), file_access_log(log, "always\n", filter=always)]))
    for _ in range(3):
        with connect(proxy.port()) as client:
            exchange(client, b"x")
    assert read(log, 3) == ["always"] * 3


@pytest.mark.parametrize("text,word", [
    ("%BOGUS_OPERATOR%", "BOGUS_OPERATOR"),
    ("%BYTES_SENT", "%"),
    ("%START_TIME(", "START_TIME"),
])
def test_a_wrong_format_is_an_error_at_load(start, tmp_path, text, word):
    proxy = start(relay_to(1, access_log=[file_access_log(tmp_path / "log", text)]), wait=False)
    assert proxy.wait(20) == 1
    assert word in proxy.log()


def test_a_missing_folder_is_an_error_at_load(start, tmp_path):
    proxy = start(relay_to(1, access_log=[file_access_log(tmp_path / "no" / "such" / "log")]), wait=False)
    assert proxy.wait(20) == 1
    assert "unable to open file" in proxy.log() and "No such file or directory" in proxy.log()


def test_admin_access_log(start, tmp_path):
    log = tmp_path / "admin.log"
    config = bootstrap([], [])
    config["admin"]["access_log"] = [file_access_log(log, "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE%\n")]
    proxy = start(config)
    proxy.admin("/nonexistent")
    wait_until(lambda: "GET /nonexistent 404" in log.read_text(), "the admin request to be logged")


def test_admin_access_log_filter_and_json(start, tmp_path):
    errors, every = tmp_path / "errors.log", tmp_path / "every.log"
    only_errors = {"status_code_filter": {"comparison": {
        "op": "GE", "value": {"default_value": 400, "runtime_key": "admin.log"}}}}
    config = bootstrap([], [])
    config["admin"]["access_log"] = [
        file_access_log(errors, "%PATH(NQ)% %QUERY_PARAM(x)% %PROTOCOL% %REQ(X-NO?HOST)%\n", filter=only_errors),
        {"name": "json", "typed_config": typed(
            "envoy.extensions.access_loggers.file.v3.FileAccessLog", path=str(every),
            log_format={"json_format": {"code": "%RESPONSE_CODE%", "sent": "%BYTES_SENT%", "no": "%REQ(X-NO)%"}})},
    ]
    proxy = start(config)
    host = "%s:%d" % proxy.admin_address()
    proxy.admin("/nonexistent?x=1")
    assert read(errors) == [f"/nonexistent 1 HTTP/1.1 {host}"]
    codes = [json.loads(line) for line in read(every, 2)]
    assert {"code": 200, "sent": 5, "no": None} in codes
    assert any(line["code"] == 404 and line["sent"] > 100 for line in codes)
