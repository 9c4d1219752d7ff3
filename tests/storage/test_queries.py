"""The dashboards' figures on a small fleet whose figures can be counted by hand."""

from typing import Any

import msgspec
import numpy as np
import psycopg
import pytest

from flead.columns import Batch, Devices
from flead.errors import FleadError
from flead.learning.metrics import Confusion
from flead.records import Evaluation, GlobalModel, Rejected, to_text
from flead.storage import queries
from flead.storage.queries.alarm_rows import AlarmCounts
from flead.storage.queries.rows import (
    BrokerTotals,
    DeviceModel,
    GlobalModelRow,
    MinuteAnomalies,
    MinuteModels,
    MinuteReadings,
    ModelParameters,
    Overview,
    RejectedReason,
    SignalPoint,
    TableCount,
    TopDevice,
    TrendPoint,
)
from flead.storage.rollbacks import asked_for, request_rollback, rollback
from flead.storage.writing.alarms import AlarmRules
from flead.storage.writing.tables import Points
from flead.storage.writing.writer import Writer
from tests import columns

pytestmark = pytest.mark.real

NOON = 1_762_516_800_000  # 2025-11-07T12:00:00Z
MINUTE = 60_000
LAYOUT = {"weights": (2,), "bias": (1,)}

Connection = psycopg.Connection[Any]


@pytest.fixture
def fleet(connection: Connection) -> Connection:
    """Five devices on two brokers; the data's clock stands at NOON.

    device_1   normal    trained twice        device_10  silent for two hours
    device_2   critical  trained once         pump_3     still learning
    device_3   warning   trained three times
    """
    devices = Devices()
    rows = devices.add(["device_1", "device_2", "device_3", "device_10"])
    pump = devices.add(["Pump_3"], ("pressure", "flow"))[0]
    rules = AlarmRules(readings=1, clear=10 * MINUTE)
    writer = Writer(connection, devices, lambda device: 2 if device in ("device_10", "Pump_3") else 1, rules)

    def read(row: int, *times: int) -> None:
        count = len(times)
        writer.add_readings(
            Batch(
                np.full(count, row, np.int32), np.array(times, np.int64), np.zeros((count, 1)), np.zeros(count, np.int8)
            )
        )

    def alarm(row: int, time: int, critical: bool, channel: int = 0) -> None:
        writer.add_anomalies(
            columns.flagged(
                np.array([row], np.int32),
                np.array([time]),
                channels=np.array([channel]),
                values=np.array([7.5]),
                scores=np.array([-6.0 if critical else 3.0]),
                critical=np.array([critical]),
                means=np.array([1.0]),
                stds=np.array([0.5]),
            )
        )

    def train(row: int, version: int, time: int, accuracy: float) -> None:
        writer.add_local_models(
            columns.local_models(
                np.array([row], np.int32),
                np.array([time]),
                versions=np.array([version]),
                global_versions=np.array([version - 1]),
                accuracies=np.array([accuracy]),
                parameters=np.array([[version, -1.0, 0.25]]),
                layouts=[LAYOUT],
            )
        )

    read(rows[0], NOON - 61 * MINUTE, NOON - MINUTE, NOON)
    read(rows[1], NOON - 8 * MINUTE)
    read(rows[2], NOON - 30_000)
    read(rows[3], NOON - 120 * MINUTE)
    read(pump, NOON - 60 * MINUTE)
    alarm(rows[0], NOON - 61 * MINUTE, True)
    alarm(rows[1], NOON - 9 * MINUTE, True)
    alarm(rows[2], NOON - 30_000, False)
    alarm(pump, NOON - 60 * MINUTE, False, channel=1)
    train(rows[0], 1, NOON - 61 * MINUTE, 0.5)
    train(rows[0], 2, NOON - MINUTE, 0.75)
    train(rows[1], 1, NOON - 8 * MINUTE, 1.0)
    for version in (1, 2, 3):
        train(rows[2], version, NOON - MINUTE, 0.5)
    train(rows[3], 1, NOON - 120 * MINUTE, 0.25)
    writer.add_global_models(
        [
            GlobalModel(
                v, v, v / 4, 20 - v, "fedbuff", {"weights": [0.5, v], "bias": [0]}, to_text(NOON - (3 - v) * MINUTE)
            )
            for v in (1, 2, 3)
        ]
    )
    writer.add_evaluations(
        [Evaluation(1, 1, 600, 50, 320, 30, to_text(NOON)), Evaluation(2, 1, 0, 0, 5, 1, to_text(NOON))]
    )
    writer.add_evaluations([Evaluation(2, 2, 1, 1, 2, 0, to_text(NOON - 1))])
    writer.add_rejected([Rejected("sim", str(i), reason, b"\xff") for i, reason in enumerate(["nan", "late", "nan"])])
    times = NOON + np.arange(-5, 0) * 1000
    signal = np.arange(5.0)
    writer.add_signal(
        Points(
            rows=rows[[0] * 5],
            channels=np.zeros(5, np.int64),
            values=signal,
            means=signal - 1,
            stds=np.full(5, np.nan),
            times=times,
        )
    )
    writer.add_signal(
        Points(
            rows=np.array([pump] * 2, np.int32),
            channels=np.array([0, 1]),
            values=signal[:2],
            means=signal[:2],
            stds=signal[:2],
            times=times[:2],
        )
    )
    writer.commit()
    return connection


