"""Learners on recordings whose truth is known: train on the first rows of every device, test on the rest.

The protocol of SKAB's table. Every recording is a device, and its peers are the others; nobody sees a label.

1. Every device learns its training rows. With peers, it does so in ``EPOCHS`` rounds: after each the strategy merges
   what all devices have come to, and the next starts from it, as devices do that train again and again.
2. The device that is tested begins anew, from what its *peers* have come to in the last round, and learns its own
   training rows, which may be fewer than theirs: a device that joins a fleet.
3. Then it goes on through the rest of its readings without any news from the others, judging each before learning it.

Shard, learner and strategy are those of the pipeline. Every device is in a shard of its own, so that its clock is its
own, too.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from flead.columns import Batch, Channels, Devices, Source
from flead.learning.learner import Judgement, Learner, Parameters, arrays
from flead.learning.metrics import Confusion, confusion
from flead.learning.strategies import Contribution, Strategy
from flead.records import GlobalModel, Rejected, to_text
from flead.settings import ModelSettings

EPOCHS = 3
"""What a device knows of its peers feeds into what it tells them; after three rounds that has settled."""

CHUNK = 65_536
"""Readings that are taken from a source at a time."""


class Series(NamedTuple):
    """The M readings of one device, in their order."""

    device: str
    channels: Channels
    times: NDArray[np.int64]  # (M,) milliseconds since the epoch
    values: NDArray[np.float64]  # (M, C), NaN for a channel that a reading lacks
    labels: NDArray[np.int8]  # (M,) 0, 1, or -1 without ground truth; no learner sees them


class Scores(NamedTuple):
    """What was said of M readings, of which the first ``trained`` are training rows."""

    score: NDArray[np.float64]  # (M,)
    anomalous: NDArray[np.bool_]  # (M,)
    trained: int


class Outcome(Protocol):
    """What a backtest needs of a shard's outcome."""

    @property
    def judgement(self) -> Judgement: ...


class Shard(Protocol):
    """What a backtest needs of a shard."""

    devices: Devices
    learner: Learner

    def observe(self, batch: Batch) -> Outcome: ...

    def adopt(self, model: GlobalModel) -> None: ...


MakeShard = Callable[[ModelSettings], Shard]

Sent = Callable[[int, Learner, Parameters, Parameters], Parameters | None]
"""What becomes of a device's update before it is merged: of the device with this number, its learner, what it has come
to, and the newest global model (empty: none yet); None if the server refuses it."""


def as_it_is(number: int, learner: Learner, parameters: Parameters, model: Parameters) -> Parameters:
    """Nothing becomes of it."""
    del number, learner, model
    return parameters


def series_of(source: Source, refuse: Callable[[list[Rejected]], None] = lambda rejected: None) -> list[Series]:
    """All readings of a source, by device, in the order of the table of devices; ``refuse`` gets what is none."""
    devices = Devices()
    source.open(devices, None)
    batches: list[Batch] = []
    while (chunk := source.next_batch(CHUNK, None)) is not None:
        batches.append(chunk.batch)
        refuse(chunk.rejected)
    source.close()
    if not batches:
        return []
    width = devices.width
    rows = np.concatenate([batch.rows for batch in batches])
    times = np.concatenate([batch.times for batch in batches])
    labels = np.concatenate([batch.labels for batch in batches])
    values = np.concatenate(
        [
            np.pad(batch.values, ((0, 0), (0, width - batch.values.shape[1])), constant_values=np.nan)
            for batch in batches
        ]
    )
    found = []
    for row in range(len(devices)):
        mine, channels = np.flatnonzero(rows == row), devices.channels(row)
        found.append(Series(devices.id(row), channels, times[mine], values[mine, : len(channels)], labels[mine]))
    return found


def backtest(
    series: Sequence[Series],
    settings: ModelSettings,
    new_shard: MakeShard,
    strategy: Strategy | None,
    training: int,
    peers_training: int | None = None,
    sent: Sent = as_it_is,
) -> list[Scores]:
    """Score every series: the first ``training`` readings train, the rest is tested.

    ``new_shard`` is ``flead.shard.shard.Shard``. Without a strategy every device is alone. ``peers_training`` is how
    many rows the peers have trained on, by default as many as the device that is tested.
    """
    own = settings.model_copy(update={"training_rows": training})
    if strategy is None:
        return [_scores(each, new_shard(own), training, None) for each in series]
    rows = training if peers_training is None else peers_training
    peers = _trained(series, settings.model_copy(update={"training_rows": rows}), new_shard, strategy, rows, sent)
    scored = []
    for number, each in enumerate(series):
        others = [peer for other, peer in peers.items() if other != number]
        scored.append(_scores(each, new_shard(own), training, merged(strategy, others, EPOCHS) if others else None))
    return scored


def merged(strategy: Strategy, contributions: Sequence[Contribution], version: int) -> GlobalModel:
    """What the server makes of one round of contributions."""
    _, parameters = strategy.step(strategy.init(), contributions)
    lists = {name: array.tolist() for name, array in parameters.items()}
    return GlobalModel(version, version, 0.0, len(contributions), strategy.name, lists, to_text(0))


def counts_of(series: Sequence[Series], scores: Sequence[Scores]) -> Confusion:
    """The confusion counts of all test rows that have a label, pooled."""
    counts = Confusion()
    for each, said in zip(series, scores, strict=True):
        labels, anomalous = each.labels[said.trained :], said.anomalous[said.trained :]
        known = labels >= 0
        counts = counts.plus(confusion(anomalous[known], labels[known]))
    return counts


def _trained(
    series: Sequence[Series], settings: ModelSettings, new_shard: MakeShard, strategy: Strategy, rows: int, sent: Sent
) -> dict[int, Contribution]:
    """By number, what the devices have sent after ``EPOCHS`` rounds over their first rows."""
    model: GlobalModel | None = None
    for epoch in range(1, EPOCHS + 1):
        known = {} if model is None else arrays(model.parameters)
        contributions = {}
        for number, each in enumerate(series):
            shard = new_shard(settings)
            parameters = sent(number, shard.learner, _learn(shard, each, rows, model), known)
            if parameters is not None:
                contributions[number] = Contribution(parameters, min(rows, len(each.times)), 0, each.device)
        model = merged(strategy, list(contributions.values()), epoch)
    return contributions


def _learn(shard: Shard, series: Series, rows: int, model: GlobalModel | None) -> Parameters:
    _scores(series._replace(times=series.times[:rows], values=series.values[:rows]), shard, rows, model)
    return shard.learner.parameters(0)


def _scores(series: Series, shard: Shard, training: int, model: GlobalModel | None) -> Scores:
    """A device's way through its readings, from a global model if there is one."""
    shard.devices.add([series.device], series.channels)
    if model is not None:
        shard.adopt(model)
    count = len(series.times)
    blind = np.full(count, -1, np.int8)
    batch = Batch(np.zeros(count, np.int32), series.times, np.ascontiguousarray(series.values), blind)
    judgement = shard.observe(batch).judgement
    return Scores(judgement.score, judgement.anomalous, min(training, count))
