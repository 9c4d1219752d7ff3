"""Asks the platform's aggregator for something: a message on the topic ``control``."""

import time

import msgspec
from confluent_kafka import KafkaException, Producer

from flead.bus.topics import CONTROL
from flead.errors import FleadError
from flead.records import Rollback, to_text

SECONDS = 10.0


def ask_for_rollback(servers: str, version: int) -> None:
    """Ask for the global model of this version again; the aggregator publishes it as the next one.

    Raises FleadError if Kafka does not take the request.
    """
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "log_level": 0})
    failures: list[str] = []
    request = Rollback(version, to_text(time.time_ns() // 1_000_000))
    try:
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
        raise FleadError(f"Kafka at {servers} did not take the request: {failures[0] if failures else 'no answer'}")
