"""What Python does in a micro-batch of the stream evaluation, in Spark's worker: one partition after the other."""

import gc
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import psycopg
import pyarrow as pa

from flead.platform.evaluation.audit import PartitionAudit, position_key
from flead.platform.evaluation.work import RESULT, Work
from flead.platform.spark.messages import Messages, of_partitions
from flead.storage.server.store import served_store
from flead.storage.writing.positions import Position, position

_connections: list[psycopg.Connection[Any]] = []
_audits: dict[tuple[str, int], PartitionAudit] = {}
"""Shards stay in the worker's memory from micro-batch to micro-batch, as long as the store says they are current."""


# Spark's worker collects garbage after every task. What was imported is none, and takes a tenth of a second to look at.
gc.freeze()


def observe(work: Work, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The task: the messages of all partitions. A row says what became of each; none where it had none."""
    for number, found in groupby(of_partitions(batches), key=itemgetter(1)):
        yield _observe(work, number, [messages for _, _, messages in found])


def _observe(work: Work, number: int, messages: Sequence[Messages]) -> pa.RecordBatch:
    first, last = (int(end) for end in (min(m.arrived.min() for m in messages), max(m.arrived.max() for m in messages)))
    if not work.covered.covers(first, last):
        return _row(number, 0, first, last, False, "")
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
    note, audit.learnt_anew = audit.learnt_anew, ""
    return _row(number, readings, first, last, True, note)


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
