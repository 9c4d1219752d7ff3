"""A partition under audit: its shard is restored from the store, and the quality of global models is stored."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
from psycopg import Connection

from flead.codec.decode import Decoder
from flead.evaluation.arrivals import Arrived, stretches
from flead.evaluation.prequential import Prequential
from flead.learning.learner import arrays
from flead.learning.metrics import Confusion
from flead.placement import broker_of
from flead.platform.spark.messages import Messages
from flead.records import Evaluation, GlobalModel, to_text
from flead.settings import Settings
from flead.shard.shard import Shard
from flead.shard.state import StateError, restore, snapshot
from flead.storage.writing.audits import Audit, store_audit
from flead.storage.writing.fleet_columns import FleetColumns
from flead.storage.writing.positions import Position, position
from flead.storage.writing.state import load_state
from flead.storage.writing.tables import Predicted

_encode = msgspec.msgpack.encode
_decode_predicted = msgspec.msgpack.Decoder(tuple[int, int]).decode

PREDICTED = "predicted"
"""The key of the version whose individual predictions are being stored, and of their number."""
NEVER = -(2**62)


def prefix(number: int) -> str:
    """Of the keys of this partition's state in the store."""
    return f"evaluation/{number}/"


def position_key(number: int) -> str:
    """The key of how far this partition has been read."""
    return prefix(number) + "position"


class PartitionAudit:
    """The shard of one partition as the auditor sees it, restored from its state in the store."""

    def __init__(self, settings: Settings, number: int, connection: Connection[Any]) -> None:
        self._number = number
        self._settings = settings
        self._connection = connection
        self.position = position(connection, position_key(number))
        self.learnt_anew = ""
        """Why the shard was not restored from the stored state; empty if it was."""
        stored = {
            key.removeprefix(prefix(number)): block for key, block in load_state(connection, prefix(number)).items()
        }
        self._predicted = _decode_predicted(stored.pop(PREDICTED, _encode((0, 0))))
        stored.pop("position", None)
        self._shard = self._restored(stored)
        self._decoder = Decoder(self._shard.devices)
        place = partial(broker_of, brokers=settings.brokers, devices_per_broker=settings.devices_per_broker)
        self._fleet = FleetColumns(self._shard.devices, place)
        self._quota = _share(settings.predictions_per_version, number, settings.partitions)
        self._begin()

    def _restored(self, stored: dict[str, bytes]) -> Shard:
        shard = Shard(self._settings)
        if not stored:
            return shard
        try:
            restore(shard, stored)
        except StateError as error:
            # Another learner or another window: the counts continue, the windows start empty.
            self.learnt_anew = str(error)
            return Shard(self._settings)
        return shard

    def _begin(self) -> None:
        self._auditor = Prequential(self._shard.learner)
        self._predictions: list[Predicted] = []
        self._newest = NEVER
        self.readings = 0

    def observe(self, messages: Messages, models: Sequence[Arrived]) -> None:
        """Judge the readings, each by what came before it, and test on them the model that was newest at each."""
        fitting = [arrived for arrived in models if self._fits(arrived.model)]
        for start, stop, model in stretches(messages.arrived, fitting):
            self._observe(messages.part(start, stop), model)

    def _fits(self, model: GlobalModel) -> bool:
        """Whether it is of this learner; others are what was merged before the learner was changed."""
        try:
            return self._shard.learner.misfit(arrays(model.parameters)) is None
        except (ValueError, TypeError):  # lists that are no arrays
            return False

    def _observe(self, messages: Messages, model: GlobalModel | None) -> None:
        if model is not None:
            self._shard.adopt(model)
        # Invalid readings are reported by the training job.
        batch = self._decoder.decode(*messages.compact(), str).batch
        if batch.size == 0:
            return
        outcome = self._shard.observe(batch)
        self.readings += batch.size
        self._newest = max(self._newest, int(batch.times.max()))
        found = self._auditor.observe(outcome.judgement, batch.labels, self._shard.brokers[batch.rows], model)
        if found is None:
            return
        version, stored = self._predicted
        stored = stored if version == found.version else 0
        taken = slice(max(0, self._quota - stored))
        at = found.readings[taken]
        self._predictions.append(
            Predicted(
                versions=np.full(len(at), found.version),
                rows=batch.rows[at],
                probabilities=found.probability[taken],
                labels=found.actual[taken],
                times=batch.times[at],
            )
        )
        self._predicted = found.version, stored + len(at)

    def commit(self, after: Position) -> None:
        """Store what was found since the last commit, and that it goes on at ``after``.

        MovedError if another process has been here. After any failure this object must not be used again.
        """
        now = to_text(max(self._newest, 0))
        counts = self._auditor.by_version.items()
        alarms = self._auditor.alarms
        state = {
            **snapshot(self._shard),
            PREDICTED: _encode(self._predicted),
        }
        audit = Audit(
            [Evaluation(version, broker, *confusion, now) for (version, broker), confusion in counts],
            {self._shard.learner.name: alarms} if alarms != Confusion() else {},
            self._predictions,
            {prefix(self._number) + key: block for key, block in state.items()},
        )
        store_audit(self._connection, position_key(self._number), self.position, after, audit, self._fleet)
        self.position = after
        self._begin()


def _share(whole: int, number: int, parts: int) -> int:
    """So much of a whole is for part ``number`` that all parts together have it."""
    return whole * (number + 1) // parts - whole * number // parts
