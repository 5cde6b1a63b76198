"""Compares our .proto files with Envoy's: every name, number and type, read from what ships (the embedded descriptors).

Needs the python package xds-protos of Tests/requirements.txt.
"""
import base64
import importlib
import os
import pkgutil
import re
import subprocess

import pytest

from support.programs import need, need_module

pb = need_module("google.protobuf.descriptor_pb2", "protobuf")
need_module("envoy.config.bootstrap.v3.bootstrap_pb2", "xds-protos")

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Fields newer than the xds-protos that we compare with; each was tried with Envoy 1.40.
NEWER = {
    ("envoy.config.core.v3.SocketOption", "ip_version"),
    ("envoy.config.listener.v3.AdditionalAddress", "tcp_keepalive"),
    ("envoy.config.listener.v3.Listener", "tcp_keepalive"),
    ("envoy.config.listener.v3.Listener", "per_connection_buffer_high_watermark_timeout"),
    ("envoy.config.listener.v3.Listener", "stats_matcher"),
    ("envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget", "budget_interval"),
    ("envoy.config.endpoint.v3.Endpoint", "observability_name"),
    ("envoy.config.metrics.v3.StatsConfig", "allow_default_tag_overrides"),
    ("envoy.extensions.clusters.dns.v3.DnsCluster", "dns_min_refresh_rate"),
    ("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "check_drain_close"),
    ("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "proxy_protocol_tlv_merge_policy"),
    ("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions", "flush_access_log_on_start"),
    ("envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig", "qcache_max_ttl"),
}


def walk(file):
    """Yields (full name, descriptor) of every message and enum of a file."""

    def inside(message, name):
        yield name, message
        for nested in message.nested_type:
            yield from inside(nested, f"{name}.{nested.name}")
        for enum in message.enum_type:
            yield f"{name}.{enum.name}", enum

    for message in file.message_type:
        yield from inside(message, f"{file.package}.{message.name}")
    for enum in file.enum_type:
        yield f"{file.package}.{enum.name}", enum


def embedded_bytes():
    text = open(os.path.join(ROOT, "Sources/Core/API/DescriptorSetBytes.swift")).read()
    return base64.b64decode(re.search(r'"([A-Za-z0-9+/=]{1000,})"', text).group(1))


@pytest.fixture(scope="module")
def ours():
    out = {}
    for file in pb.FileDescriptorSet.FromString(embedded_bytes()).file:
        if not file.package.startswith(("google.", "sluice.")):
            out.update(walk(file))
    assert len(out) > 150
    return out


@pytest.fixture(scope="module")
def theirs():
    out = {}
    for top in ("envoy", "xds", "udpa"):
        package = importlib.import_module(top)
        for info in pkgutil.walk_packages(package.__path__, top + "."):
            if info.name.endswith("_pb2"):
                file = pb.FileDescriptorProto()
                importlib.import_module(info.name).DESCRIPTOR.CopyToProto(file)
                out.update(walk(file))
    return out


def field_facts(message, field):
    oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else None
    return (field.number, field.type, field.label, field.type_name, oneof, field.options.deprecated)


def test_fields_are_envoys(ours, theirs):
    wrong = []
    for name, message in ours.items():
        if isinstance(message, pb.EnumDescriptorProto) or message.options.map_entry:
            continue
        assert name in theirs, name
        known = {f.name: f for f in theirs[name].field}
        for field in message.field:
            if (name, field.name) in NEWER:
                continue
            if field.name not in known:
                wrong.append(f"{name}.{field.name} is not Envoy's")
            elif field_facts(message, field) != field_facts(theirs[name], known[field.name]):
                wrong.append(f"{name}.{field.name} differs")
    assert not wrong


def test_what_is_left_out_is_reserved(ours, theirs):
    """A field that Envoy has is honoured or reserved by name and number: nothing is silently unknown."""
    wrong = []
    for name, message in ours.items():
        if isinstance(message, pb.EnumDescriptorProto):
            known = {v.name: v.number for v in theirs.get(name, pb.EnumDescriptorProto()).value}
            have = {v.name: v.number for v in message.value}
            ranges = [range(r.start, r.end + 1) for r in message.reserved_range]
        elif message.options.map_entry:
            continue
        else:
            known = {f.name: f.number for f in theirs[name].field}
            have = {f.name: f.number for f in message.field}
            ranges = [range(r.start, r.end) for r in message.reserved_range]
        for field, number in known.items():
            reserved = field in message.reserved_name and any(number in r for r in ranges)
            if have.get(field) != number and not reserved:
                wrong.append(f"{name}.{field}")
        for field in message.reserved_name:
            if field not in known and (name, field) not in NEWER:
                wrong.append(f"{name} reserves {field}, which Envoy does not have")
    assert not wrong


def test_every_message_and_field_is_documented(ours):
    text = open(os.path.join(ROOT, "docs/config.md")).read()
    sections = {m.group(1): m.group(2) for m in re.finditer(r"^#### `([\w.]+)`\n(.*?)(?=^#|\Z)", text, re.S | re.M)}
    missing = []
    for name, message in ours.items():
        if isinstance(message, pb.EnumDescriptorProto) or message.options.map_entry or name.startswith("envoy.admin."):
            continue
        section = sections.get(name)
        if section is None:
            if message.field:
                missing.append(name)
            continue
        missing += [f"{name}.{f.name}" for f in message.field if f"| `{f.name}` |" not in section]
    assert not missing, "run api/document.py"


def test_embedded_descriptors_are_fresh(tmp_path):
    google = os.path.join(ROOT, ".build/checkouts/swift-protobuf/Protos/Sources/SwiftProtobuf")
    if not os.path.isdir(google):
        pytest.skip("needs the checkout of swift-protobuf in .build")
    api = os.path.join(ROOT, "api")
    files = sorted(
        os.path.relpath(os.path.join(folder, f), api)
        for folder, _, names in os.walk(api) for f in names if f.endswith(".proto"))
    out = tmp_path / "set"
    subprocess.run(
        [need("protoc"), "-I", api, "-I", google, "--include_imports", f"--descriptor_set_out={out}", *files], check=True)
    fresh = {f.name: f for f in pb.FileDescriptorSet.FromString(out.read_bytes()).file}
    embedded = {f.name: f for f in pb.FileDescriptorSet.FromString(embedded_bytes()).file}
    assert fresh == embedded, "run api/generate.sh"
