"""What Python does in a micro-batch of the stream evaluation, in Spark's worker: one task a partition of readings."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa

from flead.spark.audit import PartitionAudit, position_key
from flead.spark.evaluation import RESULT, Work
from flead.spark.messages import of_partition
from flead.storage.positions import Position, position
from flead.storage.store import served_store

_connections: list[psycopg.Connection[Any]] = []
_audits: dict[tuple[str, int], PartitionAudit] = {}
"""Shards stay in the worker's memory from micro-batch to micro-batch, as long as the store says they are current."""


def observe(work: Work, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A task: the messages of one partition. One row says what became of them; none where there was nothing."""
    found = list(of_partition(batches))
    if not found:
        return
    number = found[0][1]
    messages = [part for _, _, part in found]
    first, last = (int(end) for end in (min(m.arrived.min() for m in messages), max(m.arrived.max() for m in messages)))
    if not work.covered.covers(first, last):
        yield _row(number, 0, first, last, False, "")
        return
    try:
        audit = _audit(work, number)
        start = audit.position.start(work.topic)
        for part in messages:
            audit.observe(part.since(start), work.covered.models)
        readings, after = audit.readings, int(messages[-1].offsets[-1]) + 1
        if after > start:
            audit.commit(Position(work.topic, after, last))
    except BaseException:
        # What it holds in memory is not what is stored.
        _forget()
        raise
    yield _row(number, readings, first, last, True, audit.learnt_anew)
    audit.learnt_anew = ""


def _audit(work: Work, number: int) -> PartitionAudit:
    if not _connections:
        _connections.append(served_store(work.settings).connect())
    (connection,) = _connections
    known = _audits.get((work.topic, number))
    if known is None or known.position != position(connection, position_key(number)):
        known = _audits[work.topic, number] = PartitionAudit(work.settings, number, connection)
    return known


def _forget() -> None:
    _audits.clear()
    while _connections:
        _connections.pop().close()


def _row(*values: object) -> pa.RecordBatch:
    names = [column.split()[0] for column in RESULT.split(", ")]
    types = [pa.int32(), pa.int64(), pa.int64(), pa.int64(), pa.bool_(), pa.string()]
    return pa.record_batch([pa.array([value], kind) for value, kind in zip(values, types, strict=True)], names)
