"""Any table of devices, channels, times and gaps, written in any shape and dialect, comes back the same readings."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest.recognised import read, source_of

# Prime numbers of seconds after a morning whose day and month cannot be mistaken.
START = 1_718_697_601
STEPS = [1, 7, 60, 601]


class Fleet(NamedTuple):
    """What was measured: device -> second -> channel -> hundredths."""

    readings: dict[str, dict[int, dict[str, int]]]
    channels: list[str]


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    """Up to three devices with up to three channels; every device has said something in every channel."""
    devices = draw(
        st.lists(st.sampled_from(["pump_a", "keller", "n7 east", "Gerät"]), min_size=1, max_size=3, unique=True)
    )
    channels = draw(st.lists(st.sampled_from(["flow", "temp C", "p1", "Höhe"]), min_size=1, max_size=3, unique=True))
    step, count = draw(st.sampled_from(STEPS)), draw(st.integers(4, 12))
    hundredths = st.integers(-20_000, 20_000)
    readings: dict[str, dict[int, dict[str, int]]] = {}
    for device in devices:
        own = readings[device] = {}
        for number in range(count):
            said = {name: draw(hundredths) for name in channels if number < 2 or draw(st.integers(0, 5))}
            if said:
                own[START + number * step] = said
    return Fleet(readings, channels)


class Dialect(NamedTuple):
    """How it is written down."""

    separator: str
    decimal: str
    time: str
    header: str
    quoted: bool
    gap: str
    encoding: str
    packed: bool
    preamble: list[str]
    line_end: str


TIMES = ["iso", "iso space", "offset", "s", "ms", "us", "compact", "dotted", "american"]
dialects = st.builds(
    Dialect,
    separator=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    time=st.sampled_from(TIMES),
    header=st.sampled_from(["timestamp", "Time", "Datum Zeit", "ts"]),
    quoted=st.booleans(),
    gap=st.sampled_from(["", "NaN", "Bad Input", "unavailable", "---"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    packed=st.booleans(),
    preamble=st.sampled_from([[], ["# made by a logger"], ["Logger Z9", "Interval 60"]]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)


def time_in(second: int, form: str) -> str:
    moment = datetime.fromtimestamp(second, UTC)
    forms = {
        "iso": "%Y-%m-%dT%H:%M:%SZ", "iso space": "%Y-%m-%d %H:%M:%S", "offset": "%Y-%m-%dT%H:%M:%S+00:00",
        "compact": "%Y%m%d%H%M%S", "dotted": "%d.%m.%Y %H:%M:%S", "american": "%m/%d/%Y %I:%M:%S %p",
    }  # fmt: skip
    scales = {"s": 1, "ms": 1000, "us": 1_000_000}
    return str(second * scales[form]) if form in scales else moment.strftime(forms[form])


def number_in(hundredths: int | None, dialect: Dialect) -> str:
    if hundredths is None:
        return dialect.gap
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}{dialect.decimal}{abs(hundredths) % 100:02}"


def written(rows: list[list[str]], dialect: Dialect) -> bytes:
    text = io.StringIO()
    quoting: Literal[0, 1] = csv.QUOTE_ALL if dialect.quoted else csv.QUOTE_MINIMAL
    writer = csv.writer(text, delimiter=dialect.separator, lineterminator=dialect.line_end, quoting=quoting)
    writer.writerows(rows)
    lines = "".join(line + dialect.line_end for line in dialect.preamble) + text.getvalue()
    encoded = lines.encode(dialect.encoding)
    return gzip.compress(encoded) if dialect.packed else encoded


def expected(fleet: Fleet) -> dict[str, list[tuple[str, dict[str, float]]]]:
    return {
        device: [
            (time_in(second, "iso").removesuffix("Z"), {name: value / 100 for name, value in said.items()})
            for second, said in own.items()
        ]
        for device, own in fleet.readings.items()
    }


def a_file_a_device(fleet: Fleet, dialect: Dialect) -> dict[str, bytes]:
    head = [dialect.header, *fleet.channels]
    suffix = ".csv.gz" if dialect.packed else ".csv"
    return {
        device + suffix: written(
            [head]
            + [
                [time_in(second, dialect.time), *(number_in(said.get(name), dialect) for name in fleet.channels)]
                for second, said in own.items()
            ],
            dialect,
        )
        for device, own in fleet.readings.items()
    }


def wide(fleet: Fleet, dialect: Dialect) -> dict[str, bytes]:
    rows = [
        [time_in(second, dialect.time), device, *(number_in(own[second].get(name), dialect) for name in fleet.channels)]
        for second in sorted({second for own in fleet.readings.values() for second in own})
        for device, own in fleet.readings.items()
        if second in own
    ]
    return {"all.csv": written([[dialect.header, "device", *fleet.channels], *rows], dialect._replace(packed=False))}


def long(fleet: Fleet, dialect: Dialect) -> dict[str, bytes]:
    rows = [
        [time_in(second, dialect.time), device, name, number_in(value, dialect)]
        for second in sorted({second for own in fleet.readings.values() for second in own})
        for device, own in fleet.readings.items()
        for name, value in own.get(second, {}).items()
    ]
    head = [dialect.header, "device_id", "metric", "value"]
    return {"all.csv": written([head, *rows], dialect._replace(packed=False))}


def lines_of_json(fleet: Fleet, dialect: Dialect) -> dict[str, bytes]:
    records = [
        {dialect.header: time_in(second, dialect.time), "device": device}
        | {name: value / 100 for name, value in said.items()}
        for device, own in fleet.readings.items()
        for second, said in own.items()
    ]
    return {"all.ndjson": "\n".join(json.dumps(record) for record in records).encode()}


@pytest.mark.parametrize("shape", [a_file_a_device, wide, long, lines_of_json], ids=lambda shape: shape.__name__)
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(fleet=fleets(), dialect=dialects)
def test_any_fleet_in_any_shape_and_dialect_comes_back(
    tmp_path_factory: pytest.TempPathFactory, shape, fleet: Fleet, dialect: Dialect
):
    folder: Path = tmp_path_factory.mktemp("shape")
    found = read(source_of(folder, shape(fleet, dialect)))
    assert found == expected(fleet)
