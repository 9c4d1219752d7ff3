import csv
import json
from pathlib import Path

import numpy as np
import pytest

from flead.ingest.edge_iiotset import edge_iiotset, prepare
from flead.ingest.errors import SourceError
from flead.records import to_milliseconds
from tests.ingest import edge_file
from tests.ingest.drain import assert_same, drain, real_data


def write_rows(path: Path, *rows: dict[str, str], columns: list[str] = edge_file.COLUMNS) -> Path:
    """A raw file of rows that differ from a sound one in these cells."""
    sound = dict.fromkeys(columns, "0.0") | {"frame.time": " 2021 10:00:00.000000000 "}
    sound |= {"Attack_label": "0", "Attack_type": "Normal"}
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([(sound | row)[column] for column in columns] for row in rows)
    return path


def clock(text: str) -> str:
    return f" 2021 {text} "


def test_rows_are_ordered_by_time_and_dealt_out_in_turn(tmp_path: Path):
    clocks = ["10:00:02.5", "10:00:01.000001000", "10:00:01.000002000", "10:00:01.000001000", "09:00:00"]
    raw = write_rows(
        tmp_path / "raw.csv",
        *({"frame.time": clock(text), "tcp.ack": f"{number}.0"} for number, text in enumerate(clocks)),
    )
    report = prepare(raw, tmp_path / "out", devices=2)
    assert (report.rows, report.readings, report.devices) == (5, 5, 2)
    # In order of time: rows 4, 1, 3 (a tie keeps the order of the file), 2, 0.
    assert (tmp_path / "out" / "device_0.csv").read_text().splitlines() == [
        "timestamp,tcp.ack,label",
        "2021-01-01T09:00:00.000Z,4.0,0",
        "2021-01-01T10:00:01.000Z,3.0,0",
        "2021-01-01T10:00:02.500Z,0.0,0",
    ]
    assert (tmp_path / "out" / "device_1.csv").read_text().splitlines()[1:] == [
        "2021-01-01T10:00:01.000Z,1.0,0",
        "2021-01-01T10:00:01.000Z,2.0,0",
    ]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "device_0.csv", "device_1.csv", "report.json", "report.txt", "rejected.jsonl"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "kind", "column", "reason"),
    [
        ({"frame.time": "192.168.0.128"}, "address-as-time", "frame.time", "holds the address '192.168.0.128'"),
        ({"frame.time": "6.0"}, "number-as-time", "frame.time", "holds the number '6.0'"),
        ({"frame.time": ""}, "no-time", "frame.time", "frame.time is empty"),
        (
            {"frame.time": clock("24:00:00")},
            "bad-time",
            "frame.time",
            "'2021 24:00:00' is not a year and a time of day",
        ),
        ({"frame.time": "22:49:20.4"}, "bad-time", "frame.time", "is not a year and a time of day"),
        ({"tcp.srcport": "a.local"}, "text-as-number", "tcp.srcport", "tcp.srcport is numeric but holds 'a.local'"),
        ({"Attack_label": "2"}, "bad-label", "Attack_label", "Attack_label '2' is neither 0 nor 1"),
        ({"Attack_label": ""}, "bad-label", "Attack_label", "Attack_label '' is neither 0 nor 1"),
        ({"tcp.ack": ""}, "no-value", "tcp.ack", "tcp.ack is empty"),
        ({"tcp.ack": "nan"}, "bad-value", "tcp.ack", "tcp.ack 'nan' is not a finite number"),
        ({"tcp.ack": "abc"}, "text-as-number", "tcp.ack", "tcp.ack is numeric but holds 'abc'"),
    ],
)
def test_a_bad_row_is_rejected_and_reported(tmp_path: Path, cells: dict[str, str], kind: str, column: str, reason: str):
    raw = write_rows(tmp_path / "raw.csv", {}, cells, {"tcp.ack": "5"})
    report = prepare(raw, tmp_path / "out", devices=1)
    assert (report.rows, report.readings, report.rejected) == (3, 2, 1)
    found = [(defect.kind, defect.column, defect.count, defect.lines) for defect in report.defects if defect.rejects]
    assert found == [(kind, column, 1, [3])]
    (row,) = map(json.loads, (tmp_path / "out" / "rejected.jsonl").read_text().splitlines())
    assert row["location"] == "raw.csv:3"
    assert reason in row["reason"]
    assert row["raw"] == raw.read_text().splitlines()[2]


