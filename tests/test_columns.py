"""The tables of ids and of devices against dictionaries, and batches as views."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flead.columns import Batch, Channels, Devices
from flead.idtable import EMPTY, IdTable, intern
from flead.records import DEFAULT_CHANNEL

thorough = settings(deadline=None, derandomize=True, max_examples=150, database=None)

some_bytes = st.one_of(st.binary(max_size=12), st.sampled_from([b"", b"a", b"aa", b"device_1", b"x" * 1500]))


@thorough
@given(st.lists(st.lists(some_bytes, max_size=90), max_size=8))
def test_an_id_table_is_a_dictionary_that_counts(calls: list[list[bytes]]) -> None:
    table, expected = IdTable(), dict[bytes, int]()
    for ids in calls:
        rows = [expected.setdefault(one, len(expected)) for one in ids]
        assert table.rows(ids).tolist() == rows
        assert len(table) == len(expected)
        assert [table.get(row) for row in range(len(table))] == list(expected)


def test_a_large_id_table() -> None:
    table, ids = IdTable(), [b"device_%d" % number for number in range(50_000)]
    assert table.rows(ids).tolist() == list(range(50_000))
    assert table.rows(reversed(ids)).tolist() == list(range(49_999, -1, -1))
    assert table.get(49_999) == b"device_49999"
    assert sum(array.nbytes for array in table.arrays()) < 50_000 * (len("device_49999") + 40)


@pytest.mark.parametrize("row", [-1, 2, 64])
def test_a_row_that_no_id_has(row: int) -> None:
    table = IdTable()
    table.rows([b"a", b"b"])
    with pytest.raises(IndexError, match=f"row {row} of a table of 2 ids"):
        table.get(row)


def test_room_that_was_reserved_is_enough() -> None:
    table, ids = IdTable(), [b"%050d" % number for number in range(500)]
    table.rows([b"first"])
    table.reserve(1 + len(ids), sum(map(len, ids)))
    for row, one in enumerate(ids, 1):
        assert intern(np.frombuffer(one, np.uint8), 0, len(one), *table.arrays()) == row
    assert table.rows([b"first", ids[-1]]).tolist() == [0, 500]
    assert np.count_nonzero(table.slots != EMPTY) == 501


channel_sets = st.lists(st.sampled_from("abcde"), min_size=1, max_size=4, unique=True).map(tuple)
device_ids = st.lists(st.sampled_from(["", "pump", "Pumpe-ß", *(f"d{n}" for n in range(100))]), max_size=60)


@thorough
@given(st.lists(st.tuples(device_ids, channel_sets), max_size=8))
def test_devices_are_a_dictionary_of_channels(calls: Sequence[tuple[list[str], Channels]]) -> None:
    devices, expected = Devices(), dict[str, Channels]()
    for ids, channels in calls:
        for one in ids:
            known = expected.get(one, ())
            expected[one] = known + tuple(name for name in channels if name not in known)
        order = list(expected)
        assert devices.add(ids, channels).tolist() == [order.index(one) for one in ids]
        assert [devices.id(row) for row in range(len(devices))] == order
        assert [devices.channels(row) for row in range(len(devices))] == list(expected.values())
    assert len(devices.kind) == len(devices) == len(expected)
    assert devices.width == max([1, *map(len, expected.values())])
    assert len(set(devices.kinds)) == len(devices.kinds)


def test_a_device_has_one_channel_unless_others_are_named() -> None:
    devices = Devices()
    devices.add(["pump"])
    assert devices.channels(0) == (DEFAULT_CHANNEL,)
    assert devices.kinds == [(DEFAULT_CHANNEL,)]


def test_channels_that_make_no_sense_are_refused_and_change_nothing() -> None:
    devices = Devices()
    devices.add(["pump"], ("a",))
    with pytest.raises(ValueError, match="must be distinct"):
        devices.add(["pump", "boiler"], ("a", "b", "a"))
    assert (len(devices), devices.channels(0)) == (1, ("a",))


def test_channels_that_are_not_known_yet_come_later() -> None:
    devices = Devices()
    assert devices.add(["pump", "boiler"], ()).tolist() == [0, 1]
    devices.add(["boiler"], ("a",))
    devices.add(["boiler"], ())
    assert [devices.channels(row) for row in (0, 1)] == [(), ("a",)]


def test_a_part_of_a_batch_is_a_view() -> None:
    batch = Batch(np.arange(9, dtype=np.int32), np.arange(9) * 1000, np.ones((9, 2)), np.zeros(9, np.int8))
    part = batch.part(3, 7)
    assert (part.size, part.rows.tolist(), part.values.shape) == (4, [3, 4, 5, 6], (4, 2))
    assert all(np.shares_memory(ours, whole) for ours, whole in zip(part, batch, strict=True))
    assert part.values.flags.c_contiguous
