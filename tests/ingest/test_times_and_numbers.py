"""How cells write times and numbers, and what is none of either."""

from pathlib import Path

import pytest

from flead.ingest.errors import SourceError
from tests.ingest.recognised import one, read, source_of, times, values


def table(cells: list[str], name: str = "time") -> str:
    """A file whose times are these cells, and whose values count from 1.5 on."""
    return f"{name};x\n" + "".join(f"{cell};{number}.5\n" for number, cell in enumerate(cells, 1))


@pytest.mark.parametrize(
    "name",
    ["timestamp", "Timestamp", "TIME", "ts", "_time", "Date Time", "date_time", "DateTime", "Zeitstempel", "Datum/Zeit",
     "last_changed", "Time (UTC)", "recordedAt", "Sample Time", "measured_at", "Datum", "anything"],
)  # fmt: skip
def test_the_column_of_times_by_its_name_or_its_cells(tmp_path: Path, name: str):
    found = one(tmp_path, f"x,{name},y\n" + "".join(f"{n},2024-06-01 07:0{n}:00,{n + 0.5}\n" for n in range(3)))
    assert times(found) == [f"2024-06-01T07:0{n}:00" for n in range(3)]
    assert values(found)[1] == {"x": 1, "y": 1.5}


SEVEN = ["2024-06-01T07:00:00", "2024-06-01T07:05:00", "2024-06-01T07:10:00"]


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-06-01T07:00:00Z", "2024-06-01T07:05:00Z", "2024-06-01T07:10:00Z"],
        ["2024-06-01T09:00:00+02:00", "2024-06-01T09:05:00+0200", "2024-06-01T03:10:00-04"],
        ["2024-06-01 07:00:00 UTC", "2024-06-01 07:05:00 GMT", "2024-06-01 09:10:00 CEST"],
        ["2024-06-01T07:00:00Z[UTC]", "2024-06-01T09:05:00+02:00[Europe/Berlin]", "2024-06-01 07:10:00 (UTC)"],
        ["2024-06-01T07:00", "2024-06-01T07:05", "2024-06-01T07:10"],
        ["20240601T070000Z", "20240601T070500Z", "20240601T071000Z"],
        ["2024/06/01 07:00:00", "2024/06/01 07:05:00", "2024/06/01 07:10:00"],
        ["2024-06-01 07.00.00", "2024-06-01 07.05.00", "2024-06-01 07.10.00"],
        ["202406010700", "202406010705", "202406010710"],
        ["20240601070000", "20240601070500", "20240601071000"],
        ["1717225200", "1717225500", "1717225800"],
        ["1717225200.0", "1717225500.0", "1717225800.0"],
        ["1717225200000", "1717225500000", "1717225800000"],
        ["1717225200000000", "1717225500000000", "1717225800000000"],
        ["1717225200000000000", "1717225500000000000", "1717225800000000000"],
        ["45444.291667", "45444.295139", "45444.298611"],
        ["01.06.2024 07:00", "01.06.2024 07:05", "01.06.2024 07:10"],
        ["1-Jun-2024 07:00:00", "1-Jun-2024 07:05:00", "1-Jun-2024 07:10:00"],
        ["Jun 1, 2024 7:00 AM", "Jun 1, 2024 7:05 AM", "Jun 1, 2024 7:10 AM"],
        ["Sat, 01 Jun 2024 07:00:00 GMT", "Sat, 01 Jun 2024 07:05:00 GMT", "Sat, 01 Jun 2024 07:10:00 GMT"],
    ],
    ids=lambda cells: cells[0],
)
def test_forms_of_times(tmp_path: Path, cells: list[str]):
    found = one(tmp_path, table(cells))
    assert times(found) == SEVEN
    assert values(found) == [{"x": 1.5}, {"x": 2.5}, {"x": 3.5}]


def test_fractions_of_a_second(tmp_path: Path):
    found = one(
        tmp_path, table(["2024-06-01T07:00:00.25Z", "2024-06-01T07:00:01,5Z", "2024-06-01T07:00:02.123456789Z"])
    )
    assert times(found) == ["2024-06-01T07:00:00.250Z", "2024-06-01T07:00:01.500Z", "2024-06-01T07:00:02.123Z"]


