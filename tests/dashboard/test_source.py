"""What a device's files were understood as reaches the store, the API and the page."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from flead.dashboard.sources import source_of
from flead.embedded.pipeline import Pipeline
from flead.ingest.csv_folder import csv_folder
from flead.settings import Settings
from flead.storage.writing.writer import Writer
from tests.conftest import Database
from tests.dashboard.conftest import viewing
from tests.dashboard.test_viewer import get


def run(folder: Path, connection: psycopg.Connection[Any]) -> None:
    """A pipeline of two devices, one of which has a bad sensor."""
    rows = [f"2024-06-01 07:{n:02};{-127 if n % 9 == 5 else 20 + n % 4};run" for n in range(30)]
    (folder / "fridge.csv").write_text("Zeit;Temp [°C];Modus\n" + "\n".join(rows) + "\n")
    (folder / "other.csv").write_text("time,x\n2024-06-01 07:00,1\n")
    name = f"csv:{folder}"
    pipeline = Pipeline(
        Settings(data=name), csv_folder(name, folder), {}, lambda shard: Writer(connection, shard.devices, lambda _: 1)
    )
    while (chunk := pipeline.source.next_batch(1000, None)) is not None:
        pipeline.step(chunk)
    pipeline.commit()


def test_the_store_knows_what_a_devices_files_were_understood_as(
    tmp_path: Path, connection: psycopg.Connection[Any]
) -> None:
    assert source_of(connection, "fridge") is None
    run(tmp_path, connection)
    found = source_of(connection, "fridge")
    assert found is not None
    assert found.files == ["fridge.csv"]
    assert {guess.what: guess.value for guess in found.guesses}["separator"] == "semicolon"
    assert [(channel.name, channel.unit, channel.lowest) for channel in found.channels] == [("Temp [°C]", "°C", 20)]
    assert [out.column for out in found.left_out] == ["Modus"]
    assert found.sensor_faults == ["Temp [°C]"]
    assert source_of(connection, "nobody") is None


@pytest.mark.real
def test_the_api_says_it(tmp_path: Path, database: Database) -> None:
    with database.connect() as connection:
        run(tmp_path, connection)
    with viewing(database.conninfo) as url:
        status, _, text = get(url, "/api/devices/fridge/source")
        assert status == 200
        assert json.loads(text)["sensor_faults"] == ["Temp [°C]"]
        assert get(url, "/api/devices/nobody/source")[0] == 404
        assert get(url, "/devices/fridge")[0] == 200
