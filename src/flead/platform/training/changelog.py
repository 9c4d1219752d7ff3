"""What a partition's shard continues from: its snapshots, in the same partition of a compacted topic.

A snapshot is written in the transaction that commits the offset at which it was taken, so that both are there or
neither. Its parts are those of :mod:`flead.shard.state`, in pieces that fit into a message; only what has changed is
written, and compaction keeps the newest of each. The last message of a snapshot is the offset.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from flead.bus.clients import consumer_options
from flead.platform.training.saved import FORM
from flead.topics import TRAINING_STATE

PIECE = 512 << 10
"""Bytes of a message's value; brokers take a megabyte."""
OFFSET = "offset"
DEADLINE_SECONDS = 60.0


class Saved(NamedTuple):
    """A snapshot: the offset of the first reading that is not in it, and its parts."""

    offset: int
    parts: dict[str, bytes]


def messages(partition: int, saved: Saved) -> Iterator[dict[str, Any]]:
    """The arguments of ``produce`` for what has changed since the last snapshot."""
    for name, part in saved.parts.items():
        pieces = [part[start : start + PIECE] for start in range(0, len(part), PIECE)] or [b""]
        for number, piece in enumerate(pieces):
            yield _message(partition, f"{name}#{number}", piece, {"pieces": str(len(pieces))})
    yield _message(partition, OFFSET, str(saved.offset).encode(), {})


def read(options: Mapping[str, str], partition: int, offset: int) -> Saved:
    """The newest snapshot of a partition. It was taken at ``offset``: what shows an earlier one is read again.

    KafkaException where the topic cannot be read, or where there is no such snapshot.
    """
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        saved = _read(options, partition)
        if saved.offset >= offset:
            return saved
        # The offset's commit is visible a moment before that of the snapshot.
        time.sleep(0.1)
    raise KafkaException(
        KafkaError(KafkaError._STATE, f"{TRAINING_STATE} has no snapshot of partition {partition} at offset {offset}")
    )


def _message(partition: int, name: str, value: bytes, headers: dict[str, str]) -> dict[str, Any]:
    key = f"{FORM}/{name}"
    return {"topic": TRAINING_STATE, "partition": partition, "key": key, "value": value, "headers": headers}


def _read(options: Mapping[str, str], partition: int) -> Saved:
    offset, pieces, counts = -1, dict[tuple[str, int], bytes](), dict[str, int]()
    for key, value, headers in _entries(options, partition):
        form, _, name = key.partition("/")
        if form != str(FORM):
            continue
        if name == OFFSET:
            offset = int(value)
            continue
        part, _, number = name.rpartition("#")
        pieces[part, int(number)] = value
        if number == "0":
            counts[part] = int(headers["pieces"])
    return Saved(
        offset,
        {part: b"".join(pieces[part, number] for number in range(count)) for part, count in counts.items()},
    )


def _entries(options: Mapping[str, str], partition: int) -> Iterator[tuple[str, bytes, dict[str, bytes]]]:
    consumer = Consumer(consumer_options(options, "training-state", {"enable.partition.eof": True}))
    try:
        consumer.assign([TopicPartition(TRAINING_STATE, partition, OFFSET_BEGINNING)])
        while True:
            message = consumer.poll(DEADLINE_SECONDS)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
            error = message.error()
            if error is None:
                yield (message.key() or b"").decode(), message.value() or b"", dict(message.headers() or [])
            elif error.code() == KafkaError._PARTITION_EOF:
                return
            elif not error.retriable():
                raise KafkaException(error)
    finally:
        consumer.close()
