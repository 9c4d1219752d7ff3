"""Requests to the platform's aggregator, as messages on the topic ``control``."""

import time

import msgspec
from confluent_kafka import KafkaException, Producer

from flead.bus.clients import kafka_options
from flead.errors import FleadError
from flead.records import Rollback, to_text
from flead.settings.kafka import KafkaSettings
from flead.topics import CONTROL

SECONDS = 10.0


def ask_for_rollback(settings: KafkaSettings, version: int) -> None:
    """Request a rollback to this version of the global model; the aggregator publishes it as the next version.

    Raises FleadError if Kafka does not accept the request.
    """
    ask(settings, Rollback(version, now()))


def ask(settings: KafkaSettings, request: msgspec.Struct) -> None:
    """Send a request. Raises FleadError if Kafka does not accept it."""
    failures: list[str] = []
    try:
        producer = Producer({**kafka_options(settings), "enable.idempotence": True, "log_level": 0})
        producer.produce(
            CONTROL,
            msgspec.json.encode(request),
            partition=0,
            on_delivery=lambda error, _: failures.append(error.str()) if error else None,
        )
        left = producer.flush(SECONDS)
    except KafkaException as error:
        failures.append(error.args[0].str())
        left = 0
    if failures or left:
        why = failures[0] if failures else "no answer"
        raise FleadError(f"Kafka at {settings.kafka_servers} did not accept the request: {why}")


def now() -> str:
    """The time of a request."""
    return to_text(time.time_ns() // 1_000_000)
