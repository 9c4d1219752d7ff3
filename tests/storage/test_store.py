"""What the embedded pipeline opens: a migrated database, one who writes, several who read."""

from pathlib import Path

import psycopg
import pytest

from flead.columns import Devices
from flead.settings import load
from flead.storage import queries
from flead.storage.server.store import open_store
from flead.storage.writing.state import load_state
from flead.storage.writing.writer import Writer

pytestmark = pytest.mark.real


def test_what_is_written_is_there_for_readers_and_after_a_restart(tmp_path: Path) -> None:
    flags = {"data_dir": tmp_path / "data", "database_port": 0, "database_password": "pässword"}
    settings, _ = load(flags, file=tmp_path / "flead.toml")
    with open_store(settings) as store, store.connect() as connection:
        writer = Writer(connection, Devices(), lambda device: 1)
        writer.put_state({"a": b"1"})
        writer.commit()
        with store.read() as reader:
            assert queries.overview(reader).readings == 0
            assert load_state(reader) == {"a": b"1"}
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                reader.execute("DELETE FROM pipeline_state")
            reader.execute("SET statement_timeout = '10ms'")
            with pytest.raises(psycopg.errors.QueryCanceled):
                reader.execute("SELECT pg_sleep(10)")
        with store.read() as reader:
            assert reader.execute("SHOW timezone").fetchone() == ("UTC",)
    with open_store(settings) as store, store.read() as reader:
        assert load_state(reader) == {"a": b"1"}
