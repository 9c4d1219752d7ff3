"""One event is one alarm: flagged readings of a device that follow closely are grouped, in the anomalies' transaction.

Two flagged readings of a device that arrive one after the other belong to one *run* if their event times are at most
``gap`` apart. A run becomes an *alarm* with its first critical reading, or with as many flagged readings as
``readings``; single warnings, of which normal noise has some, are none. The rule looks at neighbours only, so that the
alarms do not depend on how readings were cut into commits. An alarm closes by itself when its device has been quiet for
``clear``; it opens again if a late reading shows that it was not.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg import Cursor

from flead.records import Flagged
from flead.settings.alarms import AlarmSettings
from flead.storage.text import clean
from flead.storage.writing import copy_rows as rows_as
from flead.storage.writing.fleet_columns import FleetColumns

LOCK = 0x414C41524D
"""The advisory lock of whoever changes alarms ("ALARM"), so that revisions become visible in their order."""


@dataclass(frozen=True, slots=True)
class AlarmRules:
    """What makes an alarm; times in milliseconds of event time."""

    gap: int = 10_000
    readings: int = 5
    clear: int = 60_000
    webhook: bool = False
    """Whether critical alarms are put down for delivery."""


def alarm_rules_of(settings: AlarmSettings) -> AlarmRules:
    """The rules as they are set."""
    gap = round(settings.alarm_gap * 1000)
    return AlarmRules(
        gap=gap,
        readings=settings.alarm_readings,
        clear=max(round(settings.alarm_clear * 1000), gap),
        webhook=settings.webhook_url is not None,
    )


class _Kept(NamedTuple):
    """N flagged readings of any detector, in order of arrival; all (N,), as in :class:`Flagged`."""

    rows: NDArray[np.int32]
    channels: NDArray[np.integer[Any]]
    values: NDArray[np.float64]
    scores: NDArray[np.float64]
    critical: NDArray[np.bool_]
    times: NDArray[np.int64]
    means: NDArray[np.float64]
    stds: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    detectors: NDArray[np.int64]  # the detector, as a position in AlarmSums' list of names

    def take(self, which: NDArray[np.int64]) -> "_Kept":
        """The readings at these positions."""
        columns: list[Any] = [column[which] for column in self]
        return _Kept(*columns)


class Runs(NamedTuple):
    """R runs, by device and in order of arrival; positions are of flagged readings."""

    numbers: NDArray[np.int64]  # 0 is its device's first of this commit, which may go on with a stored one
    first: NDArray[np.int64]  # event time of the reading that came first, and of that which came last
    newest: NDArray[np.int64]
    started: NDArray[np.int64]
    last: NDArray[np.int64]
    anomalies: NDArray[np.int64]
    criticals: NDArray[np.int64]
    worst: NDArray[np.int64]  # position of the reading that was furthest out


def runs_of(
    devices: NDArray[np.integer[Any]],
    times: NDArray[np.int64],
    critical: NDArray[np.bool_],
    scores: NDArray[np.float64],
    gap: int,
) -> Runs:
    """The runs among N > 0 flagged readings; all arguments (N,).

    >>> runs = runs_of(np.zeros(3, int), np.array([0, 9, 30]), np.zeros(3, bool), np.array([3.0, -4, 3]), gap=10)
    >>> runs.started.tolist(), runs.anomalies.tolist(), runs.worst.tolist()
    ([0, 30], [2, 1], [1, 2])
    """
    order = np.argsort(devices, kind="stable")
    devices, ordered = devices[order], times[order]
    new_device = np.diff(devices, prepend=-1) != 0
    begins = new_device | (np.abs(np.diff(ordered, prepend=ordered[:1])) > gap)
    starts = np.flatnonzero(begins)
    run = np.cumsum(begins) - 1
    first_of_device = np.maximum.accumulate(np.where(new_device[starts], np.arange(len(starts)), 0))
    distance = np.nan_to_num(np.abs(scores[order]), nan=0.0)
    worst = np.lexsort((-distance, run))[starts]  # the first of each run, sorted by distance
    return Runs(
        numbers=np.arange(len(starts)) - first_of_device,
        first=ordered[starts],
        newest=ordered[np.append(starts[1:], len(ordered)) - 1],
        started=np.minimum.reduceat(ordered, starts),
        last=np.maximum.reduceat(ordered, starts),
        anomalies=np.bincount(run),
        criticals=np.add.reduceat(critical[order].astype(np.int64), starts),
        worst=order[worst],
    )


class AlarmSums:
    """What was flagged since the last commit, and its way into the tables of alarms."""

    def __init__(self, rules: AlarmRules) -> None:
        self.rules = rules
        self._flagged: list[_Kept] = []
        self._detectors: dict[str, int] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._flagged.clear()

    def add(self, flagged: Flagged) -> None:
        """Flagged readings, whose columns may be changed afterwards."""
        number = self._detectors.setdefault(clean(flagged.detector), len(self._detectors))
        self._flagged.append(
            _Kept(
                rows=flagged.rows.copy(),
                channels=flagged.channels.copy(),
                values=flagged.values.copy(),
                scores=flagged.scores.copy(),
                critical=flagged.critical.copy(),
                times=flagged.times.copy(),
                means=flagged.means.copy(),
                stds=flagged.stds.copy(),
                thresholds=flagged.thresholds.copy(),
                detectors=np.full(len(flagged.rows), number),
            )
        )

    def merge(self, cursor: Cursor[Any], fleet: FleetColumns) -> None:
        """Bring the alarms up to date; after the devices' clock has been, and in the same transaction."""
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        if self._flagged:
            self._merge_runs(cursor, fleet)
        cursor.execute(_CLOSE_QUIET, {"clear": self.rules.clear})

    def _merge_runs(self, cursor: Cursor[Any], fleet: FleetColumns) -> None:
        flagged = _Kept(*(np.concatenate(column) for column in zip(*self._flagged, strict=True)))
        devices = fleet.stored_rows(flagged.rows)
        runs = runs_of(devices, flagged.times, flagged.critical, flagged.scores, self.rules.gap)
        serious = (runs.criticals > 0) | (runs.anomalies >= self.rules.readings)
        # Of the others only the first of a device can go on with a stored run, and only the last can be gone on with.
        is_last = np.append(runs.numbers[1:] == 0, True)
        runs = Runs(*(column[serious | is_last | (runs.numbers == 0)] for column in runs))
        worst = flagged.take(runs.worst)
        cursor.execute(_TEMPORARY)
        columns = {
            "device_id": fleet.ids(worst.rows),
            "broker_id": fleet.brokers(worst.rows),
            "newest": rows_as.moments(runs.newest),
            "started_at": rows_as.moments(runs.started),
            "last_at": rows_as.moments(runs.last),
            "anomalies": rows_as.int8(runs.anomalies),
            "criticals": rows_as.int8(runs.criticals),
            "channel": fleet.channel(worst.rows, worst.channels),
            "value": rows_as.float8(worst.values),
            "z_score": rows_as.float8(worst.scores),
            "detector": rows_as.words([name.encode() for name in self._detectors], worst.detectors),
            "mean": rows_as.float8_or_null(worst.means),
            "std": rows_as.float8_or_null(worst.stds),
            "threshold": rows_as.float8_or_null(worst.thresholds),
            "worst_at": rows_as.moments(worst.times),
            "number": rows_as.int4(runs.numbers),
            "first_at": rows_as.moments(runs.first),
        }
        rows_as.copy_columns(cursor, "new_runs", columns)
        for statement in (_KEEP_WORST, _GO_ON, _NAME, _PUT_ALARMS, _PUT_RUNS):
            cursor.execute(statement, {"gap": self.rules.gap, "readings": self.rules.readings})
        if self.rules.webhook:
            cursor.execute(_PUT_DELIVERIES)


