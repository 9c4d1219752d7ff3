"""Readings through a shard, in order: what detectors and ``flead.score`` are made of."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from flead.api import saved
from flead.api.alarms import Flagged
from flead.api.frames import FIRST_TIME, Readings, check_order
from flead.api.intake import Intake
from flead.columns import Batch
from flead.errors import FleadError
from flead.federation.rounds import rounds_of
from flead.learning.learner import Judgement
from flead.records import GlobalModel, LocalUpdate
from flead.settings import Settings
from flead.shard import state
from flead.shard.outputs import local_updates
from flead.shard.shard import Outcome, Shard, Trained

BATCH = 8192
"""Readings between which devices hear of a new global model, as in ``flead run`` and ``flead score``. They are counted
from the stream's first reading on, so that it does not matter how they came in frames."""

LOCAL_BATCH = 1 << 18
"""Readings that a local stream judges at once; more would take memory, and save no time."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What was said of N readings; NaN and False of one without any value."""

    score: NDArray[np.float64]
    anomalous: NDArray[np.bool_]


class Stream:
    """A shard, the federation of its devices unless it is ``local``, and what they have flagged.

    ``ordered`` refuses readings that are older than one before them.
    """

    def __init__(self, settings: Settings, *, local: bool, ordered: bool) -> None:
        self.ordered = ordered
        self.shard = Shard(settings)
        self.intake = Intake(self.shard.devices)
        self.rounds = None if local else rounds_of(settings)
        self.flagged = Flagged()
        self.updates: dict[str, LocalUpdate] = {}
        """Of a local stream: the newest update by device."""
        self._made: GlobalModel | None = None
        """The newest model of the stream's own rounds, which its devices may not have adopted yet."""
        self._readings = 0
        self._newest = FIRST_TIME
        self._timed = True

    def learn(self, readings: Readings) -> Scored:
        """Judge the readings in their order, and learn from them.

        FleadError, before anything is learnt, for readings that are out of order, or that have times where those before
        had none.
        """
        timed = readings.times is not None
        if self._readings and timed != self._timed:
            raise FleadError("readings with times and readings without do not go together: give all of them, or none")
        if readings.times is not None and len(readings.times):
            if self.ordered:
                check_order(readings.times, self._newest)
            self._newest = max(self._newest, int(readings.times.max()))
        given = ~np.isnan(readings.values).all(axis=1)
        some = readings if given.all() else readings.take(given)
        self._timed = timed
        said = Scored(np.full(len(given), np.nan), np.zeros(len(given), np.bool_))
        if not len(some.devices):
            return said
        judgements = [self._observe(piece) for batch in self.intake.batches(some) for piece in self._pieces(batch)]
        said.score[given] = np.concatenate([judgement.score for judgement in judgements])
        said.anomalous[given] = np.concatenate([judgement.anomalous for judgement in judgements])
        return said

    def _pieces(self, batch: Batch) -> list[Batch]:
        """The batch, cut where devices hear of a new global model."""
        size = LOCAL_BATCH if self.rounds is None else BATCH
        cuts = [0, *range(size - self._readings % size, batch.size, size), batch.size]
        return [batch.part(start, stop) for start, stop in pairwise(cuts) if stop > start]

    def _observe(self, piece: Batch) -> Judgement:
        outcome = self.shard.observe(piece)
        self.flagged.add(outcome)
        self._readings += piece.size
        if len(outcome.trained.rows):
            self._take_updates(outcome)
        if self._made is not None and self._readings % BATCH == 0:
            self.shard.adopt(self._made)
        return outcome.judgement

    def _take_updates(self, outcome: Outcome) -> None:
        """Merge the updates, or keep every device's newest."""
        if self.rounds is not None:
            for update in local_updates(self.shard, outcome):
                self._made = self.rounds.add(update) or self._made
            return
        for update in local_updates(self.shard, replace(outcome, trained=newest(outcome.trained))):
            self.updates.pop(update.device_id, None)  # so that they stand in the order of their making
            self.updates[update.device_id] = update

    def snapshot(self) -> saved.Stream:
        """The whole state."""
        return saved.Stream(
            shard=saved.whole(self.shard),
            channels=self.intake.channels,
            seen=saved.pack(seen=self.intake.seen),
            flagged=saved.pack(**self.flagged.columns()),
            rounds=None if self.rounds is None else self.rounds.snapshot(),
            made=self._made,
            updates=list(self.updates.values()),
            readings=self._readings,
            newest=self._newest,
            timed=self._timed,
        )

    def restore(self, stored: saved.Stream) -> Self:
        """Go on from a snapshot; the stream is new. StateError where the learner cannot go on from it."""
        state.restore(self.shard, stored.shard)
        self.intake.restore(stored.channels, saved.unpack(stored.seen)["seen"])
        self.flagged.restore(saved.unpack(stored.flagged))
        if self.rounds is not None and stored.rounds is not None:
            self.rounds.restore(stored.rounds)
        self._made = stored.made
        self.updates = {update.device_id: update for update in stored.updates}
        self._readings, self._newest, self._timed = stored.readings, stored.newest, stored.timed
        return self


def newest(trained: Trained) -> Trained:
    """Of several trainings of a device the last one, in their order."""
    _, from_the_end = np.unique(trained.rows[::-1], return_index=True)
    last = np.sort(len(trained.rows) - 1 - from_the_end)
    updates = trained.updates._replace(**{name: column[last] for name, column in trained.updates._asdict().items()})
    columns = {name: column[last] for name, column in trained._asdict().items() if name != "updates"}
    return Trained(**columns, updates=updates)
