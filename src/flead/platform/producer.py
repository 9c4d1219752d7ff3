"""The producer service: a source's readings onto `edge-iiot-stream`, each device's to its own partition, in order.

A message is one reading with its device's id as key or, with ``pack`` above 1, the lines of several readings of one
partition, without a key. What a source has rejected goes to `dead-letters`.

About once a second the producer waits until everything is delivered and stores the source's position in a file, from
which the next start resumes. After a ``kill -9`` that position may be a second old: the readings of that second are
sent again. Nothing is ever skipped.
"""

import logging
import os
import time
from pathlib import Path

import msgspec
import numpy as np
from confluent_kafka import KafkaException
from numpy.typing import NDArray
from prometheus_client import Counter

from flead.bus.clients import kafka_options
from flead.bus.dead_letters import headers_of_rejected
from flead.bus.outbox import Outbox
from flead.bus.service import Service
from flead.codec.encode_readings import ReadingEncoder
from flead.columns import Batch, Chunk, Devices
from flead.ingest.errors import SourceError
from flead.ingest.pace import Rate, is_live, now, pace_of
from flead.ingest.simulated import INTERVAL
from flead.ingest.sources import identity, make_source
from flead.layout import Layout
from flead.placement import partition_of
from flead.settings import Settings
from flead.topics import DEAD_LETTERS, READINGS

HISTORY_MILLISECONDS = 2 * 60 * 1000
"""A live simulated fleet starts this far in the past and catches up: every device soon has a window and has trained."""
BATCH = 10_000
POLL_SECONDS = 0.05
"""Seconds to wait when no reading is due."""
STORE_SECONDS = 1.0
PATIENCE = 5.0
"""Seconds that Kafka may take to respond before it counts as unavailable."""

log = logging.getLogger("flead")


class SourcePosition(msgspec.Struct):
    """How far a source has been sent."""

    identity: str = ""
    source: dict[str, int] | None = None
    readings: int = 0


