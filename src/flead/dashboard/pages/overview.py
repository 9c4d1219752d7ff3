"""The overview: the eight published panels, and what an operator asks next."""

from dataclasses import dataclass
from typing import Any

from nicegui import ui
from psycopg import Connection

from flead.dashboard.components.elements import Card, Stat, Text
from flead.dashboard.components.frame import frame, keep_live
from flead.dashboard.components.table import Table, bar, column
from flead.dashboard.formats import count, percent, plural
from flead.dashboard.pages.overview_cards import Accuracy, FleetStates
from flead.dashboard.pages.overview_charts import AccuracyTrend, AnomalyRate, TrainingRate
from flead.dashboard.reasons import reason_of_alarm
from flead.dashboard.site import Site
from flead.dashboard.store_client import StoreClient
from flead.settings.federation import FederationSettings
from flead.storage import queries
from flead.storage.queries.alarm_rows import AlarmCounts, AlarmRow, DetectionRow
from flead.storage.queries.rows import (
    BrokerTotals,
    EvaluationRow,
    GlobalModelRow,
    MinuteAnomalies,
    MinuteModels,
    Overview,
    RejectedReason,
    State,
    TopDevice,
    TrendPoint,
)

MINUTES = 60
VERSIONS = 100
ROWS = 8


def add_overview(site: Site) -> None:
    """Serve the page."""

    @ui.page("/", title="Overview · FLEAD", response_timeout=10)
    async def overview() -> None:
        with frame("Overview", "/") as status:
            view = _View(site.store, site.settings)
        await keep_live(status, view.refresh)


@dataclass
class _Seen:
    """The store at one moment, so that the figures of the page agree with each other."""

    totals: Overview
    devices: list[tuple[str, State, int]]
    states: dict[int, dict[State, int]]
    detections: list[DetectionRow]
    alarms: list[AlarmRow]
    alarm_counts: AlarmCounts
    rate: list[MinuteModels]
    trend: list[TrendPoint]
    evaluated: list[EvaluationRow]
    anomaly_rate: list[MinuteAnomalies]
    brokers: list[BrokerTotals]
    models: list[GlobalModelRow]
    top: list[TopDevice]
    reasons: list[RejectedReason]


def _look(connection: Connection[Any]) -> _Seen:
    with connection.transaction():
        return _Seen(
            totals=queries.overview(connection),
            devices=queries.fleet_map(connection),
            states=queries.broker_states(connection),
            detections=queries.detections(connection, 1),
            alarms=queries.alarms(connection, "active", limit=ROWS).rows,
            alarm_counts=queries.alarm_counts(connection),
            rate=queries.models_per_minute(connection, MINUTES),
            trend=queries.accuracy_trend(connection, VERSIONS),
            evaluated=queries.evaluations(connection, 1),
            anomaly_rate=queries.anomalies_per_minute(connection, MINUTES),
            brokers=queries.broker_totals(connection),
            models=queries.global_models(connection, ROWS),
            top=queries.top_devices(connection, ROWS),
            reasons=queries.rejected_reasons(connection, 3),
        )


