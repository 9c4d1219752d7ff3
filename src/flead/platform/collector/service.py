"""The collector service: what is on Kafka into the database, every message once.

1. It takes the collector's lock in the database (the session's, so that it ends with the connection): of two
   collectors one waits.
2. It reads where the stored rows end - the next offset of every partition, in ``pipeline_state`` - and what devices
   there are, and goes on from exactly there. The offsets that it also commits to Kafka only tell others of its lag.
3. Messages become rows in memory. About once a second the rows, their sums and the offsets after them are written in
   one transaction.
4. When the database is away, rows in memory are forgotten and it begins again at 1: so nothing is stored twice, and
   what is not stored yet is still on Kafka. After a ``kill -9`` the next process does the same.

Messages of a transaction that was not committed are never read. Whoever works with a topic puts aside what is none of
its messages: the training job what is no reading, the aggregator what is no update. The collector stores those as
rejected when they come by on `dead-letters`, and only counts them where they came from. What is no anomaly or no global
model nobody else would tell of: the collector stores it as rejected itself. So it does with an anomaly that it does
not believe: what an agent signs is stored once, and only if it is its own, see
:mod:`flead.platform.collector.agent_records`.
"""

import gc
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
import psycopg
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from prometheus_client import Counter as Metric

from flead.bus.clients import consumer_options, kafka_options
from flead.bus.dead_letters import rejected_of
from flead.bus.health import HEALTHY, waiting_for
from flead.bus.service import Service
from flead.columns import Devices
from flead.placement import broker_of
from flead.platform.collector.agent_records import AgentRecords, agent_of
from flead.platform.collector.intake import Intake
from flead.records import Rejected
from flead.settings import Settings
from flead.storage.migrations.migrate import migrate
from flead.storage.server.store import Store, served_store
from flead.storage.writing.alarms import alarm_rules_of
from flead.storage.writing.state import load_state
from flead.storage.writing.writer import Writer
from flead.topics import ANOMALIES, DEAD_LETTERS, GLOBAL_MODELS, LOCAL_UPDATES, READINGS

TOPICS = (READINGS, ANOMALIES, LOCAL_UPDATES, GLOBAL_MODELS, DEAD_LETTERS)
"""In the order in which they are taken in: from readings it learns the devices' channels."""
OURS = (ANOMALIES, GLOBAL_MODELS)
"""Topics whose bad messages nobody but the collector puts aside."""
SIGNED = (ANOMALIES, LOCAL_UPDATES)
"""Topics of what agents sign."""
GROUP = "collector"
OFFSETS = "collector/offsets"
"""The key of the offsets in the store: by topic, by partition, the next one to read."""
LOCK = 0x434F4C4C454354
"""The advisory lock of collectors ("COLLECT")."""

BATCH = 10_000
POLL_SECONDS = 0.2
COMMIT_SECONDS = 1.0
MOST_MESSAGES = 200_000
"""Messages that one transaction takes at most; a batch more, to be exact."""
GARBAGE = 100_000
"""Objects that come to be before Python looks for those that only keep each other."""
KAFKA_SECONDS = 5.0
RETRY_SECONDS = 1.0

Offsets = dict[str, dict[int, int]]

log = logging.getLogger("flead")


