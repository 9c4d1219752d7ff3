"""Measure the auditor on real Kafka and Spark: ``python -m benchmarks.spark``. Takes about ten minutes.

The hourly analysis takes a backlog of four million readings in one run, from its command to its end, the start of
Spark included. The stream evaluation then tests models at the published rate, 525 readings a second.

Needs `make setup EXTRA=platform`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil
from confluent_kafka import Producer

from benchmarks.flink import DEVICES, send
from benchmarks.report import ROOT, Result
from flead import settings as configuration
from flead.layout import Layout
from flead.records import GlobalModel, to_text
from flead.settings import Settings
from flead.stack import down, up
from flead.stack.services import environment
from flead.storage.server.store import served_store
from flead.storage.writing.state import reset
from flead.topics import GLOBAL_MODELS

RUNS = 3
PACE = 524.7
MODEL_SECONDS = 2.0
"""Twenty devices that train on fifty readings each make a model so often at that pace."""
SECONDS = 600.0
PARTS = ("backlog", "live")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small workloads, to try the benchmarks")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--directory", type=Path, help="where the platform lies; by default a temporary directory")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        chosen, _ = configuration.load({"data_dir": arguments.directory or Path(folder), "rate": PACE})
        up(chosen, ["topics", "schema", "spark-worker"], tell=lambda line: print(line, file=sys.stderr))
        try:
            results = []
            if "backlog" in arguments.parts:
                results += backlog(chosen, 40 if arguments.quick else 1662)
            if "live" in arguments.parts:
                results += live(chosen, 30 if arguments.quick else 180)
        finally:
            down(chosen)
    for result in results:
        print(f"{result.name:28} {result.median:12,.3f} {result.unit}  {result.what}")


def backlog(settings: Settings, rounds: int) -> list[Result]:
    """The hourly analysis of everything, several times."""
    readings = DEVICES * rounds
    print(f"sending {readings:,} readings", file=sys.stderr)
    send(settings, rounds, pack=1)
    seconds, used = [], []
    for _ in range(RUNS):
        shutil.rmtree(Layout.of(settings).spark / "checkpoints" / "analytics", ignore_errors=True)
        with served_store(settings).connect() as connection:
            reset(connection)
            began, processor = time.monotonic(), _processor(settings)
            subprocess.run(_command("analytics", "--once"), cwd=ROOT, env=_environment(settings), check=True)
            seconds.append(time.monotonic() - began)
            used.append(_processor(settings) - processor)
            counted = connection.execute("SELECT sum(readings) FROM hourly_analytics").fetchone()
            if counted != (readings,):
                raise SystemExit(f"{counted} readings were analysed, and {readings} sent")
    print(f"processor time outside the run's own process: {used}", file=sys.stderr)
    return [Result("spark.analytics", "s", f"the hourly analysis of {readings:,} readings", seconds)]


def live(settings: Settings, seconds: int) -> list[Result]:
    """Micro-batches of the evaluation, and what Spark's processes hold, at the published pace."""
    shutil.rmtree(Layout.of(settings).spark / "checkpoints" / "evaluation", ignore_errors=True)
    batches, memory = [], 0.0
    with _running(settings, "producer"), _running(settings, "evaluation") as evaluation:
        models = Producer({"bootstrap.servers": settings.kafka_servers})
        deadline, began, version = time.monotonic() + SECONDS, 0.0, 0
        while not began or time.monotonic() < began + seconds:
            if time.monotonic() > deadline:
                raise SystemExit("the evaluation does not catch up")
            time.sleep(MODEL_SECONDS)
            version += 1
            models.produce(GLOBAL_MODELS, _model(version), str(version))
            models.flush(30)
            last = _metric(settings, "flead_batch_seconds")
            if not began and 0 < last < settings.evaluation_seconds and _metric(settings, "flead_readings_total") > 0:
                began = time.monotonic()  # what had waited is taken
            if began:
                batches.append(last)
                memory = max(memory, _memory(evaluation.pid, settings))
    return [
        Result("spark.micro-batch", "s", f"a micro-batch of the evaluation at {PACE:.0f}/s", batches),
        Result("spark.memory", "MB", "master, worker, and the evaluation with its executor", [memory / 1e6]),
    ]


def _model(version: int) -> bytes:
    parameters = {"weights": [0.1, -0.1, 1.0 + version % 7], "bias": [-3.0]}
    now = to_text(time.time_ns() // 1_000_000)
    return msgspec.json.encode(GlobalModel(version, version, 0.9, 20, "fedbuff", parameters, now))


def _metric(settings: Settings, name: str) -> float:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.evaluation_port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith(name + " ")), 0.0)


def _spark(settings: Settings) -> list[psutil.Process]:
    """Master, worker and whatever the worker has started."""
    mark = str(Layout.of(settings).spark)
    found = [process for process in psutil.process_iter(["cmdline"]) if mark in " ".join(process.info["cmdline"] or [])]
    return [*{process.pid: process for one in found for process in [one, *one.children(recursive=True)]}.values()]


def _memory(evaluation: int, settings: Settings) -> float:
    processes = {process.pid: process for process in _spark(settings)}
    driver = psutil.Process(evaluation)
    processes |= {process.pid: process for process in [driver, *driver.children(recursive=True)]}
    held = 0.0
    for process in processes.values():
        with suppress(psutil.NoSuchProcess):  # a shell that Hadoop has asked for a file's permissions
            held += process.memory_info().rss
    return held


def _processor(settings: Settings) -> float:
    times = [process.cpu_times() for process in _spark(settings)]
    return sum(time.user + time.system + time.children_user + time.children_system for time in times)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "flead", "service", *arguments]


def _environment(settings: Settings) -> dict[str, str]:
    return os.environ | environment(settings)


@contextmanager
def _running(settings: Settings, name: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(_command(name), cwd=ROOT, env=_environment(settings), stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(90)


if __name__ == "__main__":
    main()
