from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from flead.columns import Batch, Devices
from flead.ingest import faults, mishaps, sensors
from flead.ingest.errors import SourceError
from flead.ingest.simulated import START, SimulatedSource
from flead.records import NO_LABEL
from tests.ingest.drain import assert_same, join

KINDS = len(sensors.KINDS)


def opened(devices: int = 10, position: dict[str, int] | None = None, **options: Any) -> SimulatedSource:
    source = SimulatedSource(devices, **options)
    source.open(Devices(), position)
    return source


def take(source: SimulatedSource, count: int, until: int | None = None) -> Batch:
    return source.next_batch(count, until).batch


@cache
def week() -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """(T, D, C) values and (T, D) labels of 20 devices for 20,000 s."""
    batch = take(opened(20, seed=5), 20 * 20_000)
    return batch.values.reshape(20_000, 20, -1), batch.labels.reshape(20_000, 20)


@given(st.integers(1, 25), st.lists(st.integers(1, 40), max_size=6), st.integers(0, 2**64))
def test_any_batches_and_a_resume_give_the_same_bits(devices: int, limits: list[int], seed: int):
    whole = take(opened(devices, seed=seed), sum(limits) + 30)
    source = opened(devices, seed=seed)
    batches = [take(source, limit) for limit in limits]
    resumed = opened(devices, source.snapshot(), seed=seed)
    assert_same(join([*batches, take(resumed, 30)]), whole)


def test_seeds_differ_and_a_device_is_the_same_in_a_larger_fleet():
    one, other = (take(opened(20, seed=seed), 400) for seed in (1, 2))
    assert (one.values[:, 0] != other.values[:, 0]).mean() > 0.95
    # Of another device only the milliseconds within the second would change.
    larger = take(opened(35, seed=1), 35 * 20)
    assert_same(
        Batch(*(column[one.rows == 0] for column in one)), Batch(*(column[larger.rows == 0] for column in larger))
    )


@pytest.mark.parametrize("devices", [1, 3, 10, 999, 1000, 2407])
def test_each_device_reads_once_a_second_in_order_of_time(devices: int):
    source = opened(devices, start=5_000)
    batch = take(source, devices * 3)
    assert (np.diff(batch.times) >= 0).all()
    rows = batch.rows.reshape(3, devices)
    assert (np.sort(rows, axis=1) == np.arange(devices)).all()
    assert (rows == rows[0]).all()
    times = batch.times.reshape(3, devices)
    assert (np.diff(times, axis=0) == 1000).all()
    assert times[0, 0] == 5_000
    assert times[0, -1] < 6_000
    assert source.start_time() == 8_000
    assert devices > 1000 or len(set(times[0].tolist())) == devices


@pytest.mark.parametrize("devices", [1, 7, 1000, 2407])
@pytest.mark.parametrize("interval", [1000, 250])
def test_until_gives_all_that_is_due_and_no_more(devices: int, interval: int):
    times = take(opened(devices, interval=interval, start=0), devices * 4).times
    for until in (-1, 0, 1, 142, interval - 1, interval, interval + 143, 2 * interval + 1):
        source = opened(devices, interval=interval, start=0)
        assert take(source, devices * 4, until).size == (times <= until).sum()
        assert source.start_time() == times[times > until][0]
        assert take(source, 5, until).size == 0
    assert take(source, 2).size == 2


def test_it_begins_with_2025_and_has_no_end():
    source = opened()
    assert source.start_time() == START == np.datetime64("2025-01-01", "ms").astype(int)
    assert source.next_batch(1, None).rejected == []


def test_a_later_start_skips_what_nobody_read():
    source = opened(10, start=1_000_000)
    take(source, 25)
    position = source.snapshot()
    assert position == {"start": 1_000_000, "tick": 2, "offset": 5}
    live = opened(10, position, start=1_000_000 + 7_001)
    assert live.start_time() == 1_000_000 + 8_000
    assert_same(take(live, 10), take(opened(10, start=1_000_000), 90).part(80, 90))
    assert opened(10, position, start=1_000_000 + 1_000).start_time() == 1_000_000 + 2_500
    # A fleet of another size goes on with its next tick.
    assert opened(3, position, start=1_000_000).snapshot() == {"start": 1_000_000, "tick": 3, "offset": 0}


