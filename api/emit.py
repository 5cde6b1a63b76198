#!/usr/bin/env python3
"""Writes first versions of .proto files from the facts in the python package xds-protos.

usage: emit.py LIST [--force]

LIST names what to honour, one message or enum a line:

    envoy.config.core.v3.Pipe *                 every field
    envoy.config.core.v3.Address * -envoy_internal_address
    envoy.config.cluster.v3.Cluster name type   these fields
    envoy.config.cluster.v3.Cluster.DiscoveryType * -EDS

Only facts are taken: names, numbers, types, choice groups, deprecation and validation rules. A field of an honoured
message that the list leaves out is written as reserved, which is how the loader knows that Envoy has it and we do not
yet. Existing files are kept unless --force is given, since the committed ones are edited by hand.
"""
import importlib
import os
import pkgutil
import sys

from google.protobuf import descriptor_pb2 as pb
from google.protobuf import descriptor_pool
from validate import validate_pb2 as pgv

HERE = os.path.dirname(os.path.abspath(__file__))

# Newer than the installed xds-protos, by message: (text as it would stand in the file), from Envoy 1.40's API.
NEWER = {
    "envoy.config.core.v3.SocketOption": [
        "enum SocketIpVersion {\n    SOCKET_IP_VERSION_UNSPECIFIED = 0;\n    SOCKET_IP_VERSION_IPV4 = 1;\n"
        "    SOCKET_IP_VERSION_IPV6 = 2;\n  }",
        "SocketIpVersion ip_version = 8;",
    ],
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy": [
        "bool check_drain_close = 24;",
        "reserved 23;\n  reserved \"proxy_protocol_tlv_merge_policy\";",
    ],
    "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions": [
        "bool flush_access_log_on_start = 3;"
    ],
    "envoy.config.listener.v3.Listener": [
        "envoy.config.core.v3.TcpKeepalive tcp_keepalive = 37;",
        "reserved 38, 39;\n  reserved \"per_connection_buffer_high_watermark_timeout\", \"stats_matcher\";",
    ],
    "envoy.config.listener.v3.AdditionalAddress": ["envoy.config.core.v3.TcpKeepalive tcp_keepalive = 3;"],
    "envoy.config.metrics.v3.StatsConfig": ["reserved 5;\n  reserved \"allow_default_tag_overrides\";"],
    "envoy.config.endpoint.v3.Endpoint": ["reserved 5;\n  reserved \"observability_name\";"],
    "envoy.extensions.clusters.dns.v3.DnsCluster": ["reserved 10;\n  reserved \"dns_min_refresh_rate\";"],
    "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig": [
        "reserved 12;\n  reserved \"qcache_max_ttl\";"
    ],
    "envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget": ["reserved 3;\n  reserved \"budget_interval\";"],
}

SCALARS = {v: k[5:].lower() for k, v in pb.FieldDescriptorProto.Type.items()}


def load_everything():
    for top in ("envoy", "xds", "udpa"):
        package = importlib.import_module(top)
        for info in pkgutil.walk_packages(package.__path__, top + "."):
            if info.name.endswith("_pb2"):
                importlib.import_module(info.name)


def read_list(path):
    wanted = {}
    for line in open(path):
        words = line.split("#")[0].split()
        if words:
            wanted[words[0]] = words[1:]
    return wanted


def chosen(words, names):
    keep = [w for w in words if not w.startswith("-")]
    drop = {w[1:] for w in words if w.startswith("-")}
    for w in list(drop) + [k for k in keep if k != "*"]:
        if w not in names:
            raise SystemExit(f"no member {w} among {names}")
    return [n for n in names if (("*" in keep) or n in keep) and n not in drop]


def number(value):
    if hasattr(value, "seconds"):
        value = value.seconds + value.nanos / 1e9
    return f"{value:.17g}" if isinstance(value, float) and value != int(value) else str(int(value))


