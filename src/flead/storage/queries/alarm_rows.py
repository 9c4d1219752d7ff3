"""What the queries on alarms return. Times are milliseconds since the epoch, UTC."""

from typing import Literal

from msgspec import Struct

AlarmState = Literal["open", "acknowledged", "closed"]
ALARM_STATES: tuple[AlarmState, ...] = ("open", "acknowledged", "closed")


class AlarmRow(Struct):
    """One event of one device: flagged readings that followed closely, and the one that was furthest out."""

    id: int
    revision: int
    """Grows with every change."""
    device_id: str
    broker_id: int
    severity: str
    state: AlarmState
    started_at: int
    """Event time of the first flagged reading."""
    last_at: int
    anomalies: int
    """Flagged readings."""
    criticals: int
    channel: str
    """Of the reading that was furthest out, as all up to ``worst_at``."""
    value: float | None
    """None: the value was not shared."""
    z_score: float
    detector: str
    mean: float | None
    std: float | None
    threshold: float | None
    worst_at: int
    acknowledged_at: int | None
    closed_at: int | None
    closed_by: str | None
    """``quiet``: no flagged reading came for a while; ``user``: a person closed it."""


class AlarmPage(Struct):
    """A part of the alarms that were asked for, and how many there are in all, up to 10,000."""

    total: int
    rows: list[AlarmRow]


class AlarmCounts(Struct):
    """The alarms that are not closed."""

    open: int
    open_critical: int
    acknowledged: int


class DetectionRow(Struct):
    """Quality of the devices' own alarms on labelled readings, reading by reading."""

    detector: str
    readings: int
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    precision: float
    recall: float
    f1: float
    false_alarm_rate: float
    missed_alarm_rate: float
    updated_at: int