def test_kinds_take_turns_and_have_their_channels():
    devices = Devices()
    source = SimulatedSource(23)
    source.open(devices, None)
    batch = source.next_batch(23, None).batch
    for device, row in enumerate(batch.rows):
        names = sensors.NAMES[device % KINDS]
        assert devices.id(row) == f"device_{device}"
        assert devices.channels(row) == names
        assert np.isfinite(batch.values[device]).tolist() == [column < len(names) for column in range(sensors.WIDTH)]


def test_channels_beyond_a_wider_table_are_nan():
    devices = Devices()
    devices.add(["other"], ("a", "b", "c", "d", "e"))
    source = SimulatedSource(10)
    source.open(devices, None)
    batch = source.next_batch(10, None).batch
    assert batch.values.shape == (10, 5)
    assert 0 not in batch.rows
    assert np.isnan(batch.values[:, 3:]).all()


def test_a_device_known_with_other_channels_is_an_error():
    devices = Devices()
    devices.add(["device_3"], ("tcp.ack",))
    with pytest.raises(SourceError, match=r"sim: device_3 .* other channels \(tcp.ack, vibration_x.*start afresh"):
        SimulatedSource(10).open(devices, None)


def test_values_are_of_their_range_and_resolution():
    values, labels = week()
    for device in range(20):
        for column, channel in enumerate(sensors.KINDS[device % KINDS].channels.values()):
            series = values[:, device, column]
            healthy = series[labels[:, device] == 0]
            assert healthy.min() >= channel.low
            assert healthy.max() <= channel.high
            steps = series * channel.per_unit
            np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)
            assert len(np.unique(series)) > 20
            if not (channel.product or channel.slope):
                reach = channel.spread * channel.base + abs(channel.cycle) + abs(channel.drift) + 6 * channel.noise
                assert np.abs(healthy - channel.base).max() <= reach


def test_noise_and_correlations_are_as_described():
    values, labels = week()
    both_healthy = (labels[1:] == 0) & (labels[:-1] == 0)

    def steps(kind: int, column: int) -> NDArray[np.float64]:
        """Second to second, slow motion has no part; two noises have."""
        difference: NDArray[np.float64] = np.diff(values[:, kind, column])[both_healthy[:, kind]] / np.sqrt(2)
        return difference

    for kind, column in ((0, 0), (3, 2), (5, 0), (7, 0)):
        noise = list(sensors.KINDS[kind].channels.values())[column].noise
        assert steps(kind, column).std() == pytest.approx(noise, rel=0.05)
    assert np.corrcoef(steps(1, 0), steps(1, 1))[0, 1] == pytest.approx(-0.25, abs=0.03)
    assert np.corrcoef(steps(3, 0), steps(3, 1))[0, 1] == pytest.approx(0.64, abs=0.03)
    voltage, current, power = values[labels[:, 6] == 0, 6].T
    np.testing.assert_allclose(power, 0.93 * voltage * current, atol=6 * 6.0)
    pieces = values[labels[:, 9] == 0, 9, 0]
    assert (np.diff(pieces) >= 0).all()
    assert pieces[-1] - pieces[0] == pytest.approx(0.5 * 20_000, rel=0.1)


def test_one_to_three_readings_in_a_hundred_are_faulty():
    _, labels = week()
    assert set(np.unique(labels)) == {0, 1}
    assert 0.01 < labels.mean() < 0.03
    assert ((labels.mean(axis=0) > 0.001) & (labels.mean(axis=0) < 0.06)).all()


def test_without_faults_it_is_the_same_fleet_where_there_was_none():
    faulty, healthy = take(opened(20), 20 * 2_000), take(opened(20, faults="none"), 20 * 2_000)
    assert faulty.labels.any()
    assert not healthy.labels.any()
    same = faulty.labels == 0
    assert_same(faulty.take(same), healthy.take(same))


def test_every_kind_of_fault_does_what_it_says():
    key = np.uint64(77)
    seen: dict[int, int] = {}
    for segment in range(1000):
        spans = [
            (tick, faults.find_fault(key, tick, faults.DENSE))
            for tick in range(segment * faults.SEGMENT, (segment + 1) * faults.SEGMENT)
        ]
        active = [(tick, fault) for tick, fault in spans if fault[0] != faults.NONE]
        if not active:
            continue
        (_, since, *_), duration = active[0][1], len(active)
        kind = int(active[0][1][0])
        seen[kind] = seen.get(kind, 0) + 1
        assert [tick for tick, _ in active] == list(range(since, since + duration))
        assert {(fault[0], fault[1], fault[3]) for _, fault in active} == {(kind, since, active[0][1][3])}
        assert faults.SHORTEST[kind] <= duration <= faults.LONGEST[kind]
        sizes = np.abs([fault[2] for _, fault in active])
        assert faults.SMALLEST[kind] <= sizes[-1] <= faults.LARGEST[kind]
        if kind == faults.DRIFT:
            np.testing.assert_allclose(np.diff(sizes), sizes[0])
        else:
            assert len(set(sizes)) == 1
    assert set(seen) == set(range(1, 7))
    assert 150 < sum(seen.values()) < 250


