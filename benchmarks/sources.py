"""Where readings come from: ``python -m benchmarks.sources SIMULATED CSV REPETITIONS`` prints JSON.

The first two are numbers of readings: of the simulated fleet, and of a folder of CSV files that is written first.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.contenders.harness import one_core
from flead.columns import Devices, Source
from flead.ingest.sources import make_source
from flead.records import to_texts
from flead.settings import Settings

DEVICES, FILES, BATCH = 2407, 100, 50_000
START = 1_762_473_600_000


def write_csv(folder: Path, rows: int) -> None:
    """So many files of one device each: a time and a value, once a second."""
    rng = np.random.default_rng(0)
    times = to_texts(START + 1000 * np.arange(rows // FILES))
    for number in range(FILES):
        values = rng.normal(40, 5, len(times)).round(3).tolist()
        lines = [f"{time},{value}" for time, value in zip(times, values, strict=True)]
        (folder / f"device_{number}.csv").write_text("timestamp,value\n" + "\n".join(lines) + "\n")


def rate(source: Source, readings: int) -> float:
    """Readings a second, from opening the source on."""
    start = time.perf_counter()
    source.open(Devices(), None)
    count = 0
    while count < readings:
        chunk = source.next_batch(BATCH, None)
        if chunk is None:
            break
        count += chunk.batch.size
    seconds = time.perf_counter() - start
    source.close()
    return count / seconds


def main(simulated: int, rows: int, repetitions: int) -> None:
    one_core()
    with tempfile.TemporaryDirectory() as folder:
        write_csv(Path(folder), rows)
        settings = {"sim": Settings(devices=DEVICES), "csv": Settings(data=f"csv:{folder}")}
        counts = {"sim": simulated, "csv": rows}
        for name in settings:
            rate(make_source(settings[name]), BATCH)
        rates = {
            name: [rate(make_source(settings[name]), counts[name]) for _ in range(repetitions)] for name in settings
        }
    json.dump(rates, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
