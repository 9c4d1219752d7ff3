"""Headers, separators, encodings and packings: what stands around the numbers."""

import gzip
import io
import zipfile
from pathlib import Path

import polars as pl
import pytest

from flead.columns import Devices
from tests.ingest.drain import rest
from tests.ingest.recognised import one, read, source_of, times, values

AT_SEVEN = ["2024-06-01T07:00:00", "2024-06-01T07:05:00"]
PLAIN = "time,level\n2024-06-01 07:00,1.25\n2024-06-01 07:05,1.5\n"
LEVELS = [{"level": 1.25}, {"level": 1.5}]


def test_a_preamble_above_the_header_and_units_below_it(tmp_path: Path):
    text = (
        '"TOA5","CR300","tank","881","CR300.Std.10","CPU:t.CR300","9","Level"\r\n"TIMESTAMP","RECORD","Level_Avg","Q"\r\n'
        '"TS","RN","meters","L/min"\r\n"","","Avg","Smp"\r\n'
        '"2024-06-01 07:00:00",41,1.25,"NAN"\r\n"2024-06-01 07:05:00",42,1.5,30\r\n"2024-06-01 07:10:00",43,1.75,31\r\n'
    )
    source = source_of(tmp_path, {"tank.dat": text})
    found = read(source)["tank"]
    assert values(found) == [{"Level_Avg": 1.25}, {"Level_Avg": 1.5, "Q": 30}, {"Level_Avg": 1.75, "Q": 31}]
    understood = source.account.understandings[0]
    assert [(channel.name, channel.unit) for channel in understood.channels] == [
        ("Level_Avg", "meters"),
        ("Q", "L/min"),
    ]
    assert [(out.column, out.reason) for out in understood.left_out] == [("RECORD", "numbers the rows")]


def test_a_logger_whose_header_has_a_title_a_zone_and_serial_numbers(tmp_path: Path):
    text = (
        '"Plot Title: 10801234"\r\n"#","Date Time, GMT-05:00",'
        '"Temp, °F (LGR S/N: 10801234)","Host Connected (LGR S/N: 10)"\r\n'
        "1,06/13/24 07:00:00 PM,71.5,\r\n2,06/13/24 07:05:00 PM,71.75,\r\n3,06/13/24 07:10:00 PM,,Logged\r\n"
    )
    source = source_of(tmp_path, {"10801234.csv": text})
    found = read(source)["10801234"]
    assert times(found) == ["2024-06-14T00:00:00", "2024-06-14T00:05:00"]
    assert source.account.understandings[0].channels[0].unit == "°F"


def test_lines_of_metadata_of_any_width(tmp_path: Path):
    text = "Logger: Z9\r\nSerial, 551\r\nInterval;60\r\n\r\nDate/Time,Unit,Value\r\n" + "".join(
        f"{day}/09/22 10:{minute}:00,C,{30 + minute / 8}\r\n" for day, minute in ((2, 10), (2, 20), (3, 10), (3, 20))
    )
    found = one(tmp_path, text)
    assert times(found)[::3] == ["2022-09-02T10:10:00", "2022-09-03T10:20:00"]
    assert values(found)[0] == {"Value": 31.25}


@pytest.mark.parametrize("mark", ["#", "%", "!"])
def test_comments_before_and_between_rows(tmp_path: Path, mark: str):
    text = f"{mark} station 7\n{mark} more\n" + PLAIN.replace(
        "\n2024-06-01 07:05", f"\n{mark} battery changed\n2024-06-01 07:05"
    )
    assert values(one(tmp_path, text)) == LEVELS


def test_a_header_within_the_comments(tmp_path: Path):
    assert values(one(tmp_path, "# station 7\n# " + PLAIN)) == LEVELS


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(tmp_path: Path, separator: str):
    text = "time,level,flow\n2024-06-01 07:00,1.25,9\n2024-06-01 07:05,1.5,8\n".replace(",", separator)
    assert values(one(tmp_path, text)) == [
        {"level": 1.25, "flow": 9},
        {"level": 1.5, "flow": 8},
    ]


def test_a_table_drawn_with_pipes(tmp_path: Path):
    text = "| time             | level |\n|------------------|-------|\n"
    text += "| 2024-06-01 07:00 | 1.25  |\n| 2024-06-01 07:05 | 1.5   |\n"
    assert one(tmp_path, text) == list(zip(AT_SEVEN, LEVELS, strict=True))


def test_commas_in_the_header_of_a_file_with_semicolons(tmp_path: Path):
    text = "time;Flow, l/min;Level, m;Rain, mm\n2024-06-01 07:00;7;1.25;0\n2024-06-01 07:05;8;1.5;0\n"
    assert values(one(tmp_path, text))[0] == {"Flow, l/min": 7, "Level, m": 1.25, "Rain, mm": 0}


def test_empty_cells_behind_the_last_column(tmp_path: Path):
    text = "time,a,b\n2024-06-01 07:00,1,2,,\n2024-06-01 07:05,3,4,,,,\n2024-06-01 07:10,5,6\n"
    assert values(one(tmp_path, text)) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}, {"a": 5, "b": 6}]


def test_a_header_half_way_begins_another_set_of_columns(tmp_path: Path):
    text = PLAIN + "time,level,flow\n2024-06-01 07:10,1.75,30\n" + "time,flow\n2024-06-01 07:15,31\n"
    assert values(one(tmp_path, text)) == [*LEVELS, {"level": 1.75, "flow": 30}, {"flow": 31}]


def test_a_header_that_comes_again_is_no_row(tmp_path: Path):
    source = source_of(tmp_path, {"pump.csv": PLAIN + PLAIN.replace("07:", "08:") + PLAIN.replace("07:", "09:")})
    assert len(read(source)["pump"]) == 6
    (report,) = source.account.files
    assert (report.rows, report.headers, report.rejected) == (6, 3, [])


