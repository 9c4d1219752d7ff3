"""Every learner on a fleet of its kind: ``python -m benchmarks.learners DEVICES SEGMENTS READINGS`` prints JSON.

Timed are SEGMENTS of at least READINGS each by ``Shard.observe``, after every device has trained: ``drift`` on devices
of eight channels, the others on devices of one.
"""

import json
import sys

import numpy as np

from benchmarks.columns import BATCH, Fleet, rate
from benchmarks.contenders.harness import one_core
from flead.columns import Batch
from flead.learning.registry import LEARNERS
from flead.settings import Settings
from flead.shard.shard import Shard

CHANNELS = {"drift": 8}


def widened(batch: Batch, channels: int, rng: np.random.Generator) -> Batch:
    """The same readings with more channels, which follow the first."""
    if channels == 1:
        return batch
    return batch._replace(values=batch.values + rng.normal(0, 2, (batch.size, channels)))


def measure(learner: str, devices: int, segments: int, readings: int) -> list[float]:
    """Readings a second, by segment."""
    fleet, rng, channels = Fleet(devices), np.random.default_rng(1), CHANNELS.get(learner, 1)
    batches = (widened(batch, channels, rng) for batch in fleet.batches(shuffled=False))
    shard = Shard(Settings(learner=learner))
    shard.devices.add((f"device_{n}" for n in range(devices)), tuple(f"channel_{n}" for n in range(channels)))
    while fleet.second <= shard.settings.training_rows + BATCH // devices:
        shard.observe(next(batches))
    return [rate(shard.observe, batches, readings) for _ in range(segments)]


def main(devices: int, segments: int, readings: int) -> None:
    one_core()
    json.dump({learner: measure(learner, devices, segments, readings) for learner in LEARNERS}, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
