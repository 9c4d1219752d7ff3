"""An idempotent producer that waits for Kafka as long as it takes: nothing is dropped while Kafka is unavailable."""

import logging
from collections.abc import Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from prometheus_client import Counter

from flead.bus.health import HEALTHY, waiting_for
from flead.bus.service import Service, Stopped

POLL_SECONDS = 0.05

log = logging.getLogger("flead")


class Outbox:
    """Messages in flight, in order within a partition. ``service.health`` says when Kafka is unavailable.

    A message that Kafka refuses, such as one that is too large, is counted, logged and dropped.
    """

    def __init__(self, options: dict[str, str], service: Service) -> None:
        self._service = service
        self._fatal: KafkaError | None = None
        self._refused: list[str] = []
        self.producer = Producer(
            options
            | {
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 100,
                "compression.type": "zstd",
                "message.timeout.ms": 0,
                "queue.buffering.max.messages": 200_000,
                "queue.buffering.max.kbytes": 48 << 10,
                "delivery.report.only.error": True,
                "on_delivery": self._delivered,
                "error_cb": self._on_error,
            }
        )
        self._lost = Counter("flead_delivery_errors", "Messages that Kafka refused.", registry=service.metrics)

    def put(self, topic: str, value: bytes, key: bytes | None, partition: int) -> None:
        """Send a message; waits while the queue is full, raises Stopped if the service is told to stop meanwhile."""
        while True:
            try:
                self.producer.produce(topic, value, key, partition)
                return
            except BufferError:
                self._wait()

    def put_with_headers(self, topic: str, value: bytes, headers: Mapping[str, str | bytes]) -> None:
        """The same, for any partition."""
        while True:
            try:
                self.producer.produce(topic, value, headers=dict(headers))
                return
            except BufferError:
                self._wait()

    def flush(self, seconds: float) -> int:
        """Wait until everything is delivered; returns how many messages are still undelivered.

        Raises KafkaException if the producer can send no more.
        """
        left: int = self.producer.flush(seconds)
        if self._fatal is not None:
            raise KafkaException(self._fatal)
        if self._refused:
            log.error("%s: Kafka refused %d messages: %s", self._service.name, len(self._refused), self._refused[0])
            self._lost.inc(len(self._refused))
            self._refused.clear()
        self._service.health = waiting_for("Kafka", f"{left} messages are not delivered yet") if left else HEALTHY
        return left

    def close(self) -> None:
        """Discard what is not delivered, and close."""
        self.producer.purge()
        self.producer.close()

    def _wait(self) -> None:
        self.producer.poll(POLL_SECONDS)
        if self._fatal is not None:
            raise KafkaException(self._fatal)
        if self._service.stopping.is_set():
            raise Stopped

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refused.append(f"{message.topic()} partition {message.partition()}: {error.str()}")

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._service.health = waiting_for("Kafka", "no broker responds")
