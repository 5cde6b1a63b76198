"""The proxy under test: started on ports of its own choosing, asked through its admin port, ended by its process id."""

import http.client
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from .waiting import wait_until


class Answer:
    """An answer of the admin port."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body
        self.text = body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.text)


class Proxy:
    """One process. `config` is a bootstrap as a dictionary, or the text of a file."""

    def __init__(
        self, binary, config, folder, args=(), concurrency=1, nofile=None, wait=True, env=None, started=None,
    ):
        """`started` is a list that this proxy joins before it is waited for, so that its log can be shown."""
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config_path = self.folder / ("config.yaml" if isinstance(config, str) else "config.json")
        self.config_path.write_text(config if isinstance(config, str) else json.dumps(config, indent=1))
        self.admin_path = self.folder / "admin-address"
        self.log_path = self.folder / "log"
        self.ended_by_test = False
        command = [
            str(binary), "-c", str(self.config_path), "--concurrency", str(concurrency),
            "--admin-address-path", str(self.admin_path), "--disable-hot-restart", "-l", "info",
            "--file-flush-interval-msec", "50", *map(str, args),
        ]

        if nofile:
            # A program of its own: code between fork and exec of a process with threads may hang.
            command = ["prlimit", f"--nofile={nofile}:{nofile}", *command]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env={**os.environ, **(env or {})},
            )
        self._addresses = None
        if started is not None:
            started.append(self)
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                # Without `started` nobody holds this object yet, so nobody else could end the process.
                self.ended_by_test = True
                self.stop()
                raise

    # MARK: life

    def wait_ready(self, seconds=30):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"the proxy ended with {self.process.returncode}:\n{self.log()[-4000:]}")
            if not self.admin_path.exists() or ":" not in self.admin_path.read_text():
                return False
            try:
                return self.admin("/ready").status == 200
            except OSError:
                return False

        wait_until(ready, "the proxy to be ready", seconds)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=15):
        """The exit code, for tests that end the proxy themselves."""
        self.ended_by_test = True
        return self.process.wait(timeout=seconds)

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        """Ends the process, then says whether it had behaved: (exit code or None if it ran until now)."""
        before = self.process.poll()
        if before is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(timeout=10)
        return before

    # MARK: admin

    def admin_address(self):
        host, port = self.admin_path.read_text().strip().rsplit(":", 1)
        return host.strip("[]"), int(port)

    def admin(self, path, method="GET", body=None, headers=None):
        connection = http.client.HTTPConnection(*self.admin_address(), timeout=10)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def addresses(self):
        """Where each listener listens, by name."""
        if self._addresses is None:
            found = {}
            for status in self.admin("/listeners?format=json").json()["listener_statuses"]:
                at = status["local_address"]
                if "pipe" in at:
                    found[status["name"]] = at["pipe"]["path"]
                else:
                    found[status["name"]] = (at["socket_address"]["address"], at["socket_address"]["port_value"])
            self._addresses = found
        return self._addresses

    def port(self, name="front"):
        return self.addresses()[name][1]

    def stats(self, filter_=None):
        """Counters and gauges by name."""
        answer = self.admin("/stats" + (f"?filter={filter_}" if filter_ else ""))
        assert answer.status == 200, answer.text
        found = {}
        for line in answer.text.splitlines():
            name, _, value = line.rpartition(": ")
            if re.fullmatch(r"\d+", value):
                found[name] = int(value)
        return found

    def stat(self, name):
        return self.stats("^" + re.escape(name).replace("\\.", "[.]").replace("\\", "") + "$").get(name, 0)

    def wait_stat(self, name, expected, seconds=10.0):
        """Waits for a counter, which workers publish a moment after the fact. `expected` may be a predicate."""
        test = expected if callable(expected) else lambda value: value == expected
        deadline = time.monotonic() + seconds
        while True:
            value = self.stat(name)
            if test(value):
                return value
            if time.monotonic() >= deadline:
                raise AssertionError(f"{name} is {value} after {seconds} s, expected {expected}")
            time.sleep(0.05)

    # MARK: memory

    def rss(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))
