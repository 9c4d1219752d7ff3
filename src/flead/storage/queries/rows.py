"""What the queries return: one Struct a kind of row. Times are milliseconds since the epoch, UTC."""

from typing import Literal

from msgspec import Struct

from flead.records import Parameters

State = Literal["normal", "warning", "critical", "learning", "silent"]
STATES: tuple[State, ...] = ("normal", "warning", "critical", "learning", "silent")


class Overview(Struct):
    """The four published counts, and some more."""

    local_models: int
    global_models: int
    active_devices: int
    """Devices seen in the last hour of the data's clock."""
    global_accuracy: float | None
    """Of the newest global model; None if there is none."""
    readings: int
    warnings: int
    criticals: int
    rejected: int
    devices: int
    clock: int | None
    """Event time of the newest record; None in an empty store."""


class MinuteModels(Struct):
    """Local models made in one minute of event time."""

    minute: int
    models: int
    accuracy: float | None
    """Mean over the minute's local models; None if there are none."""


class TrendPoint(Struct):
    """One global model: what its contributors reported, and what the auditor measured of it and its neighbours.

    None: not measured.
    """

    version: int
    created_at: int
    reported_accuracy: float
    accuracy: float | None
    majority_accuracy: float | None
    f1: float | None
    false_alarm_rate: float | None


class TopDevice(Struct):
    """A device by its number of trainings."""

    device_id: str
    broker_id: int
    trainings: int
    mean_accuracy: float


class GlobalModelRow(Struct):
    """A version of the merged model, without its parameters."""

    version: int
    aggregation_round: int
    num_devices: int
    accuracy: float
    strategy: str
    created_at: int
    restored_version: int | None = None
    """The older version whose parameters it has, after a rollback."""
    epsilon: float | None = None
    """Differential privacy of the updates so far, at delta 1e-5; None: they are not private."""


class VersionRow(GlobalModelRow, kw_only=True):
    """A version of the merged model, and what the auditor measured of it (None: not measured)."""

    evaluated: int
    """Labelled readings that it was tested on."""
    measured_accuracy: float | None
    majority_accuracy: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    false_alarm_rate: float | None


class RollbackRow(Struct):
    """A request to roll back to an older global model; ``new_version`` is None until it is fulfilled."""

    id: int
    version: int
    requested_at: int
    done_at: int | None
    new_version: int | None


class BrokerTotals(Struct):
    """Totals of one broker."""

    broker_id: int
    devices: int
    readings: int
    models: int
    warnings: int
    criticals: int


class AnomalyRow(Struct):
    """A reading that was flagged, and why."""

    device_id: str
    broker_id: int
    channel: str
    value: float | None
    """None: the value was not shared, and neither were ``mean`` and ``std``."""
    z_score: float
    severity: str
    detector: str
    mean: float | None
    std: float | None
    threshold: float | None
    timestamp: int
    contributions: dict[str, float] | None = None
    """Every channel's share in the score; None from a detector that judges by one channel."""


class MinuteAnomalies(Struct):
    """Anomalies of one minute of event time."""

    minute: int
    warnings: int
    criticals: int


class MinuteReadings(Struct):
    """Readings of one minute of event time."""

    minute: int
    readings: int


class EvaluationRow(Struct):
    """Quality of a global model on labelled readings; a measure with nothing to divide by is None."""

    version: int
    readings: int
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    accuracy: float | None
    majority_accuracy: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    false_alarm_rate: float | None
    missed_alarm_rate: float | None
    updated_at: int


class RejectedReason(Struct):
    """Number of refusals for one reason."""

    reason: str
    rejected: int


class RejectedRow(Struct):
    """Something that was not a valid reading, as received."""

    source: str
    location: str
    reason: str
    raw: bytes
    seen_at: int


class DeviceRow(Struct):
    """The present state of a device."""

    device_id: str
    broker_id: int
    channels: list[str]
    state: State
    first_seen: int
    last_seen: int
    readings: int
    anomalies: int
    last_warning: int | None
    last_critical: int | None
    trainings: int
    model_version: int
    accuracy: float | None
    """Of the newest training, before it; None if there was none."""
    loss: float | None
    mean_accuracy: float | None


class DevicePage(Struct):
    """A part of the devices that were asked for, and how many there are in all."""

    total: int
    rows: list[DeviceRow]


class SignalPoint(Struct):
    """A stored reading, and the window that it was judged by (None: too few readings then)."""

    channel: str
    timestamp: int
    value: float
    mean: float | None
    std: float | None


class DeviceModel(Struct):
    """One training of a device."""

    model_version: int
    global_version: int
    accuracy: float
    loss: float
    samples_processed: int
    created_at: int


class ModelParameters(Struct):
    """The parameters of a local or global model."""

    version: int
    parameters: Parameters


class TableCount(Struct):
    """How many rows a table holds; large tables by the planner's estimate."""

    table: str
    rows: int
    exact: bool
    size: int
    """Bytes on disk, indices included."""


class AgentRow(Struct):
    """An agent, and its state."""

    name: str
    state: str | None
    """As reported by itself: online or stopped; ``silent`` by its last will; None: nothing reported yet."""
    devices: int
    pending: int
    """Messages that it had not delivered when it last reported."""
    spoke_at: int | None
    enrolled_at: int
    by_command: bool
    """Enrolled by an operator, not by its first use."""
    revoked: bool
    public_key: str
    pattern: str
    """Of the devices that it may claim."""
    refused: dict[str, int]
    """Records refused under its name, by reason."""
