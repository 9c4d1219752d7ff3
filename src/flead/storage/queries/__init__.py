"""The dashboards' queries: ``queries.overview(connection)`` and its like.

Every function takes a connection, returns Structs of :mod:`flead.storage.queries.rows`, and is bounded: by a LIMIT, or
by reading sums instead of raw rows. None sets a time limit: that is the connection's (``statement_timeout``). "The last
hour" ends at the data's clock, the event time of the newest record, and not now: replayed data shows as live data does.
"""

from flead.storage.queries.agents import agents, agents_refused
from flead.storage.queries.alarms import (
    Wanted,
    alarm,
    alarm_counts,
    alarms,
    alarms_changed,
    detections,
    newest_revision,
    set_alarms,
)
from flead.storage.queries.fleet import (
    ORDERS,
    Order,
    broker_states,
    device,
    device_anomalies,
    device_kinds,
    device_models,
    device_parameters,
    device_signal,
    device_states,
    devices,
    fleet_map,
    top_devices,
)
from flead.storage.queries.models import (
    accuracy_trend,
    evaluations,
    global_models,
    global_parameters,
    versions,
)
from flead.storage.queries.source import understood
from flead.storage.queries.totals import (
    anomalies_per_minute,
    broker_totals,
    latest_anomalies,
    latest_rejected,
    models_per_minute,
    overview,
    readings_per_minute,
    rejected_reasons,
    table_counts,
)

__all__ = [
    "ORDERS",
    "Order",
    "Wanted",
    "accuracy_trend",
    "agents",
    "agents_refused",
    "alarm",
    "alarm_counts",
    "alarms",
    "alarms_changed",
    "anomalies_per_minute",
    "broker_states",
    "broker_totals",
    "detections",
    "device",
    "device_anomalies",
    "device_kinds",
    "device_models",
    "device_parameters",
    "device_signal",
    "device_states",
    "devices",
    "evaluations",
    "fleet_map",
    "global_models",
    "global_parameters",
    "latest_anomalies",
    "latest_rejected",
    "models_per_minute",
    "newest_revision",
    "overview",
    "readings_per_minute",
    "rejected_reasons",
    "set_alarms",
    "table_counts",
    "top_devices",
    "understood",
    "versions",
]
