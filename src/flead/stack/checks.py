"""Whether a service is ready: each check asks the service itself, and answers within seconds.

A check is given the time at which the service's present process was started, in seconds since the epoch: reports about
an earlier process do not count.
"""

import json
import socket
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

Check = Callable[[float], bool]

HOST = "127.0.0.1"
PATIENCE = 3.0
"""Timeout of a check, in seconds."""


def ended(since: float) -> bool:
    """The check of a service that is ready once its command has succeeded: never while it runs."""
    del since
    return False


def healthy(port: int) -> Check:
    """A service whose ``/healthz`` answers 200."""
    return lambda since: _get(port, "/healthz") is not None


def answers(port: int, path: str) -> Check:
    """A server that answers 200 to this path."""
    return lambda since: _get(port, path) is not None


def listens(port: int) -> Check:
    """A server that accepts connections."""
    return lambda since: _listens(port)


def jobmanager(port: int) -> Check:
    """Flink's REST API answers."""
    return answers(port, "/overview")


def taskmanager(port: int) -> Check:
    """A TaskManager is registered, and has sent a heartbeat since this one was started."""

    def check(since: float) -> bool:
        answer = _get(port, "/taskmanagers")
        known = json.loads(answer)["taskmanagers"] if answer else []
        return any(found["timeSinceLastHeartbeat"] > since * 1000 for found in known)

    return check


def spark_master(port: int) -> Check:
    """Spark's master answers on its page."""
    return lambda since: _get(port, "/json/") is not None


def spark_worker(master_port: int) -> Check:
    """A worker is alive, and has sent Spark's master a heartbeat since this one was started."""

    def check(since: float) -> bool:
        answer = _get(master_port, "/json/")
        known = json.loads(answer)["workers"] if answer else []
        return any(found["state"] == "ALIVE" and found["lastheartbeat"] > since * 1000 for found in known)

    return check


def broker(port: int, node: int) -> Check:
    """A broker answers and lists itself among the live brokers."""

    def check(since: float) -> bool:
        del since
        if not _listens(port):
            return False
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        client = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0, "error_cb": lambda error: None})
        with suppress(KafkaException):
            return node in client.list_topics(timeout=PATIENCE).brokers
        return False

    return check


def database(conninfo: Mapping[str, Any]) -> Check:
    """Postgres accepts our login."""

    def check(since: float) -> bool:
        del since
        if not _listens(conninfo["port"]):
            return False
        import psycopg

        try:
            psycopg.connect(**{**conninfo, "connect_timeout": int(PATIENCE)}).close()
        except psycopg.OperationalError:
            return False
        return True

    return check


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), PATIENCE).close()
    except OSError:
        return False
    return True


def _get(port: int, path: str) -> bytes | None:
    """The body if this address answers 200; None otherwise."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=PATIENCE) as answer:
            return bytes(answer.read())
    except (OSError, ValueError):
        return None
