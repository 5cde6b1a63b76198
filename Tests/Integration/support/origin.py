"""Scripted TCP origins: one thread accepts, one thread plays the script for each connection."""

import contextlib
import socket
import threading
import time

from .client import reset


class Origin:
    """A listening socket on loopback whose connections each run `script(connection, origin)`.

    What scripts learn goes to `origin.notes` (a list, appended under the interpreter's lock). An exception of a script
    ends its connection and is kept in `origin.errors`, apart from the ordinary ends of a connection.
    """

    def __init__(self, script, host="127.0.0.1", port=0, backlog=4096):
        self.script = script
        self.notes = []
        self.errors = []
        self.accepted = 0
        self.live = set()
        self.stopped = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(backlog)
        self.host = host
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.stopped:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            if self.stopped:
                connection.close()
                return
            self.accepted += 1
            self.live.add(connection)
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection):
        try:
            connection.settimeout(60)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.script(connection, self)
        except (ConnectionError, TimeoutError):
            pass
        except OSError:
            pass
        except Exception as error:  # noqa: BLE001 - told to the test by assert_clean
            self.errors.append(error)
        finally:
            self.live.discard(connection)
            with contextlib.suppress(OSError):
                connection.close()

    def assert_clean(self):
        assert not self.errors, self.errors

    def stop(self):
        self.stopped = True
        # Wakes the accepting thread, so that the port is free when this returns.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in list(self.live):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def echo(connection, _origin):
    """Gives back every byte, then ends its side when the client has ended its own."""
    while data := connection.recv(1 << 16):
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def count(connection, origin):
    """Counts to the end of the stream, then answers with the count."""
    total = 0
    while data := connection.recv(1 << 20):
        total += len(data)
    origin.notes.append(total)
    connection.sendall(str(total).encode())


def hold(connection, origin):
    """Reads and says nothing; notes how the connection ended."""
    try:
        while connection.recv(1 << 16):
            pass
        origin.notes.append("end")
    except ConnectionResetError:
        origin.notes.append("reset")


def say(data):
    """Sends `data` and closes."""

    def script(connection, _origin):
        connection.sendall(data)

    return script


def greet(name):
    """Sends its name at once, then echoes: for seeing which origin answers."""

    def script(connection, origin):
        connection.sendall(name.encode() + b"\n")
        echo(connection, origin)

    return script


def stall(connection, origin):
    """Accepts and reads nothing until the origin stops."""
    while not origin.stopped:
        time.sleep(0.05)


def reset_on_first_byte(connection, _origin):
    """Answers the first bytes with RST."""
    connection.recv(1 << 16)
    reset(connection)


def slow(pause=0.01, piece=1024):
    """Echoes in small pieces with a pause after each."""

    def script(connection, _origin):
        while data := connection.recv(piece):
            time.sleep(pause)
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

    return script
