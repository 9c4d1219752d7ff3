"""The topics: their partitions, which broker leads each, and how long records are kept.

``python -m flead.bus.topics`` creates missing topics and corrects differing settings; run again, it does nothing.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicDescription,
)

from flead import settings
from flead.bus.clients import kafka_options
from flead.errors import FleadError
from flead.settings.engines import Engine
from flead.settings.kafka import KafkaSettings
from flead.topics import (
    AGENTS,
    ANOMALIES,
    CONTROL,
    DEAD_LETTERS,
    GLOBAL_MODELS,
    LOCAL_UPDATES,
    READINGS,
    TRAINING_STATE,
)

SECONDS = 60.0
"""Timeout of an operation, once Kafka responds."""
HOUR = 3_600_000
DAY = 24 * HOUR
STATE_SEGMENT = 16 << 20
"""Bytes: only full segments are compacted, and the shards' whole state is written every few seconds."""


class TopicError(FleadError):
    """A topic that is not as required and cannot be changed: which, how it differs, and what to do."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What a topic has to look like."""

    name: str
    leaders: Sequence[Sequence[int]]
    """Replicas of each partition by broker; the first is the preferred leader."""
    config: dict[str, str]


def topics(settings: KafkaSettings, engine: Engine = "flink") -> list[Topic]:
    """The topics on this many brokers; ``engine`` is what trains.

    Readings are kept for a day and their results for a week, counted from the arrival of a message: its own
    time may be that of a recording, or of a wrong clock. Kafka deletes whole segments, so a segment is short
    compared with the retention time. Global models are compacted, and so kept for ever.
    """
    devices = _placed(settings.partitions, settings.brokers)
    each_once = _placed(settings.brokers, settings.brokers)
    state = {"cleanup.policy": "compact", "segment.bytes": str(STATE_SEGMENT), "segment.ms": str(HOUR // 6)}
    of_the_engine = [Topic(TRAINING_STATE, devices, _config(settings) | state)] if engine == "kafka" else []
    week = {"retention.ms": str(7 * DAY), "segment.ms": str(6 * HOUR)}
    return [
        Topic(READINGS, devices, _config(settings) | {"retention.ms": str(DAY), "segment.ms": str(HOUR)}),
        Topic(ANOMALIES, each_once, _config(settings) | week),
        Topic(LOCAL_UPDATES, each_once, _config(settings) | week),
        Topic(GLOBAL_MODELS, _placed(1, settings.brokers), _config(settings) | {"cleanup.policy": "compact"}),
        Topic(DEAD_LETTERS, each_once, _config(settings) | week),
        Topic(CONTROL, _placed(1, settings.brokers), _config(settings) | week),
        Topic(AGENTS, _placed(1, settings.brokers), _config(settings) | {"cleanup.policy": "compact"}),
        *of_the_engine,
    ]


def ensure(admin: AdminClient, wanted: Sequence[Topic]) -> list[str]:
    """Create missing topics and correct differing settings; yields a line about each change.

    Raises TopicError if a topic's partitions differ from the settings: moving them would move devices.
    """
    done = []
    for topic in wanted:
        places = [list(place) for place in topic.leaders]
        new = NewTopic(topic.name, len(places), replica_assignment=places, config=topic.config)
        try:
            _result(admin.create_topics([new]))
            done.append(f"{topic.name}: created, partitions: {len(topic.leaders)}")
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            _compare_partitions(admin, topic)
            done += _repair_config(admin, topic)
    return done


def _placed(partitions: int, brokers: int) -> list[list[int]]:
    """Partition p is led by broker ``p % brokers + 1`` and copied to those after it."""
    copies = min(3, brokers)
    return [[(partition + copy) % brokers + 1 for copy in range(copies)] for partition in range(partitions)]


def _config(settings: KafkaSettings) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "min.insync.replicas": str(max(1, min(3, settings.brokers) - 1)),
        "unclean.leader.election.enable": "false",
        "message.timestamp.type": "LogAppendTime",
    }


def _compare_partitions(admin: AdminClient, topic: Topic) -> None:
    description: TopicDescription = _result(admin.describe_topics(TopicCollection([topic.name])))
    partitions = sorted(description.partitions, key=lambda partition: partition.id)
    found = [[replica.id for replica in partition.replicas] for partition in partitions]
    if found != [list(place) for place in topic.leaders]:
        raise TopicError(
            f"topic {topic.name} has its partitions on brokers {found}, but these settings require"
            f" {list(topic.leaders)}: restore the former partitions and brokers, or delete the topic with its records"
        )


def _repair_config(admin: AdminClient, topic: Topic) -> list[str]:
    resource = ConfigResource(ResourceType.TOPIC, topic.name)
    found = _result(admin.describe_configs([resource]))
    wrong = {name: value for name, value in topic.config.items() if found[name].value != value}
    if not wrong:
        return []
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in wrong.items()]
    _result(
        admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)])
    )
    return [f"{topic.name}: {name} was {found[name].value}, is {value}" for name, value in wrong.items()]


def _result(futures: dict[Any, Future[Any]]) -> Any:
    """The single result of an admin call about a single resource."""
    (future,) = futures.values()
    return future.result(SECONDS)


def main() -> None:
    """Create and repair the topics of these settings."""
    chosen, _ = settings.load()
    admin = AdminClient(kafka_options(chosen))
    try:
        done = ensure(admin, topics(chosen, chosen.engine))
    except KafkaException as error:
        raise TopicError(f"cannot set up the topics on {chosen.kafka_servers}: {error.args[0].str()}") from None
    for line in done or ["all topics are as required"]:
        print(line)  # noqa: T201 - the log of this command


if __name__ == "__main__":
    try:
        main()
    except FleadError as error:
        sys.exit(str(error))
