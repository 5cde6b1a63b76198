"""A DNS server on loopback whose records a test changes while it runs. UDP, A and AAAA, one answer per question."""

import contextlib
import ipaddress
import socket
import struct
import threading

A, AAAA = 1, 28
NXDOMAIN, SERVFAIL, REFUSED = 3, 2, 5


def answers(port, name):
    """True when a server on loopback answers a question about `name`."""
    question = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        try:
            client.send(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + question)
            return client.recv(512)[6:8] != b"\0\0"
        except OSError:
            return False


class DNSServer:
    """`records[name]` is a list of addresses, `ttl_s` the time to live of each answer, `failure` an error for all."""

    def __init__(self, host="127.0.0.1"):
        self.records = {}
        self.ttl_s = 1
        self.failure = 0
        self.silent = False
        self.questions = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                packet, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            if len(packet) < 17 or self.silent:
                continue
            with contextlib.suppress(OSError, IndexError, struct.error):
                self.socket.sendto(self._answer(packet), peer)

    def _answer(self, packet):
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1: at + 1 + packet[at]].decode("ascii", "replace"))
            at += 1 + packet[at]
        kind = struct.unpack(">H", packet[at + 1: at + 3])[0]
        question = packet[12: at + 5]
        name = ".".join(labels).lower()
        self.questions.append((name, kind))
        code, answers = self.failure, []
        if not code:
            if name not in self.records:
                code = NXDOMAIN
            for each in self.records.get(name, []):
                where = ipaddress.ip_address(each)
                if (where.version == 4) == (kind == A) and kind in (A, AAAA):
                    answers.append(struct.pack(">HHHIH", 0xC00C, kind, 1, self.ttl_s, len(where.packed)) + where.packed)
        header = packet[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(answers), 0, 0)
        return header + question + b"".join(answers)

    def stop(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
