"""Every panel and variable of the Grafana dashboards returns data from what a run has stored, read-only."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from flead.columns import Devices
from flead.dashboard.grafana.files import models
from flead.dashboard.grafana.macros import Context, MacroError, expand
from flead.records import Rejected
from flead.settings import load
from flead.storage.queries.reader import READER, let_reader_in
from flead.storage.server.store import open_store
from flead.storage.writing.hours import merge_hours
from flead.storage.writing.writer import Writer
from tests.dashboard.grafana_check import PanelError, run, targets

MODELS = models()
PANELS = [(name, title, target) for name, model in MODELS.items() for title, target in targets(model)]
NOON = datetime(2025, 11, 7, 12, tzinfo=UTC)
CONTEXT = Context(NOON, NOON + timedelta(hours=1), "1m", {"device": ["it's"], "broker": ["1", "2"], "all": "SELECT 1"})


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection[Any]]:
    """The dashboards' connection to the store of a short run, after an hourly analysis and a bad message."""
    directory = tmp_path_factory.mktemp("grafana")
    settings, _ = load({"data_dir": directory, "database_port": 0}, file=directory / "none.toml")
    environment = os.environ | {"FLEAD_DATA_DIR": str(directory), "FLEAD_DATABASE_PORT": "0"}
    flags = ["--no-web", "--json", "--speed", "max", "--devices", "60", "--readings", "60000"]
    command = [sys.executable, "-m", "flead", "run", *flags]
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    with open_store(settings) as store, store.connect() as connection:
        hour = int(ask(connection, "SELECT milliseconds(date_trunc('hour', clock)) FROM data_clock"))
        with connection.transaction(), connection.cursor() as cursor:
            found = cursor.execute("SELECT device_id, channels[1], broker_id FROM devices").fetchall()
            merge_hours(cursor, [(hour, *device, 10, 1, 0.0, 2.0, 1.0, 5.0, 0.5, 1.0, 0.1) for device in found])
        writer = Writer(connection, Devices(), lambda device: 1)
        writer.add_rejected([Rejected("kafka", "edge-iiot-stream/3/17", "not JSON", b"\x00\xff{")])
        writer.commit()
        connection.execute("UPDATE rejected SET seen_at = clock FROM data_clock")  # a run at top speed is of 2025
        let_reader_in(connection, "read")
        with psycopg.connect(**store.conninfo | {"user": READER, "password": "read"}, autocommit=True) as reader:
            yield reader


def ask(connection: psycopg.Connection[Any], query: str) -> Any:
    """The only value."""
    return connection.execute(query.encode()).fetchall()[0][0]


@pytest.fixture(scope="module")
def context(reader: psycopg.Connection[Any]) -> Context:
    """The last hours of the data, and a device with a story: its choices are what the variables' queries return."""
    clock: datetime = ask(reader, "SELECT clock FROM data_clock")
    busiest = str(
        ask(
            reader,
            "SELECT device_id FROM anomalies WHERE severity = 'critical' GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
        )
    )
    here = Context(clock - timedelta(hours=3), clock)
    for variable in MODELS["devices"]["templating"]["list"]:
        rows = reader.execute(expand(variable["query"], here).encode()).fetchall()
        values = [str(value) for (value,) in rows]
        assert values, variable["name"]
        chosen = [busiest] if variable["name"] == "device" else values if variable["includeAll"] else values[:1]
        assert set(chosen) <= set(values)
        here = replace(here, variables={**here.variables, variable["name"]: chosen})
    return here


@pytest.mark.real
@pytest.mark.parametrize(("name", "title", "target"), PANELS, ids=[f"{name}: {title}" for name, title, _ in PANELS])
@pytest.mark.parametrize("interval", ["1m", "1h"])
def test_a_panel_returns_data(
    reader: psycopg.Connection[Any], context: Context, name: str, title: str, target: dict[str, Any], interval: str
) -> None:
    assert run(reader, target, replace(context, interval=interval))