def test_faults_show_in_the_values():
    values, labels = week()
    dead = stuck = far = 0
    for device in range(20):
        width = len(sensors.NAMES[device % KINDS])
        series, label = values[:, device, :width], labels[:, device]
        edges = np.flatnonzero(np.diff(np.concatenate([[0], label, [0]])))
        for start, stop in edges.reshape(-1, 2):
            inside = series[start:stop]
            dead += bool((inside == 0).all())
            same = bool((inside == inside[0]).all()) and stop - start > 5
            stuck += same and not (inside == 0).all()
            far += bool(
                (np.abs(inside - series[max(0, start - 60) : start].mean(axis=0)) > 4 * series.std(axis=0)).any()
            )
        healthy = series[label == 0]
        assert not (healthy == 0).all(axis=1).any()
    assert min(dead, stuck) > 10
    assert far > 5


def test_a_million_devices():
    source = opened(1_000_000)
    batch = take(source, 1_000_000)
    assert len(np.unique(batch.rows)) == 1_000_000
    assert batch.times[-1] - batch.times[0] == 999
    assert take(source, 1).times[0] == START + 1000


def test_rare_faults_come_about_once_a_device_and_day():
    # A reading a minute for two days; a fault that lasts is one fault.
    days, devices, minutes = 2, 90, 2 * 24 * 60
    batch = take(opened(devices, faults="rare", interval=60_000), devices * minutes)
    begun = sum(
        int(np.count_nonzero(np.diff(batch.labels[batch.rows == row], prepend=0) == 1)) for row in range(devices)
    )
    assert 0.7 < begun / (days * devices) < 1.3


def test_a_gateway_fails_once_in_five_days_for_all_its_devices_alike():
    interval, period = 60_000, mishaps.OUTAGE_EVERY // 60
    batch = take(opened(100, faults="rare", interval=interval, start=0), 100 * period)
    missing = [np.setdiff1d(np.arange(period), batch.times[batch.rows == row] // interval) for row in (0, 99)]
    assert mishaps.SHORTEST_OUTAGE // 60 <= missing[0].size <= mishaps.LONGEST_OUTAGE // 60 + 1
    assert (np.diff(missing[0]) == 1).all()
    assert np.abs(missing[0].size - missing[1].size) <= 1


def test_a_maintained_device_reads_nonsense_without_a_label():
    interval, day = 60_000, 24 * 60
    batch = take(opened(110, faults="rare", interval=interval, start=0), 110 * day)
    for row, minutes in ((0, 0), (109, 30)):
        unlabelled = batch.times[(batch.rows == row) & (batch.labels == NO_LABEL)] // interval
        assert unlabelled.size == minutes
        assert not minutes or (unlabelled[0], unlabelled[-1]) == (120, 149)


def test_one_device_in_a_thousand_is_slow_and_one_has_a_wrong_clock():
    start = 1_000_000_000
    devices = Devices()
    source = SimulatedSource(1_000, faults="rare", start=start)
    source.open(devices, None)
    batch = source.next_batch(1_000 * 120, None).batch
    names = np.array(devices.texts(batch.rows))
    assert np.count_nonzero(names == "device_333") == 2
    ahead = batch.times - start > 120_000
    assert set(names[ahead]) == {"device_666"}
    assert (batch.times[ahead] - start).min() // 1000 == mishaps.CLOCK_AHEAD // 1000


def test_where_every_device_is_absent_the_next_that_reads_is_given():
    source = opened(1, faults="rare", interval=60_000, start=0)
    times = [int(take(source, 1).times[0]) for _ in range(mishaps.OUTAGE_EVERY // 60)]
    assert max(np.diff(times)) > 60_000
    resumed = opened(1, source.snapshot(), faults="rare", interval=60_000, start=0)
    assert_same(take(resumed, 5), take(source, 5))
