"""The records that travel between the parts: one JSON object each, UTF-8, times in ISO 8601 UTC with milliseconds.

Unknown fields are ignored when a record is read, so a newer sender does not break an older reader. The two records
that come by the thousand, anomalies and local updates, are also here as columns, in which they are stored:
:class:`Flagged` and :class:`LocalModels`.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

DEFAULT_CHANNEL = "value"
"""The channel of a reading whose ``data`` is a single number."""

NO_LABEL = -1
"""In columns: the reading has no ground truth."""

LARGEST = 1e100
"""The magnitude up to which a value is a measurement: squares of larger ones overflow."""

LONGEST_NAME = 256
"""Maximum length of a device's id or of a channel's name, in bytes."""

MOST_CHANNELS = 64
"""Maximum number of channels: every device of a shard costs as much memory as the one with the most channels."""

Timestamp = Annotated[str, msgspec.Meta(description="ISO 8601 UTC, as 2025-11-07T15:22:31.000Z", min_length=1)]
Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=LONGEST_NAME,
        description=f"At most {LONGEST_NAME} bytes, no control characters",
        extra_json_schema={"pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$"},
    ),
]
DeviceId = Name
Measurement = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Severity = Literal["warning", "critical"]
Parameters = dict[str, list[float]]


class Reading(msgspec.Struct, omit_defaults=True):
    """What a device measured: one number, or an object of named channels."""

    device_id: DeviceId
    data: Measurement | Annotated[dict[Name, Measurement], msgspec.Meta(min_length=1, max_length=MOST_CHANNELS)]
    timestamp: Timestamp
    label: Literal[0, 1] | None = None
    """Ground truth, for the auditor: 1 is an anomaly."""


class Anomaly(msgspec.Struct, gc=False, omit_defaults=True):
    """A reading that its device's learner flagged, and the numbers that say why."""

    device_id: DeviceId
    broker_id: int
    channel: str
    value: float | None
    """None: the value was not shared."""
    z_score: float
    severity: Severity
    detector: str
    timestamp: Timestamp
    mean: float | None = None
    """What the channel was judged by without the reading: its window's mean, or its reference."""
    std: float | None = None
    threshold: float | None = None
    """The score above which this detector alarms."""
    contributions: dict[str, float] | None = None
    """How much of the score each channel is responsible for, together 1; unset: the detector judges by one channel."""


class LocalUpdate(msgspec.Struct, gc=False):
    """One training of one device. ``accuracy`` and ``loss`` are of the batch before it was trained on."""

    device_id: DeviceId
    model_version: Count
    global_version: Count
    """The global model that this training started from; 0 is none."""
    accuracy: Share
    loss: float
    samples_processed: Count
    parameters: Parameters
    timestamp: Timestamp


class Flagged(NamedTuple):
    """N readings that one detector flagged, in order of arrival: what :class:`Anomaly` says, in columns."""

    detector: str
    rows: NDArray[np.int32]  # (N,) the device, as a row of the table of devices
    channels: NDArray[np.integer[Any]]  # (N,) the number of the device's channel that deviates most
    values: NDArray[np.float64]  # (N,) in the channel's unit; NaN: kept where it was measured
    scores: NDArray[np.float64]  # (N,) by how many standard deviations, with its sign: z_score
    critical: NDArray[np.bool_]  # (N,)
    times: NDArray[np.int64]  # (N,) event time in milliseconds since the epoch
    means: NDArray[np.float64]  # (N,) in the channel's unit; NaN: the detector has none
    stds: NDArray[np.float64]  # (N,) the same
    thresholds: NDArray[np.float64]  # (N,) the score above which the detector alarms; NaN: it has none
    contributions: Sequence[dict[str, float] | None]  # (N,) the channels' shares in the score, by name


def flagged(
    anomalies: Sequence[Anomaly],
    rows: NDArray[np.int32],
    channels: NDArray[np.integer[Any]],
    times: NDArray[np.int64],
) -> Flagged:
    """N > 0 anomalies of one detector as columns; what is known of their devices, channels and times is given."""
    return Flagged(
        detector=anomalies[0].detector,
        rows=rows,
        channels=channels,
        values=_floats([each.value for each in anomalies]),
        scores=_floats([each.z_score for each in anomalies]),
        critical=np.array([each.severity == "critical" for each in anomalies]),
        times=times,
        means=_floats([each.mean for each in anomalies]),
        stds=_floats([each.std for each in anomalies]),
        thresholds=_floats([each.threshold for each in anomalies]),
        contributions=[each.contributions for each in anomalies],
    )