class Collector:
    """Stores what is on the five topics of data; see the module's four steps."""

    def __init__(self, settings: Settings, store: Store, service: Service) -> None:
        self._settings = settings
        self._store = store
        self._service = service
        metrics = service.metrics
        self._stored = Metric("flead_stored_messages", "Stored messages, by topic.", ["topic"], registry=metrics)
        self._repeated = Metric(
            "flead_repeated_messages", "Agents' messages that had been stored before.", registry=metrics
        )
        self._refused = Metric("flead_refused_messages", "Invalid messages, by topic.", ["topic"], registry=metrics)

    def run(self) -> None:
        """Until the service is stopped."""
        # Thousands of messages at a time set off the search for garbage, in vain: it took two fifths of the time.
        gc.freeze()
        gc.set_threshold(GARBAGE)
        while not self._service.stopping.is_set():
            connection = self._service.wait_for("the database", self._connect, psycopg.OperationalError)
            try:
                with connection:
                    self._collect(connection)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                reason = str(error).strip().partition("\n")[0]
                self._service.health = waiting_for("the database", reason)
                log.warning("%s: %s", self._service.name, self._service.health.trouble)
                self._service.stopping.wait(RETRY_SECONDS)

    def _connect(self) -> psycopg.Connection[Any]:
        connection = self._store.connect()
        try:
            migrate(connection)
            (free,) = connection.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone() or (False,)
            if not free:
                raise psycopg.OperationalError("another collector is running")
        except BaseException:
            connection.close()
            raise
        return connection

    def _collect(self, connection: psycopg.Connection[Any]) -> None:
        """From the stored offsets on, until the service is stopped or the database fails."""
        more = {
            "auto.offset.reset": "error",  # not silently: messages would be missing, or come again
            # Latency does not matter enough here for brokers to answer for every message.
            "fetch.min.bytes": 64 << 10,
            "fetch.wait.max.ms": 250,
            "queued.max.messages.kbytes": 16 << 10,
            "error_cb": self._on_error,
        }
        consumer = Consumer(consumer_options(kafka_options(self._settings), GROUP, more))
        session = Session(self._settings, connection)
        try:
            self._service.wait_for("Kafka", lambda: session.assign(consumer), KafkaException)
            committed = time.monotonic()
            while not self._service.stopping.is_set():
                messages = consumer.consume(BATCH, POLL_SECONDS)
                if any(message.topic() in SIGNED for message in messages):
                    # After the messages: so whoever was enrolled before one of them came is known.
                    self._service.wait_for("Kafka", session.follow_agents, KafkaException)
                for topic, refused in session.take(messages, consumer):
                    log.warning("%s: %s, %s: %s", self._service.name, topic, refused.location, refused.reason)
                    self._refused.labels(topic).inc()
                now = time.monotonic()
                if now - committed >= COMMIT_SECONDS or session.waiting >= MOST_MESSAGES:
                    self._commit(session, consumer)
                    committed = now
            self._commit(session, consumer)
        finally:
            consumer.close()
            session.close()

    def _commit(self, session: "Session", consumer: Consumer) -> None:
        for topic, count in session.commit(consumer).items():
            self._stored.labels(topic).inc(count)
        self._repeated.inc(session.forget_repeated())
        if not self._service.health.is_good:  # it waits for Kafka: is it back?
            with suppress(KafkaException):
                consumer.list_topics(READINGS, KAFKA_SECONDS)
                self._service.health = HEALTHY

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._service.health = waiting_for("Kafka", "no broker responds")


