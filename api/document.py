#!/usr/bin/env python3
"""Writes the table of honoured messages and fields in docs/config.md from the .proto files and their comments."""
import os
import re
import subprocess
import tempfile

from google.protobuf import descriptor_pb2 as pb

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
GOOGLE = os.path.join(ROOT, ".build/checkouts/swift-protobuf/Protos/Sources/SwiftProtobuf")
START, END = "<!-- fields: written by api/document.py -->", "<!-- end of fields -->"
TYPES = {v: k[5:].lower() for k, v in pb.FieldDescriptorProto.Type.items()}


def rules_text(source, line):
    """The rules as the file writes them: they are readable, and a second wording would go stale."""
    match = re.search(r"rules\) = \{(.*)\}[\],]", source[line])
    return match.group(1) if match else ""


def short(type_name):
    return type_name.lstrip(".").replace("google.protobuf.", "").split(".v3.")[-1]


def main():
    files = []
    for folder, _, names in os.walk(os.path.join(ROOT, "api")):
        files += [os.path.relpath(os.path.join(folder, n), os.path.join(ROOT, "api")) for n in names
                  if n.endswith(".proto")]
    files = sorted(f for f in files if not f.startswith("sluice/"))
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run(["protoc", "-I", os.path.join(ROOT, "api"), "-I", GOOGLE, "--include_source_info",
                        f"--descriptor_set_out={out.name}", *files], check=True)
        data = pb.FileDescriptorSet.FromString(open(out.name, "rb").read())
    text = []
    for file in data.file:
        if file.package.startswith("envoy.admin"):
            continue
        source = open(os.path.join(ROOT, "api", file.name)).read().split("\n")
        places = {tuple(loc.path): loc for loc in file.source_code_info.location}

        def message(m, name, path):
            if m.options.map_entry:
                return
            comment = places[path].leading_comments.strip() if path in places else ""
            if m.field or m.reserved_name:
                text.append(f"#### `{name}`\n\n{comment}\n")
                maps = {n.name: n for n in m.nested_type if n.options.map_entry}
                if m.field:
                    text.append("| field | type | | rules |\n| --- | --- | --- | --- |")
                for i, f in enumerate(m.field):
                    place = places[path + (2, i)]
                    kind = short(f.type_name) if f.type_name else TYPES[f.type]
                    entry = maps.get(f.type_name.split(".")[-1])
                    if entry:
                        value = entry.field[1]
                        kind = f"map of {short(value.type_name) if value.type_name else TYPES[value.type]}"
                    elif f.label == f.LABEL_REPEATED:
                        kind = "list of " + kind
                    note = place.leading_comments.strip().replace("\n", " ")
                    if f.options.deprecated:
                        note = "*Deprecated.* " + note
                    rules = rules_text(source, place.span[0])
                    text.append(f"| `{f.name}` | {kind} | {note} | {'`' + rules + '`' if rules else ''} |")
                if m.field:
                    text.append("")
                if m.reserved_name:
                    text.append("Not honoured yet: " + ", ".join(f"`{n}`" for n in sorted(m.reserved_name)) + ".\n")
            for i, nested in enumerate(m.nested_type):
                message(nested, f"{name}.{nested.name}", path + (3, i))

        for i, m in enumerate(file.message_type):
            message(m, f"{file.package}.{m.name}", (4, i))
    path = os.path.join(ROOT, "docs/config.md")
    page = open(path).read()
    before, rest = page.split(START)
    after = rest.split(END)[1]
    with open(path, "w") as out:
        out.write(before + START + "\n\n" + "\n".join(text) + "\n" + END + after)


if __name__ == "__main__":
    main()
