"""The whole pipeline in one process: source, shard, auditor, rounds, store.

Every batch goes one way (see docs/journey.md). Rows and the pipeline's own state are written in one transaction
about once a second, so that after a crash the next run resumes from exactly what is in the database.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from flead.columns import Batch, Chunk, Source
from flead.evaluation.prequential import Predictions, Prequential
from flead.federation.rounds import rounds_of
from flead.ingest.pace import Pace
from flead.ingest.sources import identity
from flead.learning.metrics import Confusion
from flead.records import Evaluation, GlobalModel, to_text
from flead.settings import Settings
from flead.shard import state as shard_state
from flead.shard.outputs import flagged, local_models, local_updates
from flead.shard.shard import Outcome, Shard
from flead.storage.queries.source import KEY as UNDERSTOOD
from flead.storage.writing.tables import Points, Predicted
from flead.storage.writing.thinning import Thinning
from flead.storage.writing.writer import Writer

BATCH = 8192
"""Readings per batch: enough to amortise Python's overhead, few enough that a global model is soon in use."""

COMMIT_SECONDS = 1.0
POLL_SECONDS = 0.1
"""Seconds to wait when no reading is due: a tenth of what a person notices as a delay."""

SHARD, ROUNDS, SOURCE, EVALUATION = "shard/", "rounds", "source", "evaluation"
"""The keys of the pipeline's state in the store."""


@dataclass(slots=True)
class Tally:
    """What one run has done."""

    readings: int = 0
    rejected: int = 0
    anomalies: int = 0
    local_updates: int = 0
    global_models: int = 0
    seconds: float = 0.0
    models: Confusion = field(default_factory=Confusion)
    """Predictions of the global models on labelled readings."""
    alarms: Confusion = field(default_factory=Confusion)
    """The devices' alarms on labelled readings."""


class SourceState(msgspec.Struct):
    """How far a source has been read."""

    identity: str
    """See :func:`flead.ingest.sources.identity`."""
    position: dict[str, int]
    newest: int
    """The newest event time, in milliseconds."""


class EvaluationState(msgspec.Struct):
    """The confusion counts that go on, by version and broker, and whose single predictions are being stored."""

    predicted: tuple[int, int]
    counts: list[tuple[int, int, tuple[int, int, int, int]]]