class LocalModels(NamedTuple):
    """N trainings, a device's in their order: what :class:`LocalUpdate` says, in columns."""

    rows: NDArray[np.int32]  # (N,) the device, as a row of the table of devices
    versions: NDArray[np.integer[Any]]  # (N,) the device's trainings, counted from 1: model_version
    global_versions: NDArray[np.integer[Any]]  # (N,) the global model that each started from; 0 is none
    accuracies: NDArray[np.float64]  # (N,) from 0 to 1
    losses: NDArray[np.float64]  # (N,) the learner's own, 0 or more
    samples: NDArray[np.integer[Any]]  # (N,) readings that each was made of
    parameters: NDArray[np.float64]  # (N, P) flat; what lies behind a row's layout means nothing
    layouts: Sequence[Mapping[str, tuple[int, ...]]]  # the shapes of the parameters by name
    layout: NDArray[np.integer[Any]]  # (N,) which of the layouts a row has
    times: NDArray[np.int64]  # (N,) event time of each training's end in milliseconds since the epoch


def local_models(updates: Sequence[LocalUpdate], rows: NDArray[np.int32], times: NDArray[np.int64]) -> LocalModels:
    """N > 0 updates whose parameters have one layout as columns; their devices and times are given."""
    flat = [list(chain.from_iterable(each.parameters.values())) for each in updates]
    return LocalModels(
        rows=rows,
        versions=_whole([each.model_version for each in updates]),
        global_versions=_whole([each.global_version for each in updates]),
        accuracies=_floats([each.accuracy for each in updates]),
        losses=_floats([each.loss for each in updates]),
        samples=_whole([each.samples_processed for each in updates]),
        parameters=np.array(flat, np.float64).reshape(len(updates), -1),
        layouts=[{name: (len(numbers),) for name, numbers in updates[0].parameters.items()}],
        layout=np.zeros(len(updates), np.int64),
        times=times,
    )


class GlobalModel(msgspec.Struct, omit_defaults=True):
    """A version of the merged model."""

    version: Count
    aggregation_round: Count
    global_accuracy: Share
    num_devices: Count
    strategy: str
    parameters: Parameters
    timestamp: Timestamp
    restored_version: int | None = None
    """The older version whose parameters these are, after a rollback."""
    epsilon: float | None = None
    """Differential privacy at delta 1e-5, towards an observer of all updates (such as the server), for the device that
    has sent most; unset: the updates are not private."""


class Rollback(msgspec.Struct):
    """A request to publish an older version of the global model again."""

    rollback_to: int
    timestamp: Timestamp


class Enrolment(msgspec.Struct):
    """An agent's request to be enrolled, signed with the key that it names."""

    agent: str
    public_key: str
    devices: list[DeviceId]
    """The devices that it reports for."""
    timestamp: Timestamp


class AgentState(msgspec.Struct):
    """The state of an agent: as reported by itself, and ``silent`` by its last will."""

    agent: str
    state: Literal["online", "silent", "stopped"]
    devices: Count
    pending: Count
    """Messages not delivered yet."""
    timestamp: Timestamp


class Evaluation(msgspec.Struct):
    """The quality of a global model on labelled readings that it was not trained on."""

    model_version: int
    broker_id: int
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    timestamp: Timestamp


class Rejected(msgspec.Struct):
    """Something that is not a reading: where it was, why it was refused, and its bytes as received."""

    source: str
    location: str
    reason: str
    raw: bytes


def to_milliseconds(text: str) -> int:
    """Milliseconds since the epoch of an ISO 8601 time; one without an offset is UTC.

    >>> to_milliseconds("2025-11-07T15:22:31.000Z")
    1762528951000
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    # Integer arithmetic: a float of seconds would round some milliseconds down.
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def to_text(milliseconds: int) -> str:
    """The ISO 8601 form of one time.

    >>> to_text(1762528951000)
    '2025-11-07T15:22:31.000Z'
    """
    return str(np.datetime_as_string(np.datetime64(milliseconds, "ms"), timezone="UTC"))


def to_texts(milliseconds: NDArray[np.int64]) -> list[str]:
    """The ISO 8601 form of many times."""
    texts: list[str] = np.datetime_as_string(milliseconds.astype("datetime64[ms]"), timezone="UTC").tolist()
    return texts


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array(values, np.float64)  # None becomes NaN


def _whole(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)
