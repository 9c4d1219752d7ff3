"""A fleet for the platform: it sends readings to Kafka, and knows what must come of them."""

import time
from typing import Any

import msgspec
import numpy as np
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from flead.columns import Batch
from flead.placement import partition_of
from flead.records import Anomaly, GlobalModel, LocalUpdate, to_text
from flead.settings import Settings
from flead.shard.outputs import anomalies, local_updates
from flead.shard.shard import Shard
from flead.topics import ANOMALIES, DEAD_LETTERS, GLOBAL_MODELS, LOCAL_UPDATES, READINGS
from tests.platform_fixtures import eventually

START = 1_762_528_951_000
TOPICS = (ANOMALIES, LOCAL_UPDATES, GLOBAL_MODELS, DEAD_LETTERS)

Key = tuple[Any, ...]


class Fleet:
    """Devices that speak once a second of event time; a shard in this process says what is expected of the platform."""

    def __init__(self, settings: Settings, devices: int) -> None:
        self.settings = settings
        self.ids = [f"device_{n}" for n in range(devices)]
        self.partitions = [
            partition_of(device, settings.partitions, settings.brokers, settings.devices_per_broker)
            for device in self.ids
        ]
        self.sent = 0
        self.anomalies: dict[Key, Anomaly] = {}
        self.updates: dict[Key, LocalUpdate] = {}
        self._chance = np.random.default_rng(1)
        self._shard = Shard(settings)
        self._shard.devices.add(self.ids)
        self._rows = np.arange(devices, dtype=np.int32)
        self._second = 0
        self.seen = Seen(settings)
        self._producer = Producer(
            {
                "bootstrap.servers": settings.kafka_servers,
                "enable.idempotence": True,
                "linger.ms": 50,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 500_000,
            }
        )

    def speak(self, seconds: int) -> None:
        """So many seconds of readings, 1 in 50 of them a jump: sent, and learnt by the shard."""
        for _ in range(seconds):
            now = START + 1000 * self._second
            values = self._chance.normal(20, 1, len(self.ids)).round(6)
            values[self._chance.random(len(self.ids)) < 0.02] *= 2
            text = to_text(now)
            for device, partition, value in zip(self.ids, self.partitions, values.tolist(), strict=True):
                message = f'{{"device_id":"{device}","data":{value!r},"timestamp":"{text}"}}'
                self.send(partition, device.encode(), message.encode())
            self._expect(now, values)
            self._second += 1
        self.sent += seconds * len(self.ids)

    def send(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        """One message to the readings' topic."""
        while True:
            try:
                self._producer.produce(READINGS, value, key, partition=partition)
                return
            except BufferError:
                self._producer.poll(0.1)

    def assert_exact(self, dead_letters: int | None = None) -> None:
        """Wait until all that must come has come, and find that it is right, and that no more comes."""
        assert self._producer.flush(120) == 0
        seen = self.seen
        letters = len(seen.dead_letters) if dead_letters is None else dead_letters
        wanted = (len(self.anomalies), len(self.updates), letters)

        def all_there() -> bool:
            seen.look()
            found = (len(seen.anomalies), len(seen.updates), len(seen.dead_letters))
            return all(has >= needs for has, needs in zip(found, wanted, strict=True))

        eventually(all_there, 300)
        time.sleep(2 * self.settings.checkpoint_seconds)  # what comes too much comes with the next checkpoints
        seen.look()
        assert (len(seen.anomalies), len(seen.updates), len(seen.dead_letters)) == wanted
        assert seen.twice == []
        assert seen.anomalies == self.anomalies
        assert {key: _alone(update) for key, update in seen.updates.items()} == self.updates
        versions = [model.version for model in seen.models]
        assert versions == list(range(1, len(versions) + 1))
        assert {model.num_devices for model in seen.models} == {self.settings.buffer}
        if any(update.model_version > 2 for update in seen.updates.values()):  # before, there is no model to start from
            assert max(update.global_version for update in seen.updates.values()) > 0

    def close(self) -> None:
        """Leave the cluster."""
        self.seen.close()

    def _expect(self, now: int, values: np.ndarray[Any, Any]) -> None:
        count = len(values)
        batch = Batch(self._rows, np.full(count, now), values.reshape(-1, 1), np.full(count, -1, np.int8))
        outcome = self._shard.observe(batch)
        self.anomalies |= {(a.device_id, a.timestamp): a for a in anomalies(self._shard, outcome)}
        self.updates |= {(u.device_id, u.model_version): u for u in local_updates(self._shard, outcome)}


class Seen:
    """What is committed on the topics so far; whatever comes twice is in ``twice``."""

    def __init__(self, settings: Settings) -> None:
        self.anomalies: dict[Key, Anomaly] = {}
        self.updates: dict[Key, LocalUpdate] = {}
        self.models: list[GlobalModel] = []
        self.dead_letters: list[Message] = []
        self.twice: list[Key] = []
        self._consumer = Consumer(
            {
                "bootstrap.servers": settings.kafka_servers,
                "group.id": "test",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
            }
        )
        known = self._consumer.list_topics(timeout=30).topics
        self._consumer.assign([TopicPartition(topic, p, 0) for topic in TOPICS for p in known[topic].partitions])

    def look(self) -> None:
        """Take in what has come since the last look."""
        while messages := self._consumer.consume(10_000, 0.5):
            for message in messages:
                self._take(message)

    def close(self) -> None:
        """Leave the cluster."""
        self._consumer.close()

    def _take(self, message: Message) -> None:
        if message.error():
            if not message.error().retriable():
                raise KafkaException(message.error())
        elif message.topic() == ANOMALIES:
            anomaly = msgspec.json.decode(message.value(), type=Anomaly)
            self._once(self.anomalies, (anomaly.device_id, anomaly.timestamp), anomaly, message)
        elif message.topic() == LOCAL_UPDATES:
            update = msgspec.json.decode(message.value(), type=LocalUpdate)
            self._once(self.updates, (update.device_id, update.model_version), update, message)
        elif message.topic() == GLOBAL_MODELS:
            self.models.append(msgspec.json.decode(message.value(), type=GlobalModel))
        else:
            self.dead_letters.append(message)

    def _once(self, known: dict[Key, Any], key: Key, record: Any, message: Message) -> None:
        assert message.key() == key[0].encode()
        if key in known:
            self.twice.append(key)
        known[key] = record


def _alone(update: LocalUpdate) -> LocalUpdate:
    """The update without the global model that it has seen: which one that is depends on when it arrives."""
    return msgspec.structs.replace(update, global_version=0)
