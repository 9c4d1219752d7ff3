"""A partition's messages as Spark hands them to Python: Arrow's columns as arrays, nothing copied but the bytes."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("topic", "partition", "offset", "arrived", "value")
"""What a micro-batch consists of; ``arrived`` is Kafka's time of a message, in milliseconds."""


class Messages(NamedTuple):
    """M messages of one partition: message i is ``text[bounds[i]:bounds[i + 1]]``."""

    offsets: NDArray[np.int64]  # (M,) rising
    arrived: NDArray[np.int64]  # (M,) milliseconds since the epoch
    text: bytes
    bounds: NDArray[np.int64]  # (M + 1,)

    @property
    def size(self) -> int:
        """The number of messages, M."""
        return len(self.offsets)

    def part(self, start: int, stop: int) -> "Messages":
        """Messages ``start`` to ``stop``; the text is all of it."""
        return Messages(self.offsets[start:stop], self.arrived[start:stop], self.text, self.bounds[start : stop + 1])

    def since(self, offset: int) -> "Messages":
        """Those from this offset on."""
        return self.part(int(np.searchsorted(self.offsets, offset)), self.size)

    def compact(self) -> tuple[bytes, NDArray[np.int64]]:
        """Text and bounds of these messages alone."""
        first, last = int(self.bounds[0]), int(self.bounds[-1])
        return self.text[first:last], self.bounds - first


def of_partitions(batches: Iterator[Any]) -> Iterator[tuple[str, int, Messages]]:
    """(topic, partition, messages) of Arrow's record batches with ``COLUMNS``, in which partitions are not mixed."""
    for batch in batches:
        if batch.num_rows == 0:
            continue
        partitions = numbers(batch.column("partition"), np.int32)
        topics = batch.column("topic").dictionary_encode().indices.to_numpy()
        ends = np.flatnonzero(np.diff(partitions, append=-1) | np.diff(topics, append=-1)) + 1
        for start, end in pairwise((0, *ends.tolist())):
            yield _messages(batch.slice(start, end - start))


def _messages(batch: Any) -> tuple[str, int, Messages]:
    return (
        batch.column("topic")[0].as_py(),
        batch.column("partition")[0].as_py(),
        Messages(
            numbers(batch.column("offset"), np.int64),
            numbers(batch.column("arrived"), np.int64),
            *texts(batch.column("value")),
        ),
    )


def numbers(column: Any, dtype: type[np.generic]) -> NDArray[Any]:
    """An Arrow column of numbers as an array."""
    array = np.frombuffer(column.buffers()[1], dtype)
    return array[column.offset : column.offset + len(column)]


def texts(column: Any) -> tuple[bytes, NDArray[np.int64]]:
    """An Arrow column of bytes as one text and its bounds; nulls are empty."""
    _, ends, data = column.buffers()
    bounds = np.frombuffer(ends, np.int32)[column.offset : column.offset + len(column) + 1].astype(np.int64)
    first, last = int(bounds[0]), int(bounds[-1])
    text = data.slice(first, last - first).to_pybytes() if data is not None else b""
    return text, bounds - first
