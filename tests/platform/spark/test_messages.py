"""Arrow's columns become arrays of what is in them, wherever in its buffers a batch begins."""

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from flead.platform.spark.messages import Messages, of_partitions


def batch(values: Sequence[bytes | None], first: int = 7, partition: int = 3, topic: str = "t") -> Any:
    pa = pytest.importorskip("pyarrow")
    count = len(values)
    return pa.record_batch(
        [
            pa.array([topic] * count), pa.array([partition] * count, pa.int32()),
            pa.array(range(first, first + count), pa.int64()), pa.array(range(100, 100 + count), pa.int64()),
            pa.array(values, pa.binary()),
        ],
        ["topic", "partition", "offset", "arrived", "value"],
    )  # fmt: skip


def texts(messages: Messages) -> list[bytes]:
    text, bounds = messages.compact()
    return [text[start:stop] for start, stop in itertools.pairwise(bounds)]


def test_a_slice_has_its_own_messages_and_no_value_is_an_empty_one() -> None:
    whole = batch([b"a", b"bc", None, b"", b"def"])
    ((topic, partition, found),) = of_partitions(iter([whole.slice(1, 4), whole.slice(0, 0)]))
    assert (topic, partition) == ("t", 3)
    assert found.offsets.tolist() == [8, 9, 10, 11]
    assert found.arrived.tolist() == [101, 102, 103, 104]
    assert texts(found) == [b"bc", b"", b"", b"def"]


def test_what_comes_after_an_offset_is_that() -> None:
    ((_, _, found),) = of_partitions(iter([batch([b"a", b"bc", b"def"])]))
    assert texts(found.since(8)) == [b"bc", b"def"]
    assert texts(found.since(0)) == [b"a", b"bc", b"def"]
    assert found.since(99).size == 0
    assert texts(found.part(1, 2)) == [b"bc"]


def test_a_batch_of_several_partitions_is_taken_apart() -> None:
    pa = pytest.importorskip("pyarrow")
    parts = batch([b"a", b"bc"]), batch([b"d"], partition=4), batch([b"e"], first=9, partition=4, topic="u")
    (mixed,) = pa.Table.from_batches(parts).combine_chunks().to_batches()
    found = [
        (topic, partition, some.offsets.tolist(), texts(some))
        for topic, partition, some in of_partitions(iter([mixed]))
    ]
    assert found == [("t", 3, [7, 8], [b"a", b"bc"]), ("t", 4, [7], [b"d"]), ("u", 4, [9], [b"e"])]
