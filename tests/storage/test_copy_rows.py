"""Rows for COPY against the same rows packed one by one."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flead.idtable import IdTable
from flead.storage.writing import copy_rows

ROWS = st.lists(
    st.tuples(
        st.integers(-(2**31), 2**31 - 1),
        st.floats(),
        st.floats(allow_nan=False) | st.none(),
        st.integers(-(10**13), 10**13) | st.none(),
        st.binary(max_size=20),
        st.booleans(),
    ),
    min_size=1,
)


def packed(*fields: bytes | None) -> bytes:
    row = struct.pack(">h", len(fields))
    for field in fields:
        row += struct.pack(">i", -1) if field is None else struct.pack(">i", len(field)) + field
    return row


@given(ROWS)
def test_every_kind_of_field(rows: list[tuple[int, float, float | None, int | None, bytes, bool]]) -> None:
    whole, numbers, maybe, times, texts, flags = zip(*rows, strict=True)
    table = IdTable()
    expected = b"".join(
        packed(
            struct.pack(">i", i),
            struct.pack(">d", x),
            None if y is None else struct.pack(">d", y),
            None if t is None else struct.pack(">q", (t - 946_684_800_000) * 1000),
            text,
            text,
            struct.pack(">?", flag),
        )
        for i, x, y, t, text, flag in rows
    )
    assert expected == copy_rows.encode(
        [
            copy_rows.int4(np.array(whole)),
            copy_rows.float8(np.array(numbers)),
            copy_rows.float8_or_null(np.array([np.nan if y is None else y for y in maybe])),
            copy_rows.moments(np.array([t or 0 for t in times]), np.array([t is None for t in times])),
            copy_rows.words(texts, np.arange(len(texts))),
            copy_rows.ids(table, table.rows(texts)),
            copy_rows.boolean(np.array(flags)),
        ]
    )


def test_arrays() -> None:
    head = struct.pack(">iiiii", 1, 0, 701, 2, 1)
    two = packed(head + struct.pack(">idid", 8, 0.5, 8, -1e308)) + packed(
        head + struct.pack(">idid", 8, 0.0, 8, np.inf)
    )
    one = packed(struct.pack(">iiiii", 1, 0, 701, 1, 1) + struct.pack(">id", 8, -3.0))
    none = packed(struct.pack(">iii", 0, 0, 701))
    values = np.array([[0.5, -1e308], [0.0, np.inf], [-3.0, 7.0], [7.0, 7.0]])
    assert copy_rows.encode([copy_rows.float8_arrays(values, np.array([2, 2, 1, 0]))]) == two + one + none
    assert copy_rows.encode([copy_rows.float8_arrays(np.zeros((1, 0)), np.array([0]))]) == none


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_a_number_that_does_not_fit_is_refused(value: int) -> None:
    with pytest.raises(OverflowError):
        copy_rows.int4(np.array([value]))
