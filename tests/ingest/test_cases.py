"""Shapes that people have reported, where the folder of cases is present beside the real data."""

import pytest

from flead.ingest.csv_folder import Files, csv_folder
from flead.ingest.recognise.pins import Pins
from tests.ingest.drain import real_data
from tests.ingest.recognised import read, times, values


def case(name: str, **pins: str) -> Files:
    """The source of a case's input; skips the test where it is absent."""
    folder = real_data("../cases") / name / "input"
    if not folder.exists():
        pytest.skip(f"no case at {folder}")
    return csv_folder(f"csv:{folder}", folder, Pins(**pins))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "counts", "first", "last"),
    [
        ("01-yyyymmddhhmm", {"TAE": 80}, "2025-03-03T08:00:00", "2025-03-03T21:10:00"),
        ("03-time-column-name", {"room": 80}, "2025-03-03T08:00:00", "2025-03-03T09:19:00"),
        ("05-epoch-ms-csv", {"app_7": 80}, "2025-03-03T11:06:40.010Z", "2025-03-03T11:07:59.013Z"),
        ("07-local-time-dst", {"m": 120}, "2024-10-27T00:00:00", "2024-10-28T04:45:00"),
        ("08-influx-annotated", {"hall": 60, "cellar": 60}, "2025-03-03T08:00:00", "2025-03-03T08:59:00"),
        ("09-toa5", {"site56": 80}, "2025-03-03T08:00:00", "2025-03-03T09:19:00"),
        ("11-ibutton", {"stove_12": 80}, "2015-12-04T11:04:01", "2015-12-05T00:14:01"),
        ("13-trailing-delimiter", {"ch": 80}, "2025-03-03T08:00:00", "2025-03-03T08:01:19"),
        ("14-utf-16", {"kessel": 80}, "2025-03-03T08:00:00", "2025-03-03T09:19:00"),
        ("16-comma-in-header", {"room": 80}, "2025-03-03T00:00:00", "2025-03-03T01:19:00"),
        ("17-channel-change", {"n": 120}, "2025-03-03T08:00:00", "2025-03-03T09:59:00"),
        ("18-decimal-comma-column", {"weather_roof": 80}, "2025-03-03T08:00:00", "2025-03-04T23:30:00"),
        ("20-thousands-peak", {"feed_9": 120}, "2025-03-03T00:00:00", "2025-03-03T01:59:00"),
        ("22-unicode-minus", {"out": 120}, "2025-03-03T00:00:00", "2025-03-03T01:59:00"),
        ("23-historian-bad", {"unit1": 120}, "2025-03-03T08:00:00", "2025-03-03T09:59:00"),
        ("25-ds18b20-127", {"fridge": 490}, "2025-03-03T00:00:00", "2025-03-03T01:23:00"),
        ("44-long-format", {"ahu-1": 60, "ahu-2": 60}, "2025-03-03T08:00:00", "2025-03-03T08:59:00"),
        ("47-daily-files", {"pump7": 1008}, "2025-03-03T00:00:00", "2025-03-09T23:50:00"),
        ("49-subfolders", {"a": 60, "b": 60}, "2025-03-03T00:00:00", "2025-03-03T00:59:00"),
    ],
)
def test_every_row_of_a_case_is_read(name: str, counts: dict[str, int], first: str, last: str) -> None:
    found = read(case(name))
    assert {device: len(readings) for device, readings in found.items()} == counts
    longest = max(found.values(), key=len)
    assert (times(longest)[0], times(longest)[-1]) == (first, last)


def test_channels_of_cases_whose_numbers_are_odd() -> None:
    assert values(read(case("18-decimal-comma-column"))["weather_roof"])[0] == {"Temp": 12.1, "Hum": 55.0, "Rain": 0}
    assert min(said["temp"] for said in values(read(case("22-unicode-minus"))["out"])) == -4.7
    assert max(said["power_w"] for said in values(read(case("20-thousands-peak"))["feed_9"])) == 2550.8
    assert len(values(read(case("23-historian-bad"))["unit1"])[-1]) == 7
    assert set(values(read(case("09-toa5"))["site56"])[1]) == {"BattV", "AirTC_Avg", "RH", "Rain_mm_Tot"}


def test_the_hour_that_comes_twice_is_in_order_with_a_zone() -> None:
    found = times(read(case("07-local-time-dst", time_zone="Europe/Berlin"))["m"])
    assert found == sorted(found)
    assert found[0] == "2024-10-26T22:00:00"
    assert len(set(found)) == 120


def test_the_failed_fridge_is_read_and_the_failed_readings_are_a_sensor_fault() -> None:
    source = case("25-ds18b20-127")
    assert max(said["temp"] for said in values(read(source)["fridge"])) == 19.4
    assert source.account.files[0].faults == {"fridge": ["temp"]}
