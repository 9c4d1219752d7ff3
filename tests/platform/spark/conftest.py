"""Spark's cluster for tests, beside the session's Kafka, with a database of its own."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from flead.settings import Settings
from flead.storage.server.embedded_postgres import EmbeddedPostgres
from flead.storage.server.store import Store, served_store
from tests.platform_fixtures import platform_settings, require_platform


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a master and a worker that run, and of a database server, empty."""
    require_platform()
    if importlib.util.find_spec("pyspark") is None:
        pytest.fail("pyspark is not installed") if os.environ.get("CI") else pytest.skip("pyspark is not installed")
    from flead.stack import down, up

    settings = platform_settings(tmp_path_factory.mktemp("spark"), evaluation_seconds=1)
    password = settings.database_password.get_secret_value()
    with EmbeddedPostgres(tmp_path_factory.mktemp("audited"), 0, password, durable=False) as server:
        settings = settings.model_copy(update={"database_port": server.connection()["port"]})
        try:
            up(settings, ["spark-worker"])
            yield settings
        finally:
            down(settings)


@pytest.fixture
def audited(cluster: Settings, topics: Settings) -> Settings:
    """The settings of Spark, of Kafka with empty topics, and of a database without tables."""
    settings = cluster.model_copy(update={"kafka": topics.kafka_servers})
    with store_of(settings).connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return settings


def store_of(settings: Settings) -> Store:
    return served_store(settings)


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with store_of(settings).connect() as connection:
        return connection.execute(query.encode()).fetchall()


@contextmanager
def running(settings: Settings, log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """``flead service ...`` as a process of its own; stopped with the block, its log shown if that failed."""
    from flead.stack.services import environment

    command = [sys.executable, "-m", "flead", "service", *arguments]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, env=os.environ | environment(settings), stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield process
    except BaseException:
        sys.stderr.write(log.read_text(errors="replace")[-6000:])
        raise
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL, to the process and its Java at once."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


def send(settings: Settings, topic: str, messages: list[tuple[int, bytes, int]]) -> None:
    """(partition, value, time of arrival in milliseconds) to a topic, in this order, in one transaction."""
    from confluent_kafka import Producer

    producer = Producer({
        "bootstrap.servers": settings.kafka_servers, "transactional.id": f"test-{topic}", "linger.ms": 50,
        "queue.buffering.max.messages": 500_000,
    })  # fmt: skip
    producer.init_transactions(60)
    producer.begin_transaction()
    for partition, value, time in messages:
        producer.produce(topic, value=value, key=str(time), partition=partition, timestamp=time)
        producer.poll(0)
    producer.commit_transaction(60)


def let_senders_say_when(settings: Settings, *topics: str) -> None:
    """Messages on these topics have arrived when their sender says."""
    from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    admin = AdminClient({"bootstrap.servers": settings.kafka_servers})
    entry = ConfigEntry("message.timestamp.type", "CreateTime", incremental_operation=AlterConfigOpType.SET)
    resources = [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry]) for topic in topics]
    for done in admin.incremental_alter_configs(resources).values():
        done.result(60)
