import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from flead.ingest.csv_folder import csv_folder
from flead.ingest.errors import SourceError
from flead.ingest.recognise.containers import to_text
from flead.ingest.recognise.pins import Pins
from flead.records import NO_LABEL, Rejected, to_milliseconds
from tests.ingest.drain import assert_same, drain, of_device
from tests.ingest.test_delimited import nasty, physical_rows


def folder(path: Path, **files: str | bytes):
    """A source of files, by device."""
    for device, text in files.items():
        path.joinpath(f"{device}.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return csv_folder(f"csv:{path}", path)


def reasons(rejected) -> dict[str, str]:
    return {row.location: row.reason for row in rejected}


def test_columns_become_times_labels_and_channels(tmp_path: Path):
    readings, rejected, devices = drain(
        folder(
            tmp_path, pump="timestamp,flow,label,pressure\n2025-01-01T00:00:00Z,1.5,0,-2e3\n2025-01-01T00:00:01Z,,1,7\n"
        )
    )
    assert not rejected
    assert devices.id(0) == "pump"
    assert devices.channels(0) == ("flow", "pressure")
    np.testing.assert_array_equal(readings.values, [[1.5, -2000], [math.nan, 7]])
    assert readings.labels.tolist() == [0, 1]
    assert np.diff(readings.times).tolist() == [1000]
    assert readings.values.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2025-11-07T15:22:31.250Z", "2025-11-07T15:22:31.250"),
        ("2025-11-07 15:22:31", "2025-11-07T15:22:31"),
        (" 2025-11-07T15:22:31.2509999 ", "2025-11-07T15:22:31.250"),
        ("2025-11-07T15:22:31+01:00", "2025-11-07T14:22:31"),
        ("2025-11-07", "2025-11-07T00:00"),
        ("1762528951.25", "2025-11-07T15:22:31.250"),
        ("-1", "1969-12-31T23:59:59"),
        ("1.762528951e9", "2025-11-07T15:22:31"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999"),
    ],
)
def test_times_are_iso_8601_or_seconds(tmp_path: Path, text: str, iso: str):
    readings, rejected, _ = drain(folder(tmp_path, a=f"timestamp,x\n{text},1\n"))
    assert not rejected
    assert readings.times.tolist() == [to_milliseconds(iso)]


def test_without_a_time_column_a_row_is_a_second_even_after_a_rejected_one(tmp_path: Path):
    readings, rejected, devices = drain(folder(tmp_path, a="x\n1\n\nbad\n3\n", b="x\n1\n2"))
    assert of_device(readings, devices, "a").times.tolist() == [0, 2000]
    assert of_device(readings, devices, "b").times.tolist() == [0, 1000]
    assert len(rejected) == 1


GOOD = "2025-01-01T00:00:0{},1,2,0\r\n"


def around(row: str) -> str:
    """A file of three rows; ``row`` is the second one, in line 4."""
    return "timestamp,x,y,label\r\n" + GOOD.format(0) + "\r\n" + row + "\r\n" + GOOD.format(1)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2025-01-01T00:00:00Z,1,1", "3 cells where there are 4 columns"),
        ("2025-01-01T00:00:00Z,1,1,0,7", "5 cells where there are 4 columns"),
        ("yesterday,1,1,0", "no time"),
        (",1,1,0", "no time"),
        ("nan,1,1,0", "no time"),
        ("-inf,1,1,0", "no time"),
        ("1e300,1,1,0", "no time"),
        ("2025-02-30T00:00:00Z,1,1,0", "no time"),
        ("2025-01-01T00:00:00Z,,,1", "no value in any channel"),
        ("2025-01-01T00:00:00Z,oops,nan,1", "no value in any channel"),
        ('"2025-01-01T00:00:00Z,1,1,0', "1 cell where there are 4 columns"),
    ],
)
def test_a_row_of_which_nothing_is_left_is_rejected_and_the_others_go_on(tmp_path: Path, row: str, reason: str):
    source = folder(tmp_path, a=around(row), b="timestamp,x\n2025-01-01T00:00:05Z,1\n")
    readings, rejected, _ = drain(source)
    assert readings.size == 3
    assert rejected == [Rejected(f"csv:{tmp_path}", "a.csv:4", reason, row.encode())]
    assert [(count.reason, count.count) for count in source.account.files[0].rejected] == [(reason, 1)]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("oops", "not a number"),
        ("1_0", "not a number"),
        ("Bad Input", "says that there is no value"),
        ("nan", "says that there is no value"),
        ("-Infinity", "says that there is no value"),
        ("1e999", "not a number"),
        ("---", "says that there is no value"),
    ],
)
def test_a_bad_cell_is_an_absent_value_and_is_counted(tmp_path: Path, cell: str, reason: str):
    source = folder(tmp_path, a=around(f"2025-01-01T00:00:00Z,{cell},5,1"))
    readings, rejected, _ = drain(source)
    assert not rejected
    np.testing.assert_array_equal(readings.values, np.array([[1, 2], [math.nan, 5], [1, 2]]))
    (count,) = source.account.files[0].absent
    assert (count.column, count.reason, count.count, count.examples) == ("x", reason, 1, [cell])