def test_fractions_of_one_length_are_cut_and_not_rounded(tmp_path: Path):
    found = one(tmp_path, table(["2024-06-01T07:00:00.2509Z", "2024-06-01T07:00:01.9999Z"]))
    assert times(found) == ["2024-06-01T07:00:00.250Z", "2024-06-01T07:00:01.999Z"]


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["05/06/24 07:00", "13/06/24 07:00"], "2024-06-05T07:00:00"),
        (["06/05/24 07:00", "06/13/24 07:00"], "2024-06-05T07:00:00"),
        (["05/06/2024 23:55", "06/06/2024 00:05", "07/06/2024 00:05"], "2024-06-05T23:55:00"),
        (["06/05/2024 23:55", "06/06/2024 00:05", "06/07/2024 00:05"], "2024-06-05T23:55:00"),
        (["6/5/2024 1:00 PM", "6/5/2024 2:00 PM"], "2024-06-05T13:00:00"),
        (["06/06/2024 07:00", "06/06/2024 08:00"], "2024-06-06T07:00:00"),
    ],
)
def test_day_or_month_first_is_decided_by_all_dates(tmp_path: Path, cells: list[str], first: str):
    assert times(one(tmp_path, table(cells)))[0] == first


def test_where_both_orders_fit_the_user_is_asked(tmp_path: Path):
    cells = ["05/06/2024 07:00", "05/06/2024 08:00"]
    source = source_of(tmp_path, {"pump.csv": table(cells)})
    assert read(source) == {}
    (warning,) = source.account.understandings[0].warnings
    assert 'time_format = "day-first" or "month-first"' in warning
    assert times(one(tmp_path, table(cells), time_format="day-first"))[0] == "2024-06-05T07:00:00"
    assert times(one(tmp_path, table(cells), time_format="month-first"))[0] == "2024-05-06T07:00:00"


def test_date_and_time_in_two_columns(tmp_path: Path):
    text = "Datum;Uhrzeit;T\n01.06.2024;07:00:00;1,5\n01.06.2024;07:05:00;2,5\n"
    assert one(tmp_path, text) == list(zip(SEVEN, [{"T": 1.5}, {"T": 2.5}], strict=False))
    text = "Time,Date,T\n07:00,2024-06-01,1.5\n07:05,2024-06-01,2.5\n"
    assert times(one(tmp_path, text)) == SEVEN[:2]


def test_an_own_format(tmp_path: Path):
    found = one(tmp_path, table(["07h00 on 2024.153", "07h05 on 2024.153"]), time_format="%Hh%M on %Y.%j")
    assert times(found) == SEVEN[:2]


def test_a_file_without_times_is_told_so(tmp_path: Path):
    source = source_of(tmp_path, {"pump.csv": "x\n1\n2\n"})
    assert times(read(source)["pump"]) == ["1970-01-01T00:00:00", "1970-01-01T00:00:01"]
    assert source.account.understandings[0].warnings[0].startswith("no column of times was found")


@pytest.mark.parametrize("name", ["uptime_counter", "energy", "t"])
def test_a_number_is_no_time_by_accident(tmp_path: Path, name: str):
    source = source_of(tmp_path, {"pump.csv": f"{name},x\n1717225200,1\n1717225300,2\n1717225400,3\n"})
    found = read(source)["pump"]
    if name == "t":
        assert times(found)[0] == "2024-06-01T07:00:00"
    else:
        assert values(found)[0] == {name: 1717225200, "x": 1}
        assert source.account.understandings[0].warnings


def test_elapsed_time_has_no_date_and_that_is_told(tmp_path: Path):
    source = source_of(tmp_path, {"pump.csv": "time,x\n0,1\n0.5,2\n1,3\n"})
    assert times(read(source)["pump"])[1] == "1970-01-01T00:00:00.500Z"
    assert "has no dates" in source.account.understandings[0].warnings[0]


def test_a_clock_that_was_not_set_is_no_time(tmp_path: Path):
    source = source_of(tmp_path, {"pump.csv": "ts,x\n12,1\n1717225200,2\n1717225500,3\n1717225800,3\n"})
    assert times(read(source)["pump"]) == SEVEN
    assert source.account.files[0].rejected[0].examples == ["line 2: 12,1"]


def test_bad_times_are_one_reason_with_examples(tmp_path: Path):
    cells = [f"2024-06-01 07:{minute:02}" for minute in range(30)] + [f"not yet {number}" for number in range(20)]
    source = source_of(tmp_path, {"pump.csv": table(cells)})
    assert len(read(source)["pump"]) == 30
    (count,) = source.account.files[0].rejected
    assert (count.reason, count.count, len(count.examples)) == ("no time", 20, 3)


AUTUMN = [
    "2023-10-29 01:30",
    "2023-10-29 02:00",
    "2023-10-29 02:30",
    "2023-10-29 02:00",
    "2023-10-29 02:30",
    "2023-10-29 03:00",
]


