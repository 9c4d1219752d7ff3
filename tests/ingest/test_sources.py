from pathlib import Path

import pytest

from flead.columns import Devices
from flead.ingest.errors import SourceError
from flead.ingest.sources import make_source
from flead.settings import Settings


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", "data = '' is no source of readings; give sim, csv:PATH, edge-iiotset:PATH or skab:DIR"),
        ("mqtt://host", "'mqtt://host' is no source of readings; give sim"),
        ("sim:5", "'sim:5' is no source of readings"),
        ("csv:", "'csv:' lacks its path; give sim"),
        (
            "csv:/no/such",
            "csv:/no/such: /no/such is neither a folder nor a file; give the folder that holds the CSV files",
        ),
        ("skab:/no/such", "/no/such holds none of valve1, valve2, other"),
        ("edge-iiotset:/no/such", "/no/such is neither the raw file of Edge-IIoTset nor a folder made of it"),
    ],
)
def test_what_is_no_source_is_said_in_one_line(data: str, message: str):
    with pytest.raises(SourceError) as raised:
        make_source(Settings.model_validate({"data": data}))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value, ValueError)


def test_a_source_is_named_as_the_user_wrote_it(tmp_path: Path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    data = f"csv:{tmp_path}"
    source = make_source(Settings.model_validate({"data": data, "channel": "y"}))
    assert source.name == data
    devices = Devices()
    source.open(devices, None)
    assert devices.channels(0) == ("y",)


def test_settings_make_the_simulated_fleet():
    source, other = (
        make_source(Settings.model_validate({"devices": 3, "seed": seed}), 1_700_000_000_000) for seed in (7, 8)
    )
    devices = Devices()
    source.open(devices, None)
    assert (source.name, len(devices), source.total(), source.start_time()) == ("sim", 3, None, 1_700_000_000_000)
    other.open(Devices(), None)
    first, second = source.next_batch(9, None), other.next_batch(9, None)
    assert first
    assert second
    assert first.batch.values.tobytes() != second.batch.values.tobytes()
