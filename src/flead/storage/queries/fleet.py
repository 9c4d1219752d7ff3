"""The devices: all of them by page, and one with its signal, anomalies and models."""

from typing import Any, Literal, get_args

from psycopg import Connection
from psycopg.rows import scalar_row

from flead.storage.queries.common import ANOMALY, bounded, fetch, fetch_parameters
from flead.storage.queries.rows import (
    AnomalyRow,
    DeviceModel,
    DevicePage,
    DeviceRow,
    ModelParameters,
    SignalPoint,
    State,
    TopDevice,
)
from flead.storage.text import clean

Order = Literal[
    "device_id", "broker_id", "state", "last_seen", "readings", "anomalies", "trainings", "model_version", "accuracy"
]
ORDERS: tuple[Order, ...] = get_args(Order)
"""What devices can be sorted by."""

_DEVICE = """device_id, broker_id, channels, state, milliseconds(first_seen) AS first_seen,
    milliseconds(last_seen) AS last_seen, readings, anomalies, milliseconds(last_warning) AS last_warning,
    milliseconds(last_critical) AS last_critical, trainings, model_version, accuracy, loss,
    accuracy_sum / nullif(trainings, 0) AS mean_accuracy"""

_DEVICE_TIMES = """
    device_id = %(device)s AND (%(channel)s::text IS NULL OR channel = %(channel)s)
    AND timestamp >= %(since)s::bigint * interval '1 millisecond' + timestamptz 'epoch'
    AND timestamp < %(until)s::bigint * interval '1 millisecond' + timestamptz 'epoch'
"""

_FIRST, _LAST = -62_135_596_800_000, 253_402_300_800_000
"""The years 1 to 9999, in milliseconds: wider bounds would overflow in the database."""


def top_devices(connection: Connection[Any], limit: int = 10) -> list[TopDevice]:
    """The devices with most trainings."""
    return fetch(
        connection,
        TopDevice,
        """
        SELECT device_id, broker_id, trainings, accuracy_sum / trainings AS mean_accuracy
        FROM devices WHERE trainings > 0 ORDER BY trainings DESC, device_id LIMIT %(limit)s
        """,
        limit=bounded(limit),
    )


def devices(
    connection: Connection[Any],
    search: str = "",
    broker: int | None = None,
    state: State | None = None,
    sort: Order = "device_id",
    descending: bool = False,
    limit: int = 50,
    offset: int = 0,
    kind: str = "",
) -> DevicePage:
    """The devices whose id contains ``search`` (any case), a page of them, and how many there are in all.

    ``kind`` names the channels that a device must have, as :func:`device_kinds` does.

    Ids sort by length first, so that device_2 comes before device_10. Raises ValueError for an unknown ``sort``.
    """
    if sort not in ORDERS:
        raise ValueError(f"devices cannot be sorted by {sort!r}, only by {', '.join(ORDERS)}")
    direction = "DESC" if descending else "ASC"
    key = f"length(device_id) {direction}, device_id" if sort == "device_id" else sort
    where = """
        WHERE (%(search)s = '' OR strpos(lower(device_id), lower(%(search)s)) > 0)
          AND (%(broker)s::int IS NULL OR broker_id = %(broker)s) AND (%(state)s::text IS NULL OR state = %(state)s)
          AND (%(kind)s = '' OR array_to_string(channels, ', ') = %(kind)s)
        """
    wanted = {"search": clean(search), "broker": broker, "state": state, "kind": clean(kind)}
    rows = fetch(
        connection,
        DeviceRow,
        f"""
        SELECT {_DEVICE} FROM device_states {where}
        ORDER BY {key} {direction} NULLS LAST, length(device_id), device_id LIMIT %(limit)s OFFSET %(offset)s
        """,
        limit=bounded(limit),
        offset=min(max(offset, 0), 2**62),
        **wanted,
    )
    with connection.cursor(row_factory=scalar_row) as cursor:
        total = cursor.execute(f"SELECT count(*) FROM device_states {where}", wanted).fetchone()
    return DevicePage(total or 0, rows)


def device_kinds(connection: Connection[Any], limit: int = 50) -> dict[str, int]:
    """Which channels devices have, as ``pressure, flow``, and how many devices have exactly these; most first."""
    with connection.cursor() as cursor:
        return dict(
            cursor.execute(
                """
                SELECT array_to_string(channels, ', ') AS kind, count(*) FROM devices
                GROUP BY kind ORDER BY count(*) DESC, kind LIMIT %s
                """,
                (bounded(limit),),
            ).fetchall()
        )


