"""A fleet for the platform: it sends readings to Kafka, and knows what must come of them."""

from typing import Any

import msgspec
import numpy as np
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from flead.bus.placement import partition_of
from flead.bus.topics import ANOMALIES, DEAD_LETTERS, GLOBAL_MODELS, LOCAL_UPDATES, READINGS
from flead.columns import Batch
from flead.records import Anomaly, GlobalModel, LocalUpdate, to_text
from flead.settings import Settings
from flead.training.fleet import Shard
from flead.training.outputs import anomalies, local_updates

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
        self.producer = Producer(
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
            time = START + 1000 * self._second
            values = self._chance.normal(20, 1, len(self.ids)).round(6)
            values[self._chance.random(len(self.ids)) < 0.02] *= 2
            text = to_text(time)
            for device, partition, value in zip(self.ids, self.partitions, values.tolist(), strict=True):
                message = f'{{"device_id":"{device}","data":{value!r},"timestamp":"{text}"}}'
                self.send(partition, device.encode(), message.encode())
            self._expect(time, values)
            self._second += 1
        self.sent += seconds * len(self.ids)

    def send(self, partition: int, key: bytes | None, value: bytes | None) -> None:
        """One message to the readings' topic."""
        while True:
            try:
                return self.producer.produce(READINGS, value, key, partition=partition)
            except BufferError:
                self.producer.poll(0.1)

    def flush(self) -> None:
        """Wait until everything sent is stored."""
        assert self.producer.flush(120) == 0

    def _expect(self, time: int, values: np.ndarray[Any, Any]) -> None:
        count = len(values)
        batch = Batch(self._rows, np.full(count, time), values.reshape(-1, 1), np.full(count, -1, np.int8))
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