_TEMPORARY = """
    CREATE TEMPORARY TABLE IF NOT EXISTS new_runs (LIKE alarm_runs, number int, first_at timestamptz)
    ON COMMIT DELETE ROWS
"""
_GOES_ON = """
    r.device_id = n.device_id AND n.number = 0
    AND n.first_at BETWEEN r.newest - %(gap)s * interval '1 millisecond'
                       AND r.newest + %(gap)s * interval '1 millisecond'
"""
_WORST = "channel, value, z_score, detector, mean, std, threshold, worst_at"
_KEEP_WORST = f"""
    UPDATE new_runs AS n SET ({_WORST}) = (r.{_WORST.replace(", ", ", r.")})
    FROM alarm_runs AS r WHERE {_GOES_ON} AND abs(r.z_score) >= abs(n.z_score)
"""
_GO_ON = f"""
    UPDATE new_runs AS n
    SET alarm_id = r.alarm_id, started_at = least(n.started_at, r.started_at), last_at = greatest(n.last_at, r.last_at),
        anomalies = n.anomalies + r.anomalies, criticals = n.criticals + r.criticals
    FROM alarm_runs AS r WHERE {_GOES_ON}
"""
_NAME = """
    UPDATE new_runs AS n SET alarm_id = named.id
    FROM (SELECT nextval('alarm_ids') AS id, device_id, number
          FROM (SELECT device_id, number FROM new_runs
                WHERE alarm_id IS NULL AND (criticals > 0 OR anomalies >= %(readings)s)
                ORDER BY started_at, device_id, number) AS serious) AS named
    WHERE n.device_id = named.device_id AND n.number = named.number
"""
_PUT_ALARMS = f"""
    INSERT INTO alarms AS a (id, revision, device_id, broker_id, severity, started_at, last_at, anomalies, criticals,
                             {_WORST})
    SELECT alarm_id, nextval('alarm_revisions'), device_id, broker_id,
           CASE WHEN criticals > 0 THEN 'critical' ELSE 'warning' END, started_at, last_at, anomalies, criticals,
           {_WORST}
    FROM (SELECT * FROM new_runs WHERE alarm_id IS NOT NULL ORDER BY alarm_id) AS serious
    ON CONFLICT (id) DO UPDATE SET
        revision = excluded.revision, severity = excluded.severity, started_at = excluded.started_at,
        last_at = excluded.last_at, anomalies = excluded.anomalies, criticals = excluded.criticals,
        ({_WORST}) = (excluded.{_WORST.replace(", ", ", excluded.")}),
        state = CASE WHEN a.closed_by IS DISTINCT FROM 'quiet' THEN a.state
                     WHEN a.acknowledged_at IS NULL THEN 'open' ELSE 'acknowledged' END,
        closed_at = CASE WHEN a.closed_by IS DISTINCT FROM 'quiet' THEN a.closed_at END,
        closed_by = CASE WHEN a.closed_by IS DISTINCT FROM 'quiet' THEN a.closed_by END
"""
_RUN = f"broker_id, alarm_id, newest, started_at, last_at, anomalies, criticals, {_WORST}"
_PUT_RUNS = f"""
    INSERT INTO alarm_runs (device_id, {_RUN})
    SELECT DISTINCT ON (device_id) device_id, {_RUN} FROM new_runs ORDER BY device_id, number DESC
    ON CONFLICT (device_id) DO UPDATE SET ({_RUN}) = (excluded.{_RUN.replace(", ", ", excluded.")})
"""
_PUT_DELIVERIES = """
    INSERT INTO webhook_deliveries (alarm_id)
    SELECT alarm_id FROM new_runs WHERE alarm_id IS NOT NULL AND criticals > 0 ORDER BY alarm_id
    ON CONFLICT (alarm_id) DO NOTHING
"""
_CLOSE_QUIET = """
    UPDATE alarms
    SET state = 'closed', closed_by = 'quiet', closed_at = last_at + %(clear)s * interval '1 millisecond',
        revision = nextval('alarm_revisions')
    FROM data_clock
    WHERE state <> 'closed' AND last_at < clock - %(clear)s * interval '1 millisecond'
"""
