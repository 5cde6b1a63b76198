"""The proxies under measurement: how each is found, configured, started on core 0 and read.

A peer that is not installed is reported as missing and left out; nothing else changes.
"""

import glob
import os
import shutil
import signal
import socket
import string
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROXY_CORE = 0
LOAD_CORE = 1


class Missing(Exception):
    """The peer's program is not on this machine."""


def on_core(core, command):
    """Pins a command to one core, where the machine has as many."""
    if (os.cpu_count() or 1) <= core:
        return command
    return ["taskset", "-c", str(core)] + command


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def real_envoy():
    """The ELF behind the `envoy` command: pip's is a Python script, whose start-up would be measured."""
    override = os.environ.get("ENVOY")
    if override:
        return override
    found = shutil.which("envoy")
    candidates = [found] if found else []
    for folder in sys.path + glob.glob(os.path.expanduser("~/.pyenv/versions/*/lib/python3*/site-packages")):
        candidates.append(os.path.join(folder, "envoy", "_bin", "envoy"))
    for path in candidates:
        try:
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    return path
        except OSError:
            continue
    raise Missing("envoy")


def program(name):
    for folder in (None, "/usr/sbin:/usr/local/sbin"):
        found = shutil.which(name, path=folder)
        if found:
            return found
    raise Missing(name)


def envoy_clusters(count):
    lines = []
    for index in range(count):
        lines.append(
            f"""  - name: service_{index:05}
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: service_{index:05}
      endpoints:
      - lb_endpoints:
        - endpoint:
            address:
              socket_address: {{address: 127.0.0.1, port_value: {10000 + index}}}"""
        )
    return "\n".join(lines)


class Peer:
    """One proxy under one name. `command` writes its configuration and gives what to run."""

    def __init__(self, name):
        self.name = name

    def command(self, folder, listen_port, origin_port, clusters):
        raise NotImplementedError

    def version(self):
        return ""

    def fill(self, template, folder, name, **values):
        text = string.Template((HERE / "peers" / template).read_text()).substitute(folder=folder, **values)
        path = Path(folder) / name
        path.write_text(text)
        return str(path)


class Ours(Peer):
    """Our own binary, with the very file Envoy gets."""

    def __init__(self, name, path):
        super().__init__(name)
        self.path = path

    def command(self, folder, listen_port, origin_port, clusters):
        if not os.access(self.path, os.X_OK):
            raise Missing(self.path)
        config = self.fill(
            "envoy.yaml", folder, "ours.yaml", listen_port=listen_port, origin_port=origin_port,
            clusters=envoy_clusters(clusters),
        )
        return [self.path, "-c", config, "--concurrency", "1"]

    def version(self):
        return first_line([self.path, "--version"])


class Envoy(Peer):
    def command(self, folder, listen_port, origin_port, clusters):
        config = self.fill(
            "envoy.yaml", folder, "envoy.yaml", listen_port=listen_port, origin_port=origin_port,
            clusters=envoy_clusters(clusters),
        )
        return [real_envoy(), "-c", config, "--concurrency", "1", "--disable-hot-restart", "-l", "error"]

    def version(self):
        return first_line([real_envoy(), "--version"])


class HAProxy(Peer):
    def __init__(self, name, extra_global="", extra_defaults=""):
        super().__init__(name)
        self.extra_global = extra_global
        self.extra_defaults = extra_defaults

    def command(self, folder, listen_port, origin_port, clusters):
        backends = "\n".join(
            f"backend service_{index:05}\n    server a 127.0.0.1:{10000 + index}" for index in range(clusters)
        )
        config = self.fill(
            "haproxy.cfg", folder, "haproxy.cfg", listen_port=listen_port, origin_port=origin_port,
            extra_global=self.extra_global, extra_defaults=self.extra_defaults, clusters=backends,
        )
        return [program("haproxy"), "-db", "-q", "-f", config]

    def version(self):
        return first_line([program("haproxy"), "-v"])