def test_local_times_over_the_change_of_the_clocks(tmp_path: Path):
    found = one(tmp_path, table(AUTUMN), time_zone="Europe/Berlin")
    assert times(found) == [f"2023-10-{day}" for day in (
        "28T23:30:00", "29T00:00:00", "29T00:30:00", "29T01:00:00", "29T01:30:00", "29T02:00:00",
    )]  # fmt: skip
    hourly = ["2023-10-29 01:00", "2023-10-29 02:00", "2023-10-29 02:00", "2023-10-29 03:00"]
    assert times(one(tmp_path, table(hourly), time_zone="Europe/Berlin"))[1:3] == [
        "2023-10-29T00:00:00",
        "2023-10-29T01:00:00",
    ]
    spring = ["2024-03-31 01:59", "2024-03-31 02:30", "2024-03-31 03:01"]
    assert times(one(tmp_path, table(spring), time_zone="Europe/Berlin"))[::2] == [
        "2024-03-31T00:59:00",
        "2024-03-31T01:01:00",
    ]


def test_local_times_without_a_zone_are_noticed_where_clocks_are_set_back(tmp_path: Path):
    source = source_of(tmp_path, {"pump.csv": table(AUTUMN)})
    read(source)
    assert 'time_zone = "Europe/Berlin"' in source.account.understandings[0].warnings[0]


def test_an_unknown_time_column_is_an_error_that_names_the_columns(tmp_path: Path):
    with pytest.raises(SourceError, match="there is no column 'when'; there are time, x"):
        read(source_of(tmp_path, {"pump.csv": table(["2024-06-01 07:00"])}, time_column="when"))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["12,5", "7", "-0,25"], [12.5, 7, -0.25]),
        (["1.234,5", "999,5", "12.345.678,0"], [1234.5, 999.5, 12345678]),
        (["1,234.5", "999.5", "12,345,678"], [1234.5, 999.5, 12345678]),
        (["1 234,5", "1\u00a0234,5", "1\u202f234,5"], [1234.5, 1234.5, 1234.5]),
        (["1'234.5", "1\u2019234.5", "5"], [1234.5, 1234.5, 5]),
        (["\u22124.5", "-4.5", "+4.5"], [-4.5, -4.5, 4.5]),
        (["21.5 °C", "22.5°C", "\u22123 °C"], [21.5, 22.5, -3]),
        (["45 %", "46%", "7.5 %"], [45, 46, 7.5]),
        (["900 W", "1.25 kW", "1,100 W"], [900, 1250, 1100]),
        (["3 m³/h", "4.5 m³/h", "5 m³/h"], [3, 4.5, 5]),
        (["1e3", "2.5E-1", "7"], [1000, 0.25, 7]),
        ([" 1.5 ", '"2.5"', "3."], [1.5, 2.5, 3]),
        (["12,345", "13,5", "14,25"], [12.345, 13.5, 14.25]),
    ],
    ids=lambda cells: str(cells[0]),
)  # fmt: skip
def test_forms_of_numbers(tmp_path: Path, cells: list[str], expected: list[float]):
    text = "time;x\n" + "".join(f"2024-06-01 07:0{n};{cell}\n" for n, cell in enumerate(cells))
    assert [said["x"] for said in values(one(tmp_path, text))] == expected


def test_a_decimal_comma_in_one_column_tells_how_the_others_are_written(tmp_path: Path):
    text = "time;t;p;n\n2024-06-01 07:00;1,5;1.013;7\n2024-06-01 07:05;2,25;1.021;8\n"
    assert values(one(tmp_path, text)) == [{"t": 1.5, "p": 1013, "n": 7}, {"t": 2.25, "p": 1021, "n": 8}]


def test_semicolons_and_decimal_points_stay_decimal_points(tmp_path: Path):
    text = "time;t;p\n2024-06-01 07:00;1.5;1.013\n2024-06-01 07:05;2.25;0.021\n"
    assert values(one(tmp_path, text)) == [{"t": 1.5, "p": 1.013}, {"t": 2.25, "p": 0.021}]


def test_thousands_signs_only_at_the_peak(tmp_path: Path):
    rows = [*("980.5", "720.25") * 5, '"1,980.5"', '"2,010.0"']
    text = "time,power\n" + "".join(f"2024-06-01 07:{n:02},{cell}\n" for n, cell in enumerate(rows))
    assert [said["power"] for said in values(one(tmp_path, text))][-2:] == [1980.5, 2010]