def rules_text(r):
    """Translates one set of facts about validity into our option's text; an empty string means no rule."""
    parts = []
    kind = r.WhichOneof("type")
    if r.message.required:
        parts.append("required: true")
    if kind in ("float", "double", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "duration"):
        v = getattr(r, kind)
        inner = []
        for name in ("gt", "gte", "lt", "lte"):
            if v.HasField(name):
                inner.append(f"{name}: {number(getattr(v, name))}")
        inner += [f"in: {number(x)}" for x in getattr(v, "in")]
        if kind == "duration" and v.required:
            parts.append("required: true")
        if getattr(v, "ignore_empty", False):
            parts.append("ignore_empty: true")
        if inner:
            parts.append("number: {" + ", ".join(inner) + "}")
    elif kind in ("string", "bytes"):
        v = getattr(r, kind)
        inner = []
        if v.HasField("min_len"):
            inner.append(f"min_len: {v.min_len}")
        elif kind == "string" and v.HasField("min_bytes"):
            inner.append(f"min_len: {v.min_bytes}")
        if v.HasField("max_len"):
            inner.append(f"max_len: {v.max_len}")
        if kind == "string" and v.HasField("max_bytes"):
            inner.append(f"max_bytes: {v.max_bytes}")
        if v.HasField("prefix"):
            inner.append(f'prefix: "{v.prefix}"')
        if kind == "string":
            for x in getattr(v, "in"):
                inner.append(f'in: "{x}"')
            for x in v.not_in:
                inner.append(f'not_in: "{x}"')
            if v.well_known_regex == pgv.HTTP_HEADER_NAME:
                inner.append("form: HEADER_NAME")
            elif v.well_known_regex == pgv.HTTP_HEADER_VALUE:
                inner.append("form: HEADER_VALUE")
            elif v.WhichOneof("well_known") in ("address", "ip", "hostname", "uri"):
                inner.append("form: " + v.WhichOneof("well_known").upper())
            if v.HasField("pattern") or v.HasField("contains") or v.HasField("suffix"):
                raise SystemExit(f"rule not translated: {v}")
        if v.ignore_empty:
            parts.append("ignore_empty: true")
        if inner:
            parts.append("string: {" + ", ".join(inner) + "}")
    elif kind == "enum":
        inner = []
        if r.enum.defined_only:
            inner.append("defined_only: true")
        inner += [f"in: {x}" for x in getattr(r.enum, "in")] + [f"not_in: {x}" for x in r.enum.not_in]
        parts.append("enum: {" + ", ".join(inner) + "}")
    elif kind == "repeated":
        inner = []
        for name in ("min_items", "max_items"):
            if r.repeated.HasField(name):
                inner.append(f"{name}: {getattr(r.repeated, name)}")
        if r.repeated.unique:
            inner.append("unique: true")
        items = rules_text(r.repeated.items)
        if items:
            inner.append("items: " + items)
        if r.repeated.ignore_empty:
            parts.append("ignore_empty: true")
        if inner:
            parts.append("list: {" + ", ".join(inner) + "}")
    elif kind == "map":
        inner = []
        if r.map.HasField("min_pairs"):
            inner.append(f"min_pairs: {r.map.min_pairs}")
        for name in ("keys", "values"):
            text = rules_text(getattr(r.map, name))
            if text:
                inner.append(f"{name}: {text}")
        if inner:
            parts.append("map: {" + ", ".join(inner) + "}")
    elif kind == "bool":
        parts.append("number: {in: 1}")
    elif kind == "any":
        if r.any.required:
            parts.append("required: true")
    elif kind is not None:
        raise SystemExit(f"rule not translated: {r}")
    return "{" + ", ".join(parts) + "}" if parts else ""


def is_optional(f):
    """Whether a field carries the word optional: protoc puts such a field alone in a choice group named _field."""
    return f.containing_oneof is not None and f.containing_oneof.name == "_" + f.name


