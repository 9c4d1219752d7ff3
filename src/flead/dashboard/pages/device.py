"""One device: its signal with the band and its anomalies, why each was one, and how it has learnt."""

from dataclasses import dataclass
from typing import Any

from nicegui import ui
from psycopg import Connection

from flead.dashboard.components.elements import Card, Moment, Text, box, set_visible
from flead.dashboard.components.fields import Choice
from flead.dashboard.components.frame import frame, keep_live
from flead.dashboard.components.table import Table, column
from flead.dashboard.formats import NONE, count, figure, measured, percent, plural, score
from flead.dashboard.pages.device_learning import Learning
from flead.dashboard.pages.device_signal import RANGES, Signal, extent
from flead.dashboard.pages.device_source import SourceCard
from flead.dashboard.reasons import reason, reason_of_alarm
from flead.dashboard.site import Site
from flead.dashboard.sources import source_of
from flead.dashboard.store_client import StoreClient
from flead.ingest.recognise.device_source import DeviceSource
from flead.placement import partition_of
from flead.settings import ModelSettings
from flead.storage import queries
from flead.storage.queries.alarm_rows import AlarmRow
from flead.storage.queries.rows import AnomalyRow, DeviceModel, DeviceRow, ModelParameters, SignalPoint

REASONS = 12
VERSIONS = 100
ANOMALIES_ON_CHART = 500


def add_device(site: Site) -> None:
    """Serve the page."""

    @ui.page("/devices/{device_id:path}", response_timeout=10)
    async def device(device_id: str) -> None:
        with frame(device_id, "/devices") as status:
            view = _View(site.store, site.settings, device_id)
        await keep_live(status, view.refresh)


@dataclass
class _History:
    points: list[SignalPoint]
    marked: list[AnomalyRow]
    newest: list[AnomalyRow]
    models: list[DeviceModel]
    own: ModelParameters | None
    shared: ModelParameters | None
    alarms: list[AlarmRow]
    source: DeviceSource | None


def _look_back(connection: Connection[Any], device_id: str, since: int | None, limit: int) -> _History:
    """The signal and, since it begins, the anomalies; the newest anomalies and trainings."""
    with connection.transaction():
        points = queries.device_signal(connection, device_id, since, limit=limit)
        begin = points[0].timestamp if points else since
        return _History(
            points,
            queries.device_anomalies(connection, device_id, begin, limit=ANOMALIES_ON_CHART),
            queries.device_anomalies(connection, device_id, limit=REASONS),
            queries.device_models(connection, device_id, VERSIONS),
            queries.device_parameters(connection, device_id),
            _newest_global(connection),
            queries.alarms(connection, device=device_id, limit=ALARMS).rows,
            source_of(connection, device_id),
        )


def _newest_global(connection: Connection[Any]) -> ModelParameters | None:
    newest = queries.global_models(connection, 1)
    return queries.global_parameters(connection, newest[0].version) if newest else None


class _View:
    def __init__(self, store: StoreClient, settings: ModelSettings, device_id: str) -> None:
        self._store = store
        self._id = device_id
        self._seen: tuple[object, ...] = ()
        self._range = ""
        with box("crumbs", "nav").props('aria-label="Way back"'):
            Text("a", "Devices").props('href="/devices"')
        with box("title-row"):
            Text("h1", device_id)
            self._state = Text("span", "", "badge")
        self._missing = Text(
            "p",
            "There is no device with this id in the store. It appears here with its first reading;"
            " the list of devices shows the known ones.",
            "card empty",
        )
        with box("grid") as self._content:
            self._summary = _Summary(settings)
            with Card("Signal", 12, f"band: mean ± {settings.threshold:g} std of the readings before") as card:
                card.classes("signal")
                Choice("Time range", RANGES, self._range, self._choose_range).classes("range")
                self._signal = Signal(settings.threshold)
            with Card("Alarms", 12, "events of this device, the newest first"):
                self._alarms = Table("Alarms", _ALARM_COLUMNS, "No alarms so far.")
            with Card("Why readings were flagged", 12, "the newest first"):
                self._reasons = Table("Why readings were flagged", _REASON_COLUMNS, NO_ANOMALIES)
            self._learning = Learning()
            self._source = SourceCard()

    async def refresh(self) -> int | None:
        totals = await self._store.ask(queries.overview)
        device = await self._store.ask(queries.device, self._id)
        set_visible(self._missing, device is None)
        set_visible(self._content, device is not None)
        if device is not None:
            self._summary.show(device)
            self._show_state(device)
            await self._refresh_history(device)
        return totals.clock

    def _show_state(self, device: DeviceRow) -> None:
        self._state.set_text(device.state)
        self._state.classes(replace=f"badge {device.state}")

    async def _refresh_history(self, device: DeviceRow) -> None:
        seen = (device.readings, device.trainings, device.last_seen, self._range)
        if seen == self._seen:  # nothing new, so nothing to ask
            return
        history = await self._store.ask(_look_back, self._id, *extent(device, self._range))
        self._signal.show(device.channels, history.points, history.marked)
        self._reasons.show([_reason(anomaly) for anomaly in history.newest])
        self._learning.show(history.models)
        self._learning.show_weights(history.own, history.shared)
        self._alarms.show([_alarm(alarm) for alarm in history.alarms])
        self._source.show(history.source)
        self._seen = seen

    def _choose_range(self, chosen: str) -> None:
        self._range = chosen


