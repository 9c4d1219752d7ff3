"""The table of services hangs together, and services see the settings of whoever started them."""

from pathlib import Path

import pytest

from flead import settings
from flead.settings import PREFIX, Settings
from flead.stack.processes import MARK
from flead.stack.services import environment, needed, services
from tests.platform_fixtures import require_platform


def test_services_need_only_what_stands_before_them() -> None:
    require_platform()
    table = services(Settings())
    before: set[str] = set()
    for name, service in table.items():
        assert set(service.needs) <= before, name
        before.add(name)
    assert [name for name in table if name.startswith("kafka")] == ["kafka-1", "kafka-2", "kafka-3", "kafka-4"]


def test_ports_and_brokers_are_settings() -> None:
    require_platform()
    table = services(Settings(brokers=2, kafka_port=5000, flink_port=6000))
    assert [port.number for port in table["kafka-2"].ports] == [5001, 19093]
    assert table["flink-jobmanager"].ports[0].number == 6000
    assert "kafka-3" not in table


def test_everything_stays_within_the_memory_that_is_promised() -> None:
    require_platform()
    assert sum(service.megabytes for service in services(Settings()).values()) <= 3_300


def test_needed_takes_what_is_needed_and_nothing_else() -> None:
    require_platform()
    table = services(Settings(brokers=2, partitions=2))
    assert list(needed(table, ["collector"])) == ["database", "kafka-1", "kafka-2", "topics", "collector"]
    assert list(needed(table, ["kafka-2"])) == ["kafka-1", "kafka-2"]


def test_a_service_reads_the_same_settings_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings(
        data_dir=tmp_path, brokers=2, supervised=True, database_password="a=b 'c", channel="x", learning_rate=0.5
    )
    monkeypatch.setenv("FLEAD_BUFFER", "99")  # whoever asked for `chosen` has overruled it
    for name, value in environment(chosen).items():
        monkeypatch.setenv(name, value)
    again, origins = settings.load(file=tmp_path / "none.toml")
    assert again == chosen
    assert origins["brokers"] == PREFIX + "BROKERS"
    assert environment(chosen)[MARK] == str(tmp_path / "platform")
