"""Seeded streams of readings, and what a shard makes of them when they come in this or that batch."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import combinations, pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from flead.columns import Batch
from flead.learning.drift.autoregression import moments
from flead.learning.kinds import LEVELS, kind_name, moments_size
from flead.learning.learner import Parameters, arrays
from flead.records import GlobalModel
from flead.settings import Settings
from flead.shard.shard import Outcome, Shard

START = 1_762_528_951_337
CHANNELS = ("c0", "c1", "c2", "c3")

Results = dict[str, NDArray[np.generic]]


class Stream(NamedTuple):
    """Readings of devices that are numbered as they first speak, and the global models that come between them."""

    batch: Batch
    devices: int
    adoptions: dict[int, GlobalModel]  # the reading before which it comes -> model

    @property
    def width(self) -> int:
        return int(self.batch.values.shape[1])


def stream(
    seed: int,
    count: int,
    devices: int = 3,
    *,
    channels: int = 1,
    gap: float = 1.0,  # mean seconds between readings; 0: all at once
    late: float = 0.0,  # share of readings that come up to three minutes late
    jump: float = 0.0,  # share of readings before which hours pass
    level: float = 20.0,
    adoptions: int = 0,
    start: int = START,
) -> Stream:
    """Noise about a level with spikes and shifts; every third device's first channel is constant."""
    rng = np.random.default_rng(seed)
    favoured = rng.random(devices) ** 3 + 0.01
    chosen = rng.choice(devices, size=count, p=favoured / favoured.sum())
    _, first, numbers = np.unique(chosen, return_index=True, return_inverse=True)
    rows = np.argsort(np.argsort(first))[numbers].astype(np.int32)

    gaps = rng.exponential(gap * 1000, count).astype(np.int64)
    gaps[rng.random(count) < jump] += rng.integers(1, 5 * 3600 * 1000)
    times = start + np.cumsum(gaps) - np.where(rng.random(count) < late, rng.integers(0, 180_000, count), 0)

    values = level + rng.normal(0, 0.05 * level, (count, channels))
    values[rng.random((count, channels)) < 0.03] *= 3
    values += level * (np.arange(count) > count * 0.7)[:, None] * rng.integers(0, 2, channels)
    values[rows % 3 == 2, 0] = level
    if channels > 1:
        missing = rng.random((count, channels)) < 0.4
        missing[np.arange(count), rng.integers(0, channels, count)] = False
        values[missing] = np.nan
    labels = rng.choice(np.array([-1, 0, 1], np.int8), count, p=[0.3, 0.6, 0.1])
    batch = Batch(rows, times, values, labels)
    return Stream(batch, devices, {int(rng.integers(0, count)): model(rng) for _ in range(adoptions if count else 0)})


def model(rng: np.random.Generator) -> GlobalModel:
    """A global model of the published learners, of some version: sometimes an older one than the last."""
    parameters = {"weights": rng.normal(0, 0.3, 3).tolist(), "bias": rng.normal(0, 0.3, 1).tolist()}
    return GlobalModel(int(rng.integers(1, 100)), 1, 0.5, 1, "fedavg", parameters, "2025-11-07T15:22:31.000Z")


def fitting(given: GlobalModel, shard: Shard) -> GlobalModel:
    """The global model, with parameters of the shard's learner if its own are another's."""
    if shard.learner.misfit(arrays(given.parameters)) is None:
        return given
    made = (
        what_peers_know(given.version)
        if shard.learner.statistics
        else device_of(shard.settings.learner, given.version % 3)
    )
    return msgspec.structs.replace(given, parameters={name: array.tolist() for name, array in made.items()})


@cache
def device_of(learner: str, seed: int) -> Parameters:
    """What a device with this learner has come to."""
    shard = Shard(Settings(learner=learner))
    shard.devices.add(["device_0"], CHANNELS[:1])
    values = np.random.default_rng(seed).normal(20, 2, (600, 1))
    shard.observe(
        Batch(np.zeros(600, np.int32), np.arange(600, dtype=np.int64) * 1000, values, np.full(600, -1, np.int8))
    )
    return shard.learner.parameters(0)


def what_peers_know(seed: int) -> Parameters:
    """Of devices of all kinds that speak here, and whose channels follow each other closely."""
    rng = np.random.default_rng(seed)
    known: Parameters = {}
    for count in range(1, len(CHANNELS)):
        for channels in combinations(CHANNELS[:-1], count):
            known |= peers_of(rng, channels)
    return known


