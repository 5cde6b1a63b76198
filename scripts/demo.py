#!/usr/bin/env python3
"""`make run`: two real web servers, tcp-proxy in front of them, and what to type next. Ctrl-C ends all three."""

import http.server
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

LOG_FORMAT = (
    "%START_TIME% %DOWNSTREAM_REMOTE_ADDRESS% -> %UPSTREAM_HOST% %BYTES_RECEIVED% in %BYTES_SENT% out "
    "%DURATION% ms %RESPONSE_FLAGS%")
CONFIG = """\
admin:
  address:
    socket_address: {{address: 127.0.0.1, port_value: {admin}}}
static_resources:
  listeners:
  - name: front
    address:
      socket_address: {{address: 127.0.0.1, port_value: {front}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: front
          cluster: web
          access_log:
          - name: envoy.access_loggers.stdout
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
              log_format:
                text_format_source:
                  inline_string: "{log_format}\\n"
  clusters:
  - name: web
    type: STATIC
    connect_timeout: 1s
    load_assignment:
      cluster_name: web
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {one}}}}}}}
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {two}}}}}}}
"""


def web_server(name):
    """A web server on a port of its own, in a thread."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = f"Hello from web server {name}, through tcp-proxy.\n".encode()
            self.send_response(200)
            self.send_header("content-type", "text/plain")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def port(wished):
    """The wished port, or a free one when somebody has it."""
    for candidate in (wished, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            return probe.getsockname()[1]
    sys.exit("no free port on 127.0.0.1")


def wait_for(process, path, seconds=30):
    """Returns when the proxy answers on its admin port; ends the demonstration when it does not come to that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with {process.returncode}; its words are above.")
        try:
            with urllib.request.urlopen(path, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.02)
    process.kill()
    sys.exit(f"{process.args[0]} did not become ready within {seconds} s.")


def main():
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit("usage: scripts/demo.py PATH/TO/tcp-proxy (`make run` builds it and calls this)")
    front, admin = port(9000), port(9901)
    with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
        path = Path(folder) / "tcp-proxy.yaml"
        path.write_text(CONFIG.format(
            front=front, admin=admin, one=web_server("one"), two=web_server("two"), log_format=LOG_FORMAT))
        # In a session of its own, so that Ctrl-C comes to the proxy once, from here, and means: drain and end.
        process = subprocess.Popen(
            [sys.argv[1], "-c", str(path), "-l", os.environ.get("LOG", "warning"), "--drain-time-s", "2",
             "--file-flush-interval-msec", "100"], start_new_session=True)
        ending = {"asked": False}

        def end(*_):
            ending["asked"] = True
            process.terminate()

        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)
        wait_for(process, f"http://127.0.0.1:{admin}/ready")
        print(f"""
tcp-proxy relays 127.0.0.1:{front} to two web servers. Type in another shell:

    curl http://127.0.0.1:{front}/                 twice: the servers take turns
    curl http://127.0.0.1:{admin}/clusters         what the proxy knows of them
    curl 'http://127.0.0.1:{admin}/stats?usedonly'

Admin page:    http://127.0.0.1:{admin}/
Configuration: {path}
Each connection is a line below. Ctrl-C ends everything.
""", flush=True)
        code = process.wait()
        if ending["asked"]:
            print("tcp-proxy has drained and ended." if code == 0 else f"tcp-proxy ended with {code}.", flush=True)
        return code


if __name__ == "__main__":
    sys.exit(main())
