"""The training as a consumer group of Kafka: a shard for each partition, no Flink, each reading learnt exactly once.

How it stays exact, whatever is killed:

1. A member reads its partitions (``read_committed``). Every ``TRANSACTION_SECONDS`` it commits a transaction with what
   its shards have said and with the offsets that it has read.
2. Every ``SNAPSHOT_SECONDS`` the shards adopt the newest global model, and then what has changed of their state goes
   into that transaction, too: see :mod:`flead.platform.training.changelog`. The offset of a partition's newest snapshot
   is committed beside the partition's own.
3. Whoever gets a partition takes up its newest snapshot and reads on from there. Up to the committed offset, what the
   shard says has been said before, and is dropped. It says the same again, since its output does not depend on how its
   readings are cut into batches, and since no global model is adopted between two snapshots.

A member that fails begins anew from what is committed. One whose partitions have gone to another member cannot commit:
its transaction names the generation of the group that it belonged to (KIP-447).
"""

import gc
import logging
import socket
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from prometheus_client import Counter, Gauge

from flead.bus.clients import consumer_options, kafka_options
from flead.bus.dead_letters import letter
from flead.bus.health import HEALTHY, STARTING, waiting_for
from flead.bus.service import Service
from flead.codec.encode import encode_messages
from flead.platform.training import changelog
from flead.platform.training.changelog import Saved
from flead.platform.training.partition import Partition
from flead.platform.training.saved import FORM
from flead.records import Anomaly, LocalUpdate
from flead.settings import Settings
from flead.topics import ANOMALIES, GLOBAL_MODELS, LOCAL_UPDATES, READINGS

log = logging.getLogger("flead")

GROUP = "shards"
TRANSACTION_SECONDS = 0.25
SNAPSHOT_SECONDS = 5.0
POLL_SECONDS = 0.05
BATCH = 20_000
"""Messages that are taken at once."""
DEADLINE_SECONDS = 30.0
PATIENCE_SECONDS = 2.0
"""Seconds until a member that failed begins anew."""
NO_SNAPSHOT = -1
MARKERS = 50
"""Offsets before the end of the global models' topic at which the newest is surely found: transactions take some."""


class Progress:
    """A partition's shard and how far it is."""

    def __init__(self, partition: Partition, snapshot: int, committed: int) -> None:
        self.partition = partition
        self.snapshot = snapshot
        """The offset of its newest snapshot."""
        self.said = committed
        """Up to this offset all that it says has been said."""
        self.offset = max(snapshot, 0)
        """The offset of the next reading."""

    @property
    def is_new(self) -> bool:
        """Whether what it says has not been said yet."""
        return self.offset >= self.said