def test_overview(fleet: Connection) -> None:
    assert queries.overview(fleet) == Overview(
        local_models=7,
        global_models=3,
        active_devices=4,
        global_accuracy=0.75,
        readings=7,
        warnings=2,
        criticals=2,
        rejected=3,
        devices=5,
        clock=NOON,
    )


def test_an_empty_store_answers_everything(connection: Connection) -> None:
    assert queries.overview(connection) == Overview(0, 0, 0, None, 0, 0, 0, 0, 0, None)
    for several in (
        queries.models_per_minute,
        queries.anomalies_per_minute,
        queries.readings_per_minute,
        queries.accuracy_trend,
        queries.top_devices,
        queries.global_models,
        queries.broker_totals,
        queries.latest_anomalies,
        queries.evaluations,
        queries.rejected_reasons,
        queries.latest_rejected,
    ):
        assert several(connection) == [], several
    assert queries.devices(connection).total == 0
    assert queries.device_states(connection) == {}
    assert queries.device(connection, "device_1") is None
    assert queries.device_parameters(connection, "device_1") is None
    assert queries.global_parameters(connection, 1) is None
    assert queries.device_signal(connection, "device_1") == []
    assert queries.device_anomalies(connection, "device_1") == []
    assert queries.device_models(connection, "device_1") == []
    assert {(count.rows, count.exact) for count in queries.table_counts(connection)} == {(0, True)}


def test_minutes_without_anything_are_there_too(fleet: Connection) -> None:
    models = queries.models_per_minute(fleet, minutes=9)
    assert [row.minute for row in models] == [NOON - i * MINUTE for i in range(8, -1, -1)]
    assert models[0] == MinuteModels(NOON - 8 * MINUTE, 1, 1.0)
    assert models[1] == MinuteModels(NOON - 7 * MINUTE, 0, None)
    assert models[-2] == MinuteModels(NOON - MINUTE, 4, 0.5625)
    assert queries.models_per_minute(fleet, minutes=2, broker=2)[0] == MinuteModels(NOON - MINUTE, 0, None)
    assert queries.anomalies_per_minute(fleet, minutes=10)[0] == MinuteAnomalies(NOON - 9 * MINUTE, 0, 1)
    assert queries.anomalies_per_minute(fleet, minutes=2) == [
        MinuteAnomalies(NOON - MINUTE, 1, 0),
        MinuteAnomalies(NOON, 0, 0),
    ]
    assert queries.readings_per_minute(fleet, minutes=2) == [MinuteReadings(NOON - MINUTE, 2), MinuteReadings(NOON, 1)]
    assert sum(row.readings for row in queries.readings_per_minute(fleet, minutes=200, broker=2)) == 2


def test_accuracy_stands_beside_the_majority(fleet: Connection) -> None:
    first, second, third = queries.accuracy_trend(fleet)
    tp, fp, tn, fn = 601, 51, 327, 31  # all three are neighbours
    pooled = (tp + tn) / 1010, (tp + fn) / 1010, 2 * tp / (2 * tp + fp + fn), fp / (fp + tn)
    assert first == TrendPoint(1, NOON - 2 * MINUTE, 0.25, *pooled)
    assert second == TrendPoint(2, NOON - MINUTE, 0.5, *pooled)
    assert third == TrendPoint(3, NOON, 0.75, *pooled)
    assert queries.accuracy_trend(fleet, limit=1) == [TrendPoint(3, NOON, 0.75, None, None, None, None)]


