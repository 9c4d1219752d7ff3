"""The viewer on a large store: ``python -m benchmarks.viewer ROWS DEVICES REPETITIONS`` prints JSON.

ROWS rows in all are made by SQL. ``first`` is the seconds from asking for a page to having all of it, figures included;
``update`` those of what the open page asks the store every second and a half. The viewer runs in this process.
"""

import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg

from flead.dashboard.viewer import Viewer
from flead.settings import Settings
from flead.storage.migrations.migrate import migrate
from flead.storage.server.embedded_postgres import EmbeddedPostgres

FILL = """
    INSERT INTO devices
    SELECT 'device_' || n, n / 600 % 4 + 1, '{value}', now() - interval '30 days', now() - n % 90 * interval '1 second',
           ROWS / DEVICES, n % 50, NULL, NULL, 100, 90, 100, .9, .2
    FROM generate_series(0, DEVICES - 1) AS n;
    INSERT INTO broker_totals
    SELECT b, ROWS / 4, ROWS / 20, ROWS / 10, ROWS / 100, now() FROM generate_series(1, 4) AS b;
    INSERT INTO signal
    SELECT 'device_' || i % DEVICES, 'value', sin(i), 0, 1, now() - i * interval '50 milliseconds'
    FROM generate_series(1, ROWS * 45 / 100) AS i;
    INSERT INTO anomalies
    SELECT 'device_' || i % DEVICES, i % 4 + 1, 'value', 9, 3, CASE WHEN i % 30 = 0 THEN 'critical' ELSE 'warning'
           END, 'zscore', 0, 1, 2.5, now() - i * interval '100 milliseconds'
    FROM generate_series(1, ROWS * 25 / 100) AS i;
    INSERT INTO local_models (device_id, broker_id, model_version, global_version, accuracy, loss, samples_processed,
                              parameters, layout, created_at)
    SELECT 'device_' || i % DEVICES, i % 4 + 1, i / DEVICES + 1, i / 20, .9, .3, 50, '{1,2,3,4}',
           '{"weights":[3],"bias":[1]}', now() - i * interval '100 milliseconds'
    FROM generate_series(1, ROWS * 25 / 100) AS i;
    INSERT INTO federated_models (global_version, aggregation_round, num_devices, accuracy, strategy, parameters,
                                  layout, created_at)
    SELECT i, i, 20, .9, 'fedbuff', '{1,2,3,4}', '{"weights":[3],"bias":[1]}', now() - interval '1 day'
    FROM generate_series(1, ROWS / 100) AS i;
    INSERT INTO evaluation_counts
    SELECT i, b, 5, 1, 90, 4, now() FROM generate_series(1, ROWS / 100) AS i, generate_series(1, 4) AS b;
    INSERT INTO alarms (id, revision, device_id, broker_id, severity, state, started_at, last_at, anomalies, criticals,
                        channel, value, z_score, detector, mean, std, threshold, worst_at)
    SELECT i, i, 'device_' || i % DEVICES, 1, CASE WHEN i % 3 = 0 THEN 'critical' ELSE 'warning' END,
           CASE WHEN i > ROWS / 100 - 100 THEN 'open' ELSE 'closed' END, now() - i * interval '10 seconds', now(), 7,
           i % 3, 'value', 9, 8, 'zscore', 0, 1, 2.5, now()
    FROM generate_series(1, ROWS / 100) AS i;
    INSERT INTO models_per_minute SELECT now() - m * interval '1 minute', b, 100, 90
    FROM generate_series(1, 43200) AS m, generate_series(1, 4) AS b;
    INSERT INTO anomalies_per_minute SELECT now() - m * interval '1 minute', b, 'warning', 100
    FROM generate_series(1, 43200) AS m, generate_series(1, 4) AS b;
"""


def fill(connection: psycopg.Connection[Any], rows: int, devices: int) -> None:
    for statement in FILL.split(";\n")[:-1]:
        text = statement.replace("ROWS", str(rows)).replace("DEVICES", str(devices))
        connection.execute(text.encode())
    connection.execute("VACUUM ANALYZE")


def seconds_for(work: Any, repetitions: int) -> list[float]:
    found = []
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return found


def main(rows: int, devices: int, repetitions: int) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder), 0, "secret", durable=False) as server,
        psycopg.connect(**server.connection(), autocommit=True) as connection,
    ):
        migrate(connection)
        fill(connection, rows, devices)
        viewer, ready = Viewer(Settings(web_port=0), server.connection()), threading.Event()
        thread = threading.Thread(target=lambda: viewer.run(on_ready=lambda url: ready.set()))
        thread.start()
        ready.wait(60)
        try:
            first = {
                path: seconds_for(lambda path=path: urlopen(viewer.url + path).read(), repetitions)
                for path in ("/", "/alarms", "/devices", "/devices/device_0", "/models")
            }
        finally:
            viewer.stop()
            thread.join()
        from flead.dashboard.pages import alarms, models, overview

        update = {
            "/": seconds_for(lambda: overview._look(connection), repetitions),
            "/alarms": seconds_for(lambda: alarms._look(connection, alarms.Asked()), repetitions),
            "/models": seconds_for(lambda: models._look(connection, None), repetitions),
        }
    json.dump({"first": first, "update": update}, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