class Member:
    """One member of the group, from the moment that it joins until it fails or leaves."""

    def __init__(self, settings: Settings, service: Service) -> None:
        self._settings = settings
        self._service = service
        self._options = kafka_options(settings)
        self._progress: dict[int, Progress] = {}
        self._newest: bytes | None = None
        """The newest global model."""
        self._open = False
        """Whether a transaction has begun."""
        self._committed = self._saved = time.monotonic()
        # A member that comes again has its partitions at once, and ends the transaction that it left.
        self._name = f"flead-training-{socket.gethostname()}-{settings.training_port}"
        self._producer = Producer(
            self._options
            | {
                "transactional.id": self._name,
                "transaction.timeout.ms": int(DEADLINE_SECONDS * 1000),
                "compression.type": "zstd",
                "linger.ms": 5,
                "queue.buffering.max.messages": 500_000,
                "partitioner": "murmur2_random",  # as Flink's sink and every other Java client
            }
        )
        self._readings = Consumer(
            consumer_options(
                self._options,
                GROUP,
                {
                    "error_cb": self._on_error,
                    "group.instance.id": self._name,
                    "session.timeout.ms": 30_000,
                    "fetch.wait.max.ms": 100,
                    "queued.max.messages.kbytes": 64 << 10,
                    "max.partition.fetch.bytes": 4 << 20,
                },
            )
        )
        self._models = Consumer(consumer_options(self._options, f"{GROUP}-models"))

    def work(self, learnt: Counter, lag: Gauge) -> None:
        """Learn until the service is stopped; KafkaException where the member cannot go on."""
        self._producer.init_transactions(DEADLINE_SECONDS)
        _, end = self._models.get_watermark_offsets(TopicPartition(GLOBAL_MODELS, 0), DEADLINE_SECONDS)
        self._models.assign([TopicPartition(GLOBAL_MODELS, 0, max(0, end - MARKERS))])
        self._readings.subscribe([READINGS], on_assign=self._take_up, on_revoke=self._hand_over, on_lost=self._lose)
        while not self._service.stopping.is_set():
            self._hear_of_models()
            for number, messages in self._next().items():
                learnt.inc(self._learn(number, messages))
            now = time.monotonic()
            if now - self._saved >= SNAPSHOT_SECONDS:
                self._save(self._progress)
            if now - self._committed >= TRANSACTION_SECONDS:
                self._commit()
                lag.set(sum(not progress.is_new for progress in self._progress.values()))
        self._save(self._progress)
        self._commit()

    def close(self) -> None:
        """Leave Kafka. What is not committed is dropped."""
        self._progress.clear()
        if self._open:
            with suppress(KafkaException):
                self._producer.abort_transaction(DEADLINE_SECONDS)
        for consumer in self._readings, self._models:
            consumer.close()
        self._producer.close()

    def _next(self) -> dict[int, list[Message]]:
        """What has come, by partition."""
        found: defaultdict[int, list[Message]] = defaultdict(list)
        for message in self._readings.consume(BATCH, POLL_SECONDS):
            error = message.error()
            if error is None:
                found[message.partition()].append(message)
            elif error.fatal() or not error.retriable():
                raise KafkaException(error)
            else:
                log.warning("training: %s", error)
        return found

    def _learn(self, number: int, messages: list[Message]) -> int:
        """Hand messages of a partition to its shard; returns how many were new."""
        progress = self._progress[number]
        said = [message for message in messages if message.offset() < progress.said]
        new = messages[len(said) :]
        if said:
            progress.partition.judge([message.value() or b"" for message in said])
        progress.offset = messages[-1].offset() + 1
        if not new:
            return 0
        judged = progress.partition.judge([message.value() or b"" for message in new])
        self._produce(ANOMALIES, judged.anomalies)
        self._produce(LOCAL_UPDATES, judged.updates)
        self._send(letter(new[refused.message], refused.reason) | {"value": refused.raw} for refused in judged.refused)
        self._begin()
        return len(new)

    def _hear_of_models(self) -> None:
        for message in self._models.consume(MARKERS, 0):
            if message.error() is None and message.value():
                self._newest = message.value()

    def _save(self, which: Iterable[int]) -> None:
        """Let the shards of these partitions adopt the newest model, and put their state into the transaction."""
        self._saved = time.monotonic()
        for number in which:
            progress = self._progress[number]
            if not progress.is_new:
                continue  # adopting a model before all is said again would make it say something else
            if self._newest is not None:
                progress.partition.adopt_models([self._newest])
            self._send(changelog.messages(number, Saved(progress.offset, progress.partition.changed())))
            progress.snapshot = progress.offset

    def _commit(self) -> None:
        """End the transaction, and commit the offsets with it."""
        self._committed = time.monotonic()
        if not self._open:
            return
        offsets = [
            TopicPartition(READINGS, number, progress.offset, _note(progress.snapshot))
            for number, progress in self._progress.items()
            if progress.is_new
        ]
        self._producer.send_offsets_to_transaction(offsets, self._readings.consumer_group_metadata(), DEADLINE_SECONDS)
        self._producer.commit_transaction(DEADLINE_SECONDS)
        self._open = False
        self._service.health = HEALTHY

    def _take_up(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Continue from the newest snapshots of partitions that are this member's from now on."""
        for place in consumer.committed(partitions, DEADLINE_SECONDS):
            committed = max(place.offset, 0)
            snapshot = _noted(place.metadata)
            saved = (
                Saved(NO_SNAPSHOT, {}) if snapshot is None else changelog.read(self._options, place.partition, snapshot)
            )
            self._progress[place.partition] = Progress(Partition(self._settings, saved.parts), saved.offset, committed)
        consumer.assign([TopicPartition(READINGS, p.partition, self._progress[p.partition].offset) for p in partitions])
        self._service.health = HEALTHY
        log.info("training: partitions %s", ", ".join(str(number) for number in sorted(self._progress)) or "none")

    def _hand_over(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Save what goes to another member, so that it need not repeat anything."""
        del consumer
        self._save([place.partition for place in partitions if place.partition in self._progress])
        self._commit()
        self._forget(partitions)

    def _lose(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Another member has them already: what is not committed of them is not this one's to say."""
        del consumer
        self._forget(partitions)
        raise KafkaException(KafkaError(KafkaError._STATE, "the partitions went to another member"))

    def _forget(self, partitions: list[TopicPartition]) -> None:
        for place in partitions:
            self._progress.pop(place.partition, None)

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._service.health = waiting_for("Kafka", "no broker responds")

    def _produce(self, topic: str, records: Sequence[Anomaly | LocalUpdate]) -> None:
        values = encode_messages(records)
        self._send(
            {"topic": topic, "key": record.device_id, "value": value}
            for record, value in zip(records, values, strict=True)
        )

    def _send(self, messages: Iterable[dict[str, Any]]) -> None:
        for message in messages:
            self._begin()
            while True:
                try:
                    self._producer.produce(**message)
                    break
                except BufferError:
                    self._producer.poll(POLL_SECONDS)

    def _begin(self) -> None:
        if not self._open:
            self._producer.begin_transaction()
            self._open = True


def _note(snapshot: int) -> str:
    """What is committed beside an offset: the format of the snapshots, and the offset of the newest."""
    return f"{FORM} {snapshot}"


def _noted(note: str | None) -> int | None:
    """The offset of the newest snapshot; None if there is none, or none that this version can read."""
    form, _, snapshot = (note or "").partition(" ")
    return int(snapshot) if form == str(FORM) and int(snapshot) != NO_SNAPSHOT else None


def train(settings: Settings, service: Service) -> None:
    """Be a member of the group until the service is stopped, and begin anew whenever that fails."""
    # Messages come by ten thousands and are in no circles: looking for some took half of the time.
    gc.freeze()
    gc.set_threshold(10 * BATCH, 10, 100)
    learnt = Counter("flead_messages", "Messages of readings that were learnt.", registry=service.metrics)
    lag = Gauge("flead_partitions_repeating", "Partitions that repeat what was said.", registry=service.metrics)
    while not service.stopping.is_set():
        member = Member(settings, service)
        try:
            service.health = STARTING
            member.work(learnt, lag)
        except KafkaException as problem:
            error: KafkaError = problem.args[0]
            service.health = waiting_for("Kafka", error.str())
            log.warning("training: %s; beginning anew from what is committed", error.str())
            service.stopping.wait(PATIENCE_SECONDS)
        finally:
            member.close()
