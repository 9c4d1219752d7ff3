"""What goes in by columns comes out by SQL, all of it or nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from psycopg.rows import namedtuple_row

from flead.columns import Batch, Devices
from flead.records import NO_LABEL, Evaluation, GlobalModel, Rejected, to_text
from flead.storage.writing.state import load_state, reset
from flead.storage.writing.tables import Points, Predicted
from flead.storage.writing.writer import Writer
from tests import columns
from tests.conftest import Database

pytestmark = pytest.mark.real

NOON = 1_762_516_800_000  # 2025-11-07T12:00:00Z
LAYOUT = {"weights": (3,), "bias": (1,)}
EXTREMES = [0.0, -0.0, 5e-324, 1e308, -1e308, np.inf, -np.inf, np.nan, 1 / 3]


def floats(*values: float) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def whole(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def rows_of(*values: int) -> NDArray[np.int32]:
    return np.array(values, dtype=np.int32)


def broker_of(device: str) -> int:
    return len(device) % 4 + 1


@pytest.fixture
def devices() -> Devices:
    devices = Devices()
    devices.add(["device_1", "device_22"])
    devices.add(["pump_é漢"], ("pressure", "flow"))
    return devices


@pytest.fixture
def writer(connection: psycopg.Connection[Any], devices: Devices) -> Writer:
    return Writer(connection, devices, broker_of)


@pytest.fixture
def select(database: Database) -> Any:
    """Rows as another connection sees them: only what is committed."""
    with database.connect(row_factory=namedtuple_row, options="-c timezone=UTC") as other:
        yield lambda query, *parameters: other.execute(query, parameters).fetchall()


Select = Callable[..., list[Any]]


def add_anomalies(writer: Writer, rows: list[int], times: list[int], critical: list[bool]) -> None:
    count = len(rows)
    writer.add_anomalies(
        columns.flagged(
            rows_of(*rows),
            whole(*times),
            values=floats(*range(count)),
            critical=np.array(critical),
        )
    )


def add_models(writer: Writer, rows: list[int], versions: list[int], times: list[int], accuracies: list[float]) -> None:
    count = len(rows)
    writer.add_local_models(
        columns.local_models(
            rows_of(*rows),
            whole(*times),
            versions=whole(*versions),
            global_versions=whole(*[7] * count),
            accuracies=floats(*accuracies),
            parameters=np.arange(4.0 * count).reshape(count, 4),
        )
    )


def test_anomalies_come_back_as_they_went_in(writer: Writer, select: Select) -> None:
    count = len(EXTREMES)
    values = floats(*EXTREMES)
    times = NOON + np.arange(count) * 1001
    writer.add_anomalies(
        columns.flagged(
            np.full(count, 2, dtype=np.int32),
            times,
            channels=np.arange(count) % 2,
            values=values,
            scores=values[::-1].copy(),
            critical=np.arange(count) % 3 == 0,
            means=values,
            stds=values,
        )
    )
    writer.commit()
    found = select("SELECT *, milliseconds(timestamp) AS ms FROM anomalies ORDER BY timestamp")
    np.testing.assert_array_equal([row.value for row in found], values)
    np.testing.assert_array_equal([row.z_score for row in found], values[::-1])
    assert [np.signbit(row.value) for row in found[:2]] == [False, True]
    assert [row.mean for row in found] == [None if np.isnan(value) else value for value in EXTREMES]
    assert [row.std for row in found] == [None if np.isnan(value) else value for value in EXTREMES]
    assert [row.channel for row in found] == [("pressure", "flow")[i % 2] for i in range(count)]
    assert [row.severity for row in found] == ["warning" if i % 3 else "critical" for i in range(count)]
    assert [row.ms for row in found] == times.tolist()
    assert {(row.device_id, row.broker_id, row.detector, row.threshold) for row in found} == {
        ("pump_é漢", broker_of("pump_é漢"), "zscore", 2.5)
    }


def test_contributions_are_stored_by_channel(writer: Writer, select: Select) -> None:
    one = floats(1.0)
    shares: list[dict[str, float] | None] = [{"pressure": 0.25, "flow": 0.75}]
    for contributions in (shares, [None]):
        writer.add_anomalies(
            columns.flagged(
                rows_of(2),
                whole(NOON),
                detector="drift",
                channels=whole(0),
                values=one,
                scores=one,
                critical=np.array([True]),
                means=one,
                stds=one,
                thresholds=one,
                contributions=contributions,
            )
        )
    writer.commit()
    found = select("SELECT contributions FROM anomalies ORDER BY contributions NULLS LAST")
    assert [row.contributions for row in found] == [{"pressure": 0.25, "flow": 0.75}, None]


def test_local_models_come_back_as_they_went_in(writer: Writer, select: Select) -> None:
    parameters = np.array([EXTREMES[:4], EXTREMES[4:8]])
    writer.add_local_models(
        columns.local_models(
            rows_of(0, 1),
            whole(NOON, NOON + 1),
            versions=whole(3, 2_000_000_000),
            global_versions=whole(0, 70),
            accuracies=floats(0.0, 1.0),
            losses=floats(0.693, np.inf),
            samples=whole(50, 1),
            parameters=parameters,
        )
    )
    writer.commit()
    first, second = select("SELECT *, milliseconds(created_at) AS ms FROM local_models ORDER BY created_at")
    assert (first.device_id, first.model_version, first.global_version, first.accuracy) == ("device_1", 3, 0, 0.0)
    assert (first.loss, first.samples_processed, first.ms) == (0.693, 50, NOON)
    assert (second.model_version, second.loss, second.layout) == (2_000_000_000, np.inf, '{"weights":[3],"bias":[1]}')
    np.testing.assert_array_equal([first.parameters, second.parameters], parameters)


def test_models_of_several_layouts_come_back_as_they_went_in(writer: Writer, select: Select) -> None:
    writer.add_local_models(
        columns.local_models(
            rows_of(0, 1),
            whole(NOON, NOON),
            versions=whole(1, 1),
            global_versions=whole(0, 0),
            accuracies=floats(1, 1),
            losses=floats(0, 0),
            samples=whole(1, 1),
            parameters=np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 0.0, 0.0, 0.0]]),
            layouts=[LAYOUT, {"flow": (1,)}],
            layout=whole(0, 1),
        )
    )
    writer.commit()
    found = select("SELECT parameters, layout FROM local_models ORDER BY layout")
    assert [tuple(row) for row in found] == [
        ([5.0], '{"flow":[1]}'),
        ([1.0, 2.0, 3.0, 4.0], '{"weights":[3],"bias":[1]}'),
    ]


def test_parameters_may_be_empty(writer: Writer, select: Select) -> None:
    writer.add_local_models(
        columns.local_models(
            rows_of(0),
            whole(NOON),
            accuracies=floats(1),
            losses=floats(0),
            samples=whole(1),
            parameters=np.zeros((1, 0)),
            layouts=[{}],
        )
    )
    writer.commit()
    assert [(row.parameters, row.layout) for row in select("SELECT * FROM local_models")] == [([], "{}")]


def test_signal_and_predictions_come_back_as_they_went_in(writer: Writer, select: Select) -> None:
    writer.add_signal(
        Points(
            rows=rows_of(0, 2),
            channels=whole(0, 1),
            values=floats(1e9, -1e308),
            means=floats(np.nan, 2),
            stds=floats(np.nan, 3),
            times=whole(NOON, -1),
        )
    )
    writer.add_predictions(
        Predicted(
            versions=whole(70, 70, 71, 71),
            rows=rows_of(0, 1, 2, 0),
            probabilities=floats(0.78, 0.5, 0.2, 0.4),
            labels=whole(1, 0, 0, 1),
            times=NOON + whole(0, 1, 2, 3),
        )
    )
    writer.commit()
    assert select(
        "SELECT device_id, channel, value, mean, std, milliseconds(timestamp) FROM signal ORDER BY value"
    ) == [
        ("pump_é漢", "flow", -1e308, 2.0, 3.0, -1),
        ("device_1", "value", 1e9, None, None, NOON),
    ]
    assert select("""
        SELECT model_version, device_id, prediction, actual_result, is_correct, confidence
        FROM model_evaluations ORDER BY created_at""") == [
        (70, "device_1", 0.78, 1, True, 0.78),
        (70, "device_22", 0.5, 0, False, 0.5),
        (71, "pump_é漢", 0.2, 0, True, 0.8),
        (71, "device_1", 0.4, 1, False, 0.6),
    ]


def global_model(version: int, **changes: Any) -> GlobalModel:
    values: dict[str, Any] = {
        "version": version,
        "aggregation_round": version,
        "global_accuracy": 0.727,
        "num_devices": 20,
        "strategy": "fedbuff",
        "parameters": {"weights": [0.5, 1e-300, -3.0], "bias": [0.25]},
        "timestamp": "2025-11-07T12:00:00.000Z",
    }
    return GlobalModel(**values | changes)


def test_global_models_come_back_and_a_replayed_one_is_not_doubled(writer: Writer, select: Select) -> None:
    writer.add_global_models([global_model(1), global_model(2)])
    writer.commit()
    writer.add_global_models([global_model(2, num_devices=19)])
    writer.commit()
    first, second = select("SELECT *, milliseconds(created_at) AS ms FROM federated_models ORDER BY global_version")
    assert (first.aggregation_round, first.accuracy, first.num_devices, first.strategy) == (1, 0.727, 20, "fedbuff")
    assert (first.parameters, first.layout) == ([0.5, 1e-300, -3.0, 0.25], '{"weights":[3],"bias":[1]}')
    assert (first.ms, second.num_devices) == (NOON, 19)


def test_a_global_model_may_have_no_parameters_or_odd_ones(writer: Writer, select: Select) -> None:
    writer.add_global_models([global_model(1, parameters={}), global_model(2, parameters={"w": [], "b": [1, np.inf]})])
    writer.commit()
    assert select("SELECT parameters, layout FROM federated_models ORDER BY global_version") == [
        ([], "{}"),
        ([1.0, np.inf], '{"w":[0],"b":[2]}'),
    ]


def test_evaluations_hold_the_newest_counts_and_their_measures(writer: Writer, select: Select) -> None:
    writer.add_evaluations([Evaluation(70, 1, 1, 1, 1, 1, to_text(NOON))])
    writer.commit()
    writer.add_evaluations([Evaluation(70, 1, 0, 0, 0, 0, to_text(NOON)), Evaluation(71, 2, 0, 0, 0, 0, to_text(NOON))])
    writer.add_evaluations([Evaluation(70, 1, 500, 30, 300, 20, to_text(NOON + 1))])
    writer.add_evaluations([Evaluation(70, 2, 100, 20, 20, 10, to_text(NOON + 2))])
    writer.commit()
    (row,) = select("SELECT *, milliseconds(updated_at) AS ms FROM version_evaluations WHERE model_version = 70")
    assert (row.true_positives, row.false_positives, row.true_negatives, row.false_negatives) == (600, 50, 320, 30)
    assert (row.readings, row.ms) == (1000, NOON + 2)
    assert row.accuracy == 0.92
    assert row.majority_accuracy == 0.63
    assert row.precision == pytest.approx(600 / 650, rel=1e-15)
    assert row.recall == pytest.approx(600 / 630, rel=1e-15)
    assert row.f1 == 0.9375
    assert row.false_alarm_rate == pytest.approx(50 / 370, rel=1e-15)
    assert row.missed_alarm_rate == pytest.approx(30 / 630, rel=1e-15)
    (empty,) = select("SELECT * FROM broker_evaluations WHERE model_version = 71")
    assert (empty.readings, empty.accuracy, empty.precision, empty.f1) == (0, None, None, None)


def test_rejected_keeps_the_bytes_and_counts_the_reasons(writer: Writer, select: Select) -> None:
    raw = bytes(range(256))
    long = "x" * 10_000
    writer.add_rejected([Rejected("csv:a\0b", "line 3", "not a number", raw), Rejected("s", "l", long, b"")])
    writer.add_rejected([Rejected("s", "offset 9\ud800", "not a number", b"{")])
    writer.commit()
    writer.add_rejected([Rejected("s", "", "not a number", b"")])
    writer.commit()
    found = {row.location: row for row in select("SELECT * FROM rejected")}
    assert found["line 3"].raw == raw
    assert found["line 3"].source == "csv:a�b"
    assert found["l"].reason == long
    assert set(found) == {"line 3", "l", "offset 9���", ""}
    assert set(select("SELECT * FROM rejected_per_reason")) == {("not a number", 3), (long[:200], 1)}


def test_ids_that_postgres_cannot_hold_are_replaced_everywhere(connection: Any, select: Select) -> None:
    devices = Devices()
    devices.ids.rows([b"a\0b", b"bad \xff utf-8", b"plain", "a�b".encode()])
    writer = Writer(connection, devices, broker_of)
    writer.add_readings(Batch(rows_of(0, 1, 2, 3), NOON + whole(0, 1, 2, 3), np.zeros((4, 1)), np.zeros(4, np.int8)))
    add_anomalies(writer, [0, 1, 3], [NOON] * 3, [False] * 3)
    writer.commit()
    assert sorted(select("SELECT device_id FROM anomalies")) == [("a�b",), ("a�b",), ("bad � utf-8",)]
    assert sorted(select("SELECT device_id, readings, anomalies FROM devices")) == [
        ("a�b", 2, 2),
        ("bad � utf-8", 1, 1),
        ("plain", 1, 0),
    ]


def test_sums_follow_the_rows(writer: Writer, devices: Devices, select: Select) -> None:
    def read(rows: list[int], times: list[int]) -> None:
        count = len(rows)
        writer.add_readings(
            Batch(rows_of(*rows), whole(*times), np.zeros((count, 1)), np.full(count, NO_LABEL, dtype=np.int8))
        )

    one, two, pump = (broker_of(devices.id(row)) for row in range(3))
    assert (one, two, pump) == (1, 2, 4)
    read([0, 0, 1], [NOON, NOON + 59_999, NOON + 60_000])
    read([], [])
    add_anomalies(writer, [0, 1], [NOON + 59_999, NOON + 60_000], [True, False])
    add_models(writer, [0, 0], [1, 2], [NOON + 1000, NOON + 59_999], [0.25, 0.5])
    writer.commit()
    writer.commit()
    read([1, 0, 2], [NOON - 1, NOON + 1, NOON + 10 * 365 * 86_400_000])
    add_anomalies(writer, [0, 0], [NOON + 2, NOON + 1], [True, False])
    add_models(writer, [1, 0], [1, 3], [NOON + 70_000, NOON + 2000], [1.0, 0.75])
    writer.commit()

    minute = NOON // 60_000
    per_minute = "SELECT milliseconds(minute) / 60000, broker_id, {} FROM {} ORDER BY 1, 2, 3"
    assert select(per_minute.format("readings", "readings_per_minute")) == [
        (minute - 1, two, 1),
        (minute, one, 3),
        (minute + 1, two, 1),
        (minute + 10 * 365 * 1440, pump, 1),
    ]
    assert select(per_minute.format("severity, anomalies", "anomalies_per_minute")) == [
        (minute, one, "critical", 2),
        (minute, one, "warning", 1),
        (minute + 1, two, "warning", 1),
    ]
    assert select(per_minute.format("models, accuracy_sum", "models_per_minute")) == [
        (minute, one, 3, 1.5),
        (minute + 1, two, 1, 1.0),
    ]
    assert select(
        """
        SELECT broker_id, readings, models, warnings, criticals, milliseconds(newest) - %s
        FROM broker_totals ORDER BY 1""",
        NOON,
    ) == [
        (one, 3, 3, 1, 2, 59_999),
        (two, 2, 1, 1, 0, 70_000),
        (pump, 1, 0, 0, 0, 10 * 365 * 86_400_000),
    ]
    first, second, third = select(
        """
        SELECT *, milliseconds(first_seen) - %(noon)s AS first, milliseconds(last_seen) - %(noon)s AS last,
               milliseconds(last_critical) - %(noon)s AS critical, milliseconds(last_warning) - %(noon)s AS warning
        FROM devices ORDER BY device_id""".replace("%(noon)s", str(NOON))
    )
    assert (first.device_id, first.broker_id, first.channels) == ("device_1", one, ["value"])
    assert (first.first, first.last, first.critical, first.warning) == (0, 59_999, 59_999, 1)
    assert (first.readings, first.anomalies, first.trainings, first.accuracy_sum) == (3, 3, 3, 1.5)
    assert (first.model_version, first.accuracy, first.loss) == (3, 0.75, 0.5)
    assert (second.first, second.last, second.critical, second.warning) == (-1, 70_000, None, 60_000)
    assert (second.readings, second.anomalies, second.trainings, second.model_version) == (2, 1, 1, 1)
    assert (third.channels, third.trainings, third.model_version, third.accuracy) == (["pressure", "flow"], 0, 0, None)


def test_devices_that_appear_later_and_new_channels(writer: Writer, devices: Devices, select: Select) -> None:
    writer.add_readings(Batch(rows_of(0), whole(NOON), np.zeros((1, 1)), np.zeros(1, np.int8)))
    writer.commit()
    rows = devices.add((f"late_{i}" for i in range(1000)), ("x",))
    devices.add(["device_1"], ("value", "y"))
    writer.add_readings(Batch(rows, np.full(1000, NOON), np.zeros((1000, 1)), np.zeros(1000, np.int8)))
    add_anomalies(writer, [0], [NOON], [False])
    writer.commit()
    assert select("SELECT count(*) FROM devices") == [(1001,)]
    assert select("SELECT channels FROM devices WHERE device_id = 'device_1'") == [(["value", "y"],)]


def test_nothing_is_visible_before_the_commit_or_after_a_rollback(writer: Writer, select: Select) -> None:
    add_anomalies(writer, [0], [NOON], [False])
    writer.put_state({"shard/0": b"new"})
    assert select("SELECT * FROM anomalies") == []
    writer.rollback()
    writer.commit()
    assert select("SELECT * FROM anomalies") == []
    assert select("SELECT * FROM devices") == []
    assert select("SELECT * FROM pipeline_state") == []


@pytest.mark.parametrize("last", ["anomalies", "devices", "broker_totals", "rejected_per_reason", "pipeline_state"])
def test_a_commit_that_fails_anywhere_leaves_nothing(
    writer: Writer, connection: psycopg.Connection[Any], select: Select, last: str
) -> None:
    """The last statement that succeeds comes before, between and after the copies and the sums."""
    tables = ["anomalies", "local_models", "devices", "readings_per_minute", "broker_totals", "federated_models"]
    tables += ["rejected", "rejected_per_reason", "pipeline_state", "anomalies_per_minute", "models_per_minute"]
    connection.execute(f"ALTER TABLE {last} ADD CONSTRAINT broken CHECK (false) NOT VALID")

    def fill() -> None:
        writer.add_readings(Batch(rows_of(0), whole(NOON), np.zeros((1, 1)), np.zeros(1, np.int8)))
        add_models(writer, [0], [1], [NOON], [0.5])
        writer.add_global_models([global_model(1)])
        add_anomalies(writer, [0], [NOON], [False])
        writer.add_rejected([Rejected("s", "l", "r", b"")])
        writer.put_state({"a": b"1"})

    fill()
    with pytest.raises(psycopg.errors.CheckViolation):
        writer.commit()
    assert [table for table in tables if select(f"SELECT * FROM {table}")] == []
    connection.execute(f"ALTER TABLE {last} DROP CONSTRAINT broken")
    writer.commit()
    assert [table for table in tables if select(f"SELECT * FROM {table}")] == []
    fill()
    writer.commit()
    assert [table for table in tables if len(select(f"SELECT * FROM {table}")) != 1] == []


def test_a_connection_that_dies_in_the_copy_leaves_nothing(
    writer: Writer, connection: psycopg.Connection[Any], select: Select
) -> None:
    select("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
    add_anomalies(writer, [0], [NOON], [False])
    with pytest.raises(psycopg.OperationalError):
        writer.commit()
    assert select("SELECT * FROM anomalies") == []


def test_state_is_kept_by_block(writer: Writer, connection: psycopg.Connection[Any]) -> None:
    block = np.random.default_rng(0).bytes(3_000_000)
    writer.put_state({"shard/0": block, "shard/1": b"\0", "shard%": b"", "source": b"position"})
    writer.commit()
    writer.put_state({"shard/1": b"newer"})
    writer.put_state({"shard/1": b"newest"})
    writer.commit()
    assert load_state(connection, "shard/") == {"shard/0": block, "shard/1": b"newest"}
    assert load_state(connection, "shard%") == {"shard%": b""}
    assert len(load_state(connection)) == 4
    assert load_state(connection, "none") == {}


def test_reset_empties_everything_and_the_writer_goes_on(
    writer: Writer, connection: psycopg.Connection[Any], select: Select
) -> None:
    for _ in range(2):
        add_anomalies(writer, [0], [NOON], [False])
        writer.add_global_models([global_model(1)])
        writer.put_state({"a": b"1"})
        writer.commit()
        assert select("SELECT id FROM federated_models") == [(1,)]
        reset(connection)
        tables = [name for (name,) in select("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        assert [table for table in tables if select(f"SELECT FROM {table}")] == ["schema_migrations"]


@pytest.mark.parametrize("accuracy", [np.nan, np.inf, -0.1, 1.01])
def test_an_impossible_accuracy_is_refused(writer: Writer, accuracy: float) -> None:
    with pytest.raises(ValueError, match="accuracy is"):
        add_models(writer, [0], [1], [NOON], [accuracy])


def test_a_version_that_does_not_fit_is_refused(writer: Writer) -> None:
    with pytest.raises(OverflowError, match="32-bit"):
        add_models(writer, [0], [2**31], [NOON], [0.5])


def test_a_channel_that_a_device_lacks_is_refused(writer: Writer) -> None:
    with pytest.raises(IndexError, match="no channel"):
        writer.add_signal(
            Points(
                rows=rows_of(0), channels=whole(1), values=floats(1), means=floats(1), stds=floats(1), times=whole(NOON)
            )
        )