def test_versions_stand_beside_what_was_measured(fleet: Connection) -> None:
    third, second, first = queries.versions(fleet)
    assert (first.version, first.evaluated, first.measured_accuracy, first.f1) == (1, 1000, 0.92, 0.9375)
    assert (second.measured_accuracy, second.majority_accuracy, second.recall) == (0.8, 0.8, 0.5)
    assert (third.evaluated, third.measured_accuracy, third.restored_version) == (0, None, None)
    assert queries.versions(fleet, before=3, limit=1) == queries.versions(fleet, version=2) == [second]


def test_rollbacks_are_asked_for_and_fulfilled(fleet: Connection) -> None:
    with pytest.raises(FleadError, match="no global model 9"):
        request_rollback(fleet, 9)
    number = request_rollback(fleet, 1)
    (found,) = asked_for(fleet)
    assert (found[0], found[1].version, found[1].parameters["weights"]) == (number, 1, [0.5, 1.0])
    writer = Writer(fleet, Devices(), lambda device: 1)
    writer.add_global_models([msgspec.structs.replace(found[1], version=4, restored_version=1, epsilon=2.5)])
    writer.add_rolled_back(number, 4)
    writer.commit()
    assert asked_for(fleet) == []
    done = rollback(fleet, number)
    assert done
    assert (done.version, done.new_version) == (1, 4)
    assert queries.versions(fleet, limit=1)[0].restored_version == 1
    assert queries.versions(fleet, limit=1)[0].epsilon == queries.global_models(fleet, limit=1)[0].epsilon == 2.5


def test_evaluations_are_summed_over_brokers(fleet: Connection) -> None:
    newest, oldest = queries.evaluations(fleet)
    assert (newest.version, newest.readings, newest.true_positives, newest.updated_at) == (2, 10, 1, NOON)
    assert (newest.precision, newest.recall, newest.missed_alarm_rate) == (0.5, 0.5, 0.5)
    assert (oldest.version, oldest.accuracy, oldest.f1) == (1, 0.92, 0.9375)
    assert queries.evaluations(fleet, limit=1) == [newest]


def test_global_models(fleet: Connection) -> None:
    assert queries.global_models(fleet, limit=2) == [
        GlobalModelRow(3, 3, 17, 0.75, "fedbuff", NOON),
        GlobalModelRow(2, 2, 18, 0.5, "fedbuff", NOON - MINUTE),
    ]
    assert [row.version for row in queries.global_models(fleet, before=2)] == [1]
    assert queries.global_parameters(fleet, 3) == ModelParameters(3, {"weights": [0.5, 3.0], "bias": [0.0]})


def test_top_devices(fleet: Connection) -> None:
    assert queries.top_devices(fleet, limit=2) == [TopDevice("device_3", 1, 3, 0.5), TopDevice("device_1", 1, 2, 0.625)]
    assert "Pump_3" not in [row.device_id for row in queries.top_devices(fleet)]


def test_brokers(fleet: Connection) -> None:
    assert queries.broker_totals(fleet) == [BrokerTotals(1, 3, 5, 6, 1, 2), BrokerTotals(2, 2, 2, 1, 1, 0)]


def test_latest_anomalies(fleet: Connection) -> None:
    newest = queries.latest_anomalies(fleet)
    assert [(row.device_id, row.severity) for row in newest] == [
        ("device_3", "warning"),
        ("device_2", "critical"),
        ("Pump_3", "warning"),
        ("device_1", "critical"),
    ]
    assert (newest[2].channel, newest[2].broker_id, newest[2].timestamp) == ("flow", 2, NOON - 60 * MINUTE)
    assert (newest[1].value, newest[1].z_score, newest[1].mean, newest[1].std) == (7.5, -6.0, 1.0, 0.5)
    assert (newest[1].detector, newest[1].threshold) == ("zscore", 2.5)
    assert queries.latest_anomalies(fleet, limit=1) == newest[:1]
    assert queries.latest_anomalies(fleet, broker=2) == newest[2:3]
    assert queries.latest_anomalies(fleet, severity="critical") == [newest[1], newest[3]]


def test_rejected(fleet: Connection) -> None:
    assert queries.rejected_reasons(fleet) == [RejectedReason("nan", 2), RejectedReason("late", 1)]
    assert {(row.location, row.raw) for row in queries.latest_rejected(fleet)} == {(str(i), b"\xff") for i in range(3)}