def fleet_map(connection: Connection[Any], limit: int = 5000) -> list[tuple[str, State, int]]:
    """Id, state and broker of every device, by broker and id; none at all where there are more than ``limit``."""
    with connection.cursor() as cursor:
        found: list[tuple[str, State, int]] = cursor.execute(
            """
            SELECT device_id, state, broker_id FROM device_states
            WHERE (SELECT count(*) FROM (SELECT FROM devices LIMIT %(limit)s + 1) AS counted) <= %(limit)s
            ORDER BY broker_id, length(device_id), device_id LIMIT %(limit)s
            """,
            {"limit": bounded(limit)},
        ).fetchall()
    return found


def broker_states(connection: Connection[Any]) -> dict[int, dict[State, int]]:
    """How many devices are in each state, by broker."""
    counted: dict[int, dict[State, int]] = {}
    query = "SELECT broker_id, state, count(*) FROM device_states GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 1000"
    with connection.cursor() as cursor:
        for broker, state, number in cursor.execute(query).fetchall():
            counted.setdefault(broker, {})[state] = number
    return counted


def device_states(connection: Connection[Any]) -> dict[State, int]:
    """How many devices are in each state."""
    with connection.cursor() as cursor:
        return dict(cursor.execute("SELECT state, count(*) FROM device_states GROUP BY state").fetchall())


def device(connection: Connection[Any], device_id: str) -> DeviceRow | None:
    """One device; None if there is none with this id."""
    found = fetch(
        connection,
        DeviceRow,
        f"SELECT {_DEVICE} FROM device_states WHERE device_id = %(device)s LIMIT 1",
        device=clean(device_id),
    )
    return found[0] if found else None


def device_signal(
    connection: Connection[Any],
    device_id: str,
    since: int | None = None,
    until: int | None = None,
    channel: str | None = None,
    limit: int = 2000,
) -> list[SignalPoint]:
    """The signal of a device in ``since <= time < until`` (milliseconds): the newest ``limit`` points, oldest first."""
    newest = fetch(
        connection,
        SignalPoint,
        f"""
        -- On the platform a flagged reading may have come twice: thinned from the stream, and with what flagged it.
        SELECT DISTINCT ON (s.timestamp, channel, value) channel, milliseconds(timestamp) AS timestamp, value, mean, std
        FROM signal AS s WHERE {_DEVICE_TIMES}
        ORDER BY s.timestamp DESC, channel, value, mean NULLS LAST LIMIT %(limit)s
        """,
        **_device_times(device_id, since, until, channel, limit),
    )
    return newest[::-1]


def device_anomalies(
    connection: Connection[Any],
    device_id: str,
    since: int | None = None,
    until: int | None = None,
    channel: str | None = None,
    limit: int = 500,
) -> list[AnomalyRow]:
    """The anomalies of a device in ``since <= time < until`` (milliseconds), newest first."""
    return fetch(
        connection,
        AnomalyRow,
        f"SELECT {ANOMALY} FROM anomalies AS a WHERE {_DEVICE_TIMES} ORDER BY a.timestamp DESC LIMIT %(limit)s",
        **_device_times(device_id, since, until, channel, limit),
    )


def device_models(connection: Connection[Any], device_id: str, limit: int = 100) -> list[DeviceModel]:
    """The newest trainings of a device, newest first."""
    return fetch(
        connection,
        DeviceModel,
        """
        SELECT model_version, global_version, accuracy, loss, samples_processed, milliseconds(created_at) AS created_at
        FROM local_models AS l WHERE device_id = %(device)s
        ORDER BY l.created_at DESC, model_version DESC LIMIT %(limit)s
        """,
        device=clean(device_id),
        limit=bounded(limit),
    )


def device_parameters(connection: Connection[Any], device_id: str) -> ModelParameters | None:
    """The parameters of a device's newest local model; None before its first training."""
    return fetch_parameters(
        connection,
        """
        SELECT model_version, parameters, layout FROM local_models WHERE device_id = %(device)s
        ORDER BY created_at DESC, model_version DESC LIMIT 1
        """,
        device=clean(device_id),
    )


def _device_times(
    device_id: str, since: int | None, until: int | None, channel: str | None, limit: int
) -> dict[str, Any]:
    return {
        "device": clean(device_id),
        "since": _FIRST if since is None else min(max(since, _FIRST), _LAST),
        "until": _LAST if until is None else min(max(until, _FIRST), _LAST),
        "channel": None if channel is None else clean(channel),
        "limit": bounded(limit),
    }
