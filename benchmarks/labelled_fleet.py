"""A small federation whose truth is known: devices with labelled spikes that train the logistic model on their labels.

The global models are judged by the devices' readings before any device learns them, in the second half of the rounds.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from flead.columns import Batch
from flead.federation.rounds import rounds_of
from flead.learning.metrics import Confusion, confusion
from flead.records import GlobalModel, LocalUpdate
from flead.settings import load
from flead.shard.outputs import local_updates
from flead.shard.shard import Shard

TRAIN_READINGS = 50
ANOMALOUS = 0.1
"""The share of readings that are spikes, of 4 to 12 standard deviations either way."""

Sent = Callable[[int, LocalUpdate, GlobalModel | None], LocalUpdate]
"""What a device, known by its number, sends of its update, given the newest global model."""


def readings(seed: int, ticks: int, devices: int) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """(ticks, devices) values and labels: every device has a level and a spread of its own."""
    rng = np.random.default_rng(seed)
    level, spread = rng.normal(0, 100, devices), rng.uniform(0.5, 20, devices)
    labels = rng.random((ticks, devices)) < ANOMALOUS
    spikes = rng.uniform(4, 12, labels.shape) * rng.choice([-1, 1], labels.shape)
    return level + spread * (rng.normal(size=labels.shape) + labels * spikes), labels.astype(np.int8)


def play(
    strategy: str,
    sent: Sent,
    *,
    devices: int = 20,
    rounds: int = 60,
    seed: int = 0,
    hostile: int = 0,
    flip: bool = False,
) -> Confusion:
    """The predictions of so many rounds, in each of which every device sends one update.

    The first ``hostile`` devices do not judge; with ``flip`` they learn the opposite of their labels.
    """
    settings, _ = load({"strategy": strategy, "learning_rate": 0.1, "supervised": True, "buffer": devices})
    shard, counts = Shard(settings), Confusion()
    merging = rounds_of(settings)
    rows = shard.devices.add([f"device_{number}" for number in range(devices)])
    values, labels = readings(seed, rounds * TRAIN_READINGS, devices)
    for number in range(rounds):
        ticks = slice(number * TRAIN_READINGS, (number + 1) * TRAIN_READINGS)
        learnt = labels[ticks].copy()
        if flip:
            learnt[:, :hostile] = 1 - learnt[:, :hostile]
        times = 1000 * np.arange(ticks.start, ticks.stop, dtype=np.int64).repeat(devices)
        batch = Batch(np.tile(rows, TRAIN_READINGS), times, values[ticks].reshape(-1, 1), learnt.ravel())
        model = shard.global_model
        outcome = shard.observe(batch)
        if model is not None and number >= rounds // 2:
            judging = np.flatnonzero(batch.rows >= hostile)
            parameters = {name: np.asarray(numbers) for name, numbers in model.parameters.items()}
            probability = shard.learner.predict(outcome.judgement.part(judging), parameters)
            counts = counts.plus(confusion(probability >= 0.5, labels[ticks].ravel()[judging]))
        for row, update in zip(outcome.trained.rows.tolist(), local_updates(shard, outcome), strict=True):
            merged = merging.add(sent(row, update, model))
            if merged is not None:
                shard.adopt(merged)
    return counts
