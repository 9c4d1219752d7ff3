"""What Python does in a run of the hourly analytics, in Spark's workers: one task per partition of either topic."""

import gc
from collections.abc import Iterator
from functools import partial
from itertools import chain

import msgspec
import numpy as np
import pyarrow as pa

from flead.boundary import record
from flead.codec.decode import Decoder
from flead.columns import Devices
from flead.evaluation.hours import Hours, flagged, hours_of, merged
from flead.placement import broker_of
from flead.platform.analytics.work import NAME, Work
from flead.platform.spark.messages import Messages, of_partitions
from flead.records import to_milliseconds
from flead.settings.placement import PlacementSettings
from flead.storage.server.store import served_store
from flead.storage.writing.hours import Row, merge_hours
from flead.storage.writing.positions import Position, move, position
from flead.topics import READINGS

MERGED = 20
"""Partial hours that are gathered before they are merged: a partition may be of any length."""


class AnomalyPlace(msgspec.Struct):
    """Which device and channel an anomaly is of, and when: all that is counted."""

    device_id: str
    channel: str
    timestamp: str


_decode_place = partial(record, AnomalyPlace)


gc.freeze()  # as in evaluation_task


def analyse(work: Work, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A task: the messages of one partition of either topic. One row says how many were new; none if none."""
    first = next(batches_of := of_partitions(batches), None)
    if first is None:
        return
    topic, number, _ = first
    devices, parts, count = Devices(), list[Hours](), 0
    decoder, key = Decoder(devices), f"{NAME}/{topic}/{number}"
    with served_store(work.settings).connect() as connection:
        before = after = position(connection, key)
        for _, _, messages in chain([first], batches_of):
            new = messages.since(before.start(work.topics[topic]))
            if new.size == 0:
                continue
            count += new.size
            parts.append(_of_readings(decoder, new) if topic == READINGS else _of_anomalies(devices, new))
            if len(parts) == MERGED:
                parts = [merged(parts)]
            after = Position(work.topics[topic], int(new.offsets[-1]) + 1, int(new.arrived[-1]))
        if count:
            with connection.transaction(), connection.cursor() as cursor:
                move(cursor, key, before, after)
                merge_hours(cursor, rows(merged(parts), devices, work.settings))
            yield pa.record_batch([pa.array([topic]), pa.array([count])], ["topic", "messages"])


def _of_readings(decoder: Decoder, messages: Messages) -> Hours:
    return hours_of(decoder.decode(*messages.compact(), str).batch)


def _of_anomalies(devices: Devices, messages: Messages) -> Hours:
    """Invalid anomalies are left out: only the devices write there."""
    found = []
    for start, stop in zip(messages.bounds[:-1].tolist(), messages.bounds[1:].tolist(), strict=True):
        try:
            anomaly = _decode_place(messages.text[start:stop])
            moment = to_milliseconds(anomaly.timestamp)
        except ValueError:
            continue
        row = int(devices.add([anomaly.device_id], (anomaly.channel,))[0])
        found.append((row, devices.channels(row).index(anomaly.channel), moment))
    columns = np.array(found, np.int64).reshape(-1, 3).T
    return flagged(columns[0].astype(np.int32), columns[1], columns[2])


def rows(hours: Hours, devices: Devices, settings: PlacementSettings) -> Iterator[Row]:
    """The parts as the store takes them."""
    place = partial(broker_of, brokers=settings.brokers, devices_per_broker=settings.devices_per_broker)
    columns = (column.tolist() for column in hours)
    for row, channel, hour, *numbers in zip(*columns, strict=True):
        device = devices.id(row)
        yield hour, device, devices.channels(row)[channel], place(device), *numbers