@pytest.mark.real
@pytest.mark.parametrize("name", MODELS)
def test_a_variable_takes_all(reader: psycopg.Connection[Any], context: Context, name: str) -> None:
    every = {one["name"]: one["allValue"] for one in MODELS[name]["templating"].get("list", []) if one.get("allValue")}
    for _, target in targets(MODELS[name]):
        assert run(reader, target, replace(context, variables={**context.variables, **every}))


FAULTS = {
    "a column that is not there": ("SELECT nonsense FROM devices", "table", psycopg.errors.UndefinedColumn),
    "a macro that is not there": ("SELECT $__timeBucket(minute, 1m)", "table", MacroError),
    "a macro without an interval": ("SELECT $__timeGroupAlias(minute)", "time_series", MacroError),
    "a variable that is not there": ("SELECT 1 WHERE 'a' = $nobody", "table", MacroError),
    "a variable of no certain form": ("SELECT 1 WHERE 'a' = '$device'", "table", MacroError),
    "no time": ("SELECT now() AS minute, 1 AS value", "time_series", PanelError),
    "a time that is text": ("SELECT '12:00' AS \"time\", 1 AS value", "time_series", PanelError),
    "a value that is text": ("SELECT now() AS \"time\", 'one' AS value", "time_series", PanelError),
    "values that are missing": ('SELECT now() AS "time", NULL::int AS value', "time_series", PanelError),
    "times that step back": ('SELECT -i AS "time", i FROM generate_series(1, 2) AS i', "time_series", PanelError),
    "no rows": ("SELECT 1 AS one WHERE false", "table", PanelError),
    "two columns of one name": ("SELECT 1 AS one, 2 AS one", "table", PanelError),
    "an attempt to write": ("DELETE FROM rejected", "table", psycopg.errors.ReadOnlySqlTransaction),
}


@pytest.mark.real
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found(reader: psycopg.Connection[Any], context: Context, fault: str) -> None:
    sql, form, error = FAULTS[fault]
    with pytest.raises(error):
        run(reader, {"rawSql": sql, "format": form}, context)


def test_macros_become_what_grafana_makes_of_them() -> None:
    sql = 'SELECT $__timeGroupAlias(a.b, $__interval), sum(x) * 60000.0 / $__interval_ms WHERE $__timeFilter("t")'
    assert expand(sql, CONTEXT) == (
        'SELECT floor(extract(epoch from a.b)/60)*60 AS "time", sum(x) * 60000.0 / 60000'
        " WHERE \"t\" BETWEEN '2025-11-07T12:00:00Z' AND '2025-11-07T13:00:00Z'"
    )


def test_values_are_quoted_and_all_is_not() -> None:
    sql = "a = ${device:sqlstring} AND b IN (${broker:csv}) AND c IN (${all:csv})"
    assert expand(sql, CONTEXT) == "a = 'it''s' AND b IN (1,2) AND c IN (SELECT 1)"


def test_the_published_panels_come_first() -> None:
    titles = [title for title, _ in targets(MODELS["fleet"])]
    assert titles[:8] == [
        "Local models", "Global models", "Active devices", "Latest global accuracy", "Models per minute",
        "Accuracy trend", "Top devices", "Recent global models",
    ]  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_a_dashboard_is_whole(name: str) -> None:
    model = MODELS[name]
    assert model["refresh"] == "5s"
    places = [panel["gridPos"] for panel in model["panels"]]
    cells = [(place["x"] + i, place["y"] + j) for place in places for i in range(place["w"]) for j in range(place["h"])]
    assert len(cells) == len(set(cells)), "panels lie on one another"
    assert all(panel.get("description") for panel in model["panels"])
    assert len({model["uid"] for model in MODELS.values()}) == len(MODELS)


def test_no_file_is_left_over() -> None:
    from tools.reference import DEPLOY, pages

    assert {path for path in (DEPLOY / "grafana").rglob("*") if path.is_file()} <= pages().keys()
