"""The rows of an Edge-IIoTset file: what each holds, or why it is rejected.

``frame.time`` was cut at a comma: `` 2021 22:49:20.400794000 `` has a year and a time of day, no month and no day.
The date is taken to be January 1st, so that rows are ordered by their time of day; a time that has its date
(``2021-11-25 22:49:20.4``) is taken as it is.

In many rows the columns are shifted: an address or a number stands where the time belongs, and other fields hold
what belongs elsewhere. Such a row cannot be placed in time and its channel may hold a foreign number, so it is
rejected, as is a row with text in a column of numbers. A row of which only the time cannot be read is rejected as
well: what it belongs to follows from its place in the order.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import read_labels, read_numbers, show
from flead.ingest.edge_audit import Form, read_forms
from flead.records import NO_LABEL

TIME, LABEL, TYPE = "frame.time", "Attack_label", "Attack_type"
NO_CHANNELS = frozenset({TIME, LABEL, TYPE})
TEXT_COLUMNS = frozenset(
    {
        "frame.time",
        "ip.src_host",
        "ip.dst_host",
        "arp.dst.proto_ipv4",
        "arp.src.proto_ipv4",
        "http.file_data",
        "http.request.uri.query",
        "http.request.method",
        "http.referer",
        "http.request.full_uri",
        "http.request.version",
        "tcp.options",
        "tcp.payload",
        "dns.qry.name.len",
        "mqtt.conack.flags",
        "mqtt.msg",
        "mqtt.protoname",
        "mqtt.topic",
        "Attack_type",
    }
)
"""The columns that the data set means to hold text; in any other, text is a defect."""

_YEAR_AND_TIME = r"^(\d{4}) +(\d\d:\d\d:\d\d(?:\.\d+)?)$"
_JANUARY_1 = "${1}-01-01 ${2}"
_DATE_AND_TIME = "%Y-%m-%d %H:%M:%S%.f"
_ADDRESS = r"^\d+\.\d+\.\d+\.\d+$"


class Verdict(IntEnum):
    """Why a row is rejected that has all its cells; of several reasons the first."""

    GOOD = 0
    NO_TIME = 1
    ADDRESS_AS_TIME = 2
    NUMBER_AS_TIME = 3
    BAD_TIME = 4
    TEXT_AS_NUMBER = 5
    BAD_LABEL = 6
    NO_VALUE = 7
    BAD_VALUE = 8

    @property
    def kind(self) -> str:
        """Its name in a report."""
        return self.name.lower().replace("_", "-")

    def reason(self, column: str, cell: str | None) -> str:
        """What is wrong with a row, of which this cell is to blame."""
        return _REASONS[self].format(column=column, cell=show(cell))


_REASONS = {
    Verdict.NO_TIME: "{column} is empty",
    Verdict.ADDRESS_AS_TIME: "{column} holds the address {cell}: the columns of this row are shifted",
    Verdict.NUMBER_AS_TIME: "{column} holds the number {cell}: the columns of this row are shifted",
    Verdict.BAD_TIME: "{column} {cell} is not a year and a time of day",
    Verdict.TEXT_AS_NUMBER: "{column} is numeric but holds {cell}: the columns of this row are shifted",
    Verdict.BAD_LABEL: "{column} {cell} is neither 0 nor 1",
    Verdict.NO_VALUE: "{column} is empty",
    Verdict.BAD_VALUE: "{column} {cell} is not a finite number",
}


class Rows(NamedTuple):
    """K rows of C cells, judged."""

    cells: pl.DataFrame
    forms: NDArray[np.uint8]  # (K, C)
    times: NDArray[np.int64]  # (K,) microseconds since the epoch, in good rows
    values: NDArray[np.float64]  # (K,)
    labels: NDArray[np.int8]  # (K,) 0, 1 or NO_LABEL
    verdicts: NDArray[np.uint8]  # (K,)
    culprits: NDArray[np.int64]  # (K,) the column to blame, in bad rows


def judge(cells: pl.DataFrame, channel: str) -> Rows:
    """Which of these rows are readings of the channel."""
    cells = cells.select(pl.all().str.strip_chars().replace("", None))
    columns = cells.columns
    forms = read_forms(cells)
    times, time_verdicts = _judge_times(cells[TIME])
    labels, _ = read_labels(cells[LABEL])
    form = forms[:, columns.index(channel)]
    values = _read_values(cells[channel], form)
    numeric = np.array([column not in TEXT_COLUMNS | {LABEL} for column in columns])
    text = (forms >= Form.HEXADECIMAL) & numeric
    bad: list[NDArray[np.bool_]] = [
        time_verdicts > 0,
        text.any(axis=1),
        labels == NO_LABEL,
        form == Form.EMPTY,
        ~np.isfinite(values),
    ]
    then: list[NDArray[np.uint8] | int] = [
        time_verdicts,
        Verdict.TEXT_AS_NUMBER,
        Verdict.BAD_LABEL,
        Verdict.NO_VALUE,
        Verdict.BAD_VALUE,
    ]
    verdicts = np.select(bad, then, Verdict.GOOD).astype(np.uint8)
    blamed: list[NDArray[np.int64] | int] = [
        columns.index(TIME),
        text.argmax(axis=1),
        *(columns.index(name) for name in (LABEL, channel, channel)),
    ]
    return Rows(cells, forms, times, values, labels, verdicts, np.select(bad, blamed, 0))


def _judge_times(cells: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    dated = cells.str.replace(_YEAR_AND_TIME, _JANUARY_1)
    times = dated.str.to_datetime(_DATE_AND_TIME, strict=False, time_unit="us").to_physical()
    verdicts = np.where(times.is_not_null(), Verdict.GOOD, Verdict.BAD_TIME).astype(np.uint8)
    unread = np.flatnonzero(verdicts)
    rest = cells.gather(unread)
    kinds = [rest.is_null(), rest.str.contains(_ADDRESS), rest.cast(pl.Float64, strict=False).is_not_null()]
    found = [Verdict.NO_TIME, Verdict.ADDRESS_AS_TIME, Verdict.NUMBER_AS_TIME]
    verdicts[unread] = np.select([kind.fill_null(False).to_numpy() for kind in kinds], found, Verdict.BAD_TIME)
    return times.fill_null(0).to_numpy(), verdicts


def _read_values(cells: pl.Series, form: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(K,) the numbers, hexadecimal ones too; NaN where there is none."""
    # Adding zero turns a negative zero, which would be written in its own way, into zero.
    values: NDArray[np.float64] = read_numbers(cells).values + 0.0
    hexadecimal = np.flatnonzero(form == Form.HEXADECIMAL)
    values[hexadecimal] = [int(cell, 16) for cell in cells.gather(hexadecimal).to_list()]
    return values
