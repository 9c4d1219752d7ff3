"""The Python API beside PyOD and River: ``python -m benchmarks.api DEVICES SECONDS REPETITIONS`` prints JSON.

The work: a frame with a reading a second of every device is in memory, and every reading gets a score by what its
device said before. FLEAD takes a polars frame. River takes it reading by reading, with a dictionary of devices. PyOD
learns no stream: its models, one a device, are fitted to the first half of the device's readings and score all of them.

FLEAD's learner is ``zscore``. River's devices judge by the same rule, and have to flag as many readings, or the run
fails. PyOD's ``MAD`` is its nearest relation: deviations in units of a robust spread. Each has one core, and the
contenders an environment of their own.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

import flead
from benchmarks import environment
from benchmarks.contenders.harness import one_core, settle

CONTENDERS = Path(__file__).parent / "contenders"
ONE_BY_ONE = 20_000
"""Readings that ``score_one`` is given."""


def fleet(devices: int, seconds: int) -> pl.DataFrame:
    """Normal readings, of which one in a hundred is far out."""
    rng = np.random.default_rng(devices)
    count = devices * seconds
    names = np.array([f"device_{number}" for number in range(devices)])
    values = rng.normal(40, 5, count) + 50 * (rng.random(count) < 0.01)
    times = (1_762_473_600_000 + 1000 * np.repeat(np.arange(seconds), devices)).astype("datetime64[ms]")
    return pl.DataFrame({"device_id": np.tile(names, seconds), "timestamp": times, "value": values})


def timed(play: Callable[[], int], repetitions: int) -> tuple[list[float], int]:
    """Seconds of each repetition, and how many readings were flagged; once before for the warm-up."""
    flagged, seconds = play(), []
    for _ in range(repetitions):
        start = time.perf_counter()
        play()
        seconds.append(time.perf_counter() - start)
    return seconds, flagged


def ours(frame: pl.DataFrame, repetitions: int) -> tuple[dict[str, list[float]], int]:
    """Readings a second of each way to use FLEAD, and how many were flagged."""

    def play(local: bool) -> Callable[[], int]:
        return lambda: int(flead.Detector("zscore", local=local).observe(frame)["anomaly"].sum())

    def one_by_one() -> int:
        detector = flead.Detector("zscore", local=True)
        for device, when, value in rows:
            detector.score_one({"value": value}, device=device, time=when)
        return 0

    rows = frame[:ONE_BY_ONE].rows()
    found = {"flead": timed(play(local=True), repetitions), "flead-federated": timed(play(local=False), repetitions)}
    rates = {name: [frame.height / each for each in seconds] for name, (seconds, _) in found.items()}
    rates["flead-one-by-one"] = [len(rows) / each for each in timed(one_by_one, 1)[0]]
    return rates, found["flead"][1]


def theirs(name: str, columns: Path, readings: int, repetitions: int) -> tuple[list[float], int]:
    """Readings a second of a contender, and how many it flagged."""
    command = [environment.contender_python(name), CONTENDERS / f"{name}_frame.py", columns, str(repetitions)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{name} could not be measured: it ended with code {done.returncode}")
    said = json.loads(done.stdout)
    return [readings / seconds for seconds in said["seconds"]], said["flagged"]


def main(devices: int, seconds: int, repetitions: int) -> None:
    one_core()
    frame = fleet(devices, seconds)
    settle()
    rates, flagged = ours(frame, repetitions)
    with tempfile.TemporaryDirectory() as folder:
        columns = Path(folder) / "columns.npz"
        np.savez(columns, names=frame["device_id"].to_numpy().astype("U"), values=frame["value"].to_numpy())
        for name in ("pyod", "river"):
            rates[name], said = theirs(name, columns, frame.height, min(repetitions, 2))
            if name == "river" and said != flagged:
                raise SystemExit(f"river flagged {said} readings, flead {flagged}: they did not do the same")
    json.dump(rates, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
