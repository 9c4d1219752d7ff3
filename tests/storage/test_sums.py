"""The sums between two commits against sums made one by one."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from flead.records import Flagged, LocalModels
from flead.storage.writing.sums import NEVER, DeviceSums, MinuteSums, per_minute
from tests import columns

TIMES = st.integers(-(10**13), 10**13) | st.integers(0, 200_000)
ROWS = st.lists(st.tuples(st.integers(0, 99), TIMES, st.booleans(), st.integers(1, 6)))


@given(ROWS)
def test_per_minute(rows: list[tuple[int, int, bool, int]]) -> None:
    times = np.array([time for _, time, _, _ in rows], dtype=np.int64)
    brokers = np.array([broker for *_, broker in rows], dtype=np.int32)
    keys = [(time // 60_000, broker) for _, time, _, broker in rows]
    assert per_minute(times, brokers) == Counter(keys)
    weighted = per_minute(times, brokers, np.arange(len(rows), dtype=np.float64))
    assert weighted == {key: sum(i for i, other in enumerate(keys) if other == key) for key in keys}


def flagged(devices: NDArray[np.int32], times: NDArray[np.int64], critical: NDArray[np.bool_]) -> Flagged:
    """Anomalies whose devices, times and severities alone count."""
    return columns.flagged(
        devices,
        times,
        critical=critical,
    )


def trained(devices: NDArray[np.int32], times: NDArray[np.int64], critical: NDArray[np.bool_]) -> LocalModels:
    """Trainings with these times, of accuracy 1 where it is critical and else 0."""
    return columns.local_models(
        devices,
        times,
        versions=np.arange(len(devices)),
        accuracies=critical * 1.0,
        losses=critical * 0.5,
        parameters=np.zeros((len(devices), 0)),
        layouts=[{}],
    )


@given(st.lists(ROWS, max_size=3))
def test_devices_and_brokers(calls: list[list[tuple[int, int, bool, int]]]) -> None:
    sums, minutes = DeviceSums(), MinuteSums()
    sums.grow(100)
    for rows in calls:
        devices = np.array([device for device, *_ in rows], dtype=np.int32)
        times = np.array([time for _, time, *_ in rows], dtype=np.int64)
        critical = np.array([flag for _, _, flag, _ in rows], dtype=np.bool_)
        brokers = np.array([broker for *_, broker in rows], dtype=np.int32)
        sums.add_readings(devices, times)
        sums.add_anomalies(flagged(devices, times, critical))
        sums.add_trainings(trained(devices, times, critical))
        minutes.add_readings(brokers, times)
        minutes.add_anomalies(brokers, flagged(devices, times, critical))
    seen = [row for rows in calls for row in rows]
    assert sums.touched().tolist() == sorted({device for device, *_ in seen})
    for device in sums.touched():
        mine = [(time, flag) for other, time, flag, _ in seen if other == device]
        record = sums.records[device]
        assert record["readings"] == record["anomalies"] == record["trainings"] == len(mine)
        assert record["first_seen"] == min(time for time, _ in mine)
        assert record["last_seen"] == max(time for time, _ in mine)
        for name, wanted in (("last_critical", True), ("last_warning", False)):
            assert record[name] == max([time for time, flag in mine if flag == wanted], default=NEVER)
        assert (record["accuracy_sum"], record["accuracy"]) == (sum(flag for _, flag in mine), mine[-1][1])
    assert minutes.newest == {b: max(time for _, time, _, other in seen if other == b) for *_, b in seen}
    for severity, counts in enumerate(minutes.anomalies):
        assert counts == Counter((time // 60_000, b) for _, time, flag, b in seen if flag == severity)
    sums.clear()
    assert len(sums.touched()) == 0
    assert sums.records["readings"].sum() == 0
