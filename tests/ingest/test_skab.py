from pathlib import Path

import numpy as np
import pytest

from flead.ingest.errors import SourceError
from flead.ingest.skab import skab
from tests.ingest.drain import drain, of_device, real_data

HEADER = "datetime;Pressure;Volume Flow RateRMS;anomaly;changepoint\r\n"


def test_experiments_are_devices_and_changepoint_is_no_channel(tmp_path: Path):
    for path, row in {"valve1/10": "1;2;0.0;1.0", "valve1/2": "3;4;1.0;0.0", "other/1": "5;6;;0.0"}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / f"{path}.csv").write_text(f"{HEADER}2020-03-09 10:14:33;{row}\r\nbad\r\n")
    (tmp_path / "anomaly-free").mkdir()
    (tmp_path / "anomaly-free" / "anomaly-free.csv").write_text(f"{HEADER}2020-03-09 10:14:33;1;1;0;0\r\n")
    readings, rejected, devices = drain(skab("skab:x", tmp_path))
    assert [devices.id(row) for row in range(3)] == ["valve1_2", "valve1_10", "other_1"]
    assert devices.channels(2) == ("Pressure", "Volume Flow RateRMS")
    assert readings.values.tolist() == [[3, 4], [1, 2], [5, 6]]
    assert readings.labels.tolist() == [1, 0, -1]
    assert rejected[0].location == "valve1/2.csv:3"


def test_a_folder_that_is_not_skab_is_an_error(tmp_path: Path):
    with pytest.raises(SourceError, match=r"skab:x: .* holds none of valve1, valve2, other; give SKAB's folder"):
        skab("skab:x", tmp_path)


def test_the_real_experiments():
    folder = real_data("skab")
    readings, rejected, devices = drain(skab("skab", folder))
    files = [file for group in ("valve1", "valve2", "other") for file in (folder / group).glob("*.csv")]
    assert len(devices) == len(files) == 34
    assert {len(devices.channels(row)) for row in range(34)} == {8}
    assert not rejected
    assert readings.size == sum(len(file.read_bytes().splitlines()) - 1 for file in files)
    # One of them in plain numpy.
    expected = np.loadtxt(folder / "other" / "13.csv", delimiter=";", skiprows=1, usecols=range(1, 10))
    own = of_device(readings, devices, "other_13")
    np.testing.assert_array_equal(own.values, expected[:, :8])
    np.testing.assert_array_equal(own.labels, expected[:, 8])
    assert np.isin(readings.labels, (0, 1)).all()
    assert 0.3 < readings.labels.mean() < 0.4
    assert (readings.times >= np.datetime64("2020-02-08", "ms").astype(int)).all()
