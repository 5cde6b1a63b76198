"""Configuration as Python values, in Envoy's v3 words. Written to a file as JSON, which is YAML too."""

TYPE = "type.googleapis.com/"
# Listener counters are named by the configured address, and tests always configure port 0.
FRONT = "listener.127.0.0.1_0."
FILTERS = TYPE + "envoy.extensions.filters.network."


def address(port=0, host="127.0.0.1"):
    return {"socket_address": {"address": host, "port_value": port}}


def typed(url, **fields):
    return {"@type": TYPE + url, **fields}


def network_filter(kind, message, **fields):
    """A network filter by the folder of its message: network_filter("echo", "Echo")."""
    return {
        "name": f"envoy.filters.network.{kind}",
        "typed_config": {"@type": f"{FILTERS}{kind}.v3.{message}", **fields},
    }


def tcp_proxy(cluster="origin", **fields):
    if cluster is not None:
        fields["cluster"] = cluster
    return network_filter("tcp_proxy", "TcpProxy", **{"stat_prefix": "front", **fields})


def file_access_log(path, text="%RESPONSE_FLAGS%\n", **fields):
    return {
        "name": "envoy.access_loggers.file",
        "typed_config": typed(
            "envoy.extensions.access_loggers.file.v3.FileAccessLog",
            path=str(path), log_format={"text_format_source": {"inline_string": text}},
        ),
        **fields,
    }


def listener(name="front", filters=None, at=None, **fields):
    value = {"name": name, "address": at or address(), **fields}
    if filters is not None or "filter_chains" not in fields:
        value["filter_chains"] = [{"filters": filters or [tcp_proxy()]}]
    return value


def endpoint(where, **fields):
    """One endpoint: a port, (host, port), or a pipe's path."""
    if isinstance(where, str):
        at = {"pipe": {"path": where}}
    elif isinstance(where, int):
        at = address(where)
    else:
        at = address(where[1], where[0])
    return {"endpoint": {"address": at}, **fields}


def cluster(name="origin", endpoints=(), kind="STATIC", **fields):
    return {
        "name": name,
        "type": kind,
        "connect_timeout": "2s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [e if isinstance(e, dict) else endpoint(e) for e in endpoints]}],
        },
        **fields,
    }


def many_connections(count=100000):
    """Breakers far away: the default of 1,024 connections is for a test of its own."""
    return {"thresholds": [{
        "max_connections": count, "max_pending_requests": count, "max_requests": count,
    }]}


def bootstrap(listeners=None, clusters=(), **fields):
    return {
        "admin": {"address": address()},
        "static_resources": {"listeners": [listener()] if listeners is None else listeners, "clusters": list(clusters)},
        **fields,
    }


def relay_to(port, **fields):
    """The shortest useful one: a listener in front of one origin. `fields` go to tcp_proxy."""
    return bootstrap([listener(filters=[tcp_proxy(**fields)])], [cluster(endpoints=[port])])