def peers_of(rng: np.random.Generator, channels: tuple[str, ...]) -> Parameters:
    """What the devices of one kind know."""
    size = len(channels)
    z = np.add.accumulate(rng.normal(0, 0.3, (100, size)))
    packed = np.zeros(moments_size(size))
    moments(z - z.mean(axis=0), 100, packed)
    kind = kind_name(channels)
    return {
        f"rows {kind}": np.array([rng.integers(30, 400)], np.float64),
        f"variance {kind}": rng.uniform(0, 10, size),
        f"wander {kind}": rng.uniform(0, 1, size),
        f"drift {kind}": rng.uniform(0, 1, size),
        f"moments {kind}": packed,
        f"scores {kind}": np.sort(rng.uniform(0, 3, LEVELS)),
        f"peers {kind}": np.array([rng.integers(1, 64)], np.float64),
    }


def register(shard: Shard, whole: Stream) -> None:
    """Let a shard know all devices and channels before they speak."""
    shard.devices.add([f"device_{row}" for row in range(whole.devices)], CHANNELS[: whole.width])


def meet(shard: Shard, batch: Batch) -> None:
    """Let a shard know the devices and channels of a batch, no more."""
    widths = np.where(np.isnan(batch.values), 0, np.arange(1, batch.values.shape[1] + 1)).max(axis=1)
    for row in np.unique(batch.rows).tolist():
        assert row <= len(shard.devices)
        shard.devices.add([f"device_{row}"], CHANNELS[: widths[batch.rows == row].max()])


def batches(whole: Stream, cuts: Iterable[int]) -> Iterator[tuple[int, Batch]]:
    """The stream cut at these positions, and wherever a global model comes; with the positions."""
    count = whole.batch.size
    bounds = sorted({0, count, *whole.adoptions, *(cut for cut in cuts if cut < count)})
    for begin, end in pairwise(bounds):
        yield begin, whole.batch.part(begin, end)


class Played(NamedTuple):
    """What a shard made of a batch, and its trainings' models with their names, as the bits that they are."""

    outcome: Outcome
    models: NDArray[np.generic]


def play(shard: Shard, whole: Stream, begin: int, batch: Batch, *, narrow: bool = False) -> Played:
    """One batch of a stream; a narrow one comes without the columns that nothing in it needs."""
    if begin in whole.adoptions:
        shard.adopt(fitting(whole.adoptions[begin], shard))
    if narrow:
        meet(shard, batch)
        needed = np.flatnonzero(~np.isnan(batch.values).all(axis=0)).max() + 1
        batch = batch._replace(values=np.ascontiguousarray(batch.values[:, :needed]))
    return observed(shard, batch)


def observed(shard: Shard, batch: Batch) -> Played:
    outcome = shard.observe(batch)
    updates, models = outcome.trained.updates, []
    for parameters, number in zip(updates.parameters, updates.layouts.tolist(), strict=True):
        layout = shard.learner.layouts[number]
        models.append((str(layout), parameters[: sum(math.prod(shape) for shape in layout.values())].tobytes()))
    hashes = [hashlib.sha256(repr(model).encode()).hexdigest() for model in models]
    return Played(outcome, np.array(hashes, dtype="U64"))


def results(played: list[Played], width: int) -> Results:
    """Everything that was said of a stream, in one array a kind, however it was cut."""
    judged = [one.outcome.judgement for one in played]
    trained = [one.outcome.trained for one in played]
    columns: dict[str, list[NDArray[np.generic]]] = {
        **{name: [getattr(one, name) for one in judged] for name in ("score", "anomalous", "channel", "z")},
        **{name: [_padded(getattr(one, name), width) for one in judged] for name in ("mean", "std")},
        "contributions": [
            np.zeros((0, width)) if one.contributions is None else _padded(one.contributions, width, 0.0)
            for one in judged
        ],
        **{name: [getattr(one, name) for one in trained] for name in ("rows", "model_versions", "samples", "times")},
        **{name: [getattr(one.updates, name) for one in trained] for name in ("accuracy", "loss", "global_versions")},
        "models": [one.models for one in played],
    }
    if judged[0].contributions is None:  # models of one form
        columns["parameters"] = [one.updates.parameters for one in trained]
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def observe_all(settings: Settings, whole: Stream, cuts: Iterable[int] = (), *, narrow: bool = False) -> Results:
    """What a new shard says of a stream. A narrow one learns of devices and channels as they come."""
    shard = Shard(settings)
    if not narrow:
        register(shard, whole)
    played = [play(shard, whole, begin, batch, narrow=narrow) for begin, batch in batches(whole, cuts)]
    return results(played, whole.width)


def assert_same_bits(ours: Results, theirs: Results) -> None:
    assert ours.keys() == theirs.keys()
    for name, column in ours.items():
        assert column.dtype == theirs[name].dtype, name
        assert column.tobytes() == theirs[name].tobytes(), f"{name} differs"


def _padded(column: NDArray[np.float64], width: int, empty: float = np.nan) -> NDArray[np.float64]:
    return np.pad(column, ((0, 0), (0, width - column.shape[1])), constant_values=empty)
