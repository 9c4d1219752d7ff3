"""Run a folder of CSV files through a shard and the server's rounds: no database, no viewer, no clock.

Run it with ``python examples/csv_without_database.py [FOLDER]``. Without a folder it makes one of 25 devices in a
temporary directory.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from flead.federation.rounds import rounds_of
from flead.ingest.csv_folder import csv_folder
from flead.settings import load
from flead.shard.outputs import anomalies, local_updates
from flead.shard.shard import Shard


def make_fleet(folder: Path) -> None:
    """25 devices at 1 Hz for five minutes; device_7 jumps for ten seconds, and one line is broken."""
    rng = np.random.default_rng(1)
    for number in range(25):
        values = 20.0 + number + rng.normal(0, 0.2, 300)
        if number == 7:
            values[200:210] += 3.0
        lines = [f"2025-11-07T15:{20 + i // 60}:{i % 60:02d}Z,{value:.3f}" for i, value in enumerate(values)]
        if number == 9:
            lines[100] = "2025-11-07T15:21:40Z,not a number"
        (folder / f"device_{number}.csv").write_text("timestamp,celsius\n" + "\n".join(lines) + "\n")


def process(folder: Path) -> None:
    """Every reading of the folder, in order of time, 1,000 at once."""
    settings, _ = load({"buffer": 20})
    source = csv_folder(f"csv:{folder.name}", folder)
    shard = Shard(settings)
    rounds = rounds_of(settings)
    source.open(shard.devices, None)
    readings = updates = 0
    while (chunk := source.next_batch(limit=1000, until=None)) is not None:
        for rejected in chunk.rejected:
            print(f"rejected {rejected.location}: {rejected.reason}")
        outcome = shard.observe(chunk.batch)
        for anomaly in anomalies(shard, outcome):
            if anomaly.severity == "critical":
                what = f"{anomaly.device_id} {anomaly.channel} {anomaly.value}"
                print(f"{anomaly.timestamp} {what}: z {anomaly.z_score:+.1f}")
        for update in local_updates(shard, outcome):
            updates += 1
            if (model := rounds.add(update)) is not None:
                shard.adopt(model)
                print(f"global model {model.version} of {model.num_devices} devices at {model.timestamp}")
        readings += chunk.batch.size
    source.close()
    print(f"{readings:,} readings, {updates} local updates, {rounds.version} global models")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        process(Path(sys.argv[1]))
    else:
        with TemporaryDirectory() as directory:
            make_fleet(Path(directory))
            process(Path(directory))
