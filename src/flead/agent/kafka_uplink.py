"""To Kafka directly, for agents that can reach it: records with their signatures as headers."""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from flead.agent.address import Address
from flead.agent.store import Outgoing
from flead.agent.uplink import News
from flead.bus.clients import consumer_options, kafka_options
from flead.records import AgentState, Enrolment
from flead.settings.kafka import KafkaSettings
from flead.topics import CONTROL, GLOBAL_MODELS
from flead.trust.envelope import Envelope, headers, seal
from flead.trust.keys import SigningKey

TAIL = -2000
"""librdkafka: so many messages before a partition's end are ``TAIL - n``."""
LAST = 50
"""Of the global models the last so many messages are looked at: among them are marks of transactions."""
FLUSH_SECONDS = 2.0

log = logging.getLogger("flead")
_encode = msgspec.json.Encoder().encode


class KafkaUplink:
    """One agent's producer, and its consumer of global models."""

    def __init__(self, settings: KafkaSettings, address: Address, agent: str, key: SigningKey) -> None:
        self.where = f"{address.host}:{address.port}"
        self._settings = settings.model_copy(update={"kafka": self.where})
        self._agent = agent
        self._key = key
        self._up = False
        self._delivered: list[int] = []
        self._refused: dict[int, str] = {}

    @property
    def up(self) -> bool:
        """Whether a broker has answered and none has been missed since."""
        return self._up

    def start(self) -> None:
        options = kafka_options(self._settings) | {"client.id": f"flead-{self._agent}", "log_level": 0}
        self._producer = Producer(
            options
            | {
                "enable.idempotence": True,
                "linger.ms": 50,
                "compression.type": "zstd",
                "message.timeout.ms": 0,
                "statistics.interval.ms": 1000,
                "stats_cb": self._on_statistics,
                "error_cb": self._on_error,
            }
        )
        self._consumer = Consumer(consumer_options(options, f"flead-agent-{self._agent}"))
        self._consumer.assign([TopicPartition(GLOBAL_MODELS, 0, TAIL - LAST)])

    def introduce(self, enrolment: Enrolment) -> None:
        self._produce(CONTROL, self._agent, seal(self._key, CONTROL, self._agent, 0, _encode(enrolment)), None)

    def announce(self, presence: AgentState) -> None:
        """Kafka has no last will, and so nobody waits for a word."""

    def send(self, records: Sequence[Outgoing]) -> None:
        for record in records:  # each with its own signature, which is shorter than a proof
            envelope = seal(self._key, record.topic, self._agent, record.sequence, record.record)
            self._produce(record.topic, record.device, envelope, record.sequence)

    def news(self) -> News:
        self._producer.poll(0)
        model = None
        for message in self._consumer.consume(LAST, timeout=0):
            if message.error() is None and message.value():
                model = message.value()
        news = News(self._delivered, self._refused, model)
        self._delivered, self._refused = [], {}
        return news

    def stop(self, presence: AgentState) -> None:
        self._producer.flush(FLUSH_SECONDS)
        self._consumer.close()

    def _produce(self, topic: str, key: str, envelope: Envelope, sequence: int | None) -> None:
        def answered(error: KafkaError | None, message: Message) -> None:
            del message
            if sequence is None:
                return
            if error is None:
                self._delivered.append(sequence)
            elif not error.retriable():
                self._refused[sequence] = str(error.str())

        try:
            self._producer.produce(topic, envelope.record, key, headers=headers(envelope), on_delivery=answered)
        except (BufferError, KafkaException) as error:
            log.warning("%s takes no more at the moment: %s", self.where, error)

    def _on_statistics(self, text: str) -> None:
        brokers: dict[str, Any] = msgspec.json.decode(text)["brokers"]
        up = any(broker["state"] == "UP" for broker in brokers.values())
        if up != self._up:
            log.info("connected with %s" if up else "%s does not answer; trying on", self.where)
        self._up = up

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._up = False
