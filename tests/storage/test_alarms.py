"""One event is one alarm, however its readings were cut into commits, and whatever happened to it meanwhile."""

from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from flead.columns import Batch, Devices
from flead.records import Flagged
from flead.storage.writing.alarms import AlarmRules
from flead.storage.writing.writer import Writer
from tests import columns

pytestmark = pytest.mark.real

NOON = 1_762_516_800_000  # 2025-11-07T12:00:00Z
RULES = AlarmRules(gap=10_000, readings=3, clear=60_000, webhook=True)

Connection = psycopg.Connection[Any]
Flag = tuple[int, int, float]
"""A device's row, seconds after noon, and z."""


def flagged(rows: NDArray[np.int32], times: NDArray[np.int64], scores: NDArray[np.float64]) -> Flagged:
    """Readings of the devices' first channel, critical beyond 5 standard deviations."""
    return columns.flagged(
        rows,
        times,
        values=scores * 10,
        scores=scores,
        critical=np.abs(scores) > 5,
    )


def write(connection: Connection, *commits: list[Flag], clock: int = 0) -> None:
    """Write flagged readings, a list a commit, by a writer that remembers nothing in between."""
    for flags in commits:
        devices = Devices()
        devices.add(["device_0", "device_1"])
        writer = Writer(connection, devices, lambda device: 1, RULES)
        if flags:
            rows = np.array([row for row, _, _ in flags], np.int32)
            times = np.array([NOON + 1000 * second for _, second, _ in flags])
            scores = np.array([score for _, _, score in flags], np.float64)
            writer.add_anomalies(flagged(rows, times, scores))
        if clock:
            at = np.array([NOON + 1000 * clock])
            writer.add_readings(Batch(np.zeros(1, np.int32), at, np.zeros((1, 1)), np.zeros(1, np.int8)))
        writer.commit()


def alarms(connection: Connection) -> list[tuple[Any, ...]]:
    """device, state, severity, seconds from noon of its first and last reading, flagged, critical, furthest z."""
    return connection.execute(
        """SELECT device_id, state, severity, (milliseconds(started_at) - %(noon)s) / 1000,
                  (milliseconds(last_at) - %(noon)s) / 1000, anomalies, criticals, z_score
           FROM alarms ORDER BY started_at, id""",
        {"noon": NOON},
    ).fetchall()


def test_single_warnings_are_no_alarm(connection: Connection) -> None:
    write(connection, [(0, 0, 3.0), (0, 5, 3.0), (0, 20, 3.0), (1, 0, -3.0), (1, 4, 3.0), (1, 30, 4.0)])
    assert alarms(connection) == []


def test_readings_that_follow_closely_are_one_alarm(connection: Connection) -> None:
    write(connection, [(0, 0, 3.0), (1, 3, 9.0), (0, 10, -4.5), (0, 20, 3.0), (0, 31, 3.0)])
    assert alarms(connection) == [
        ("device_0", "open", "warning", 0, 20, 3, 0, -4.5),
        ("device_1", "open", "critical", 3, 3, 1, 1, 9.0),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_commits_make_no_difference(connection: Connection, seed: int) -> None:
    random = np.random.default_rng(seed)
    seconds = np.cumsum(random.integers(0, 14, 120)) + random.integers(-3, 3, 120)
    flags = [
        (int(random.integers(2)), int(at), float(random.choice([3.0, -4.0, 6.0], p=[0.6, 0.35, 0.05])))
        for at in seconds
    ]
    write(connection, flags)
    at_once = alarms(connection)
    assert len(at_once) > 3
    for table in ("alarms", "alarm_runs"):
        connection.execute(f"TRUNCATE {table}".encode())
    cuts = np.sort(random.integers(0, len(flags), 40))
    write(connection, *(flags[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(flags)], strict=True)))
    # Which of them are closed by now depends on the clock alone.
    assert alarms(connection) == at_once


def test_quiet_closes_and_a_late_reading_opens_again(connection: Connection) -> None:
    write(connection, [(0, 0, 9.0)], clock=60)
    assert alarms(connection)[0][1] == "open"
    write(connection, [], clock=61)
    assert alarms(connection)[0][1] == "closed"
    closed = connection.execute("SELECT milliseconds(closed_at), closed_by FROM alarms").fetchone()
    assert closed == (NOON + 60_000, "quiet")
    write(connection, [(0, 8, 3.0)])
    assert alarms(connection) == [("device_0", "open", "critical", 0, 8, 2, 1, 9.0)]


def test_what_somebody_closed_stays_closed(connection: Connection) -> None:
    write(connection, [(0, 0, 9.0)])
    connection.execute("UPDATE alarms SET state = 'closed', closed_by = 'user'")
    write(connection, [(0, 5, 11.0)])
    assert alarms(connection) == [("device_0", "closed", "critical", 0, 5, 2, 2, 11.0)]


def test_time_that_steps_back_begins_a_new_alarm(connection: Connection) -> None:
    write(connection, [(0, 100, 9.0)], [(0, 0, 9.0)], [(0, 5, 9.0)])
    assert [(row[3], row[4]) for row in alarms(connection)] == [(0, 5), (100, 100)]


def test_every_change_has_a_higher_revision(connection: Connection) -> None:
    def revision() -> int:
        found = connection.execute("SELECT max(revision) FROM alarms").fetchone()
        assert found
        return int(found[0])

    seen = []
    for second in (0, 4, 8):
        write(connection, [(0, second, 9.0)])
        seen.append(revision())
    write(connection, [], clock=1000)
    seen.append(revision())
    assert seen == sorted(set(seen))


def test_only_criticals_are_put_down_for_delivery_and_once(connection: Connection) -> None:
    write(connection, [(0, 0, 3.0), (0, 1, 3.0), (0, 2, 3.0)])
    assert connection.execute("SELECT FROM webhook_deliveries").fetchall() == []
    write(connection, [(0, 3, 9.0)], [(0, 4, 9.0)])
    assert connection.execute("SELECT alarm_id, attempts FROM webhook_deliveries").fetchall() == [(1, 0)]


def test_a_commit_that_fails_leaves_no_alarm(connection: Connection) -> None:
    connection.execute("ALTER TABLE pipeline_state ADD CHECK (length(value) < 10)")
    devices = Devices()
    devices.add(["device_0"])
    writer = Writer(connection, devices, lambda device: 1, RULES)
    writer.add_anomalies(flagged(np.zeros(1, np.int32), np.array([NOON]), np.array([9.0])))
    writer.put_state({"x": bytes(100)})
    with pytest.raises(psycopg.errors.CheckViolation):
        writer.commit()
    writer.commit()
    assert alarms(connection) == []
