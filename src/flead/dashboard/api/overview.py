"""The fleet as a whole, and the viewer's health."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response
from msgspec import Struct
from psycopg import Connection

from flead import __version__
from flead.dashboard.api.answers import Broker, Limit, answers, rows, send
from flead.dashboard.site import Site
from flead.dashboard.store_client import StoreError
from flead.records import Severity
from flead.storage import queries
from flead.storage.queries.alarm_rows import AlarmCounts, DetectionRow
from flead.storage.queries.rows import (
    AnomalyRow,
    BrokerTotals,
    EvaluationRow,
    MinuteAnomalies,
    MinuteModels,
    MinuteReadings,
    Overview,
    RejectedReason,
    RejectedRow,
    State,
)


class Fleet(Struct):
    """Devices by state, alarms that are not closed, and the measured quality of models and alarms."""

    states: dict[State, int]
    alarms: AlarmCounts
    brokers: list[BrokerTotals]
    evaluation: EvaluationRow | None
    """Quality of the newest global model that was tested."""
    detections: list[DetectionRow]


class Rates(Struct):
    """What happened in each of the last minutes of event time, oldest first; the newest minute is incomplete."""

    readings: list[MinuteReadings]
    models: list[MinuteModels]
    anomalies: list[MinuteAnomalies]


class DeadLetters(Struct):
    """What was refused: how often and why, and the newest records with their bytes (base64)."""

    reasons: list[RejectedReason]
    rows: list[RejectedRow]


Anomalies = rows(AnomalyRow, "Anomalies")


def routes(site: Site) -> APIRouter:
    """``/healthz``, ``/metrics`` and the first of ``/api``."""
    api, ask = APIRouter(tags=["fleet"]), site.store.ask

    @api.get("/healthz", include_in_schema=False)
    async def health() -> Response:
        """200 if the store answers, 503 if not."""
        try:
            await ask(_answers)
        except StoreError as error:
            return send({"status": "unavailable", "version": __version__, "store": str(error)}, 503)
        return send({"status": "ok", "version": __version__, "store": "ok"})

    @api.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        """Prometheus' text format."""
        totals, fleet = await ask(queries.overview), await ask(_fleet)
        return Response(_metrics(totals, fleet), media_type="text/plain; version=0.0.4; charset=utf-8")

    @api.get("/api/overview", responses=answers(Overview))
    async def overview() -> Response:
        """The published counts, and some more."""
        return send(await ask(queries.overview))

    @api.get("/api/fleet", responses=answers(Fleet))
    async def fleet() -> Response:
        """Devices by state, alarms that are not closed, brokers, and the measured quality of models and alarms."""
        return send(await ask(_fleet))

    @api.get("/api/rates", responses=answers(Rates, 422))
    async def rates(minutes: Annotated[int, Query(ge=1, le=1440)] = 60, broker: Broker = None) -> Response:
        """Readings, trainings and anomalies of each of the last minutes of event time."""
        return send(await ask(_rates, minutes, broker))

    @api.get("/api/anomalies", responses=answers(Anomalies, 422))
    async def anomalies(limit: Limit = 50, broker: Broker = None, severity: Severity | None = None) -> Response:
        """The newest flagged readings of all devices, newest first."""
        return send({"rows": await ask(queries.latest_anomalies, limit, broker, severity)})

    @api.get("/api/dead-letters", responses=answers(DeadLetters, 422))
    async def dead_letters(limit: Limit = 50) -> Response:
        """What was refused, and why."""
        return send(DeadLetters(await ask(queries.rejected_reasons), await ask(queries.latest_rejected, limit)))

    return api


def _answers(connection: Connection[Any]) -> None:
    connection.execute("SELECT 1")


def _fleet(connection: Connection[Any]) -> Fleet:
    with connection.transaction():
        evaluated = queries.evaluations(connection, 1)
        return Fleet(
            queries.device_states(connection),
            queries.alarm_counts(connection),
            queries.broker_totals(connection),
            evaluated[0] if evaluated else None,
            queries.detections(connection),
        )


def _rates(connection: Connection[Any], minutes: int, broker: int | None) -> Rates:
    with connection.transaction():
        return Rates(
            queries.readings_per_minute(connection, minutes, broker),
            queries.models_per_minute(connection, minutes, broker),
            queries.anomalies_per_minute(connection, minutes, broker),
        )


def _metrics(totals: Overview, fleet: Fleet) -> str:
    counters = {
        "readings": totals.readings, "local_models": totals.local_models, "global_models": totals.global_models,
        "rejected": totals.rejected,
    }  # fmt: skip
    lines = []
    for name, value in counters.items():
        lines += [f"# TYPE flead_{name}_total counter", f"flead_{name}_total {value}"]
    lines.append("# TYPE flead_anomalies_total counter")
    lines += [f'flead_anomalies_total{{severity="warning"}} {totals.warnings}']
    lines += [f'flead_anomalies_total{{severity="critical"}} {totals.criticals}']
    lines.append("# TYPE flead_devices gauge")
    lines += [f'flead_devices{{state="{state}"}} {number}' for state, number in sorted(fleet.states.items())]
    lines.append("# TYPE flead_alarms gauge")
    alarms = msgspec.structs.asdict(fleet.alarms)
    lines += [f'flead_alarms{{state="{state}"}} {number}' for state, number in alarms.items()]
    if totals.global_accuracy is not None:
        lines += ["# TYPE flead_global_accuracy gauge", f"flead_global_accuracy {totals.global_accuracy}"]
    if totals.clock is not None:
        lines += ["# TYPE flead_newest_record_seconds gauge", f"flead_newest_record_seconds {totals.clock / 1000}"]
    return "\n".join(lines) + "\n"
