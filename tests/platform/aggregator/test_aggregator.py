"""The aggregator on real Kafka: every round once, nothing lost when it is replaced or restarted."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from flead.federation.rounds import Rounds
from flead.learning.zscore.learner import ZScore
from flead.records import LocalUpdate
from flead.settings import Settings
from tests.federation.test_rounds import update
from tests.platform_fixtures import eventually, in_a_thread, messages_of, require_platform

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


@contextmanager
def aggregating(settings: Settings) -> Iterator[Any]:
    """An aggregator at work in a thread; ends with the block, and raises what it raised."""
    from flead.bus.service import Service
    from flead.platform.aggregator.service import Aggregator

    service = Service("aggregator")
    aggregator = Aggregator(settings, Rounds("fedbuff", 20, ZScore.misfit), service)
    with in_a_thread(service, aggregator.run):
        yield aggregator


def send(settings: Settings, values: list[bytes]) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": settings.kafka_servers, "enable.idempotence": True})
    for value in values:
        producer.produce("local-model-updates", value=value, key=str(hash(value)))
    assert producer.flush(30) == 0


def encoded(updates: list[LocalUpdate]) -> list[bytes]:
    return [msgspec.json.encode(each) for each in updates]


def versions(settings: Settings) -> list[int]:
    return [json.loads(message.value())["version"] for message in messages_of(settings, "global-model-updates")]


def test_rounds_survive_restarts_and_bad_messages(topics: Settings) -> None:
    require_platform()
    good = encoded([update(device) for device in range(30)])
    bad = [b"", b"{", b'{"device_id": "x"}', *encoded([update(99, parameters={"bias": [1.0]})])]
    with aggregating(topics):
        send(topics, good[:15] + bad + good[15:])
        eventually(lambda: versions(topics) == [1])
    # Ten devices were in the buffer when it stopped; ten more complete the next round.
    with aggregating(topics) as aggregator:
        send(topics, encoded([update(device) for device in range(30, 40)]))
        eventually(lambda: versions(topics) == [1, 2])
        assert aggregator.rounds.version == 2
    models = [json.loads(message.value()) for message in messages_of(topics, "global-model-updates")]
    assert [model["num_devices"] for model in models] == [20, 20]
    letters = messages_of(topics, "dead-letters")
    assert sorted(message.value() or b"" for message in letters) == sorted(bad)
    for message in letters:
        headers = {name: value.decode() for name, value in message.headers()}
        assert headers["topic"] == "local-model-updates"
        assert headers["reason"]


def test_a_second_aggregator_fences_the_first(topics: Settings) -> None:
    require_platform()
    from flead.platform.aggregator.service import FencedError

    with pytest.raises(FencedError):
        _second_takes_over(topics)
    made = versions(topics)
    assert made == list(range(1, len(made) + 1))


def _second_takes_over(topics: Settings) -> None:
    with aggregating(topics) as first:
        eventually(lambda: first.ready)
        with aggregating(topics) as second:
            eventually(lambda: second.ready)
            # Only one may make a round: the first, which still reads some partitions, is fenced when it tries.
            send(topics, encoded([update(device) for device in range(200)]))
            eventually(lambda: first.ended)


def test_a_rollback_is_the_next_version_and_is_made_once(topics: Settings) -> None:
    require_platform()
    from flead.bus.control import ask_for_rollback

    def made() -> list[tuple[int, int | None]]:
        models = [json.loads(message.value()) for message in messages_of(topics, "global-model-updates")]
        return [(model["version"], model.get("restored_version")) for model in models]

    with aggregating(topics):
        send(topics, encoded([update(device) for device in range(50)]))
        eventually(lambda: made() == [(1, None), (2, None)])
        ask_for_rollback(topics, 1)
        ask_for_rollback(topics, 99)
        eventually(lambda: made() == [(1, None), (2, None), (3, 1)])
    # Neither the request nor the ten updates that were buffered before it are taken again.
    with aggregating(topics) as aggregator:
        eventually(lambda: aggregator.ready)
        send(topics, encoded([update(device) for device in range(15)]))
        send(topics, encoded([update(device) for device in range(15, 20)]))
        eventually(lambda: len(made()) == 4)
    assert made() == [(1, None), (2, None), (3, 1), (4, None)]
    models = [json.loads(message.value()) for message in messages_of(topics, "global-model-updates")]
    assert models[2]["parameters"] == models[0]["parameters"]
    (letter,) = messages_of(topics, "dead-letters")
    assert dict(letter.headers())["reason"] == b"there is no global model 99 to roll back to"