def test_states(fleet: Connection) -> None:
    assert {row.device_id: row.state for row in queries.devices(fleet).rows} == {
        "device_1": "normal",
        "device_2": "critical",
        "device_3": "warning",
        "device_10": "silent",
        "Pump_3": "learning",
    }
    assert queries.device_states(fleet) == dict.fromkeys(["normal", "critical", "warning", "silent", "learning"], 1)


def found(fleet: Connection, **wanted: Any) -> tuple[int, list[str]]:
    page = queries.devices(fleet, **wanted)
    return page.total, [row.device_id for row in page.rows]


def test_devices_are_sorted_and_paged(fleet: Connection) -> None:
    by_id = ["Pump_3", "device_1", "device_2", "device_3", "device_10"]
    assert found(fleet) == (5, by_id)
    assert found(fleet, descending=True) == (5, by_id[::-1])
    assert found(fleet, limit=2, offset=2) == (5, by_id[2:4])
    assert found(fleet, limit=2, offset=99) == (5, [])
    assert found(fleet, limit=-1, offset=-1) == (5, [])
    assert found(fleet, sort="readings", descending=True, limit=2) == (5, ["device_1", "Pump_3"])
    assert found(fleet, sort="accuracy")[1] == ["device_10", "device_3", "device_1", "device_2", "Pump_3"]
    assert found(fleet, sort="accuracy", descending=True)[1][-1] == "Pump_3"
    assert found(fleet, sort="last_seen")[1][0] == "device_10"


def test_devices_are_searched_and_filtered(fleet: Connection) -> None:
    assert found(fleet, search="PUMP") == (1, ["Pump_3"])
    assert found(fleet, search="3") == (2, ["Pump_3", "device_3"])
    assert found(fleet, search="%") == (0, [])
    assert found(fleet, search="' OR true --\0") == (0, [])
    assert found(fleet, broker=2) == (2, ["Pump_3", "device_10"])
    assert found(fleet, state="warning") == (1, ["device_3"])
    assert found(fleet, search="device", broker=1, limit=1) == (3, ["device_1"])


def test_every_order_works_and_no_other(fleet: Connection) -> None:
    for order in queries.ORDERS:
        for descending in (False, True):
            assert found(fleet, sort=order, descending=descending)[0] == 5
    with pytest.raises(ValueError, match="cannot be sorted by 'device_id; DROP TABLE devices'"):
        queries.devices(fleet, sort="device_id; DROP TABLE devices")  # type: ignore[arg-type]


def test_one_device(fleet: Connection) -> None:
    device = queries.device(fleet, "device_1")
    assert device is not None
    assert (device.broker_id, device.channels, device.state) == (1, ["value"], "normal")
    assert (device.first_seen, device.last_seen, device.readings) == (NOON - 61 * MINUTE, NOON, 3)
    assert (device.anomalies, device.last_critical, device.last_warning) == (1, NOON - 61 * MINUTE, None)
    assert (device.trainings, device.model_version, device.accuracy, device.loss) == (2, 2, 0.75, 0.5)
    assert device.mean_accuracy == 0.625
    assert queries.device(fleet, "device_\0") is None
    assert queries.device(fleet, "\ud800") is None


def test_the_models_of_a_device(fleet: Connection) -> None:
    assert queries.device_models(fleet, "device_1") == [
        DeviceModel(2, 1, 0.75, 0.5, 50, NOON - MINUTE),
        DeviceModel(1, 0, 0.5, 0.5, 50, NOON - 61 * MINUTE),
    ]
    assert [row.model_version for row in queries.device_models(fleet, "device_3", limit=2)] == [3, 2]
    assert queries.device_parameters(fleet, "device_3") == ModelParameters(3, {"weights": [3.0, -1.0], "bias": [0.25]})


def test_the_signal_of_a_device(fleet: Connection) -> None:
    points = queries.device_signal(fleet, "device_1")
    assert points[0] == SignalPoint("value", NOON - 5000, 0.0, -1.0, None)
    assert [point.value for point in points] == [0, 1, 2, 3, 4]
    assert queries.device_signal(fleet, "device_1", limit=2) == points[3:]
    assert queries.device_signal(fleet, "device_1", since=NOON - 4000, until=NOON - 1000) == points[1:4]
    assert queries.device_signal(fleet, "device_1", since=-(2**70), until=2**70) == points
    assert [point.channel for point in queries.device_signal(fleet, "Pump_3")] == ["pressure", "flow"]
    assert [point.value for point in queries.device_signal(fleet, "Pump_3", channel="flow")] == [1.0]