class ReadingsProducer:
    """Sends the source that the settings name, from where the file ``stored`` says. Raises SourceError."""

    def __init__(self, settings: Settings, stored: Path, service: Service) -> None:
        self._settings = settings
        self._stored = stored
        self._service = service
        interval = _interval(settings)
        self._source = make_source(settings, now() - HISTORY_MILLISECONDS if is_live(settings) else None, interval)
        self._position = SourcePosition(f"{identity(settings)} every {interval} ms")
        self._devices = Devices()
        self._encoder = ReadingEncoder(self._devices)
        self._keys: list[bytes] = []
        self._places: NDArray[np.int64] = np.zeros(0, np.int64)
        """(D,) the partition of every device."""
        self._outbox = Outbox(kafka_options(settings), service)
        self._sent = Counter("flead_readings", "Readings sent.", registry=service.metrics)
        self._rejected = Counter("flead_rejected", "Invalid rows of the source.", registry=service.metrics)

    def run(self) -> None:
        """Send until the source ends, and all of it is delivered, or the service is stopped."""
        found = self._load()
        if found.identity == self._position.identity:
            self._position = found
        self._source.open(self._devices, self._position.source)
        try:
            self._service.wait_for("Kafka", self._check_topic, KafkaException)
            if self._send_source():
                log.info("%s: the source has ended; %d readings were sent", self._service.name, self._position.readings)
        finally:
            self._source.close()
            self._outbox.close()

    def _send_source(self) -> bool:
        """Whether the source has ended, and not the service."""
        settings, pace = self._settings, pace_of(self._settings, self._source)
        rate = None if settings.rate is None or is_live(settings) else Rate(settings.rate)
        stored = time.monotonic()
        ended = False
        while not self._service.stopping.is_set() and not ended:
            most = BATCH if settings.readings is None else min(BATCH, settings.readings - self._position.readings)
            limit = most if rate is None else rate.due(most)
            chunk = self._source.next_batch(limit, pace.until()) if most > 0 else None
            if chunk is None:
                ended = True
                continue
            if rate is not None:
                rate.take(chunk.batch.size)
            self._send(chunk)
            self._outbox.producer.poll(0 if chunk.batch.size or chunk.rejected else POLL_SECONDS)
            if time.monotonic() - stored >= STORE_SECONDS:
                self._store()
                stored = time.monotonic()
        while not self._store() and not self._service.stopping.is_set():
            pass
        return ended

    def _send(self, chunk: Chunk) -> None:
        for rejected in chunk.rejected:
            self._outbox.put_with_headers(DEAD_LETTERS, rejected.raw, headers_of_rejected(rejected))
        if chunk.batch.size:
            self._learn_devices()
            if self._settings.pack == 1:
                self._send_one_by_one(chunk.batch)
            else:
                self._send_packed(chunk.batch)
        self._position.readings += chunk.batch.size
        self._sent.inc(chunk.batch.size)
        self._rejected.inc(len(chunk.rejected))

    def _send_one_by_one(self, batch: Batch) -> None:
        text, bounds = self._encoder.lines(batch)
        rows, places = batch.rows.tolist(), self._places[batch.rows].tolist()
        starts, stops = bounds[:-1].tolist(), (bounds[1:] - 1).tolist()
        put, keys = self._outbox.put, self._keys
        for row, place, start, stop in zip(rows, places, starts, stops, strict=True):
            put(READINGS, text[start:stop], keys[row], place)

    def _send_packed(self, batch: Batch) -> None:
        """Cut each partition's readings, in their order, into messages."""
        places = self._places[batch.rows]
        order = np.argsort(places, kind="stable")
        text, bounds = self._encoder.lines(batch.take(order))
        numbers, firsts = np.unique(places[order], return_index=True)
        ends = [*firsts[1:].tolist(), batch.size]
        for place, first, end in zip(numbers.tolist(), firsts.tolist(), ends, strict=True):
            for start in range(first, end, self._settings.pack):
                stop = min(start + self._settings.pack, end)
                self._outbox.put(READINGS, text[bounds[start] : bounds[stop] - 1], None, place)

    def _learn_devices(self) -> None:
        known, placing = len(self._keys), self._settings
        if known < len(self._devices):
            new = self._devices.texts(np.arange(known, len(self._devices), dtype=np.int32))
            self._keys += [device.encode() for device in new]
            places = [
                partition_of(device, placing.partitions, placing.brokers, placing.devices_per_broker) for device in new
            ]
            self._places = np.concatenate([self._places, np.array(places, np.int64)])

    def _check_topic(self) -> None:
        topic = self._outbox.producer.list_topics(READINGS, PATIENCE).topics[READINGS]
        if topic.error is not None:
            raise KafkaException(topic.error)
        if len(topic.partitions) != self._settings.partitions:
            raise SourceError(
                f"topic {READINGS} has {len(topic.partitions)} partitions, and partitions ="
                f" {self._settings.partitions}: set it as it was when the topic was created"
            )

    def _store(self) -> bool:
        """Wait until everything is delivered, then write the position down; False if Kafka is unavailable."""
        if self._outbox.flush(PATIENCE):
            return False
        self._position.source = self._source.snapshot()
        beside = self._stored.with_suffix(".new")
        self._stored.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(msgspec.json.encode(self._position))
        os.replace(beside, self._stored)
        return True

    def _load(self) -> SourcePosition:
        try:
            return msgspec.json.decode(self._stored.read_bytes(), type=SourcePosition)
        except FileNotFoundError:
            return SourcePosition()
        except (OSError, msgspec.MsgspecError) as error:
            raise SourceError(
                f"cannot read the source's position in {self._stored}: {error}; remove the file"
            ) from None


def _interval(settings: Settings) -> int:
    """Milliseconds between two readings of a simulated device: at live speed the fleet reads at the set rate."""
    if settings.rate is None or not is_live(settings):
        return INTERVAL
    return max(1, round(1000 * settings.devices * float(settings.speed) / settings.rate))


def run(settings: Settings) -> None:
    """``flead service producer``, until it is told to stop."""
    service = Service("producer", settings.producer_port)
    with service.running():
        ReadingsProducer(settings, Layout.of(settings).producer_position, service).run()
        service.stopping.wait()  # a service that ended would be started again
