"""Readings to records: the shard of an agent, and what of its outcome leaves."""

from collections.abc import Sequence
from functools import partial

from flead.agent.errors import AgentError
from flead.agent.figures import Figures
from flead.agent.store import Made
from flead.boundary import record
from flead.codec.encode import encode_messages
from flead.columns import Batch
from flead.records import Anomaly, GlobalModel, LocalUpdate
from flead.settings import Settings
from flead.shard import outputs
from flead.shard.shard import Shard
from flead.shard.state import StateError, restore, snapshot
from flead.topics import ANOMALIES, LOCAL_UPDATES

SHARD = "shard/"
"""What the keys of its state in the store begin with."""

_decode_model = partial(record, GlobalModel)


class Learner:
    """The shard, going on from its stored state. AgentError where that cannot be."""

    def __init__(self, settings: Settings, figures: Figures, stored: dict[str, bytes]) -> None:
        self.shard = Shard(settings)
        self._share_values = settings.share_values
        self._figures = figures
        state = {key.removeprefix(SHARD): block for key, block in stored.items() if key.startswith(SHARD)}
        if state:
            try:
                restore(self.shard, state)
            except StateError as error:
                raise AgentError(str(error)) from None

    def observe(self, batch: Batch, now: int) -> list[Made]:
        """Judge readings and learn from them; returns what is to leave."""
        outcome = self.shard.observe(batch)
        updates, alarms = outputs.local_updates(self.shard, outcome), outputs.anomalies(self.shard, outcome)
        figures = self._figures
        for update in updates:
            update.model_version += figures.first_version
            figures.newest_version = max(figures.newest_version, update.model_version)
        if not self._share_values:
            for alarm in alarms:
                alarm.value = alarm.mean = alarm.std = None
        figures.readings += batch.size
        figures.updates += len(updates)
        figures.alarms += len(alarms)
        figures.devices = len(self.shard.devices)
        return _made(LOCAL_UPDATES, updates, now) + _made(ANOMALIES, alarms, now)

    def adopt(self, message: bytes) -> str:
        """Take a global model; returns what is wrong with it, if it is none of this learner's."""
        try:
            self.shard.adopt(_decode_model(message))
        except ValueError as error:
            self._figures.foreign_models += 1
            return str(error)
        assert self.shard.global_model is not None
        self._figures.global_version = self.shard.global_model.version
        return ""

    def changed(self) -> dict[str, bytes]:
        """The state that has changed since the last call, by its keys in the store."""
        return {SHARD + key: block for key, block in snapshot(self.shard).items()}


def _made(topic: str, records: Sequence[LocalUpdate | Anomaly], now: int) -> list[Made]:
    messages = encode_messages(records)
    return [Made(topic, record.device_id, now, message) for record, message in zip(records, messages, strict=True)]
