"""Rows in the binary form of Postgres' COPY, made from columns without a Python object a row.

The format (PostgreSQL documentation, COPY, "Binary Format"): a row is a 16-bit number of fields, then for each field
a 32-bit length in bytes, -1 for NULL, and the field as the type's ``send`` function writes it; all big-endian.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numba import njit, types
from numpy.typing import NDArray
from psycopg import Cursor, sql

from flead.idtable import IdTable

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

Whole = NDArray[np.integer[Any]]
"""An array of whole numbers of any size."""

NULL = -1
FLOAT8, TEXT = 701, 25
"""Object ids of the element types of arrays."""
POSTGRES_EPOCH = 946_684_800_000
"""2000-01-01, from which Postgres counts microseconds, in our milliseconds."""

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)


class Field(NamedTuple):
    """One column of N rows: row i's bytes are ``data[starts[i]:starts[i] + lengths[i]]``, none if NULL."""

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]  # (N,)
    lengths: NDArray[np.int64]  # (N,)


Columns = Mapping[str, Field]
"""Columns of N rows by their names in the database."""


def fixed(values: NDArray[np.generic], null: NDArray[np.bool_] | None = None) -> Field:
    """Rows of the same number of bytes: ``values`` is a big-endian array (N,), or a matrix (N, B) of bytes."""
    count = len(values)
    data = np.ascontiguousarray(values).view(np.uint8).ravel()
    width = len(data) // max(count, 1)
    lengths = np.full(count, width, dtype=np.int64)
    if null is not None:
        lengths[null] = NULL
    return Field(data, np.arange(count, dtype=np.int64) * width, lengths)


def int4(values: Whole) -> Field:
    """``int`` of 32 bits; OverflowError if a value does not fit."""
    if len(values) and not -(2**31) <= values.min() <= values.max() < 2**31:
        raise OverflowError(f"{values.min()} to {values.max()} do not fit a column of 32-bit integers")
    return fixed(values.astype(">i4"))


def int8(values: Whole) -> Field:
    """``bigint``."""
    return fixed(values.astype(">i8"))


def boolean(values: NDArray[np.bool_]) -> Field:
    """``boolean``."""
    return fixed(values.astype(np.uint8))


def float8(values: NDArray[np.float64]) -> Field:
    """``double precision``; NaN stays NaN."""
    return fixed(values.astype(">f8"))


def float8_or_null(values: NDArray[np.float64]) -> Field:
    """``double precision``; NaN becomes NULL."""
    return fixed(values.astype(">f8"), np.isnan(values))


def moments(milliseconds: NDArray[np.int64], null: NDArray[np.bool_] | None = None) -> Field:
    """``timestamptz`` of milliseconds since 1970."""
    return fixed(((milliseconds - POSTGRES_EPOCH) * 1000).astype(">i8"), null)


def float8_arrays(values: NDArray[np.float64], lengths: NDArray[np.int64]) -> Field:
    """``double precision[]``: row i is the first ``lengths[i]`` numbers of the matrix (N, P)."""
    count, most = values.shape
    element = np.dtype([("length", ">i4"), ("value", ">f8")])
    row = np.dtype([("head", "V20"), ("elements", element, (most,))])
    rows = np.zeros(count, dtype=row)
    sizes = np.empty(count, dtype=np.int64)
    for length in np.unique(lengths).tolist():
        same_length = lengths == length
        head = array_bytes([b""] * length, FLOAT8)[:20]
        rows["head"][same_length] = np.void(head.ljust(20, b"\0"))
        sizes[same_length] = len(head) + element.itemsize * length
    rows["elements"]["length"] = 8
    rows["elements"]["value"] = values
    return Field(rows.view(np.uint8).ravel(), np.arange(count, dtype=np.int64) * row.itemsize, sizes)


def jsonb_or_null(objects: Sequence[object]) -> Field:
    """``jsonb``; None becomes NULL."""
    field = words([b"\x01" + msgspec.json.encode(each) for each in objects], np.arange(len(objects)))
    field.lengths[[each is None for each in objects]] = NULL
    return field


def array_bytes(elements: Sequence[bytes], kind: int) -> bytes:
    """One array as its type's ``send`` function writes it: dimensions, no NULLs, element type, length, first index."""
    numbers = [1, 0, kind, len(elements), 1] if elements else [0, 0, kind]
    head = np.array(numbers, dtype=">i4").tobytes()
    return head + b"".join(len(element).to_bytes(4, "big") + element for element in elements)


def words(dictionary: Sequence[bytes], codes: Whole) -> Field:
    """Row i is ``dictionary[codes[i]]``."""
    lengths = np.array([len(word) for word in dictionary], dtype=np.int64)
    ends = np.cumsum(lengths)
    return Field(np.frombuffer(b"".join(dictionary), np.uint8), (ends - lengths)[codes], lengths[codes])


def ids(table: IdTable, rows: Whole) -> Field:
    """Row i is the id in row ``rows[i]`` of the table."""
    starts = table.ends[rows]
    return Field(table.arena, starts, table.ends[rows.astype(np.int64) + 1] - starts)


def same(word: bytes, count: int) -> Field:
    """Every row is this word."""
    return words([word], np.zeros(count, dtype=np.int64))


@njit(
    types.void(types.uint8[::1], types.int64[::1], _BYTES, types.int64[::1], types.int64[::1]), cache=True, nogil=True
)
def put_field(
    out: NDArray[np.uint8],
    places: NDArray[np.int64],
    data: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> None:
    """Write field i to ``out`` at ``places[i]``, and move the place behind it."""
    for i in range(len(places)):
        place, start, length = places[i], starts[i], lengths[i]
        for shift in range(4):
            out[place + shift] = (length >> (24 - 8 * shift)) & 255
        place += 4
        for j in range(length):  # a NULL's length is -1
            out[place + j] = data[start + j]
        places[i] = place + max(length, 0)


def encode(fields: Sequence[Field]) -> bytes:
    """The rows made of these columns, without header and trailer."""
    sizes = np.full(len(fields[0].starts), 2 + 4 * len(fields), dtype=np.int64)
    for field in fields:
        sizes += np.maximum(field.lengths, 0)
    ends = np.cumsum(sizes)
    out = np.empty(int(ends[-1]) if len(ends) else 0, dtype=np.uint8)
    places = ends - sizes
    out[places] = len(fields) >> 8
    out[places + 1] = len(fields) & 255
    places += 2
    for field in fields:
        put_field(out, places, *field)
    return out.tobytes()


def copy(cursor: Cursor[Any], table: str, names: Iterable[str], blocks: Iterable[bytes]) -> None:
    """Add rows to a table: blocks that :func:`encode` has made of the columns of these names, in their order."""
    columns = sql.SQL(", ").join(map(sql.Identifier, names))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), columns)
    with cursor.copy(statement) as into:
        into.write(HEADER)
        for block in blocks:
            into.write(block)
        into.write(TRAILER)


def copy_columns(cursor: Cursor[Any], table: str, columns: Columns) -> None:
    """Add the rows made of these columns to a table."""
    copy(cursor, table, columns, [encode(list(columns.values()))])