@pytest.mark.parametrize(
    "word",
    [
        "NaN",
        "null",
        "unavailable",
        "unknown",
        "Bad Input",
        "No Data",
        "---",
        "#N/A",
        "I/O Timeout",
        "",
        "[-11059] No Good Data",
    ],
)
def test_words_for_no_value_are_absent(tmp_path: Path, word: str):
    text = "time,x,y\n" + "".join(f"2024-06-01 07:0{n},{word if n % 3 else n},{n}\n" for n in range(9))
    source = source_of(tmp_path, {"pump.csv": text})
    found = values(read(source)["pump"])
    assert [said.get("x") for said in found] == [0, None, None, 3, None, None, 6, None, None]
    assert len(found) == 9
    assert [count.count for count in source.account.files[0].absent] == ([6] if word else [])


def test_on_and_off_are_numbers_by_setting(tmp_path: Path):
    text = "time,valve,x\n2024-06-01 07:00,ON,1\n2024-06-01 07:05,OFF,2\n2024-06-01 07:10,unavailable,3\n"
    source = source_of(tmp_path, {"pump.csv": text})
    assert values(read(source)["pump"])[0] == {"x": 1}
    (out,) = source.account.understandings[0].left_out
    assert (out.column, out.reason, out.setting) == ("valve", "says on and off", "booleans = true")
    assert values(one(tmp_path, text, booleans=True)) == [{"valve": 1, "x": 1}, {"valve": 0, "x": 2}, {"x": 3}]


def wave(faults: dict[int, str], count: int = 60) -> str:
    rows = [faults.get(n, f"{20 + n % 7 / 4}") for n in range(count)]
    return "time,t,y\n" + "".join(
        f"2024-06-01 {7 + n // 60:02}:{n % 60:02},{cell},{n % 5}\n" for n, cell in enumerate(rows)
    )


@pytest.mark.parametrize("code", ["-127", "-127.00", "85.0", "65535", "-9999", "-999.9", "3276.7"])
def test_codes_of_a_sensor_without_a_value_are_absent_and_a_sensor_fault(tmp_path: Path, code: str):
    source = source_of(tmp_path, {"pump.csv": wave({10: code, 30: code, 50: code})})
    found = values(read(source)["pump"])
    assert [n for n, said in enumerate(found) if "t" not in said] == [10, 30, 50]
    (report,) = source.account.files
    assert report.faults == {"pump": ["t"]}
    assert report.absent[0].examples == [f"{float(code):g}"]
    assert "t" in values(one(tmp_path, wave({10: code, 30: code, 50: code}), sentinels=False))[10]


def test_values_like_these_among_others_like_them_are_measured(tmp_path: Path):
    text = "time,t\n" + "".join(f"2024-06-01 07:{n:02},{70 + n}\n" for n in range(30)) + "2024-06-01 08:00,85\n" * 3
    source = source_of(tmp_path, {"pump.csv": text})
    assert len(read(source)["pump"]) == 33
    assert source.account.files[0].faults == {}


def test_a_peak_that_does_not_come_again_is_no_code(tmp_path: Path):
    assert "t" in values(one(tmp_path, wave({10: "999"})))[10]


def test_limits(tmp_path: Path):
    source = source_of(tmp_path, {"pump.csv": wave({10: "500", 11: "-41"})}, limits={"t": (-40.0, 85.0)})
    found = values(read(source)["pump"])
    assert [n for n, said in enumerate(found) if "t" not in said] == [10, 11]
    assert source.account.files[0].absent[0].reason == "outside its limits"


def test_hexadecimal_numbers(tmp_path: Path):
    assert values(one(tmp_path, "time,x\n2024-06-01 07:00,0x1F\n2024-06-01 07:05,0xa0\n")) == [{"x": 31}, {"x": 160}]


def test_year_month_day_and_hour_in_columns(tmp_path: Path):
    text = "Year,Month,Day,Hour,T\n2024,6,1,7,1.5\n2024,6,1,8,2.5\n"
    assert one(tmp_path, text) == [("2024-06-01T07:00:00", {"T": 1.5}), ("2024-06-01T08:00:00", {"T": 2.5})]


def test_days_of_a_spreadsheet_with_a_decimal_comma(tmp_path: Path):
    assert times(one(tmp_path, table(["45444,291667", "45444,295139", "45444,298611"]))) == SEVEN


def test_the_time_of_day_before_the_date(tmp_path: Path):
    assert times(one(tmp_path, table(["07:00 06/13/2024", "07:05 06/13/2024"])))[0] == "2024-06-13T07:00:00"