def test_hexadecimal_numbers_dated_times_and_unrelated_text_are_read(tmp_path: Path):
    rows = [
        {"mqtt.conack.flags": "0x0000001f", "frame.time": "2021-11-25 10:00:00.5"},
        {"mqtt.conack.flags": "-0.0", "mqtt.topic": "Temperature", "tcp.options": "0101080a"},
    ]
    raw = write_rows(tmp_path / "raw.csv", *rows)
    readings, rejected, devices = drain(edge_iiotset("edge", raw, 2, "mqtt.conack.flags"))
    assert not rejected
    assert devices.channels(0) == ("mqtt.conack.flags",)
    assert readings.values[:, 0].tobytes() == np.array([0.0, 31.0]).tobytes()
    assert readings.times.tolist() == list(map(to_milliseconds, ("2021-01-01T10:00", "2021-11-25T10:00:00.5")))


def test_defects_that_cost_no_row_are_reported(tmp_path: Path):
    rows = [
        {"tcp.len": "0", "mqtt.msg": "0"},
        {"tcp.seq": "", "udp.port": "inf", "mqtt.msg": "0", "mqtt.topic": "0x1f"},
        {"Attack_label": "1", "Attack_type": "XSS", "frame.time": clock("09:00:00")},
        {"Attack_label": "1", "frame.time": "0.0", "mqtt.msg": "0", "tcp.srcport": "a.local"},
        {"Attack_label": "1", "Attack_type": "XSS", "frame.time": clock("09:00:00")},
    ]
    report = prepare(write_rows(tmp_path / "raw.csv", *rows), tmp_path / "out")
    found = {(defect.kind, defect.column): (defect.count, defect.lines) for defect in report.defects}
    assert found == {
        ("number-as-time", "frame.time"): (1, [5]),
        ("label-contradicts-type", "Attack_type"): (1, [5]),
        ("not-in-time-order", "frame.time"): (1, [4]),
        ("mixed-format", "tcp.len"): (1, [2]),
        ("empty", "tcp.seq"): (1, [3]),
        ("not-finite", "udp.port"): (1, [3]),
        ("text", "tcp.srcport"): (1, [5]),
        # The rejected row does not hide that 0 is written in rows labelled 0 alone.
        ("format-tells-label", "mqtt.msg"): (2, [4, 6]),
        ("hexadecimal", "mqtt.topic"): (1, [3]),
        ("repeated-row", None): (1, [6]),
    }


@pytest.mark.parametrize("channel", edge_file.TELLING)
def test_no_format_tells_the_label(tmp_path: Path, channel: str):
    raw = tmp_path / "raw.csv"
    edge_file.write(raw, 600)
    prepare(raw, tmp_path / "out", devices=7, channel=channel)
    formats: dict[str, set[str]] = {"0": set(), "1": set()}
    for path in (tmp_path / "out").glob("*.csv"):
        for row in csv.DictReader(path.read_text().splitlines()):
            formats[row["label"]].add("".join("9" if c.isdigit() else c for c in row[channel]))
    assert formats == {"0": {"9.9"}, "1": {"9.9"}}


def test_a_generated_file_is_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    raw = tmp_path / "raw.csv"
    made = edge_file.write(raw, 4000, seed=1)
    monkeypatch.setattr("flead.ingest.edge_clean._BLOCK", 100_000)
    report = prepare(raw, tmp_path / "out", devices=50)
    rejecting = {defect.kind: defect.count for defect in report.defects if defect.rejects}
    assert rejecting == {kind: made[kind] for kind in edge_file.REJECTED if made[kind]}
    assert len(rejecting) > 6
    assert report.rows == 4000 == report.readings + report.rejected
    assert report.rejected == sum(rejecting.values()) == sum(report.rejected_labels.values())
    assert report.readings == sum(report.labels.values())
    kept = sum(len(path.read_text().splitlines()) - 1 for path in (tmp_path / "out").glob("device_*.csv"))
    assert kept == report.readings
    assert len((tmp_path / "out" / "rejected.jsonl").read_text().splitlines()) == report.rejected
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == report.to_dict()
    assert str(report) == (tmp_path / "out" / "report.txt").read_text()