def test_a_bad_label_is_no_label(tmp_path: Path):
    readings, rejected, _ = drain(folder(tmp_path, a=around("2025-01-01T00:00:00Z,1,1,yes")))
    assert not rejected
    assert readings.labels.tolist() == [0, NO_LABEL, 0]


def test_an_empty_label_is_no_label(tmp_path: Path):
    readings, _, _ = drain(folder(tmp_path, a="x,label\n1,\n2,1.0\n3,0.0\n"))
    assert readings.labels.tolist() == [NO_LABEL, 1, 0]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_seen_in_the_header(tmp_path: Path, separator: str):
    text = "timestamp,x,y\n2025-01-01 00:00:00,1,2\n".replace(",", separator)
    readings, _, devices = drain(folder(tmp_path, a=text))
    assert devices.channels(0) == ("x", "y")
    assert readings.values.tolist() == [[1, 2]]


def test_a_column_is_a_channel_if_half_of_its_cells_are_numbers(tmp_path: Path):
    text = "half,less,none,nans\n1,a,ok,nan\ny,b,ok,\n,1,ok,1\n2,z,ok,2\n3,q,,3\n"
    source = folder(tmp_path, a=text, b="less,z\n1,2\n")
    readings, rejected, devices = drain(source)
    assert devices.channels(0) == ("half", "nans")
    assert devices.channels(1) == ("less", "z")
    assert reasons(rejected) == {"a.csv:3": "no value in any channel"}
    assert readings.size == 5
    left = {(out.column, out.reason) for out in source.account.understandings[0].left_out}
    assert left == {("less", "is mostly text, such as 'a'"), ("none", "is text, such as 'ok'")}


def test_a_file_without_numbers_has_all_its_rows_rejected(tmp_path: Path):
    _, rejected, devices = drain(folder(tmp_path, a="timestamp,state\n0,on\n1,off\n", b="x\n1\n"))
    assert reasons(rejected) == dict.fromkeys(("a.csv:2", "a.csv:3"), "the file has no column of numbers")
    assert len(devices) == 1


def test_empty_files_are_reported_and_the_others_read(tmp_path: Path):
    files = {"empty": "", "blank": "\n\r\n", "header": "timestamp,x\r\n\r\n", "only_header": "x", "good": "x\n5\n"}
    readings, rejected, devices = drain(folder(tmp_path, **files))
    assert readings.values.tolist() == [[5]]
    assert len(devices) == 1
    assert {bad.location: (bad.reason, bad.raw) for bad in rejected} == {
        "empty.csv": ("the file is empty", b""),
        "blank.csv": ("the file is empty", b""),
        "header.csv": ("the file has a header and no rows", b"timestamp,x"),
        "only_header.csv": ("the file has a header and no rows", b"x"),
    }


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path):
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere")
    _, rejected, _ = drain(folder(tmp_path, good="x\n5\n"))
    assert reasons(rejected) == {"gone.csv": "the file cannot be read: No such file or directory"}


def test_files_are_devices_in_natural_order_and_hidden_ones_are_none(tmp_path: Path):
    source = folder(tmp_path, d10="x\n1\n", d9="x\n1\n")
    (tmp_path / "d1.CSV").write_text("x\n1\n")
    (tmp_path / "._d1.csv").write_bytes(b"\x00\x05")
    (tmp_path / "notes.txt").write_text("x\n1\n")
    source = csv_folder("csv", tmp_path)
    _, _, devices = drain(source)
    assert [devices.id(row) for row in range(len(devices))] == ["d1", "d9", "d10"]


