"""Flagged readings to alarms, by the one rule (``flead.storage.writing.alarms``), and why each was raised."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flead.columns import Devices
from flead.dashboard.reasons import reason
from flead.errors import FleadError
from flead.settings.alarms import AlarmSettings
from flead.shard.shard import Outcome, Shard
from flead.storage.queries.rows import AnomalyRow
from flead.storage.writing.alarms import Runs, alarm_rules_of, runs_of

Columns = dict[str, NDArray[Any]]

COLUMNS: Columns = {
    "device": np.zeros(0, np.int32),
    "channel": np.zeros(0, np.int16),
    "time": np.zeros(0, np.int64),
    "critical": np.zeros(0, np.bool_),
    "value": np.zeros(0),
    "z_score": np.zeros(0),
    "mean": np.zeros(0),
    "std": np.zeros(0),
    "threshold": np.zeros(0),
    "shares": np.zeros((0, 0)),
}
"""What is kept of a flagged reading: about 70 bytes, and 8 more a channel from a learner that judges by several.
``shares`` (A, C) are the channels' in the score; without columns from a learner that judges by one."""


class Flagged:
    """The readings that were flagged so far, in their order."""

    def __init__(self) -> None:
        self._parts: list[Columns] = [COLUMNS]

    def add(self, outcome: Outcome) -> None:
        """Take in what a batch came to."""
        at, judgement = outcome.anomalies, outcome.judgement
        if not len(at):
            return
        batch, channel = outcome.batch, judgement.channel[at]
        shares = judgement.contributions
        self._parts.append(
            {
                "device": batch.rows[at],
                "channel": channel,
                "time": batch.times[at],
                "critical": outcome.critical,
                "value": batch.values[at, channel],
                "z_score": judgement.z[at],
                "mean": judgement.mean[at, channel],
                "std": judgement.std[at, channel],
                "threshold": outcome.thresholds,
                "shares": np.zeros((len(at), 0)) if shares is None else shares[at],
            }
        )

    def columns(self) -> Columns:
        """All of them as columns, each (A,) or (A, C)."""
        if len(self._parts) > 1:
            width = max(part["shares"].shape[1] for part in self._parts)
            padded = [
                {**part, "shares": np.pad(part["shares"], ((0, 0), (0, width - part["shares"].shape[1])))}
                for part in self._parts
            ]
            self._parts = [{name: np.concatenate([part[name] for part in padded]) for name in COLUMNS}]
        return self._parts[0]

    def restore(self, columns: Columns) -> None:
        """Go on from these columns."""
        self._parts = [columns]


def alarms(flagged: Flagged, shard: Shard, settings: AlarmSettings) -> dict[str, Any]:
    """The alarms by their begin, as columns: see ``Detector.alarms``; times are milliseconds.

    Of a paced learner, which flags about one reading an event, every event is an alarm.
    """
    columns, devices = flagged.columns(), shard.devices
    if not len(columns["device"]):
        runs = Runs(*[np.zeros(0, np.int64)] * len(Runs._fields))
    else:
        rules = alarm_rules_of(settings)
        runs = runs_of(columns["device"], columns["time"], columns["critical"], columns["z_score"], rules.gap)
        readings = 1 if shard.learner.paced else rules.readings
        serious = (runs.criticals > 0) | (runs.anomalies >= readings)
        runs = _taken(runs, np.flatnonzero(serious))
        runs = _taken(runs, np.lexsort((columns["device"][runs.worst], runs.started)))
    worst: Columns = {name: column[runs.worst] for name, column in columns.items()}
    return {
        "device": devices.texts(worst["device"]),
        "start": runs.started,
        "end": runs.last,
        "readings": runs.anomalies,
        "severity": np.where(runs.criticals > 0, "critical", "warning").tolist(),
        "channel": _channels(devices, worst),
        "worst_at": worst["time"],
        **{name: worst[name] for name in ("value", "z_score", "mean", "std", "threshold")},
    }


def explain(flagged: Flagged, shard: Shard, alarm: Mapping[str, Any]) -> str:
    """Why this alarm, a row of :func:`alarms`, was raised. FleadError if it is none of these devices'."""
    columns, devices = flagged.columns(), shard.devices
    try:
        row = devices.ids.find(str(alarm["device"]).encode())
        found = np.flatnonzero((columns["device"] == row) & (columns["z_score"] == float(alarm["z_score"])))
        count = int(alarm["readings"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise FleadError(f"an alarm is a row of alarms, or its number ({type(error).__name__}: {error})") from None
    if not len(found):
        raise FleadError(f"this detector has not raised this alarm of {alarm['device']!r}")
    at = int(found[0])
    worst: Columns = {name: column[at : at + 1] for name, column in columns.items()}
    value, z, mean, std, threshold = (
        float(worst[name][0]) for name in ("value", "z_score", "mean", "std", "threshold")
    )
    anomaly = AnomalyRow(
        device_id=devices.id(row),
        broker_id=0,
        channel=_channels(devices, worst)[0],
        value=value,
        z_score=z,
        severity=str(alarm["severity"]),
        detector=shard.learner.name,
        mean=None if np.isnan(mean) else mean,
        std=None if np.isnan(std) else std,
        threshold=threshold,
        timestamp=int(worst["time"][0]),
        contributions=devices.by_channel(worst["device"], worst["shares"])[0] or None,
    )
    return reason(anomaly) if count == 1 else f"{count:,} readings flagged; the furthest: {reason(anomaly)}"


def _taken(runs: Runs, which: NDArray[np.intp]) -> Runs:
    return Runs(*(column[which] for column in runs))


def _channels(devices: Devices, worst: Columns) -> list[str]:
    kinds = devices.kind[worst["device"]].tolist()
    return [devices.kinds[kind][channel] for kind, channel in zip(kinds, worst["channel"].tolist(), strict=True)]