def test_the_anomalies_of_a_device(fleet: Connection) -> None:
    (anomaly,) = queries.device_anomalies(fleet, "device_2")
    assert (anomaly.timestamp, anomaly.severity) == (NOON - 9 * MINUTE, "critical")
    assert queries.device_anomalies(fleet, "device_2", since=NOON - 9 * MINUTE + 1) == []
    assert queries.device_anomalies(fleet, "device_2", until=NOON - 9 * MINUTE) == []
    assert queries.device_anomalies(fleet, "device_2", channel="other") == []


def test_tables_are_counted(fleet: Connection) -> None:
    counts = {count.table: count for count in queries.table_counts(fleet)}
    assert counts["local_models"] == TableCount("local_models", 7, True, counts["local_models"].size)
    assert {table: count.rows for table, count in counts.items()} == {
        "local_models": 7,
        "federated_models": 3,
        "model_evaluations": 0,
        "anomalies": 4,
        "signal": 7,
        "devices": 5,
        "rejected": 3,
    }


def test_large_tables_are_estimated(fleet: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flead.storage.queries.totals.MAX_COUNTED", 3)
    fleet.execute("ANALYZE local_models")
    counts = {count.table: (count.rows, count.exact) for count in queries.table_counts(fleet)}
    assert counts["local_models"] == (7, False)
    assert counts["federated_models"] == (3, True)


def test_alarms(fleet: Connection) -> None:
    def devices(**wanted: Any) -> list[str]:
        page = queries.alarms(fleet, **wanted)
        assert page.total == len(page.rows)
        return [row.device_id for row in page.rows]

    assert devices() == ["device_3", "device_2", "Pump_3", "device_1"]
    assert devices(state="open") == devices(state="active") == ["device_3", "device_2"]
    assert devices(state="closed") == ["Pump_3", "device_1"]
    assert devices(state="acknowledged") == []
    assert devices(severity="critical", broker=1) == ["device_2", "device_1"]
    assert devices(device="Pump_3", broker=1) == []
    assert devices(since=NOON - 60 * MINUTE, until=NOON - MINUTE) == ["device_2", "Pump_3"]
    assert devices(since=-(2**63), until=2**63 - 1) == devices()
    page = queries.alarms(fleet, limit=1, offset=1)
    assert (page.total, page.rows[0].device_id, page.rows[0].z_score) == (4, "device_2", -6.0)
    assert queries.alarm_counts(fleet) == AlarmCounts(open=2, open_critical=1, acknowledged=0)


def test_what_a_person_does_with_alarms(fleet: Connection) -> None:
    number = queries.alarms(fleet, device="device_2").rows[0].id
    before = queries.newest_revision(fleet)
    assert queries.set_alarms(fleet, [number, 2**60], "acknowledged") == 1
    assert queries.set_alarms(fleet, [number], "acknowledged") == 0
    (changed,) = queries.alarms_changed(fleet, before)
    assert (changed.id, changed.state, changed.closed_at) == (number, "acknowledged", None)
    assert changed.acknowledged_at
    assert {row.device_id: row.state for row in queries.devices(fleet).rows}["device_2"] == "critical"
    assert queries.set_alarms(fleet, [number], "closed") == 1
    closed = queries.alarm(fleet, number)
    assert closed
    assert (closed.state, closed.closed_by, closed.acknowledged_at) == ("closed", "user", changed.acknowledged_at)
    assert {row.device_id: row.state for row in queries.devices(fleet).rows}["device_2"] == "normal"
    assert queries.set_alarms(fleet, [number], "open") == 1
    assert queries.alarm(fleet, 2**62) is None


def test_what_the_alarms_were_worth(connection: Connection) -> None:
    writer = Writer(connection, Devices(), lambda device: 1)
    assert queries.detections(connection) == []
    for _ in range(2):
        writer.add_detections("zscore", Confusion(300, 25, 160, 15))
        writer.commit()
    (found,) = queries.detections(connection)
    assert (found.readings, found.true_positives, found.false_negatives) == (1000, 600, 30)
    assert round(found.f1, 4) == 0.9375