class Emitter:
    def __init__(self, wanted):
        self.wanted, self.used, self.reached, self.imports = wanted, set(), set(), set()
        self.package = ""

    def words(self, full_name):
        self.used.add(full_name)
        return self.wanted.get(full_name)

    def type_name(self, field):
        if field.type in (field.TYPE_MESSAGE, field.TYPE_GROUP):
            target = field.message_type
        elif field.type == field.TYPE_ENUM:
            target = field.enum_type
        else:
            return SCALARS[field.type]
        top = target
        while top.containing_type:
            top = top.containing_type
        self.imports.add(target.file.name)
        if not target.full_name.startswith("google.protobuf."):
            self.reached.add(target.full_name)
        package = target.file.package + "."
        return target.full_name.removeprefix(package) if package == self.package else target.full_name

    def field(self, f, pad):
        options = []
        opts = f.GetOptions()
        if opts.deprecated:
            options.append("deprecated = true")
        if opts.HasExtension(pgv.rules):
            text = rules_text(opts.Extensions[pgv.rules])
            if text:
                options.append("(sluice.validate.v1.rules) = " + text)
        entry = f.message_type if f.type == f.TYPE_MESSAGE else None
        if entry is not None and entry.GetOptions().map_entry:
            kind = "map<%s, %s>" % (
                self.type_name(entry.fields_by_name["key"]),
                self.type_name(entry.fields_by_name["value"]),
            )
        else:
            kind = self.type_name(f)
            if f.is_repeated:
                kind = "repeated " + kind
            elif is_optional(f):
                kind = "optional " + kind
        tail = " [" + ", ".join(options) + "]" if options else ""
        return f"{pad}{kind} {f.name} = {f.number}{tail};\n"

    def message(self, m, depth):
        pad = "  " * depth
        words = self.words(m.full_name)
        out = f"{pad}message {m.name} {{\n"
        inner = pad + "  "
        names = [f.name for f in m.fields]
        keep = set(chosen(words, names)) if words is not None else set()
        body, done = [], set()
        for e in m.enum_types:
            if e.full_name in self.wanted:
                body.append(self.enum(e, depth + 1))
        for n in m.nested_types:
            if not n.GetOptions().map_entry and self.is_wanted(n):
                body.append(self.message(n, depth + 1))
        fields = ""
        left = []
        for f in m.fields:
            if f.name not in keep:
                left.append(f)
                continue
            group = f.containing_oneof
            if group is None or is_optional(f):
                fields += self.field(f, inner)
            elif group.name not in done:
                done.add(group.name)
                fields += f"{inner}oneof {group.name} {{\n"
                if group.GetOptions().Extensions[pgv.required]:
                    fields += f"{inner}  option (sluice.validate.v1.oneof_rules) = {{required: true}};\n"
                for g in group.fields:
                    if g.name in keep:
                        fields += self.field(g, inner + "  ")
                fields += f"{inner}}}\n"
        if fields:
            body.append(fields)
        if words is not None:
            for text in NEWER.get(m.full_name, []):
                body.append(inner + text.replace("\n  ", "\n" + inner) + "\n")
                if "TcpKeepalive" in text:
                    self.imports.add("envoy/config/core/v3/address.proto")
        if left:
            left.sort(key=lambda f: f.number)
            body.append(
                f"{inner}// Envoy has these; we do not honour them yet.\n"
                f"{inner}reserved {', '.join(str(f.number) for f in left)};\n"
                f"{inner}reserved {', '.join(chr(34) + f.name + chr(34) for f in left)};\n"
            )
        return out + "\n".join(body) + f"{pad}}}\n"

    def is_wanted(self, m):
        return m.full_name in self.wanted or any(
            k.startswith(m.full_name + ".") for k in self.wanted
        )

    def enum(self, e, depth):
        pad = "  " * depth
        names = [v.name for v in e.values]
        keep = set(chosen(self.words(e.full_name), names))
        out = f"{pad}enum {e.name} {{\n"
        if e.GetOptions().allow_alias:
            out += f"{pad}  option allow_alias = true;\n"
        left = []
        for v in e.values:
            if v.name in keep:
                tail = " [deprecated = true]" if v.GetOptions().deprecated else ""
                out += f"{pad}  {v.name} = {v.number}{tail};\n"
            else:
                left.append(v)
        if left:
            out += f"{pad}  // Envoy has these; we do not honour them yet.\n"
            out += f"{pad}  reserved {', '.join(str(v.number) for v in left)};\n"
            out += f"{pad}  reserved {', '.join(chr(34) + v.name + chr(34) for v in left)};\n"
        return out + f"{pad}}}\n"

    def file(self, f):
        self.imports = set()
        self.package = f.package + "."
        parts = []
        for e in f.enum_types_by_name.values():
            if e.full_name in self.wanted:
                parts.append(self.enum(e, 0))
        for m in f.message_types_by_name.values():
            if self.is_wanted(m):
                parts.append(self.message(m, 0))
        body = "\n".join(parts)
        if "sluice.validate" in body:
            self.imports.add("sluice/validate/v1/rules.proto")
        self.imports.discard(f.name)
        text = 'syntax = "proto3";\n\npackage %s;\n\n' % f.package
        text += "".join(f'import "{i}";\n' for i in sorted(self.imports))
        if self.imports:
            text += "\n"
        return text + body


def main():
    load_everything()
    wanted = read_list(sys.argv[1])
    force = "--force" in sys.argv
    pool = descriptor_pool.Default()
    files = {}
    for name in wanted:
        try:
            target = pool.FindMessageTypeByName(name)
        except KeyError:
            target = pool.FindEnumTypeByName(name)
        files[target.file.name] = target.file
    emitter = Emitter(wanted)
    texts = {name: emitter.file(f) for name, f in files.items()}
    missing = sorted(emitter.reached - set(wanted))
    if missing:
        for m in missing:
            try:
                t = pool.FindMessageTypeByName(m)
                print(m, " ".join(f.name + ("†" if f.GetOptions().deprecated else "") for f in t.fields))
            except KeyError:
                print(m, "enum *")
        raise SystemExit("reached from an honoured field and not listed")
    for name, text in texts.items():
        path = os.path.join(HERE, name)
        if os.path.exists(path) and not force:
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)


if __name__ == "__main__":
    main()
