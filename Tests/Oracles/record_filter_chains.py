#!/usr/bin/env python3
"""Records which filter chain the real Envoy chooses, as Tests/CoreTests/Listener/FilterChainRecordings.swift.

Every scenario is one listener on loopback whose chains answer with their own name (direct_response). Addresses and ports
come from PROXY protocol headers, so that any source and destination can be tried; server name and ALPN come from a
ClientHello. The directly connected source is a real 127.0.0.x address.

    ./record_filter_chains.py > ../CoreTests/Listener/FilterChainRecordings.swift      (needs `envoy` on PATH)
"""
import json
import random
import re
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

PORTS = [80, 443, 8080]
ADDRESSES = ["10.0.0.1", "10.0.1.1", "127.0.0.1", "127.0.0.2", "2001:db8::1", "::1"]
BLOCKS = [("10.0.0.0", 8), ("10.0.0.0", 16), ("10.0.0.0", 24), ("10.0.0.1", 32), ("127.0.0.0", 8), ("0.0.0.0", 0),
          ("::", 0), ("2001:db8::", 32), ("2001:db8::1", 128)]
DIRECT = [("127.0.0.0", 8), ("127.0.0.2", 32), ("127.0.0.0", 30)]
NAMES = ["a.example.com", "*.example.com", "*.com", "b.a.example.com", "*.a.example.com", "com", "X.org"]
ASKED = ["", "", "a.example.com", "b.a.example.com", "c.b.a.example.com", "example.com", "com", "X.org", "y.org"]
PROTOCOLS = ["h2", "http/1.1", "istio"]
SCENARIOS, CHAINS, CONNECTIONS = 20, 7, 25


def some(pool, rng):
    draw = rng.randrange(9)
    return rng.sample(pool, 2) if draw == 0 else [rng.choice(pool)] if draw == 1 else []


def cidrs(pool, rng):
    return [{"address_prefix": a, "prefix_len": n} for a, n in some(pool, rng)]


def rule(rng):
    match = {}
    if rng.randrange(4) == 0:
        match["destination_port"] = rng.choice(PORTS)
    match["prefix_ranges"] = cidrs(BLOCKS, rng)
    match["server_names"] = some(NAMES, rng)
    if rng.randrange(5) == 0:
        match["transport_protocol"] = rng.choice(["raw_buffer", "tls"])
    match["application_protocols"] = some(PROTOCOLS, rng)
    match["direct_source_prefix_ranges"] = cidrs(DIRECT, rng)
    if rng.randrange(3) == 0:
        match["source_type"] = rng.choice(["SAME_IP_OR_LOOPBACK", "EXTERNAL"])
    match["source_prefix_ranges"] = cidrs(BLOCKS, rng)
    match["source_ports"] = some([1000, 1001, 1002], rng)
    return {k: v for k, v in match.items() if v}


def direct_response(text):
    return {"name": "r", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.direct_response.v3.Config",
        "response": {"inline_string": text}}}


def listener(index, rules):
    kind = "type.googleapis.com/envoy.extensions.filters.listener."
    return {
        "name": f"l{index}", "address": {"socket_address": {"address": "0.0.0.0", "port_value": 0}},
        "listener_filters": [
            {"name": "pp", "typed_config": {"@type": kind + "proxy_protocol.v3.ProxyProtocol"}},
            {"name": "tls", "typed_config": {"@type": kind + "tls_inspector.v3.TlsInspector"}}],
        "filter_chains": [{"name": str(i), "filter_chain_match": r, "filters": [direct_response(str(i))]}
                          for i, r in enumerate(rules)],
        "default_filter_chain": {"filters": [direct_response("default")]},
    }


def loads(rules):
    config = json.dumps({"static_resources": {"listeners": [listener(0, rules)]}})
    run = subprocess.run(["envoy", "--mode", "validate", "-l", "off", "--config-yaml", config], capture_output=True)
    return run.returncode == 0


def scenario(rng):
    """Chains that Envoy takes together: whichever it refuses is left out."""
    rules = []
    while len(rules) < CHAINS:
        candidate = rules + [rule(rng)]
        if loads(candidate):
            rules = candidate
    return rules


