"""Measure the platform: ``python -m benchmarks.platform`` prints a line a measurement, its median first.

It starts a platform of its own on free ports, in a directory that it removes: everything once for the time that takes
and the memory that it uses, then Kafka and the database alone for the producer and the collector.
"""

import argparse
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psutil
import psycopg

from flead.bus.service import Service
from flead.layout import Layout
from flead.platform.collector.service import Collector
from flead.platform.producer import ReadingsProducer
from flead.settings import Settings
from flead.stack import down, up
from flead.stack.processes import marked
from flead.storage.server.store import served_store
from tests.platform.collector import messages
from tests.platform_fixtures import eventually, platform_settings

READINGS, PACKED, ROWS = 300_000, 3_000_000, 100_000
DEADLINE = 300.0


@contextmanager
def started(settings: Settings, only: list[str] | None) -> Iterator[float]:
    """The seconds that it took until all was ready; stopped in the end."""
    began = time.perf_counter()
    try:
        up(settings, only)
        yield time.perf_counter() - began
    finally:
        down(settings)


def megabytes(settings: Settings) -> float:
    """Of all processes; what several share counts once."""
    processes = marked(Layout.of(settings).root)
    return sum(psutil.Process(process.pid).memory_full_info().pss for process in processes) / 1e6


def everything(repetitions: int) -> dict[str, list[float]]:
    """From `flead up` to all ready, and the memory of everything half a minute later."""
    seconds, memory = [], []
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as directory:
            settings = platform_settings(Path(directory))
            with started(settings, None) as took:
                seconds.append(took)
                time.sleep(30)
                memory.append(megabytes(settings))
    return {"flead up to all ready, s": seconds, "memory of everything, MB": memory}


def produced(settings: Settings, directory: Path, readings: int, pack: int, run: int) -> float:
    """Readings a second that the producer sends, until Kafka has all of them."""
    chosen = settings.model_copy(update={"speed": "max", "readings": readings, "pack": pack, "seed": run})
    service = Service("producer")
    stored = directory / f"{pack}-{run}.json"
    producer = ReadingsProducer(chosen, stored, service)
    began = time.perf_counter()
    producer.run()
    return readings / (time.perf_counter() - began)


def collected(settings: Settings) -> float:
    """Rows a second from a backlog of as many anomalies as local updates, of two kinds of rows."""
    messages.send(settings, "anomalies", map(messages.anomaly, range(ROWS)))
    messages.send(settings, "local-model-updates", map(messages.update, range(ROWS)))
    with served_store(settings).connect() as connection:
        before = _rows(connection)
        service = Service("collector")
        worker = threading.Thread(target=Collector(settings, served_store(settings), service).run)
        began = time.perf_counter()
        worker.start()
        eventually(lambda: _rows(connection) >= before + 2 * ROWS, DEADLINE)
        seconds = time.perf_counter() - began
        service.stop()
        worker.join()
    return 2 * ROWS / seconds


def _rows(connection: psycopg.Connection[object]) -> int:
    found = connection.execute("SELECT (SELECT count(*) FROM anomalies) + (SELECT count(*) FROM local_models)")
    ((rows,),) = found.fetchall()
    assert isinstance(rows, int)
    return rows


def services(settings: Settings, directory: Path, repetitions: int) -> dict[str, list[float]]:
    """The producer and the collector, each with what it needs and nothing else."""
    kinds: dict[str, Callable[[int], float]] = {
        # First, for it reads all topics from their beginning.
        "collector, anomalies and local models, rows/s": lambda run: collected(settings),
        "producer, one reading a message, readings/s": lambda run: produced(settings, directory, READINGS, 1, run),
        "producer, 100 a message, readings/s": lambda run: produced(settings, directory, PACKED, 100, run),
    }
    results: dict[str, list[float]] = {}
    for what, measure in kinds.items():
        for run in range(repetitions):
            results.setdefault(what, []).append(measure(run))
            print(f"{what}: {results[what][-1]:,.0f}", file=sys.stderr, flush=True)
    return results


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that the platform is stopped, too
    parser = argparse.ArgumentParser(prog="python -m benchmarks.platform", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--parts", default="services,everything", help="which, by comma")
    chosen = parser.parse_args()
    results: dict[str, list[float]] = {}
    if "services" in chosen.parts:
        with tempfile.TemporaryDirectory() as directory:
            settings = platform_settings(Path(directory))
            with started(settings, ["topics", "schema"]):
                results |= services(settings, Path(directory), chosen.repetitions)
    if "everything" in chosen.parts:
        results |= everything(chosen.repetitions)
    for what, values in results.items():
        print(f"{what}: {median(values):,.1f} ({min(values):,.1f} to {max(values):,.1f})")


if __name__ == "__main__":
    main()