def test_bytes_that_are_no_utf8_quotes_and_a_byte_order_mark_are_read(tmp_path: Path):
    text = b'\xef\xbb\xbf"timestamp","x","note"\r\n0,"1.5","Stra\xdfe, ""neu"""\r\n1,2,\xff\xfe\r\n2,"3"\r\n\r\n'
    readings, rejected, devices = drain(folder(tmp_path, a=text))
    assert devices.channels(0) == ("x",)
    assert readings.values.tolist() == [[1.5], [2]]
    assert reasons(rejected) == {"a.csv:4": "2 cells where there are 3 columns"}


def test_one_channel_is_read_whatever_it_holds(tmp_path: Path):
    folder(tmp_path, a="x,y\n1,a\n2,5\n3,b\n4,c\n", b="y\n6\n")
    readings, rejected, devices = drain(csv_folder("csv", tmp_path, Pins(channel="y")))
    assert {devices.channels(row) for row in range(2)} == {("y",)}
    assert sorted(readings.values[:, 0].tolist()) == [5, 6]
    assert len(rejected) == 3


def test_a_file_without_the_one_channel_is_an_error_that_names_the_columns(tmp_path: Path):
    folder(tmp_path, a="y\n1\n", b="timestamp,flow,level,label\n0,1,2,0\n")
    with pytest.raises(SourceError, match=r"csv: b\.csv has no column 'y' for --channel; it has flow, level$"):
        drain(csv_folder("csv", tmp_path, Pins(channel="y")))


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_folder_without_files_is_an_error(tmp_path: Path, name: str):
    (tmp_path / "file").write_text("")
    message = {"nowhere": "is neither a folder nor a file", "file": None}[name]
    if message:
        with pytest.raises(SourceError, match=message):
            csv_folder("csv", tmp_path / name)
    with pytest.raises(SourceError, match=r"holds no file of readings \(1 of another kind, such as file\)"):
        csv_folder("csv", tmp_path)


def test_order_within_a_file_is_kept_where_times_repeat_or_step_back(tmp_path: Path):
    source = folder(tmp_path, a="timestamp,x\n5,1\n5,2\n3,3\n9,4\n", b="timestamp,x\n4,1\n6,2\n")
    readings, _, devices = drain(source)
    assert of_device(readings, devices, "a").values[:, 0].tolist() == [1, 2, 3, 4]
    assert readings.times.tolist() == [4000, 5000, 5000, 3000, 6000, 9000]


def test_files_read_together_and_one_by_one_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = {f"d{number}": f"timestamp,x,note\n{number},1,a\n\nbad,2\n9,{number}.5,\n8,inf,b" for number in range(5)}
    files["d3"] = "timestamp;x\n1;2\n"
    together = drain(folder(tmp_path, **files))
    monkeypatch.setattr("flead.ingest.reader._TOGETHER", -1)
    apart = drain(folder(tmp_path, **files))
    assert_same(together[0], apart[0])
    assert together[1] == apart[1]
    assert [bad.location for bad in together[1] if bad.location.startswith("d1")] == ["d1.csv:4", "d1.csv:6"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.sampled_from([b"", b"x\n", b"timestamp,x\n", b"timestamp;label;x;y\r\n"]), body=nasty)
def test_rows_are_readings_or_rejected_whatever_the_bytes(tmp_path: Path, header: bytes, body: bytes):
    assume(not to_text(header + body).encoding.startswith("utf-16"))
    assume(b"\n" in header + body or body.count(b"\r") < 2)  # these would be line ends
    source = folder(tmp_path, a=header + body)
    readings, rejected, devices = drain(source)
    (report,) = source.account.files
    assert readings.size == report.readings
    assert len(rejected) == report.lost
    assert report.rows == report.readings + report.joined + report.lost
    text = (header + body).removeprefix(b"\xef\xbb\xbf")
    lines = physical_rows(text)
    whole = [bad for bad in rejected if ":" not in bad.location]
    # A file without rows counts as one.
    assert report.rows + report.headers == len(lines) + len(whole)
    assert np.isfinite(readings.values).any(axis=1).all()
    assert not np.isinf(readings.values).any()
    assert (len(devices) > 0) == (readings.size > 0)
    by_line = {number + 1: line for number, line in lines}
    for bad in rejected:
        assert bad.reason
        _, colon, line = bad.location.partition(":")
        assert not colon or by_line[int(line)] == bad.raw