class _Summary(Card):
    def __init__(self, settings: ModelSettings) -> None:
        super().__init__("Summary", 12)
        self.classes("summary")
        self._settings = settings
        with self, box("pairs", "dl"):
            self._broker = _pair("Broker")
            self._channels = _pair("Channels")
            self._readings = _pair("Readings")
            self._rate = _pair("Rate")
            self._anomalies = _pair("Anomalies")
            self._version = _pair("Model version")
            self._accuracy = _pair("Accuracy")
            self._loss = _pair("Loss")
            self._first_seen = _time_pair("First seen")
            self._last_seen = _time_pair("Last seen")

    def show(self, device: DeviceRow) -> None:
        share = device.anomalies / device.readings if device.readings else None
        placed = partition_of(
            device.device_id, self._settings.partitions, self._settings.brokers, self._settings.devices_per_broker
        )
        self._broker.set_text(f"{device.broker_id}, partition {placed}")
        minutes = (device.last_seen - device.first_seen) / 60_000
        self._rate.set_text(f"{figure(device.readings / minutes, 3)} per minute" if minutes >= 1 else NONE)
        self._channels.set_text(
            device.channels[0] if len(device.channels) == 1 else plural(len(device.channels), "channel")
        )
        self._readings.set_text(count(device.readings))
        self._anomalies.set_text(f"{count(device.anomalies)} ({percent(share)})")
        self._version.set_text(count(device.model_version) if device.model_version else NONE)
        self._accuracy.set_text(percent(device.accuracy))
        self._loss.set_text(figure(device.loss, 3))
        self._first_seen.show(device.first_seen)
        self._last_seen.show(device.last_seen)


ALARMS = 8
_ALARM_COLUMNS = [
    column("severity", "Severity", "state"),
    column("why", "Why", "prose"),
    column("since", "Since", "time"),
    column("last", "Last flagged", "time", narrow=False),
    column("state", "State"),
]
NO_ANOMALIES = "No anomalies so far: every reading was within its band."

_REASON_COLUMNS = [
    column("time", "Time", "time"),
    column("severity", "Severity", "state"),
    column("reason", "Why", "prose"),
    column("value", "Value", "number", narrow=False),
    column("mean", "Mean", "number", narrow=False, hint="Of the readings before it"),
    column("std", "Std", "number", narrow=False, hint="Standard deviation of the readings before it"),
    column("z", "z", "number", hint="(value − mean) / std"),
    column("threshold", "Threshold", "number", narrow=False),
]


def _reason(anomaly: AnomalyRow) -> dict[str, object]:
    return {
        "key": f"{anomaly.channel}/{anomaly.timestamp}",
        "time": anomaly.timestamp,
        "severity": anomaly.severity,
        "reason": reason(anomaly),
        "value": measured(anomaly.value, anomaly.std),
        "mean": measured(anomaly.mean, anomaly.std),
        "std": figure(anomaly.std, 3),
        "z": score(anomaly.z_score),
        "threshold": figure(anomaly.threshold, 3),
    }


def _alarm(alarm: AlarmRow) -> dict[str, object]:
    return {
        "key": alarm.id,
        "severity": alarm.severity,
        "why": reason_of_alarm(alarm),
        "since": alarm.started_at,
        "last": alarm.last_at,
        "state": alarm.state,
    }


def _pair(name: str) -> Text:
    with box():
        Text("dt", name)
        return Text("dd", NONE)


def _time_pair(name: str) -> Moment:
    with box():
        Text("dt", name)
        with box(tag="dd"):
            return Moment()
