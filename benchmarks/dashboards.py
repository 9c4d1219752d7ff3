"""Every question of the viewer and of Grafana to a store of ten million rows: ``python -m benchmarks.dashboards``.

A day of 2,407 devices on plain Postgres: a training a minute each, a global model for twenty of them, tested on four
brokers. Prints JSON: the milliseconds of every question, several times each, and the number of rows.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from flead.dashboard.grafana.files import models
from flead.dashboard.grafana.macros import Context, expand
from flead.settings import Settings
from flead.storage import queries
from flead.storage.queries.reader import READER, let_reader_in
from flead.storage.server.store import open_store

END = datetime(2026, 1, 2, tzinfo=UTC)
DEVICES = 2407
MINUTES = 1440
DEVICE = "device_127"

FILL = [
    """
    CREATE TEMPORARY TABLE fleet AS
    SELECT n, 'device_' || n AS device_id, n / 600 %% 4 + 1 AS broker_id FROM generate_series(0, %(devices)s - 1) AS n
    """,
    """
    INSERT INTO local_models (device_id, broker_id, model_version, global_version, accuracy, loss, samples_processed,
                              parameters, layout, created_at)
    SELECT device_id, broker_id, m, greatest(m * 120 - 120, 0), 0.98 + 0.02 * random(), 0.1, 13, '{1,2,3,4}',
           '{"weights":[3],"bias":[1]}', start + m * interval '1 minute' - n * interval '24 ms'
    FROM fleet, generate_series(1, %(minutes)s) AS m, moment
    """,
    """
    INSERT INTO federated_models
        (global_version, aggregation_round, num_devices, accuracy, strategy, parameters, layout, created_at)
    SELECT v, v, 20, 0.98 + 0.02 * random(), 'fedbuff', '{1,2,3,4}', '{"weights":[3],"bias":[1]}',
           start + v * interval '1 minute' / 120
    FROM generate_series(1, %(minutes)s * 120) AS v, moment
    """,
    """
    INSERT INTO evaluation_counts
    SELECT v, b, 5, 3, 2000, 2, start + v * interval '1 minute' / 120
    FROM generate_series(1, %(minutes)s * 120) AS v, generate_series(1, 4) AS b, moment
    """,
    """
    INSERT INTO model_evaluations (model_version, device_id, broker_id, prediction, actual_result, is_correct,
                                   confidence, created_at)
    SELECT v, device_id, broker_id, random(), 0, true, 0.9, start + v * interval '1 minute' / 120
    FROM generate_series(1, %(minutes)s * 120) AS v, generate_series(1, 3) AS i, moment,
         LATERAL (SELECT * FROM fleet WHERE n = (v * 7 + i) %% %(devices)s) AS device
    """,
    """
    INSERT INTO anomalies
    SELECT device_id, broker_id, 'temperature', 50, 3 + 4 * random(),
           CASE WHEN (n + m) %% 40 = 0 THEN 'critical' ELSE 'warning' END, 'zscore', 42, 2, 2.5,
           start + m * interval '1 minute' - n * interval '24 ms'
    FROM fleet, generate_series(1, %(minutes)s, 2) AS m, moment
    """,
    """
    INSERT INTO signal
    SELECT device_id, 'temperature', 40 + 5 * random(), 42, 2, start + m * interval '1 minute' - n * interval '24 ms'
    FROM fleet, generate_series(1, %(minutes)s) AS m, moment
    """,
    """
    INSERT INTO device_hours
    SELECT start + h * interval '1 hour', device_id, 'temperature', broker_id, 780, 9, 0, 99, 42, 100, 0.5, 1, 0
    FROM fleet, generate_series(0, %(minutes)s / 60 - 1) AS h, moment
    """,
    """
    INSERT INTO devices
    SELECT device_id, broker_id, ARRAY['temperature'], start, %(end)s - n * interval '24 ms', 18720, 720, %(end)s,
           %(end)s - interval '1 hour', %(minutes)s, %(minutes)s * 0.98, %(minutes)s, 0.98, 0.1
    FROM fleet, moment
    """,
    """
    INSERT INTO models_per_minute SELECT date_trunc('minute', created_at), broker_id, count(*), sum(accuracy)
    FROM local_models GROUP BY 1, 2
    """,
    """
    INSERT INTO anomalies_per_minute SELECT date_trunc('minute', timestamp), broker_id, severity, count(*)
    FROM anomalies GROUP BY 1, 2, 3
    """,
    "INSERT INTO readings_per_minute SELECT minute, broker_id, 13 * models FROM models_per_minute",
    """
    INSERT INTO broker_totals
    SELECT broker_id, sum(models) * 13, sum(models), 400000, 10000, %(end)s FROM models_per_minute GROUP BY broker_id
    """,
    """
    INSERT INTO rejected SELECT 'kafka', 'edge-iiot-stream/3/' || n, 'not JSON', 'x', %(end)s - n * interval '3 s'
    FROM fleet
    """,
    "INSERT INTO rejected_per_reason SELECT reason, count(*) FROM rejected GROUP BY reason",
]


def main(minutes: int, repetitions: int) -> None:
    """Measure a store of so many minutes."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), database_port=0)
        with open_store(settings) as store:
            with store.connect() as connection:
                rows = fill(connection, minutes)
                let_reader_in(connection, "read")
            with psycopg.connect(**store.conninfo | {"user": READER, "password": "read"}, autocommit=True) as reader:
                found = {name: [timed(ask) for _ in range(repetitions)] for name, ask in questions(reader)}
    print(json.dumps({"rows": rows, "milliseconds": found}))


