"""A small recorded fleet, and what a shard makes of it when nothing disturbs it."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from flead.agent.figures import Figures
from flead.agent.learner import Learner
from flead.agent.store import Made
from flead.columns import Source
from flead.ingest.csv_folder import csv_folder
from flead.records import to_text
from flead.settings import Settings

START = 1_735_689_600_000


def record(folder: Path, devices: int = 6, readings: int = 400, seed: int = 7) -> str:
    """A folder of CSV files: noise with some spikes; returns the source's name."""
    chance = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(devices):
        values = chance.normal(20 + number, 1, readings)
        values[60::97] += 12
        lines = [f"{to_text(START + 1000 * i)},{value!r}" for i, value in enumerate(values.tolist())]
        (folder / f"pump_{number}.csv").write_text("\n".join(["timestamp,value", *lines]) + "\n")
    return f"csv:{folder}"


def source(name: str) -> Source:
    return csv_folder(name, Path(name.partition(":")[2]))


def readings(name: str) -> list[str]:
    """Every reading as it is written in the files."""
    files = Path(name.partition(":")[2]).glob("*.csv")
    return [line.partition(",")[2] for file in files for line in file.read_text().splitlines()[1:]]


def undisturbed(settings: Settings, name: str, batch: int = 8192) -> list[Made]:
    """What leaves of this recording."""
    learner, recording = Learner(settings, Figures(), {}), source(name)
    recording.open(learner.shard.devices, None)
    made: list[Made] = []
    while (chunk := recording.next_batch(batch, None)) is not None:
        made += learner.observe(chunk.batch, 0)
    return made


def decoded(made: list[Made], topic: str) -> list[dict[str, Any]]:
    return [msgspec.json.decode(one.record) for one in made if one.topic == topic]
