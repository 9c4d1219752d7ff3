"""Snapshots in a compacted topic, on a real broker: as they were written, the newest of each part, and no others'."""

from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient

from flead.bus.clients import kafka_options
from flead.bus.topics import ensure, topics
from flead.platform.training import changelog
from flead.platform.training.changelog import PIECE, Saved
from flead.platform.training.saved import FORM
from flead.settings import Settings
from flead.topics import TRAINING_STATE
from tests.platform_fixtures import eventually

pytestmark = pytest.mark.real


@pytest.fixture
def settings(kafka: Settings) -> Settings:
    """Those of a cluster with an empty topic for snapshots."""
    admin = AdminClient(kafka_options(kafka))
    if TRAINING_STATE in admin.list_topics(timeout=30).topics:
        admin.delete_topics([TRAINING_STATE])[TRAINING_STATE].result(60)

    def created() -> bool:
        try:
            ensure(admin, topics(kafka, "kafka"))
            return True
        except KafkaException:  # the former one is still being deleted
            return False

    eventually(created)
    return kafka


def write(settings: Settings, messages: list[dict[str, Any]]) -> None:
    producer = Producer(kafka_options(settings))
    for message in messages:
        producer.produce(**message)
    assert producer.flush(60) == 0


def test_the_newest_of_each_part_comes_back_in_one_piece(settings: Settings) -> None:
    large = bytes(range(256)) * 5_000  # three pieces, in the second snapshot one
    write(settings, list(changelog.messages(2, Saved(10, {"header": b"one", "block/0": large, "block/1": b""}))))
    write(settings, list(changelog.messages(3, Saved(99, {"header": b"another partition's"}))))
    options = kafka_options(settings)
    assert PIECE * 2 < len(large) < PIECE * 3
    assert changelog.read(options, 2, 10) == Saved(10, {"header": b"one", "block/0": large, "block/1": b""})
    write(settings, list(changelog.messages(2, Saved(20, {"header": b"two", "block/0": b"small"}))))
    assert changelog.read(options, 2, 10) == Saved(20, {"header": b"two", "block/0": b"small", "block/1": b""})


def test_a_snapshot_that_is_not_there_is_an_error_and_not_an_empty_state(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelog, "DEADLINE_SECONDS", 3.0)
    foreign = {"topic": TRAINING_STATE, "partition": 0, "key": f"{FORM + 1}/offset", "value": b"70", "headers": {}}
    write(settings, [foreign, *changelog.messages(0, Saved(5, {"header": b"x"}))])
    assert changelog.read(kafka_options(settings), 0, 5).offset == 5
    with pytest.raises(KafkaException, match="no snapshot of partition 0 at offset 6"):
        changelog.read(kafka_options(settings), 0, 6)