def fill(connection: psycopg.Connection[Any], minutes: int) -> int:
    """Make the store's rows; returns their number."""
    told = {"devices": DEVICES, "minutes": minutes, "end": END}
    connection.execute("CREATE TEMPORARY TABLE moment (start timestamptz)")
    connection.execute("INSERT INTO moment VALUES (%s)", (END - timedelta(minutes=minutes),))
    rows = 0
    for statement in FILL:
        cursor = connection.execute(statement.encode(), told)
        rows += cursor.rowcount
    connection.execute("VACUUM ANALYZE")
    return rows


def questions(reader: psycopg.Connection[Any]) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every function of ``queries``, every panel of an hour, and every variable."""
    of_one = {"device", "device_signal", "device_anomalies", "device_models", "device_parameters"}
    for name in queries.__all__:
        question = getattr(queries, name)
        if name == "global_parameters":
            yield f"viewer: {name}", partial(question, reader, 1000)
        elif callable(question) and getattr(question, "__module__", "").startswith("flead.storage.queries"):
            if "device_id" in question.__code__.co_varnames[: question.__code__.co_argcount] and name not in of_one:
                continue
            needed = question.__code__.co_argcount - len(question.__defaults__ or ())
            if needed > 2 or (needed == 2 and name not in of_one):
                continue
            yield f"viewer: {name}", partial(question, reader, *([DEVICE] if name in of_one else []))
    chosen = {"device": [DEVICE], "channel": ["temperature"], "broker": ["1", "2", "3", "4"]}
    context = Context(END - timedelta(hours=1), END, "1m", chosen)
    for name, model in models().items():
        for variable in model["templating"].get("list", []):
            yield f"{name}: ${variable['name']}", partial(fetch, reader, expand(variable["query"], context))
        for panel in model["panels"]:
            interval = panel.get("interval", "1m")
            sql = expand(panel["targets"][0]["rawSql"], replace(context, interval=interval))
            yield f"{name}: {panel['title']}", partial(fetch, reader, sql)


def fetch(reader: psycopg.Connection[Any], sql: str) -> object:
    return reader.execute(sql.encode()).fetchall()


def timed(ask: Callable[[], object]) -> float:
    """Milliseconds that it takes."""
    began = time.perf_counter()
    ask()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main(*map(int, sys.argv[1:] or [str(MINUTES), "7"]))
