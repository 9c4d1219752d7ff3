"""Makes what the package knows before a device's first reading: ``python -m benchmarks.pretrain``.

Devices of the simulated fleet and signals of ``benchmarks.signals``, nothing planted in them, go through learner
``sentinel``, and their twins suffer the faults of ``flead.learning.sentinel.twins``: not those that the fleet's labels
are of, which are made elsewhere and of which nothing is told here. The model is the logistic regression that tells all
these twins from their signals best (Newton's method); then the signals go through again, for the tails of what the
voices say where nothing happens. Both are written to ``src/flead/learning/sentinel/shipped.py``. Figures have to be of
other seeds than ``--seed``.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.signals import FAMILIES
from flead.columns import Devices
from flead.ingest.simulated import SimulatedSource
from flead.learning.learner import Trainings, unflatten
from flead.learning.rules import Rules
from flead.learning.sentinel import shipped
from flead.learning.sentinel.learner import Sentinel, said_of, scratch_of, thresholds_of
from flead.learning.sentinel.model import INPUTS, LAYOUT, ODDS, SIZE_OF_MODEL
from flead.learning.sentinel.observe import observe
from flead.learning.sentinel.record import LASTING, LOGITS, MOMENT, PAIRS, SUMS
from flead.learning.sentinel.state import Stream
from flead.learning.tail.tails import EXCESS, QUANTILE

Lessons = tuple[NDArray[np.float32], NDArray[np.float32]]
"""The inputs of twins, and of their signals beside them, (L, INPUTS) both."""

STEPS = 25
COVERED = 0.75
"""The share of signals whose tails are no heavier than what a device begins with: most must not raise too much."""
RIDGE = 1.0
"""A weight is held to 0 as if by so many readings: inputs are of size one."""


def fleet(seed: int, devices: int, count: int) -> list[NDArray[np.float64]]:
    """(count, C) the readings of every simulated device."""
    source, table = SimulatedSource(devices, seed), Devices()
    source.open(table, None)
    batch = source.next_batch(devices * count, None).batch
    return [batch.values[batch.rows == row, : len(table.channels(row))] for row in range(devices)]


def signals(seed: int, count: int, each: int) -> list[NDArray[np.float64]]:
    """(count, 1) the beginnings of so many signals of every family."""
    found = []
    for number, family in enumerate(FAMILIES.values()):
        length = family.a_day * family.days
        for n in range(each):
            raw = family.raw(np.random.default_rng([seed, number, n]), np.arange(length), family.a_day)[:length]
            found.append(family.sensor(raw)[:count, None])
    return found


def lessons(values: NDArray[np.float64], faults: NDArray[np.int64]) -> Lessons:
    """What a device's twins are told from, a reading at a time."""
    learner, channels = Sentinel(Rules()), values.shape[1]
    learner.faults = faults
    learner.grow(1, channels)
    teaching, scratch, said = learner.teaching(), scratch_of(channels), said_of(1, channels, 0)
    values, every = np.ascontiguousarray(values), np.array([learner.rules.alarm_every])
    row, none, nobody = np.zeros(1, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int32)
    twins, own, devices = [], [], learner.state.devices
    for t in range(len(values)):
        before = devices[0, PAIRS]
        stream = Stream(row, values[t : t + 1], none, nobody, thresholds_of(every), every / 4.0, 0.1 / every)
        observe(learner.state, stream, teaching, scratch, said)
        if devices[0, PAIRS] > before:
            twins.append(scratch.inputs.astype(np.float32))
            own.append(scratch.own.astype(np.float32))
    return np.array(twins).reshape(-1, INPUTS), np.array(own).reshape(-1, INPUTS)


def fitted(found: list[Lessons]) -> NDArray[np.float64]:
    """(SIZE_OF_MODEL,) the model that tells the twins from their signals best, which count ``ODDS`` times as much."""
    twins, own = np.vstack([pair[0] for pair in found]), np.vstack([pair[1] for pair in found])
    inputs = np.hstack([np.vstack([twins, own]), np.ones((2 * len(twins), 1), np.float32)]).astype(np.float64)
    answers = np.repeat([1.0, 0.0], len(twins))
    counts = np.repeat([1.0, ODDS], len(twins))
    model, ridge = np.zeros(SIZE_OF_MODEL), RIDGE * np.diag([*np.ones(INPUTS), 0.0])
    for _ in range(STEPS):
        probability = 1.0 / (1.0 + np.exp(-np.clip(inputs @ model, -30, 30)))
        slope = inputs.T @ (counts * (answers - probability)) - ridge @ model
        bend = (inputs * (counts * probability * (1 - probability))[:, None]).T @ inputs + ridge
        model += np.linalg.solve(bend, slope)
    return model


def usual(model: NDArray[np.float64], values: list[NDArray[np.float64]]) -> tuple[tuple[float, float], ...]:
    """Every voice's 98 % quantile and mean excess, which three in four signals that nothing happens to are below."""
    none, nobody, tails = np.zeros(0, np.int64), np.zeros(0, np.int32), []
    for each in values:
        learner = Sentinel(Rules())
        learner.grow(1, 1)
        learner.adopt(unflatten(model, LAYOUT), 1)
        rows, blind = np.zeros(len(each), np.int32), np.full(len(each), -1, np.int8)
        learner.observe(rows, np.ascontiguousarray(each), blind, Trainings(none, nobody, nobody, none))
        state = learner.state
        own = [state.signals[0, 0, MOMENT:], state.signals[0, 0, LASTING:], *state.calibrations[0, [LOGITS, SUMS]]]
        tails.append([(tail[QUANTILE], tail[EXCESS]) for tail in own])
    return tuple((round(float(q), 2), round(float(e), 2)) for q, e in np.quantile(tails, COVERED, axis=0))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretrain", description=__doc__)
    parser.add_argument("--seed", type=int, default=1000)
    parser.add_argument("--devices", type=int, default=60)
    parser.add_argument("--signals", type=int, default=3, help="of every family")
    parser.add_argument("--readings", type=int, default=3000, help="of each")
    options = parser.parse_args()
    single = signals(options.seed, options.readings, options.signals)
    taught = [*fleet(options.seed, options.devices, options.readings), *single]
    model = fitted([lessons(values, Sentinel.faults) for values in taught])
    told = usual(model, single)
    numbers = [f"{weight:.4f}" for weight in model]
    lines = "\n".join("    " + ", ".join(numbers[k : k + 9]) + "," for k in range(0, len(numbers), 9))
    count = sum(len(values) for values in taught)
    Path(shipped.__file__).write_text(
        f'"""{shipped.__doc__}"""\n\nUSUAL = {told}\n"""{USUAL}"""\n\n'
        f'TAUGHT = {count:_}.0\n"""{TAUGHT}"""\n\nMODEL = (\n{lines}\n)  # fmt: skip\n"""{MODEL}"""\n',
        encoding="utf-8",
    )


USUAL = "What each voice says of signals that nothing happens to: the 98 % quantile, and the mean excess above it."
TAUGHT = "Readings that the shared model was taught by."
MODEL = "Weights and bias."

if __name__ == "__main__":
    main()
