"""Four real brokers: what is written is kept and found, whichever broker is killed."""

import time
import uuid
from pathlib import Path

import psutil
import pytest

from flead.settings import Settings
from flead.stack import status, up
from tests.platform_fixtures import BROKERS, eventually, require_platform

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]


@pytest.fixture(autouse=True)
def _installed() -> None:
    require_platform()


def write(settings: Settings, topic: str, values: list[bytes], seconds: float = 60) -> None:
    """Every value to a partition in turn, and wait until all copies that must have it have it."""
    from confluent_kafka import Producer

    producer = Producer(
        {"bootstrap.servers": settings.kafka_servers, "enable.idempotence": True, "acks": "all", "log_level": 0}
    )
    failed: list[object] = []
    for number, value in enumerate(values):
        producer.produce(
            topic,
            value=value,
            partition=number % settings.partitions,
            on_delivery=lambda error, message: failed.append(error) if error else None,
        )
    assert producer.flush(seconds) == 0
    assert failed == []


def read(settings: Settings, topic: str, count: int, seconds: float = 60) -> list[bytes]:
    """The first ``count`` committed values of all partitions, or fewer if they do not come in time."""
    from confluent_kafka import Consumer

    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_servers,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "log_level": 0,
        }
    )
    consumer.subscribe([topic])
    found: list[bytes] = []
    deadline = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < deadline:
        messages = consumer.consume(count - len(found), 0.5)
        found += [message.value() for message in messages if message.error() is None]
    consumer.close()
    return found


def test_topics_are_placed_as_they_must_be_and_repaired(topics: Settings) -> None:
    from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

    from flead.bus.topics import TopicError, ensure
    from flead.bus.topics import topics as wanted
    from flead.topics import READINGS

    admin = AdminClient({"bootstrap.servers": topics.kafka_servers})
    partitions = admin.list_topics(READINGS, timeout=30).topics[READINGS].partitions
    assert {number: found.replicas[0] for number, found in partitions.items()} == {p: p % 4 + 1 for p in range(16)}
    assert all(len(found.replicas) == 3 for found in partitions.values())
    assert ensure(admin, wanted(topics)) == []

    entry = ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)
    changed = ConfigResource(ResourceType.TOPIC, READINGS, incremental_configs=[entry])
    for done in admin.incremental_alter_configs([changed]).values():
        done.result(30)
    assert ensure(admin, wanted(topics)) == [f"{READINGS}: retention.ms was 1000, is 86400000"]
    assert ensure(admin, wanted(topics)) == []

    with pytest.raises(TopicError, match=f"topic {READINGS} has its partitions on brokers"):
        ensure(admin, wanted(topics.model_copy(update={"partitions": 8})))


def test_a_killed_broker_is_started_again_and_nothing_is_lost(topics: Settings) -> None:
    from flead.topics import READINGS

    before, during = ([f"{when} {n}".encode() for n in range(500)] for when in ("before", "during"))
    write(topics, READINGS, before)
    victim = next(found for found in status(topics) if found.name == "kafka-2")
    psutil.Process(victim.pid).kill()
    write(topics, READINGS, during)
    assert sorted(read(topics, READINGS, 1000)) == sorted(before + during)

    def back() -> bool:
        now = next(found for found in status(topics) if found.name == "kafka-2")
        return now.state == "ready" and now.restarts == victim.restarts + 1 and now.pid != victim.pid

    eventually(back)


def test_up_twice_says_that_it_is_up(kafka: Settings) -> None:
    before = {found.name: found.pid for found in status(kafka)}
    assert up(kafka, BROKERS) is False
    assert {found.name: found.pid for found in status(kafka)} == before


def test_brokers_listen_on_the_loopback_interface_only(kafka: Settings) -> None:
    pids = {found.pid for found in status(kafka) if found.name in BROKERS}
    connections = psutil.net_connections("tcp")
    listening = [found.laddr for found in connections if found.pid in pids and found.status == "LISTEN" if found.laddr]
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    assert {kafka.kafka_port + n for n in range(4)} <= {address.port for address in listening}


def test_what_a_broker_writes_stays_in_its_directory(kafka: Settings) -> None:
    for node in range(1, 5):
        assert (Path(kafka.data_dir) / "platform" / "kafka" / f"broker-{node}" / "data" / "meta.properties").exists()