class Pipeline:
    """Reads a source through a shard into the store, from where the stored state ends.

    ``writer_for`` makes the writer for the shard's table of devices; ``asked_for`` returns the requests to roll back to
    an older global model, as :func:`flead.storage.rollbacks.asked_for`. Raises StateError where the stored state
    is of another learner or other rules, ValueError for an unknown learner or strategy.
    """

    def __init__(
        self,
        settings: Settings,
        source: Source,
        stored: dict[str, bytes],
        writer_for: Callable[[Shard], Writer],
        asked_for: Callable[[], list[tuple[int, GlobalModel]]] = list,
    ) -> None:
        self.settings = settings
        self.source = source
        self.tally = Tally()
        self.shard = Shard(settings)
        self.rounds = rounds_of(settings)
        self.auditor = Prequential(self.shard.learner)
        self._newest = 0
        self._detected = Confusion()  # of the alarms, what is stored
        self._predicted = (0, 0)  # a global version, and how many of its single predictions are stored
        source.open(self.shard.devices, self._restore(stored))
        account = getattr(source, "account", None)
        self._understood = None if account is None else msgspec.json.encode(account)
        self._writer = writer_for(self.shard)
        self._asked_for = asked_for
        self._thinning = Thinning(self.shard.devices, settings.signal_rows_per_second)
        self._stop = threading.Event()

    def stop(self) -> None:
        """End the run after the current batch; may be called from any thread or signal handler."""
        self._stop.set()

    def run(self, pace: Pace, progress: Callable[[Tally], None]) -> Tally:
        """Read until the source ends, ``settings.readings`` are read, or :meth:`stop`; then commit."""
        started = committed = time.monotonic()
        ended = False
        if self._asked_for():  # while nothing ran
            self.commit()
        while not self._stop.is_set() and not ended:
            limit = min(BATCH, (self.settings.readings or BATCH + self.tally.readings) - self.tally.readings)
            chunk = self.source.next_batch(limit, pace.until()) if limit > 0 else None
            ended = chunk is None
            if chunk is not None:
                self.step(chunk)
                if chunk.batch.size == 0 and not chunk.rejected:
                    self._stop.wait(POLL_SECONDS)
            now = time.monotonic()
            self.tally.seconds = now - started
            if now - committed >= COMMIT_SECONDS or ended or self._stop.is_set():
                self.commit()
                committed = time.monotonic()
                progress(self.tally)
        self.tally.seconds = time.monotonic() - started
        return self.tally

    def step(self, chunk: Chunk) -> None:
        """Process one chunk: judge and learn, audit, merge, write (with the next commit)."""
        self._writer.add_rejected(chunk.rejected)
        self.tally.rejected += len(chunk.rejected)
        if chunk.batch.size == 0:
            return
        self._newest = max(self._newest, int(chunk.batch.times.max()))
        outcome = self.shard.observe(chunk.batch)
        merged = self._merge_and_audit(outcome)
        if merged:
            self.shard.adopt(merged[-1])
        self._write(outcome, merged)
        self._count(outcome, merged)

    def commit(self) -> None:
        """Write rows and state."""
        now = to_text(self._newest)
        self._roll_back(now)
        self._writer.add_evaluations(
            [Evaluation(version, broker, *counts, now) for (version, broker), counts in self.auditor.take().items()]
        )
        alarms = self.auditor.alarms
        self._writer.add_detections(self.shard.learner.name, Confusion(*np.subtract(alarms, self._detected).tolist()))
        state = SourceState(identity(self.settings), self.source.snapshot(), self._newest)
        if self._understood is not None:
            self._writer.put_state({UNDERSTOOD: self._understood})
            self._understood = None
        evaluation = EvaluationState(
            self._predicted,
            [(version, broker, counts) for (version, broker), counts in self.auditor.by_version.items()],
        )
        self._writer.put_state(
            {
                **{SHARD + key: block for key, block in shard_state.snapshot(self.shard).items()},
                ROUNDS: self.rounds.snapshot(),
                SOURCE: msgspec.msgpack.encode(state),
                EVALUATION: msgspec.msgpack.encode(evaluation),
            }
        )
        self._writer.commit()
        self._detected = alarms

    def _roll_back(self, now: str) -> None:
        """Fulfil the requests since the last commit: publish older global models again."""
        for request, old in self._asked_for():
            model = self.rounds.publish(old.parameters, old, now)
            self.shard.adopt(model)
            self._writer.add_global_models([model])
            self._writer.add_rolled_back(request, model.version)

    def _restore(self, stored: dict[str, bytes]) -> dict[str, int] | None:
        """Restore the stored state; returns where to resume, if it was this source."""
        if SOURCE not in stored:
            return None
        shard = {key.removeprefix(SHARD): block for key, block in stored.items() if key.startswith(SHARD)}
        shard_state.restore(self.shard, shard)
        self.rounds.restore(stored[ROUNDS])
        evaluation = msgspec.msgpack.decode(stored[EVALUATION], type=EvaluationState)
        self._predicted = evaluation.predicted
        self.auditor.by_version = {(version, broker): Confusion(*c) for version, broker, c in evaluation.counts}
        source = msgspec.msgpack.decode(stored[SOURCE], type=SourceState)
        self._newest = source.newest
        return source.position if source.identity == identity(self.settings) else None

    def _merge_and_audit(self, outcome: Outcome) -> list[GlobalModel]:
        """Merge the local updates; test every global model on the readings from its making to the next one's."""
        merged, made, model = [], 0, self.shard.global_model
        updates = local_updates(self.shard, outcome)
        for update, position in zip(updates, outcome.trained.positions.tolist(), strict=True):
            new = self.rounds.add(update)
            if new is not None:
                self._audit(outcome, made, position, model)
                merged.append(new)
                made, model = position, new
        self._audit(outcome, made, outcome.batch.size, model)
        return merged

    def _audit(self, outcome: Outcome, start: int, stop: int, model: GlobalModel | None) -> None:
        batch, span = outcome.batch.part(start, stop), slice(start, stop)
        predictions = self.auditor.observe(
            outcome.judgement.part(span), batch.labels, self.shard.brokers[batch.rows], model
        )
        if predictions is not None:
            self._write_predictions(batch, predictions)

    def _write(self, outcome: Outcome, merged: list[GlobalModel]) -> None:
        self._writer.add_readings(outcome.batch)
        self._writer.add_anomalies(flagged(self.shard, outcome))
        self._writer.add_local_models(local_models(self.shard, outcome))
        # A flagged reading is always a point of the signal, so that alarms lie on the curve.
        self._write_signal(outcome, np.union1d(self._thinning.pick(outcome.batch), outcome.anomalies))
        self._writer.add_global_models(merged)

    def _write_signal(self, outcome: Outcome, kept: NDArray[np.int64]) -> None:
        values, judgement = outcome.batch.values[kept], outcome.judgement
        reading, channel = np.nonzero(~np.isnan(values))
        at = kept[reading]
        self._writer.add_signal(
            Points(
                rows=outcome.batch.rows[at],
                channels=channel,
                values=values[reading, channel],
                means=judgement.mean[at, channel],
                stds=judgement.std[at, channel],
                times=outcome.batch.times[at],
            )
        )

    def _write_predictions(self, batch: Batch, predictions: Predictions) -> None:
        version, stored = self._predicted
        stored = stored if version == predictions.version else 0
        taken = slice(max(0, self.settings.predictions_per_version - stored))
        readings = predictions.readings[taken]
        self._writer.add_predictions(
            Predicted(
                versions=np.full(len(readings), predictions.version),
                rows=batch.rows[readings],
                probabilities=predictions.probability[taken],
                labels=predictions.actual[taken],
                times=batch.times[readings],
            )
        )
        self._predicted = predictions.version, stored + len(readings)

    def _count(self, outcome: Outcome, merged: list[GlobalModel]) -> None:
        self.tally.readings += outcome.batch.size
        self.tally.anomalies += len(outcome.anomalies)
        self.tally.local_updates += len(outcome.trained.rows)
        self.tally.global_models += len(merged)
        self.tally.models, self.tally.alarms = self.auditor.models, self.auditor.alarms
