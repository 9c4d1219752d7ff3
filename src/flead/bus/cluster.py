"""Kafka's present state: topics, partitions, leaders, offsets, consumers and their lag, and single messages."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from msgspec import Struct

from flead.bus.clients import consumer_options
from flead.errors import FleadError

Answer = TypeVar("Answer")
Options = dict[str, str]
"""A client's, see :mod:`flead.bus.clients`."""

SECONDS = 5.0
"""Timeout of each request; an unreachable broker must not hold up a page."""
MOST_BYTES = 2000
"""Bytes of a message that are shown."""
MOST_GROUPS = 50


class Broker(Struct):
    """A broker that responds."""

    id: int
    address: str
    is_controller: bool
    leads: int
    """Partitions that it leads."""


class Partition(Struct):
    """One partition; ``leader`` is None while it has none."""

    partition: int
    leader: int | None
    replicas: list[int]
    in_sync: list[int]
    first: int
    """Offset of the oldest message that is kept."""
    end: int
    """Offset of the next message."""


class TopicView(Struct):
    """One topic. ``messages`` counts offsets: compaction and transactions leave some of them empty."""

    name: str
    messages: int
    out_of_sync: int
    """Partitions that lack a replica, or a leader."""
    partitions: list[Partition]


class Lag(Struct):
    """How far a group of consumers is behind on a topic, by what it has committed."""

    group: str
    topic: str
    committed: int
    lag: int


class Cluster(Struct):
    """All of the above at one moment."""

    brokers: list[Broker]
    topics: list[TopicView]
    lags: list[Lag]


class Glimpse(Struct):
    """A message, cut to ``MOST_BYTES``: its text or, where the bytes are no UTF-8, these in hex."""

    partition: int
    offset: int
    timestamp: int
    key: str | None
    text: str | None
    hex: str | None
    size: int
    headers: dict[str, str]


def look(options: Options) -> Cluster:
    """The present state of the cluster. FleadError if it does not respond."""
    return _guarded(options, lambda: _look(AdminClient({**options, "log_level": 0})))


def newest_messages(options: Options, topic: str, partition: int, limit: int) -> list[Glimpse]:
    """The newest messages of a partition, newest first, also those of transactions that were not committed.

    FleadError if there is no such partition or Kafka does not answer.
    """
    return _guarded(options, lambda: _newest(options, topic, partition, limit))


def _guarded(options: Options, ask: Callable[[], Answer]) -> Answer:
    servers = options["bootstrap.servers"]
    try:
        return ask()
    except KafkaException as error:
        raise FleadError(f"Kafka at {servers} does not respond as expected: {error.args[0].str()}") from None
    except TimeoutError:
        raise FleadError(f"Kafka at {servers} does not respond") from None


def _look(admin: AdminClient) -> Cluster:
    found = admin.list_topics(timeout=SECONDS)
    topics = {name: topic for name, topic in sorted(found.topics.items()) if not name.startswith("__")}
    places = [TopicPartition(name, number) for name, topic in topics.items() for number in topic.partitions]
    first = _offsets(admin, places, OffsetSpec.earliest())
    end = _offsets(admin, places, OffsetSpec.latest())
    views = [_topic(name, topic, first, end) for name, topic in topics.items()]
    leaders = [partition.leader for view in views for partition in view.partitions]
    brokers = [
        Broker(node.id, f"{node.host}:{node.port}", node.id == found.controller_id, leaders.count(node.id))
        for node in sorted(found.brokers.values(), key=lambda node: node.id)
    ]
    return Cluster(brokers, views, _lags(admin, end))


def _topic(name: str, topic: Any, first: dict[Any, int], end: dict[Any, int]) -> TopicView:
    partitions = [
        Partition(
            number,
            one.leader if one.leader >= 0 else None,
            list(one.replicas),
            list(one.isrs),
            first.get((name, number), 0),
            end.get((name, number), 0),
        )
        for number, one in sorted(topic.partitions.items())
    ]
    lacking = sum(len(one.in_sync) < len(one.replicas) or one.leader is None for one in partitions)
    return TopicView(name, sum(one.end - one.first for one in partitions), lacking, partitions)


def _offsets(admin: AdminClient, places: list[TopicPartition], which: OffsetSpec) -> dict[tuple[str, int], int]:
    asked = admin.list_offsets(dict.fromkeys(places, which), request_timeout=SECONDS) if places else {}
    found = {}
    for place, future in asked.items():
        try:
            found[place.topic, place.partition] = future.result(SECONDS).offset
        except KafkaException:  # a partition without a leader has no offsets
            continue
    return found


def _lags(admin: AdminClient, end: dict[tuple[str, int], int]) -> list[Lag]:
    groups = [group.group_id for group in admin.list_consumer_groups(request_timeout=SECONDS).result(SECONDS).valid]
    lags = []
    for group in sorted(groups)[:MOST_GROUPS]:
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=SECONDS)
        committed = [place for place in asked[group].result(SECONDS).topic_partitions if place.offset >= 0]
        for topic in sorted({place.topic for place in committed}):
            own = [place for place in committed if place.topic == topic]
            behind = sum(max(end.get((topic, place.partition), place.offset) - place.offset, 0) for place in own)
            lags.append(Lag(group, topic, sum(place.offset for place in own), behind))
    return lags


def _newest(options: Options, topic: str, partition: int, limit: int) -> list[Glimpse]:
    more = {
        "auto.offset.reset": "latest",
        "enable.partition.eof": True,
        "isolation.level": "read_uncommitted",
        "fetch.message.max.bytes": 1_000_000,
        "log_level": 0,
    }
    consumer = Consumer(consumer_options(options, "flead-viewer", more))
    try:
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), SECONDS)
        consumer.assign([TopicPartition(topic, partition, max(first, end - limit))])
        found: list[Glimpse] = []
        deadline = time.monotonic() + SECONDS
        while len(found) < limit and time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            error = message.error()
            if error is None:
                found.append(_glimpse(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                break
            else:
                raise KafkaException(error)
        return found[::-1]
    finally:
        consumer.close()


def _glimpse(message: Message) -> Glimpse:
    value, key = message.value() or b"", message.key()
    shown = value[:MOST_BYTES]
    try:
        text, raw = shown.decode(errors="strict" if len(value) <= MOST_BYTES else "ignore"), None
    except UnicodeDecodeError:
        text, raw = None, shown.hex(" ")
    headers = {name: (content or b"")[:200].decode(errors="replace") for name, content in message.headers() or []}
    return Glimpse(
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
        None if key is None else key[:200].decode(errors="replace"),
        text,
        raw,
        len(value),
        headers,
    )
