#!/usr/bin/env python3
"""The laws of the tree that the compiler does not enforce. Ends with 1 and one line for each breach.

    scripts/tidy.py              the whole tree
    scripts/tidy.py --self-test  each law against a breach of it and against a text that keeps it

The laws are the tables below. A law that needs an exception gets it there, with the reason beside it.
"""

import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Folder → the modules its files may import besides the C library. The longest matching folder counts.
ALWAYS = {"Glibc", "Swift", "Synchronization", "Builtin"}
IMPORTS = {
    "Sources/Core/Bytes": set(),
    "Sources/Core/HTTPCodec": {"CoreBytes"},
    "Sources/Core/API": {"SwiftProtobuf", "Foundation", "FoundationEssentials"},
    "Sources/Core/Config": {
        "ConfigAPI", "SwiftProtobuf", "Yams", "CYaml", "ArgumentParser", "Foundation", "FoundationEssentials"},
    "Sources/Core/Event": {"CoreBytes", "CLibevent"},
    "Sources/Core/DNS": {"CoreBytes", "CCares"},
    "Sources/Core/Stats": {"CoreBytes", "ConfigAPI", "CoreConfig", "SwiftProtobuf", "CLinux"},
    "Sources/Core/Log": {"CoreBytes", "ConfigAPI", "CoreConfig", "SwiftProtobuf", "CLinux"},
    "Sources/Core": {"CoreBytes", "HTTPCodec", "ConfigAPI", "CoreConfig", "SwiftProtobuf", "CLinux", "CRE2"},
    "Sources/TCPProxy/Main": {"TCPProxy", "Core", "CoreConfig"},
    "Sources/TCPProxy": {"Core", "CoreBytes", "ConfigAPI", "CoreConfig", "SwiftProtobuf"},
}

# Where Foundation may be seen at all.
FOUNDATION = ("Sources/Core/Config/", "Sources/Core/API/", "Tests/")

# Folders of the one module Core → folders whose types they must not name. Files of a folder see each other through
# the module, so the compiler cannot hold these.
UNSEEN = {
    "Sources/Core/Event": ("Net", "DNS", "Upstream", "Filters", "Listener", "Admin", "Runtime", "Control", "Client"),
    "Sources/Core/Net": ("Upstream", "Filters", "Listener", "Admin", "Runtime", "Control", "Client"),
    "Sources/Core/DNS": ("Upstream", "Filters", "Listener", "Admin", "Runtime", "Control", "Client"),
    "Sources/Core/Stats": ("Net", "DNS", "Upstream", "Filters", "Listener", "Admin", "Runtime", "Control", "Client"),
    "Sources/Core/Log": ("DNS", "Upstream", "Filters", "Listener", "Admin", "Runtime", "Control", "Client"),
    "Sources/Core/Settings": ("Net", "DNS", "Upstream", "Filters", "Listener", "Admin", "Runtime", "Control", "Client"),
    "Sources/Core/Upstream": ("Filters", "Listener", "Admin", "Runtime", "Control"),
    "Sources/Core/Filters": ("Admin", "Runtime", "Control"),
    "Sources/Core/Listener": ("Admin", "Runtime", "Control"),
}

# Types that such a folder may name all the same: (folder, type) → why.
METADATA = "metadata is a plain value, whose home is with the endpoints that carry most of it"
RUN_ON_WORKERS = "sessions run on a worker: it is how they reach the loop, the clusters and the stats"
SEEN_ANYWAY = {
    ("Sources/Core/Log", "Metadata"): METADATA,
    ("Sources/Core/Log", "MetadataValue"): METADATA,
    ("Sources/Core/Filters", "Worker"): RUN_ON_WORKERS,
    ("Sources/Core/Listener", "Worker"): RUN_ON_WORKERS,
    ("Sources/Core/Listener", "WorkerHandle"): RUN_ON_WORKERS,
    ("Sources/Core/Net", "SocketOptionSpec"): "a plain value, read from one message for both sides",
    ("Sources/Core/Listener", "ProcessServices"): "builders of listeners take what the process shares",
}

# Words that no source file may contain outside comments and strings: pattern → what to do instead.
WORDS = [
    (re.compile(r"(?<![\w.])(?:debugPrint|print|dump)\s*\("), "`print`: log through Core/Log, or write to a descriptor"),
    (re.compile(r"\btry\s*!"), "`try!`: handle the error or let it travel"),
    (re.compile(r"(?<![\w.])fatalError\s*\("), "`fatalError`: throw on input; `preconditionFailure` when we are wrong"),
    (re.compile(r"\bas\s*!"), "`as!`: cast with `as?` and say what happens otherwise"),
    (re.compile(r"\bNSLog\s*\("), "`NSLog`: log through Core/Log"),
]