class Nginx(Peer):
    def __init__(self, name, extra_stream=""):
        super().__init__(name)
        self.extra_stream = extra_stream

    def command(self, folder, listen_port, origin_port, clusters):
        nginx = program("nginx")
        built = subprocess.run([nginx, "-V"], capture_output=True, text=True).stderr
        load_module = ""
        if "--with-stream=dynamic" in built or "--with-stream" not in built:
            modules = glob.glob("/usr/lib*/nginx/modules/ngx_stream_module.so")
            if not modules:
                raise Missing("nginx's stream module (libnginx-mod-stream)")
            load_module = f"load_module {modules[0]};"
        upstreams = "\n".join(
            f"    upstream service_{index:05} {{ server 127.0.0.1:{10000 + index}; }}" for index in range(clusters)
        )
        config = self.fill(
            "nginx.conf", folder, "nginx.conf", listen_port=listen_port, origin_port=origin_port,
            load_module=load_module, extra_stream=self.extra_stream, clusters=upstreams,
        )
        return [nginx, "-p", str(folder), "-e", "stderr", "-c", config]

    def version(self):
        return first_line([program("nginx"), "-v"])


class BareRelay(Peer):
    """The floor: what the system calls alone cost."""

    def __init__(self, name, *options):
        super().__init__(name)
        self.options = list(options)

    def command(self, folder, listen_port, origin_port, clusters):
        if clusters:
            raise Missing("a configuration of bare-relay")
        relay = str(HERE / "bin" / "bare-relay")
        return [relay, "--listen", str(listen_port), "--connect", str(origin_port), *self.options]


def first_line(command):
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (ran.stdout + ran.stderr).strip().splitlines()
    return lines[0].strip() if lines else ""


def all_peers(ours):
    """Every peer, ours first. Variants of one program stand side by side: the best of them is the one to beat."""
    peers = [Ours("ours" if len(ours) == 1 else f"ours{index + 1}", path) for index, path in enumerate(ours)]
    return peers + [
        HAProxy("haproxy"),
        HAProxy("haproxy-splice", extra_global="    maxpipes 512", extra_defaults="    option splice-auto"),
        HAProxy(
            "haproxy-splice-large", extra_global="    maxpipes 512\n    tune.pipesize 1048576",
            extra_defaults="    option splice-auto",
        ),
        HAProxy("haproxy-large", extra_global="    tune.bufsize 262144"),
        Nginx("nginx"),
        Nginx("nginx-large", extra_stream="    proxy_buffer_size 256k;"),
        Envoy("envoy"),
        BareRelay("bare-relay"),
    ]


class Running:
    """A started proxy: its processes, their CPU time and memory. Ends what it started, and nothing else."""

    def __init__(self, peer, folder, origin_port, clusters=0):
        self.peer = peer
        self.port = free_port()
        command = peer.command(folder, self.port, origin_port, clusters)
        self.log_path = Path(folder) / f"{peer.name}.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                on_core(PROXY_CORE, command), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def __enter__(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                tail = self.log_path.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self.peer.name} ended with {self.process.returncode}: {tail}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                time.sleep(0.2)
                return self
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"{self.peer.name} did not listen within 30 s")

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                # Twice: ours drains on the first and goes on the second.
                self.process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGTERM)
                try:
                    self.process.wait(timeout=3)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()

    def pids(self):
        return family(self.process.pid)

    def memory(self):
        return memory(self.process.pid)


def family(pid):
    """A process and its descendants: nginx works in a child."""
    found = [pid]
    for each in found:
        for task in glob.glob(f"/proc/{each}/task/*/children"):
            try:
                found += [int(child) for child in Path(task).read_text().split()]
            except OSError:
                continue
    return found


def cpu_seconds(pid):
    """CPU time of one process, its threads that have ended included."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid):
    """Resident bytes (`rss`) and those of them that are private and written (`anon`): heap, stacks, written data."""
    total = {"rss": 0, "anon": 0}
    for each in family(pid):
        try:
            status = Path(f"/proc/{each}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith("VmRSS:"):
                total["rss"] += int(line.split()[1]) * 1024
            if line.startswith("RssAnon:"):
                total["anon"] += int(line.split()[1]) * 1024
    return total