class Session:
    """What was read over one connection to the database, and is not stored yet."""

    def __init__(self, settings: Settings, connection: psycopg.Connection[Any]) -> None:
        place = partial(broker_of, brokers=settings.brokers, devices_per_broker=settings.devices_per_broker)
        devices = Devices()
        known = connection.execute("SELECT channels, device_id FROM devices ORDER BY channels").fetchall()
        for channels, rows in groupby(known, key=itemgetter(0)):
            devices.add((device for _, device in rows), tuple(channels))
        self._writer = Writer(connection, devices, place, alarm_rules_of(settings))
        intake = Intake(devices, self._writer, settings.signal_rows_per_second)
        self._agents = AgentRecords(settings, connection, self._writer)
        self._repeated = 0
        self._take_in = {
            READINGS: intake.readings,
            ANOMALIES: intake.anomalies,
            LOCAL_UPDATES: intake.local_updates,
            GLOBAL_MODELS: intake.global_models,
        }
        stored = load_state(connection, OFFSETS)
        self._offsets: Offsets = msgspec.msgpack.decode(stored[OFFSETS], type=Offsets) if stored else {}
        self._counts: Counter[str] = Counter()

    @property
    def waiting(self) -> int:
        """Messages that the next commit stores."""
        return self._counts.total()

    def close(self) -> None:
        """Stop following the agents."""
        self._agents.close()

    def forget_repeated(self) -> int:
        """How many messages were stored before, since the last call."""
        repeated, self._repeated = self._repeated, 0
        return repeated

    def follow_agents(self) -> None:
        """Learn what is new of the agents. Raises KafkaException if Kafka does not answer."""
        self._agents.refresh(KAFKA_SECONDS)

    def assign(self, consumer: Consumer) -> None:
        """Go on at the stored offsets. Raises KafkaException if a topic is not there."""
        self.follow_agents()
        wanted = []
        for topic in TOPICS:
            found = consumer.list_topics(topic, KAFKA_SECONDS).topics[topic]
            if found.error is not None:
                raise KafkaException(found.error)
            offsets = self._offsets.setdefault(topic, {})
            wanted += [TopicPartition(topic, p, offsets.get(p, OFFSET_BEGINNING)) for p in found.partitions]
        consumer.assign(wanted)

    def take(self, messages: list[Message], consumer: Consumer) -> Iterator[tuple[str, Rejected]]:
        """Add messages to the next commit; what is none of their topic's comes back."""
        by_topic: dict[str, list[Message]] = {topic: [] for topic in TOPICS}
        for message in messages:
            error = message.error()
            if error is None:
                by_topic[message.topic()].append(message)
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                log.error("messages were deleted before they were stored: %s", error.str())
                consumer.seek(TopicPartition(message.topic(), message.partition(), OFFSET_BEGINNING))
            elif error.fatal():
                raise KafkaException(error)
            else:  # the client tries again by itself
                log.warning("Kafka: %s", error.str())
        for topic, some in by_topic.items():
            if some:
                self._counts[topic] += len(some)
                offsets = self._offsets[topic]
                for message in some:
                    offsets[message.partition()] = message.offset() + 1
                yield from ((topic, refused) for refused in self._add(topic, some))

    def _add(self, topic: str, messages: list[Message]) -> list[Rejected]:
        if topic == DEAD_LETTERS:
            letters = [rejected_of(message) for message in messages]
            self._writer.add_rejected(letters)
            names = [agent_of(message) for message in messages]
            self._agents.count([(name, each.reason) for name, each in zip(names, letters, strict=True) if name])
            return []
        unbelieved: list[Rejected] = []
        if topic in SIGNED:
            messages, wrong, repeated = self._agents.admit(topic, messages)
            unbelieved = [Rejected("", _place(message), why, message.value() or b"") for message, why in wrong]
            self._repeated += repeated
            if topic in OURS:
                self._agents.count([(agent_of(message) or "", why) for message, why in wrong])
        values = [message.value() or b"" for message in messages]
        refused = [*unbelieved, *self._take_in[topic](values, lambda i: _place(messages[i]))]
        if topic in OURS:
            for rejected in refused:
                rejected.source = topic
            self._writer.add_rejected(refused)
        return refused

    def commit(self, consumer: Consumer) -> Counter[str]:
        """Store everything that was taken, and where it ends; returns how many messages, by topic."""
        counts, self._counts = self._counts, Counter()
        with suppress(KafkaException):  # it says itself when Kafka is away
            self.follow_agents()
        if counts or self._agents.has_news:
            self._writer.put_state({OFFSETS: msgspec.msgpack.encode(self._offsets)})
            self._writer.commit()
            self._agents.committed()
            ends = [TopicPartition(topic, p, end) for topic in counts for p, end in self._offsets[topic].items()]
            consumer.commit(offsets=ends, asynchronous=True)
        return counts


def _place(message: Message) -> str:
    return f"partition {message.partition()}, offset {message.offset()}"


def run(settings: Settings) -> None:
    """``flead service collector``, until it is told to stop."""
    service = Service("collector", settings.collector_port)
    with service.running():
        Collector(settings, served_store(settings), service).run()