COMMENT_WORDS = [(re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!\(#\d+\):)"), "a TODO names its issue: `TODO(#123):`")]

SKIPPED = ("Sources/Core/API/",)
TYPE = re.compile(
    r"^(?:(?:public|package|internal|final|indirect|open|nonisolated|@\w+(?:\([^)]*\))?)\s+)*"
    r"(?:struct|class|enum|actor|protocol|typealias)\s+(\w+)", re.M)
# The first line that is no import, no compiler condition and not empty.
DECLARATION = re.compile(r"^(?!\s*$)(?!\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:\w+\s+)?import\b)(?!\s*#).+", re.M)
IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)", re.M)


def split(text):
    """Swift text as (code, comments), each as long as the text: what belongs to the other is blank, strings are blank
    in both, lines keep their numbers."""
    code, comments = list(text), [" " if c != "\n" else c for c in text]

    def blank(begin, end, keep=None):
        for at in range(begin, end):
            if text[at] != "\n":
                if keep is not None:
                    keep[at] = text[at]
                code[at] = " "

    at, end = 0, len(text)
    while at < end:
        if text.startswith("//", at):
            stop = text.find("\n", at)
            stop = end if stop < 0 else stop
            blank(at, stop, comments)
            at = stop
        elif text.startswith("/*", at):
            depth, stop = 1, at + 2
            while stop < end and depth:
                if text.startswith("/*", stop):
                    depth, stop = depth + 1, stop + 2
                elif text.startswith("*/", stop):
                    depth, stop = depth - 1, stop + 2
                else:
                    stop += 1
            blank(at, stop, comments)
            at = stop
        elif text[at] == '"' or (text[at] == "#" and re.match(r'#+"', text[at:at + 8])):
            hashes = len(re.match(r"#*", text[at:])[0])
            quote = '"""' if text.startswith('"""', at + hashes) else '"'
            stop, close, escape = at + hashes + len(quote), quote + "#" * hashes, "\\" + "#" * hashes
            while stop < end and not text.startswith(close, stop):
                if quote == '"' and text[stop] == "\n":
                    break
                stop += len(escape) + 1 if text.startswith(escape, stop) else 1
            stop = min(end, stop + len(close))
            blank(at, stop)
            at = stop
        else:
            at += 1
    return "".join(code), "".join(comments)


def line_of(text, at):
    return text.count("\n", 0, at) + 1


class Tree:
    """All Swift files below a root, read once."""

    def __init__(self, root):
        self.root = Path(root)
        self.problems = []
        self.files = {}
        for top in ("Sources", "Tests"):
            for path in sorted((self.root / top).rglob("*.swift")):
                name = path.relative_to(self.root).as_posix()
                if "/.build" in "/" + name or name.startswith(SKIPPED):
                    continue
                text = path.read_text(encoding="utf-8")
                self.files[name] = (text, *split(text))

    def say(self, name, line, what):
        self.problems.append(f"{name}:{line}: {what}")

    def check(self):
        for law in (self.imports, self.foundation, self.one_importer, self.inner_layers, self.words, self.purpose,
                    self.unchecked, self.dead_files, self.plain_text):
            law()
        return sorted(self.problems)

    def imported(self, name):
        code = self.files[name][1]
        for found in IMPORT.finditer(code):
            yield found[1], line_of(code, found.start(1))

    def imports(self):
        for name in self.files:
            folders = [folder for folder in IMPORTS if name.startswith(folder + "/")]
            if not folders:
                continue
            folder = max(folders, key=len)
            for module, line in self.imported(name):
                if module not in IMPORTS[folder] | ALWAYS:
                    if module == "Foundation" or module == "FoundationEssentials":
                        continue  # The law below says it better.
                    self.say(name, line, f"{folder} may not import {module}")

    def foundation(self):
        for name in self.files:
            if not name.startswith(FOUNDATION):
                for module, line in self.imported(name):
                    if module.startswith("Foundation"):
                        self.say(name, line, f"{module} stops at {', '.join(FOUNDATION)}: use Glibc")

    def one_importer(self):
        """Each C module is one Swift folder's own, so that its handles have one place that owns them."""
        folder = self.root / "Sources" / "CModules"
        modules = {path.name for path in folder.iterdir() if path.is_dir()} if folder.is_dir() else set()
        seen = {}
        for name in self.files:
            if name.startswith("Tests/"):
                continue
            for module, line in self.imported(name):
                if module in modules and module != "CLinux":  # Constants and inline calls: it owns no handle.
                    seen.setdefault(module, {}).setdefault(name.rsplit("/", 1)[0], (name, line))
        for module, folders in seen.items():
            top = sorted(folders, key=lambda each: (each.count("/"), each))[0]
            for each, (name, line) in folders.items():
                if each != top and not each.startswith(top + "/"):
                    self.say(name, line, f"{module} belongs to {top}: go through it")

    def inner_layers(self):
        owners = {}
        for name, (_, code, _) in self.files.items():
            parts = name.split("/")
            if name.startswith("Sources/Core/") and len(parts) > 3:
                for found in TYPE.finditer(code):
                    owners.setdefault(found[1], set()).add("/".join(parts[:3]))
        sole = {kind: next(iter(folders)) for kind, folders in owners.items() if len(folders) == 1}
        for folder, unseen in UNSEEN.items():
            forbidden = {kind: owner for kind, owner in sole.items() if owner.split("/")[-1] in unseen}
            if not forbidden:
                continue
            pattern = re.compile(r"(?<![\w.])(" + "|".join(sorted(forbidden, key=len, reverse=True)) + r")\b")
            for name, (_, code, _) in self.files.items():
                if not name.startswith(folder + "/"):
                    continue
                told = set()
                for found in pattern.finditer(code):
                    kind = found[1]
                    if kind in told or (folder, kind) in SEEN_ANYWAY:
                        continue
                    told.add(kind)
                    self.say(name, line_of(code, found.start()),
                             f"{folder.split('/')[-1]} must not know {kind} of {forbidden[kind]}")

    def words(self):
        for name, (_, code, comments) in self.files.items():
            if name.startswith("Sources/"):
                for pattern, what in WORDS:
                    for found in pattern.finditer(code):
                        if not re.search(r"func\s+$", code[:found.start()]):
                            self.say(name, line_of(code, found.start()), what)
            for pattern, what in COMMENT_WORDS:
                for found in pattern.finditer(comments):
                    self.say(name, line_of(comments, found.start()), what)

    def purpose(self):
        """A file says what it is for before its first declaration: at its top, or on the type."""
        for name, (text, code, comments) in self.files.items():
            if not name.startswith("Sources/") or not text.strip():
                continue  # A test file says what it is for by the names of its tests.
            first = DECLARATION.search(code)
            # An extension says it on its first member.
            upto = text.find("\n", first.end() + 1) if first and "extension " in first[0] else first.start() if first else None
            before = comments[:upto]
            if len(re.sub(r"[/*\s]", "", before)) < 12:
                self.say(name, 1, "no purpose comment before the first declaration")

    def unchecked(self):
        """`@unchecked Sendable` and `nonisolated(unsafe)` carry their proof in a comment just above or beside them."""
        for name, (_, code, comments) in self.files.items():
            if not name.startswith("Sources/"):
                continue
            lines = comments.split("\n")
            for found in re.finditer(r"@unchecked\s+Sendable|nonisolated\(unsafe\)", code):
                line = line_of(code, found.start())
                near = "".join(lines[max(0, line - 8):line + 1])
                if not near.strip(" /*\t"):
                    self.say(name, line, f"{found[0]} without a comment that proves it")

    def dead_files(self):
        for name, (_, code, _) in self.files.items():
            if not code.strip():
                self.say(name, 1, "a file without code")
            elif name.endswith("/Placeholder.swift"):
                folder = name.rsplit("/", 1)[0] + "/"
                if any(other.startswith(folder) and other != name for other in self.files):
                    self.say(name, 1, "a placeholder beside real files")

    def plain_text(self):
        """Other text files: no tabs or blanks at line ends, a newline at the end, no conflict marks."""
        for top in ("Benchmarks", "Tests", "scripts", "docs", "configs", "api", ".ci"):
            for path in sorted((self.root / top).rglob("*")):
                name = path.relative_to(self.root).as_posix()
                if path.suffix not in (".py", ".sh", ".md", ".yaml", ".yml", ".c", ".h", ".cfg", ".conf", ".proto"):
                    continue
                if re.search(r"/(out|bin|\.build[^/]*|Corpora|__pycache__)/", "/" + name) or not path.is_file():
                    continue
                text = path.read_text(encoding="utf-8", errors="replace")
                for number, line in enumerate(text.split("\n"), 1):
                    if line != line.rstrip():
                        self.say(name, number, "blanks at the end of the line")
                    if re.match(r"(<<<<<<<|>>>>>>>) ", line):
                        self.say(name, number, "a conflict mark")
                if text and not text.endswith("\n"):
                    self.say(name, text.count("\n") + 1, "no newline at the end")


def self_test():
    """(files, part of the problem expected, or None when the tree keeps the laws)."""
    good = "// Reads bytes for the tests of the laws.\n"
    cases = [
        ({"Sources/Core/Bytes/A.swift": good + "import Glibc\nstruct A {}\n"}, None),
        ({"Sources/Core/Bytes/A.swift": good + "import Core\nstruct A {}\n"}, "may not import Core"),
        ({"Sources/Core/HTTPCodec/A.swift": good + "public import CoreBytes\n@testable import Yams\nstruct A {}\n"},
         "may not import Yams"),
        ({"Sources/Core/Net/A.swift": good + "internal import struct Foundation.Data\nstruct A {}\n"}, "Foundation stops at"),
        ({"Sources/Core/Config/A.swift": good + "import Foundation\nstruct A {}\n"}, None),
        ({"Tests/CoreTests/A.swift": good + "import Foundation\nstruct A {}\n"}, None),
        ({"Sources/CModules/CCares/shim.h": "", "Sources/Core/Net/A.swift": good + "import CCares\nstruct A {}\n"},
         "may not import CCares"),
        ({"Sources/CModules/CRE2/x.h": "", "Sources/Core/Log/A.swift": good + "struct A {}\n",
          "Sources/Core/Matchers/A.swift": good + "import CRE2\nstruct B {}\n",
          "Sources/Core/Net/A.swift": good + "import CRE2\nstruct C {}\n"}, "CRE2 belongs to Sources/Core/Matchers"),
        ({"Sources/CModules/CRE2/x.h": "", "Sources/Core/Matchers/A.swift": good + "import CRE2\nstruct B {}\n"}, None),
        ({"Sources/Core/Upstream/Host.swift": good + "public final class Host {}\n",
          "Sources/Core/Net/A.swift": good + "struct A { var host: Host }\n"}, "Net must not know Host"),
        ({"Sources/Core/Upstream/Host.swift": good + "public final class Host {}\n",
          "Sources/Core/Net/A.swift": good + "// A Host is no business of ours.\nlet a = \"Host\"\n"}, None),
        ({"Sources/Core/Net/Host.swift": good + "struct Host {}\n",
          "Sources/Core/Upstream/A.swift": good + "struct A { var host: Host }\n"}, None),
        ({"Sources/A.swift": good + "func a() { print(\"x\") }\n"}, "`print`"),
        ({"Sources/A.swift": good + "func a() { b.print(1); footprint(2) }\n// print(3)\nlet c = \"print(4)\"\n"}, None),
        ({"Sources/A.swift": good + "let a = try! b()\n"}, "`try!`"),
        ({"Sources/A.swift": good + "let a = \"\"\"\n try! print(\n\"\"\"\nlet b = #\"try! \"\"#\n"}, None),
        ({"Sources/A.swift": good + "func a() -> Never { fatalError(\"no\") }\n"}, "`fatalError`"),
        ({"Sources/A.swift": good + "/* fatalError( /* print( */ try! */\nstruct A {}\n"}, None),
        ({"Sources/A.swift": good + "let a = b as! C\n"}, "`as!`"),
        ({"Sources/A.swift": good + "// " + "TODO: later\nstruct A {}\n"}, "names its issue"),
        ({"Sources/A.swift": good + "// " + "TODO(#12): later\nstruct A {}\n"}, None),
        ({"Sources/A.swift": "import Glibc\n\nstruct A {}\n"}, "no purpose comment"),
        ({"Sources/A+B.swift": "import Glibc\n\nextension A {\n    /// One number and where it came from.\n    var b: Int { 1 }\n}\n"},
         None),
        ({"Sources/A+B.swift": "extension A {\n    var b: Int { 1 }\n}\n"}, "no purpose comment"),
        ({"Sources/A.swift": "import Glibc\n\n/// One number and where it came from.\nstruct A {}\n"}, None),
        ({"Sources/A.swift": good + "\n\n\n\n\n\n\n\n\n\nfinal class A: @unchecked Sendable {}\n"}, "without a comment that proves it"),
        ({"Sources/A.swift": good + "// Written once before the threads start.\nfinal class A: @unchecked Sendable {}\n"}, None),
        ({"Sources/A/Placeholder.swift": good + "enum P {}\n", "Sources/A/B.swift": good + "enum B {}\n"}, "a placeholder"),
        ({"Sources/A.swift": "// Only words here, nothing else.\n"}, "without code"),
        ({"docs/a.md": "text \n"}, "blanks at the end"),
        ({"docs/a.md": "text"}, "no newline"),
    ]
    failures = 0
    for files, expected in cases:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            problems = Tree(folder).check()
        if expected is None and problems or expected is not None and not any(expected in each for each in problems):
            failures += 1
            sys.stderr.write(f"self-test: {files}\n  expected {expected}, found {problems}\n")
    if failures:
        return 1
    sys.stdout.write(f"tidy: {len(cases)} self-tests passed\n")
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if sys.argv[1:]:
        sys.stderr.write(__doc__)
        return 2
    tree = Tree(ROOT)
    problems = tree.check()
    for problem in problems:
        sys.stdout.write(problem + "\n")
    sys.stdout.write(f"tidy: {len(tree.files)} files, {len(problems)} problems\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
