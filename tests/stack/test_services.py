"""The table of services hangs together, and services see the settings of whoever started them."""

import ast
import importlib.util
from pathlib import Path

import psycopg
import pytest

from flead import settings
from flead.cli.platform import SMALL_SERVICES
from flead.platform import ONCE, SERVICES
from flead.settings import PREFIX, Settings
from flead.stack import down, up
from flead.stack.processes import MARK
from flead.stack.services import environment, needed, services
from flead.storage.queries.reader import READER
from tests.platform_fixtures import platform_settings, require_platform


def test_services_need_only_what_stands_before_them() -> None:
    require_platform()
    table = services(Settings())
    before: set[str] = set()
    for name, service in table.items():
        assert set(service.needs) | set(service.after) <= before, name
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
    assert sum(service.megabytes for service in services(Settings()).values()) <= 6_200


def test_needed_takes_what_is_needed_and_nothing_else() -> None:
    require_platform()
    table = services(Settings(brokers=2, partitions=2))
    assert list(needed(table, ["collector"])) == ["database", "schema", "kafka-1", "kafka-2", "topics", "collector"]
    assert list(needed(table, ["kafka-2"])) == ["kafka-1", "kafka-2"]


def test_a_consumer_group_trains_without_flink() -> None:
    require_platform()
    table = services(Settings(brokers=1, partitions=2, engine="kafka"))
    assert not [name for name in table if "flink" in name]
    assert list(needed(table, ["training"])) == ["kafka-1", "topics", "training"]
    small = needed(table, SMALL_SERVICES)
    assert {service.image for service in small.values()} == {"flead", "kafka", "postgres"}


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


def test_grafana_is_a_service_where_its_program_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_platform()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert "grafana" not in services(Settings())
    (tmp_path / "bin").mkdir()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "defaults.ini").touch()
    program = tmp_path / "bin" / "grafana"
    program.touch(mode=0o755)
    service = services(Settings(grafana_port=3100, reader_password="seen"))["grafana"]
    assert service.command == (str(program), "server", "--homepath", str(tmp_path))
    for name in "GF_PATHS_PROVISIONING", "GRAFANA_FLEAD_DASHBOARDS", "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH":
        assert Path(service.environment[name]).exists(), name
    assert service.environment["GF_SERVER_HTTP_PORT"] == "3100"
    assert service.environment["FLEAD_READER_PASSWORD"] == "seen"


@pytest.mark.real
def test_the_schema_is_there_before_anything_asks(tmp_path: Path) -> None:
    require_platform()
    settings = platform_settings(tmp_path, reader_password="to read")
    try:
        up(settings, ["schema"])
        where = f"host=127.0.0.1 port={settings.database_port} dbname=flead user={READER} password='to read'"
        with psycopg.connect(where) as reader:
            assert reader.execute("SELECT count(*) FROM devices").fetchone() == (0,)
    finally:
        down(settings)


@pytest.mark.parametrize("table", [SERVICES, ONCE], ids=["services", "once"])
def test_what_a_service_runs_is_there(table: dict[str, str]) -> None:
    for name, module in table.items():
        found = importlib.util.find_spec(module)
        assert found is not None, name
        assert found.origin is not None, name
        functions = [
            node for node in ast.parse(Path(found.origin).read_bytes()).body if isinstance(node, ast.FunctionDef)
        ]
        (run,) = (function for function in functions if function.name == "run")
        assert [argument.arg for argument in run.args.args] == ["settings"], name


def test_every_service_is_in_the_table_that_starts_the_platform() -> None:
    own = {name for name, service in services(Settings(), containers=True).items() if name in service.command[-1:]}
    assert own == SERVICES.keys()