class _View:
    def __init__(self, store: StoreClient, settings: FederationSettings) -> None:
        self._store = store
        Text("h1", "Overview")
        with ui.element("div").classes("grid"):
            self._local_models = Stat("Total local models")
            self._global_models = Stat("Global models created")
            self._active = Stat("Active devices (last hour)")
            self._accuracy = Accuracy()
            self._readings = Stat("Readings")
            self._anomalies = Stat("Anomalies")
            self._rejected = Stat("Rejected")
            self._open = Stat("Open alarms", 6)
            self._states = FleetStates()
            with Card("Latest alarms", 12) as card:
                card.classes("latest")
                self._latest = Table("Latest alarms", _ALARM_COLUMNS, NO_ALARMS)
            self._rate = TrainingRate()
            self._trend = AccuracyTrend()
            with Card("Anomalies per broker", 6):
                self._brokers = Table("Anomalies per broker", _BROKER_COLUMNS, NO_READINGS)
            with Card("Anomalies per minute", 6):
                self._anomaly_rate = AnomalyRate()
            with Card("Recent federated models", 7):
                self._models = Table("Recent federated models", _MODEL_COLUMNS, NO_MODELS % settings.buffer)
            with Card("Top devices by training count", 5):
                self._top = Table("Top devices by training count", _TOP_COLUMNS, "No devices have trained yet.")

    async def refresh(self) -> int | None:
        seen = await self._store.ask(_look)
        self._show_totals(seen.totals, seen.reasons)
        newest, evaluated = seen.models[:1], seen.evaluated[:1]
        self._accuracy.show(newest[0] if newest else None, evaluated[0] if evaluated else None, seen.detections)
        self._states.show(seen.devices, seen.states)
        alarms = seen.alarm_counts
        self._open.show(
            count(alarms.open), f"{count(alarms.open_critical)} critical; {count(alarms.acknowledged)} acknowledged"
        )
        self._rate.show(seen.rate)
        self._trend.show(seen.trend)
        self._latest.show([_alarm(alarm) for alarm in seen.alarms])
        self._brokers.show(_broker_rows(seen.brokers))
        self._anomaly_rate.show(seen.anomaly_rate)
        self._models.show([_model(model) for model in seen.models])
        self._top.show(_top_rows(seen.top))
        return seen.totals.clock

    def _show_totals(self, totals: Overview, reasons: list[RejectedReason]) -> None:
        self._local_models.show(count(totals.local_models), "one per training")
        self._global_models.show(count(totals.global_models), "merged from the local ones")
        self._active.show(count(totals.active_devices), f"of {plural(totals.devices, 'device')}")
        anomalies = totals.warnings + totals.criticals
        self._readings.show(count(totals.readings), f"from {plural(totals.devices, 'device')}")
        share = f"{percent(anomalies / totals.readings, 2)} of readings, " if totals.readings else ""
        self._anomalies.show(count(anomalies), f"{share}{count(totals.criticals)} critical")
        why = ", ".join(f"{count(reason.rejected)} × {reason.reason}" for reason in reasons)
        self._rejected.show(count(totals.rejected), why or "every reading was valid")


NO_READINGS = "No readings yet. Brokers appear here with the first reading."
NO_MODELS = "No global models yet. The first is made when %d different devices have trained."

NO_ALARMS = "No alarm: no device has left its band for long, or far."

_ALARM_COLUMNS = [
    column("severity", "Severity", "state"),
    column("device", "Device", "device"),
    column("why", "Why", "prose"),
    column("time", "Since", "time"),
    column("last", "Last flagged", "time", narrow=False),
]
_BROKER_COLUMNS = [
    column("broker", "Broker", hint="Devices are placed on brokers for good"),
    column("devices", "Devices", "number"),
    column("warnings", "Warnings", "number"),
    column("criticals", "Critical", "number"),
    column("bar", "", "bar", hint="Beside the broker with most"),
]
_MODEL_COLUMNS = [
    column("version", "Version"),
    column("round", "Round", "number"),
    column("devices", "Devices", "number"),
    column("accuracy", "Accuracy", "number", hint="As the devices reported it"),
    column("strategy", "Strategy", narrow=False),
    column("time", "Created at", "time"),
]
_TOP_COLUMNS = [
    column("device", "Device", "device"),
    column("broker", "Broker", "number", narrow=False),
    column("bar", "Models trained", "bar"),
    column("accuracy", "Mean accuracy", "number"),
]


def _alarm(alarm: AlarmRow) -> dict[str, object]:
    return {
        "key": alarm.id,
        "severity": alarm.severity,
        "device": alarm.device_id,
        "why": reason_of_alarm(alarm),
        "time": alarm.started_at,
        "last": alarm.last_at,
    }


def _broker_rows(brokers: list[BrokerTotals]) -> list[dict[str, object]]:
    most = max((broker.warnings + broker.criticals for broker in brokers), default=0) or 1
    return [
        {
            "key": broker.broker_id,
            "broker": f"Broker {broker.broker_id}",
            "devices": count(broker.devices),
            "warnings": count(broker.warnings),
            "criticals": count(broker.criticals),
            "bar": bar("", ("warning", broker.warnings / most), ("critical", broker.criticals / most)),
        }
        for broker in brokers
    ]


def _model(model: GlobalModelRow) -> dict[str, object]:
    return {
        "key": model.version,
        "version": count(model.version),
        "round": count(model.aggregation_round),
        "devices": count(model.num_devices),
        "accuracy": percent(model.accuracy),
        "strategy": model.strategy,
        "time": model.created_at,
    }


def _top_rows(top: list[TopDevice]) -> list[dict[str, object]]:
    most = max((device.trainings for device in top), default=1)
    return [
        {
            "key": device.device_id,
            "device": device.device_id,
            "broker": count(device.broker_id),
            "bar": bar(count(device.trainings), ("accent", device.trainings / most)),
            "accuracy": percent(device.mean_accuracy),
        }
        for device in top
    ]