def test_the_raw_file_and_the_prepared_folder_give_the_same_readings(tmp_path: Path):
    raw = tmp_path / "raw.csv"
    made = edge_file.write(raw, 2000, seed=2)
    prepare(raw, tmp_path / "out", devices=30)
    readings, rejected, devices = drain(edge_iiotset("edge", raw, 30))
    prepared, none, same_devices = drain(edge_iiotset("edge", tmp_path / "out", 30))
    assert_same(readings, prepared)
    assert not none
    assert [devices.id(row) for row in range(30)] == [same_devices.id(row) for row in range(30)]
    assert len(rejected) == sum(made[kind] for kind in edge_file.REJECTED)
    lines = raw.read_bytes().split(b"\n")
    for bad in rejected:
        name, _, line = bad.location.partition(":")
        assert (name, bad.raw) == ("raw.csv", lines[int(line) - 1])


def test_the_real_sample(tmp_path: Path):
    raw = real_data("edge-iiotset") / "sample.csv"
    steps: list[tuple[int, int]] = []
    report = prepare(raw, tmp_path / "out", devices=20, progress=lambda done, total: steps.append((done, total)))
    assert (report.rows, report.readings, report.rejected, report.devices) == (286, 263, 23, 20)
    assert report.labels == {"0": 99, "1": 164}
    assert report.rejected_labels == {"0": 0, "1": 23, "unreadable": 0}
    found = {(defect.kind, defect.column): defect for defect in report.defects}
    assert found["address-as-time", "frame.time"].count == 21
    assert found["number-as-time", "frame.time"].lines == [10, 277]
    assert found["text", "tcp.srcport"].lines == [10, 277]
    assert {column for kind, column in found if kind == "format-tells-label"} == set(edge_file.TELLING)
    assert steps[-1] == (raw.stat().st_size,) * 2
    readings, rejected, _ = drain(edge_iiotset("edge", raw, 20))
    assert_same(readings, drain(edge_iiotset("edge", tmp_path / "out"))[0])
    assert {bad.location for bad in rejected} >= {"sample.csv:10", "sample.csv:17"}
    # Against plain Python: the rows with a time of day, in its order, dealt out in turn.
    rows = [row for row in csv.DictReader(raw.read_text().splitlines()) if row["frame.time"].startswith(" 2021 ")]
    rows.sort(key=lambda row: row["frame.time"])
    for number in (0, 19):
        own = [(float(row["tcp.ack"]), row["Attack_label"]) for row in rows[number::20]]
        written = csv.DictReader((tmp_path / "out" / f"device_{number}.csv").read_text().splitlines())
        assert [(float(row["tcp.ack"]), row["label"]) for row in written] == own


def test_another_preparation_replaces_the_former_but_no_other_files(tmp_path: Path):
    raw = write_rows(tmp_path / "raw.csv", {}, {}, {})
    out = tmp_path / "new" / "out"
    prepare(raw, out, devices=3)
    assert prepare(raw, out, devices=2).devices == 2
    assert sorted(path.name for path in out.glob("*.csv")) == ["device_0.csv", "device_1.csv"]
    with pytest.raises(SourceError, match="holds other files; give a new folder"):
        prepare(raw, tmp_path)
    with pytest.raises(SourceError, match="is a file; give a folder"):
        prepare(raw, raw)
    assert raw.exists()


@pytest.mark.parametrize(
    ("columns", "channel", "message"),
    [
        (["frame.time", "tcp.ack"], None, "raw.csv has no column Attack_label; give the raw file"),
        (["tcp.ack"], None, "has no column frame.time or Attack_label"),
        (["frame.time", "tcp.len", "Attack_label"], None, r"no channel 'tcp.ack'; --channel takes one of tcp.len$"),
        (["frame.time", "tcp.ack", "Attack_label"], "Attack_label", "no channel 'Attack_label'"),
        (["frame.time", "mqtt.topic", "Attack_label"], "mqtt.topic", "none of 1 rows is a reading of mqtt.topic"),
    ],
)
def test_a_file_without_what_is_needed_is_an_error(tmp_path: Path, columns: list[str], channel: str, message: str):
    raw = write_rows(tmp_path / "raw.csv", {"mqtt.topic": "Temperature"}, columns=columns)
    with pytest.raises(SourceError, match=message):
        prepare(raw, tmp_path / "out", channel=channel)
    with pytest.raises(SourceError, match=message):
        drain(edge_iiotset("edge", raw, channel=channel))


@pytest.mark.parametrize(("text", "message"), [("", "is empty"), (",".join(edge_file.COLUMNS), "none of 0 rows")])
def test_a_file_without_rows_is_an_error(tmp_path: Path, text: str, message: str):
    (tmp_path / "raw.csv").write_text(text)
    with pytest.raises(SourceError, match=message):
        prepare(tmp_path / "raw.csv", tmp_path / "out")