def hello(name, alpn):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(alpn)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    peer = context.wrap_bio(incoming, outgoing, server_hostname=name or None)
    try:
        peer.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def ask(port, c):
    family = "TCP6" if ":" in c["source"] else "TCP4"
    with socket.socket() as s:
        s.settimeout(5)
        s.bind((c["direct"], 0))
        s.connect(("127.0.0.1", port))
        s.sendall(f"PROXY {family} {c['source']} {c['destination']} {c['sport']} {c['dport']}\r\n".encode())
        s.sendall(hello(c["sni"], c["alpn"]) if c["tls"] else b"plain\n")
        text = b""
        try:
            while chunk := s.recv(100):
                text += chunk
        except ConnectionResetError:
            pass
        return text.decode() or "none"


def connection(rng):
    tls = rng.randrange(3) > 0
    source = rng.choice(ADDRESSES)
    same = [a for a in ADDRESSES if (":" in a) == (":" in source)]
    return {"source": source, "destination": rng.choice(same), "sport": rng.choice([1000, 1001, 1003]),
            "dport": rng.choice(PORTS + [81]), "direct": rng.choice(["127.0.0.1", "127.0.0.2", "127.0.0.9"]),
            "tls": tls, "sni": rng.choice(ASKED) if tls else "", "alpn": some(PROTOCOLS, rng) if tls else []}


def main():
    rng = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    scenarios = [scenario(rng) for _ in range(SCENARIOS)]
    config = json.dumps({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {"listeners": [listener(i, r) for i, r in enumerate(scenarios)]}})
    version = re.search(r"/(\d+\.\d+\.\d+)/[A-Z]", subprocess.run(["envoy", "--version"], capture_output=True, text=True).stdout)
    path = f"/tmp/filter-chains-admin-{time.time_ns()}"
    envoy = subprocess.Popen(["envoy", "--concurrency", "1", "--disable-hot-restart", "-l", "off",
                              "--admin-address-path", path, "--config-yaml", config])
    try:
        for _ in range(100):
            time.sleep(0.1)
            try:
                host, port = open(path).read().split(":")
                break
            except (OSError, ValueError):
                continue
        for _ in range(50):
            body = fetch(host, int(port), "/listeners?format=json")
            ports = {l["name"]: l["local_address"]["socket_address"]["port_value"]
                     for l in json.loads(body)["listener_statuses"]} if body else {}
            if len(ports) == SCENARIOS:
                break
            time.sleep(0.1)
        out = []
        for i, rules in enumerate(scenarios):
            asked = []
            for _ in range(CONNECTIONS):
                c = connection(rng)
                asked.append((c, ask(ports[f"l{i}"], c)))
            out.append((rules, asked))
    finally:
        envoy.kill()
        envoy.wait()
    write(out, version.group(1) if version else "?")


def fetch(host, port, path):
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def write(out, version):
    print(f"// Which chain Envoy {version} chose. Written by Tests/Oracles/record_filter_chains.py; do not edit.\n")
    print("/// Per scenario: the chains' matches as JSON, then connections:")
    print("/// destination, source, directly connected source, transport, server name, offered ALPN → the chain's position,")
    print('/// or "default".')
    print("let filterChainRecordings: [(chains: [String], connections: [String])] = [")
    for rules, asked in out:
        print("    (")
        print("        chains: [")
        for r in rules:
            print(f"            #\"{json.dumps(r, separators=(',', ':'))}\"#,")
        print("        ],")
        print("        connections: [")
        for c, answer in asked:
            def spell(a, p):
                return f"[{a}]:{p}" if ":" in a else f"{a}:{p}"
            fields = [spell(c["destination"], c["dport"]), spell(c["source"], c["sport"]), c["direct"] + ":1",
                      "tls" if c["tls"] else "raw_buffer", c["sni"] or "-", ",".join(c["alpn"]) or "-", answer]
            print(f"            \"{' '.join(fields)}\",")
        print("        ]")
        print("    ),")
    print("]")


main()
