"""Alarms: a page of them, a single one, changes since, and what a person may do with one."""

from collections.abc import Sequence
from typing import Any, Literal

from psycopg import Connection

from flead.learning.metrics import Confusion
from flead.records import Severity
from flead.storage.queries.alarm_rows import AlarmCounts, AlarmPage, AlarmRow, AlarmState, DetectionRow
from flead.storage.queries.common import bounded, fetch
from flead.storage.text import clean
from flead.storage.writing.alarms import LOCK

Wanted = Literal["open", "acknowledged", "closed", "active"]
"""A state; active is every one but closed."""

_ALARM = """id, revision, device_id, broker_id, severity, state, milliseconds(started_at) AS started_at,
    milliseconds(last_at) AS last_at, anomalies, criticals, channel, nullif(value, 'NaN') AS value, z_score, detector,
    mean, std, threshold, milliseconds(worst_at) AS worst_at, milliseconds(acknowledged_at) AS acknowledged_at,
    milliseconds(closed_at) AS closed_at, closed_by"""

_WHERE = """
    (%(device)s = '' OR device_id = %(device)s) AND (%(broker)s::int IS NULL OR broker_id = %(broker)s)
    AND (%(severity)s::text IS NULL OR severity = %(severity)s)
    AND (%(since)s::bigint IS NULL OR a.started_at >= timestamptz 'epoch' + %(since)s * interval '1 millisecond')
    AND (%(until)s::bigint IS NULL OR a.started_at < timestamptz 'epoch' + %(until)s * interval '1 millisecond')
"""
MOST_COUNTED = 10_000
"""Beyond this number a page only says that there are more."""


def alarms(
    connection: Connection[Any],
    state: Wanted | None = None,
    severity: Severity | None = None,
    device: str = "",
    broker: int | None = None,
    since: int | None = None,
    until: int | None = None,
    limit: int = 50,
    offset: int = 0,
) -> AlarmPage:
    """Alarms that began in ``since <= time < until`` (milliseconds), the newest first, and how many there are.

    ``total`` stops at ``MOST_COUNTED``.
    """
    # The state is written into the query, for the index of those that are not closed serves no open question.
    states = {
        None: "true",
        "active": "state <> 'closed'",
        "open": "state <> 'closed' AND state = 'open'",
        "acknowledged": "state <> 'closed' AND state = 'acknowledged'",
        "closed": "state = 'closed'",
    }
    where = f"FROM alarms AS a WHERE {states[state]} AND {_WHERE}"
    times = {"since": _moment(since), "until": _moment(until)}
    wanted: dict[str, Any] = {"device": clean(device), "broker": broker, "severity": severity, **times}
    rows = fetch(
        connection,
        AlarmRow,
        f"SELECT {_ALARM} {where} ORDER BY a.started_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s",
        limit=bounded(limit),
        offset=min(max(offset, 0), 2**62),
        **wanted,
    )
    counted = connection.execute(
        f"SELECT count(*) FROM (SELECT {where} LIMIT {MOST_COUNTED}) AS counted", wanted
    ).fetchone()
    return AlarmPage(counted[0] if counted else 0, rows)


def alarm(connection: Connection[Any], number: int) -> AlarmRow | None:
    """One alarm by its id."""
    found = fetch(connection, AlarmRow, f"SELECT {_ALARM} FROM alarms AS a WHERE id = %(id)s::bigint", id=number)
    return found[0] if found else None


def alarm_counts(connection: Connection[Any]) -> AlarmCounts:
    """How many alarms are not closed, by state and severity."""
    return fetch(
        connection,
        AlarmCounts,
        """
        SELECT count(*) FILTER (WHERE state = 'open') AS open,
               count(*) FILTER (WHERE state = 'open' AND severity = 'critical') AS open_critical,
               count(*) FILTER (WHERE state = 'acknowledged') AS acknowledged
        FROM alarms WHERE state <> 'closed'
        """,
    )[0]


def newest_revision(connection: Connection[Any]) -> int:
    """The revision of the last change of any alarm; 0 if there is none."""
    found = connection.execute("SELECT max(revision) FROM alarms").fetchone()
    return (found[0] if found else None) or 0


def alarms_changed(connection: Connection[Any], revision: int, limit: int = 200) -> list[AlarmRow]:
    """The alarms that changed after this revision, in the order of their changes."""
    return fetch(
        connection,
        AlarmRow,
        f"SELECT {_ALARM} FROM alarms AS a WHERE revision > %(revision)s::bigint ORDER BY revision LIMIT %(limit)s",
        revision=revision,
        limit=bounded(limit),
    )


def set_alarms(connection: Connection[Any], numbers: Sequence[int], state: AlarmState) -> int:
    """Acknowledge, close or reopen these alarms, on behalf of a person; returns how many there were to change.

    Needs a connection that may write.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        changed = connection.execute(
            """
            UPDATE alarms
            SET state = %(state)s, revision = nextval('alarm_revisions'),
                acknowledged_at = CASE %(state)s WHEN 'acknowledged' THEN now()
                                                 WHEN 'closed' THEN acknowledged_at END,
                closed_at = CASE %(state)s WHEN 'closed' THEN now() END,
                closed_by = CASE %(state)s WHEN 'closed' THEN 'user' END
            WHERE id = ANY(%(ids)s::bigint[]) AND state <> %(state)s
            """,
            {"state": state, "ids": list(numbers)},
        )
        return changed.rowcount


def detections(connection: Connection[Any], limit: int = 20) -> list[DetectionRow]:
    """Quality of the devices' own alarms on labelled readings, by detector, the newest first."""
    found = connection.execute(
        """
        SELECT detector, true_positives, false_positives, true_negatives, false_negatives, milliseconds(updated_at)
        FROM detection_counts ORDER BY updated_at DESC, detector LIMIT %s
        """,
        (bounded(limit),),
    ).fetchall()
    return [_detection(name, Confusion(*counts), updated) for name, *counts, updated in found]


def _detection(name: str, counts: Confusion, updated: int) -> DetectionRow:
    return DetectionRow(
        detector=name,
        readings=counts.total,
        **counts._asdict(),
        precision=counts.precision,
        recall=counts.recall,
        f1=counts.f1,
        false_alarm_rate=counts.false_alarm_rate,
        missed_alarm_rate=counts.missed_alarm_rate,
        updated_at=updated,
    )


def _moment(milliseconds: int | None) -> int | None:
    """Within the years 1 to 9999: times beyond would overflow in the database."""
    return None if milliseconds is None else min(max(milliseconds, -62_135_596_800_000), 253_402_300_799_000)
