"""Access-log files: rotation by SIGUSR1 under load loses no line; a removed file or a full disk loses no connection."""

import collections
import os
import signal
import threading

import pytest

from support.bootstrap import bootstrap, cluster, file_access_log, listener, tcp_proxy
from support.client import connect, exchange
from support.waiting import wait_equal, wait_until


def config(port, path):
    text = "%DOWNSTREAM_REMOTE_ADDRESS% %BYTES_RECEIVED% %RESPONSE_FLAGS%\n"
    chain = [tcp_proxy(access_log=[file_access_log(path, text)])]
    return bootstrap([listener(filters=chain)], [cluster(endpoints=[port])])


class Load(threading.Thread):
    """Short connections one after another until stopped; remembers each one's address."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.seen, self.stopping, self.failure = port, [], False, None

    def run(self):
        try:
            while not self.stopping:
                with connect(self.port) as client:
                    exchange(client, b"twelve bytes")
                    self.seen.append("%s:%d" % client.getsockname())
        except (OSError, AssertionError) as error:
            self.failure = error

    def end(self):
        self.stopping = True
        self.join(20)
        assert self.failure is None, self.failure
        return self.seen


def lines(*paths):
    return [line for path in paths if path.exists() for line in path.read_text().splitlines()]


@pytest.mark.limit(90)
def test_rotation_under_load_loses_no_line(start, origin, tmp_path):
    path = tmp_path / "access.log"
    proxy = start(config(origin().port, path), concurrency=2)
    loads = [Load(proxy.port()) for _ in range(4)]
    for each in loads:
        each.start()
    rotated = []
    for turn in range(5):
        wait_until(lambda: path.exists() and path.stat().st_size > 2000, "the log to grow")
        aside = tmp_path / f"access.log.{turn}"
        os.rename(path, aside)
        rotated.append(aside)
        proxy.signal(signal.SIGUSR1)
        wait_until(path.exists, "a new file after SIGUSR1")
    expected = sum((each.end() for each in loads), [])
    wait_equal(lambda: len(lines(path, *rotated)), len(expected), "lines in all files")
    written = lines(path, *rotated)
    assert all(line.endswith(" 12 -") for line in written)
    assert collections.Counter(line.split()[0] for line in written) == collections.Counter(expected)


def test_a_removed_file_loses_no_connection(start, origin, tmp_path):
    path = tmp_path / "access.log"
    proxy = start(config(origin().port, path))
    with connect(proxy.port()) as client:
        exchange(client, b"one")
    wait_until(lambda: lines(path), "the first line")
    os.remove(path)
    for _ in range(20):
        with connect(proxy.port()) as client:
            exchange(client, b"unlogged")
    proxy.signal(signal.SIGUSR1)
    wait_until(path.exists, "the file to come back after SIGUSR1")
    with connect(proxy.port()) as client:
        exchange(client, b"last")
    wait_until(lambda: any(" 4 -" in line for line in lines(path)), "the line after reopening")
    assert proxy.stat("filesystem.reopen_failed") == 0


def test_a_removed_folder_loses_no_connection(start, origin, tmp_path):
    """Reopening cannot work: it is counted, and connections are served all the same."""
    folder = tmp_path / "logs"
    folder.mkdir()
    proxy = start(config(origin().port, folder / "access.log"))
    (folder / "access.log").unlink()
    folder.rmdir()
    proxy.signal(signal.SIGUSR1)
    for _ in range(20):
        with connect(proxy.port()) as client:
            exchange(client, b"unlogged")
    proxy.wait_stat("filesystem.reopen_failed", lambda value: value > 0)


def test_a_full_disk_loses_no_connection(start, origin):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    proxy = start(config(origin().port, "/dev/full"))
    for _ in range(50):
        with connect(proxy.port()) as client:
            exchange(client, b"unlogged")
    proxy.wait_stat("filesystem.write_failed", lambda value: value > 0)


def test_admin_reopens_too(start, origin, tmp_path):
    path = tmp_path / "access.log"
    proxy = start(config(origin().port, path))
    with connect(proxy.port()) as client:
        exchange(client, b"one")
    wait_until(lambda: lines(path), "the first line")
    os.rename(path, tmp_path / "aside")
    assert proxy.admin("/reopen_logs", "POST").status == 200
    with connect(proxy.port()) as client:
        exchange(client, b"two")
    wait_until(lambda: lines(path), "a line in the new file")
    assert len(lines(path)) == 1 and len(lines(tmp_path / "aside")) == 1
