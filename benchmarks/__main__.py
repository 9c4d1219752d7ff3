"""Measure everything: ``make bench``. Writes benchmarks/results.json and the tables in docs/benchmarks.md.

Everything is measured in a process of its own that keeps to one core, one after the other. The run fails if two
contenders do not say the same of the same messages.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import environment, workload
from benchmarks.report import ROOT, Report, Result, Target

DEVICES, MANY = 2407, 1_000_000
CONTENDERS = Path(__file__).parent / "contenders"
RATE = "readings/s"
ONE_THREAD = {"POLARS_MAX_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small workloads, to try the benchmarks; writes no file")
    quick = parser.parse_args().quick
    python = environment.contender_python("river")
    with tempfile.TemporaryDirectory() as folder:
        messages = Path(folder) / "messages.jsonl"
        with messages.open("wb") as file:
            file.writelines(workload.messages(DEVICES, rounds=60 if quick else 300))
        said, results = lines(messages, python, quick)
        results += codec(messages, quick)
    results += columns(quick)
    results += learners(quick)
    results += api(quick)
    results += sources(quick)
    now = datetime.now(UTC).date().isoformat()
    report = Report(now, environment.machine(), environment.versions(python), said, results, targets(results))
    print(report.tables())
    if not quick:
        report.write()


def measure(name: str, command: list[str | Path], *arguments: object) -> Any:
    """What a process prints, as JSON. SystemExit if it fails."""
    print(f"measuring {name}", file=sys.stderr, flush=True)
    words = [*map(str, command), *map(str, arguments)]
    done = subprocess.run(words, cwd=ROOT, env=os.environ | ONE_THREAD, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{name} could not be measured: it ended with code {done.returncode}")
    return json.loads(done.stdout)


def ours(module: str) -> list[str | Path]:
    """The command for a measurement of FLEAD alone."""
    return [sys.executable, "-m", f"benchmarks.{module}"]


def lines(messages: Path, river: Path, quick: bool) -> tuple[dict[str, Any], list[Result]]:
    """JSON lines in, JSON out: the contenders side by side."""
    contenders = {
        "flead": (sys.executable, "flead_shard.py", "FLEAD: columns", 9),
        "plain-python": (river, "plain_python.py", "a dict, a deque a device, and orjson", 3),
        "river": (river, "river_devices.py", "River: rolling statistics, logistic regression, metrics", 3),
    }
    said, results = {}, []
    for name, (python, script, what, repetitions) in contenders.items():
        found = measure(name, [python, CONTENDERS / script], messages, 1 if quick else repetitions)
        said[name] = found["said"]
        rates = [found["said"]["readings"] / seconds for seconds in found["seconds"]]
        results.append(Result(f"json-to-json.{name}", RATE, f"JSON lines in, JSON out: {what}", rates))
    if any(one != said["flead"] for one in said.values()):
        raise SystemExit(f"the contenders do not say the same of the same messages: {json.dumps(said, indent=2)}")
    return said, results


def codec(messages: Path, quick: bool) -> list[Result]:
    """JSON alone."""
    rates = measure("the codec", ours("codec"), messages, 1 if quick else 9)
    return [
        Result("json.decode", RATE, "JSON lines to columns, every field checked", rates["decode"]),
        Result("json.anomalies", "records/s", "a shard's outcome to anomalies as JSON", rates["anomalies"]),
        Result("json.updates", "records/s", "a shard's outcome to local updates as JSON", rates["updates"]),
    ]


def columns(quick: bool) -> list[Result]:
    """A shard without JSON, of a small fleet and of a large one, and what a device takes of memory."""
    results = []
    for devices in (DEVICES, 20_000 if quick else MANY):
        found = measure(f"{devices:,} devices", ours("columns"), devices, 3 if quick else 5, 2_000_000)
        rates = found["rates"]
        results += [
            Result(f"columns.{devices}", RATE, f"columns to outcome, {devices:,} devices", rates["observe"]),
            Result(f"kernels.{devices}", RATE, "the same, the kernels alone", rates["kernels"]),
            Result(
                f"shuffled.{devices}", RATE, "the same as the first, in another order every second", rates["shuffled"]
            ),
        ]
    what = f"resident memory, {devices:,} devices with full windows"
    return [*results, Result(f"memory.{devices}", "bytes a device", what, [found["bytes_per_device"]])]


def learners(quick: bool) -> list[Result]:
    """Every learner in a shard of a small fleet."""
    rates = measure("the learners", ours("learners"), 300, *((1, 100_000) if quick else (5, 500_000)))
    words = {"drift": "eight channels"}
    return [
        Result(f"learner.{name}", RATE, f"columns to outcome, 300 devices of {words.get(name, 'one channel')}", found)
        for name, found in rates.items()
    ]


def api(quick: bool) -> list[Result]:
    """The Python API on a frame, beside PyOD and River on the same readings."""
    rates = measure("the Python API", ours("api"), *((100, 1000, 1) if quick else (300, 3600, 5)))
    what = {
        "flead": "a polars frame scored by flead.Detector(local=True), 300 devices",
        "flead-federated": "the same, the devices' models merged on the way",
        "flead-one-by-one": "reading by reading: Detector.score_one",
        "pyod": "PyOD: a MAD a device, fitted to half of its readings",
        "river": "River: rolling statistics, reading by reading",
    }
    return [Result(f"frame.{name}", RATE, what[name], found) for name, found in rates.items()]


def sources(quick: bool) -> list[Result]:
    """Where readings come from."""
    rates = measure("the sources", ours("sources"), *((500_000, 50_000, 1) if quick else (5_000_000, 500_000, 5)))
    return [
        Result("source.sim", RATE, f"the simulated fleet, {DEVICES:,} devices", rates["sim"]),
        Result("source.csv", RATE, "a folder of CSV files, from opening it on", rates["csv"]),
    ]


def targets(results: list[Result]) -> list[Target]:
    """What issue and design ask for."""
    found = {result.name: result.median for result in results}
    many = next(name for name in found if name.startswith("memory.")).partition(".")[2]
    lines = found["json-to-json.flead"]
    return [
        Target("columns, readings/s on one core", found[f"columns.{DEVICES}"], 20e6),
        Target("JSON lines in to JSON out, readings/s on one core", lines, 2e6),
        Target("the same, times River", lines / found["json-to-json.river"], 25),
        Target("a polars frame to scores, readings/s on one core", found["frame.flead"], 5e6),
        Target("bytes a device", found[f"memory.{many}"], 1200, at_most=True),
        *(
            Target(
                f"{name}: rate of {DEVICES:,} devices over that of {int(many):,}",
                found[f"{name}.{DEVICES}"] / found[f"{name}.{many}"],
                3,
                at_most=True,
            )
            for name in ("columns", "shuffled")
        ),
        Target("the simulated fleet, readings/s", found["source.sim"], 1e6),
    ]


if __name__ == "__main__":
    main()