def test_a_line_that_is_no_row_at_the_end_is_rejected(tmp_path: Path):
    source = source_of(tmp_path, {"pump.csv": PLAIN + "END OF DATA\n"})
    assert len(read(source)["pump"]) == 2
    (count,) = source.account.files[0].rejected
    assert (count.reason, count.examples) == ("1 cell where there are 2 columns", ["line 4: END OF DATA"])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str):
    text = "time\tTemp [°C]\r\n2024-06-01 07:00\t21,5\r\n2024-06-01 07:05\t22,25\r\n"
    found = one(tmp_path, text.encode(encoding))
    assert values(found) == [{"Temp [°C]": 21.5}, {"Temp [°C]": 22.25}]


def test_a_rejected_line_is_kept_in_the_bytes_of_its_encoding(tmp_path: Path):
    source = source_of(tmp_path, {"a.csv": "time,x\n2024-06-01 07:00,1\nspät,2\n".encode("cp1252")})
    source.open(Devices(), None)
    assert [bad.raw for bad in rest(source)[1]] == [b"sp\xe4t,2"]


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text)
    return packed.getvalue()


def test_packed_files(tmp_path: Path):
    found = read(
        source_of(
            tmp_path,
            {
                "a_2024-06-01.csv.gz": gzip.compress(PLAIN.encode()),
                "b.zip": zipped(north=PLAIN, south=PLAIN.replace("1.25", "4")),
            },
        )
    )
    assert set(found) == {"a", "north", "south"}
    assert values(found["a"]) == LEVELS
    assert values(found["south"])[0] == {"level": 4}


def test_a_workbook_is_refused_with_what_to_do(tmp_path: Path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
    source = source_of(tmp_path, {"a.csv": packed.getvalue(), "b.csv": PLAIN})
    assert set(read(source)) == {"b"}
    assert source.account.files[0].rejected[0].reason == (
        "the file is a workbook, such as of Excel: export its sheet as CSV"
    )


def test_a_damaged_archive_is_refused_and_the_others_are_read(tmp_path: Path):
    source = source_of(tmp_path, {"a.csv.gz": gzip.compress(PLAIN.encode())[:20], "b.csv": PLAIN})
    assert set(read(source)) == {"b"}


def test_parquet_keeps_its_types(tmp_path: Path):
    frame = pl.DataFrame(
        {
            "when": pl.Series(["2024-06-01T07:00:00", "2024-06-01T07:05:00"]).str.to_datetime(),
            "level": [1.25, None],
            "count": [7, 8],
            "open": [True, False],
            "who": ["x", "y"],
        }
    )
    packed = io.BytesIO()
    frame.write_parquet(packed)
    found = one(tmp_path, packed.getvalue(), "pump.parquet")
    assert found == [(AT_SEVEN[0], {"level": 1.25, "count": 7}), (AT_SEVEN[1], {"count": 8})]
    assert values(one(tmp_path, packed.getvalue(), "pump.parquet", booleans=True))[1] == {"count": 8, "open": 0}


def test_numbers_without_a_header(tmp_path: Path):
    found = one(tmp_path, "1717225200,1.25,7\n1717225500,1.5,8\n1717225800,1.5,9\n")
    assert times(found)[:2] == AT_SEVEN
    assert values(found)[0] == {"column_2": 1.25, "column_3": 7}


def test_numbers_as_names_of_columns(tmp_path: Path):
    found = one(tmp_path, "time,101,102\n2024-06-01 07:00,1,2\n2024-06-01 07:05,3,4\n")
    assert values(found) == [{"101": 1, "102": 2}, {"101": 3, "102": 4}]


def test_what_is_pinned_is_not_guessed(tmp_path: Path):
    text = "made by hand\nx;y\n2024-06-01 07:00;1,5\n2024-06-01 07:05;2,5\n"
    assert values(one(tmp_path, text, separator=";", header_line=2, time_column="x", decimal=",")) == [
        {"y": 1.5},
        {"y": 2.5},
    ]


def test_files_of_several_forms_in_one_folder(tmp_path: Path):
    found = read(
        source_of(
            tmp_path,
            {
                "a.csv": PLAIN,
                "b.csv": PLAIN.replace(",", ";").replace(".", ","),
                "sub/c.tsv": PLAIN.replace(",", "\t"),
                "d.csv": PLAIN.replace("time", "Zeitpunkt").encode("utf-16"),
            },
        )
    )
    assert set(found) == {"a", "b", "sub/c", "d"}
    assert all(values(readings) == LEVELS for readings in found.values())


def test_columns_set_apart_by_spaces(tmp_path: Path):
    rows = "".join(f"2024-06-01 07:{n:02}:00   {n}.5    4{n % 10}\n" for n in range(12))
    source = source_of(tmp_path, {"pump.txt": f"date       time       t      h\n{rows}battery   low\n"})
    found = read(source)["pump"]
    assert (times(found)[1], values(found)[1]) == ("2024-06-01T07:01:00", {"t": 1.5, "h": 41})
    source.open(Devices(), None)
    assert [bad.raw for bad in rest(source)[1]] == [b"battery   low"]


def test_lines_that_end_as_on_old_macintoshes(tmp_path: Path):
    assert values(one(tmp_path, PLAIN.replace("\n", "\r"))) == LEVELS


def test_commas_set_columns_apart_though_there_are_as_many_spaces(tmp_path: Path):
    rows = "".join(f"06/13/2024 07:{n:02}:00 AM,{n}.5,4{n}\n" for n in range(10, 30))
    assert values(one(tmp_path, "Date Time,t,h\n" + rows))[0] == {"t": 10.5, "h": 410}
