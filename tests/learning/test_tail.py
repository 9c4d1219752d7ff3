"""Learner ``tail``: about as many alarms as are asked for, one an event, whatever the signal."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.learner import Judgement, Trainings
from flead.learning.rules import Rules
from flead.learning.tail.evidence import TINY
from flead.learning.tail.learner import EVENT, KNOWN, Tail

DAY = 288


def observe(learner: Tail, signal: NDArray[np.float64], labels: NDArray[np.int8] | None = None) -> Judgement:
    """A device's way through its signal, (N,) or (N, C), with a training every 50 readings."""
    values = np.ascontiguousarray(signal.reshape(len(signal), -1))
    learner.grow(1, values.shape[1])
    ends = np.arange(50, len(signal) + 1, 50)
    trainings = Trainings(ends, np.zeros(len(ends), np.int32), np.full(len(ends), 50, np.int32), ends * 1000)
    blind = np.full(len(signal), -1, np.int8) if labels is None else labels
    judgement, _ = learner.observe(np.zeros(len(signal), np.int32), values, blind, trainings)
    return judgement


def alarms(signal: NDArray[np.float64], every: float = 1440.0) -> list[int]:
    found: list[int] = np.flatnonzero(observe(Tail(Rules(alarm_every=every)), signal).anomalous).tolist()
    return found


def quiet(form: str, count: int, seed: int = 0) -> NDArray[np.float64]:
    """Signals that nothing happens to."""
    rng, t = np.random.default_rng([seed, sum(form.encode())]), np.arange(count)
    forms: dict[str, Any] = {
        "noise": lambda: rng.normal(20, 1, count),
        "flat": lambda: np.full(count, 7.0),
        "rarely": lambda: np.where(rng.random(count) < 0.3, 0.068, 0.066),
        "counter": lambda: 1e9 + np.cumsum(rng.poisson(50, count)).astype(float),
        "steady counter": lambda: 1e9 + 40.0 * t,
        "whole numbers": lambda: rng.poisson(3, count).astype(float),
        "season": lambda: 1000 * np.sin(2 * np.pi * t / DAY) + rng.normal(0, 50, count),
        "bursts": lambda: rng.lognormal(3, 1, count),
        "walk": lambda: np.cumsum(rng.normal(0, 1, count)),
        "tiny": lambda: 1e-7 * rng.normal(20, 1, count),
    }
    signal: NDArray[np.float64] = forms[form]()
    return signal


FORMS = ["noise", "flat", "rarely", "counter", "steady counter", "whole numbers", "season", "bursts", "walk", "tiny"]


@pytest.mark.parametrize("form", FORMS)
def test_a_quiet_signal_raises_about_as_many_alarms_as_asked_for(form: str) -> None:
    count = 40_000
    for every in (1000, 4000):
        assert len(alarms(quiet(form, count), every)) <= 3 * count / every + 2


def test_together_they_raise_about_as_many_as_asked_for() -> None:
    count, every = 20_000, 1000
    raised = sum(len(alarms(quiet(form, count, seed=5), every)) for form in FORMS if "flat" not in form)
    moving = len(FORMS) - 1
    assert 0.25 < raised / (moving * count / every) < 1.5


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("bursts", "walk")])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_a_jump_is_found_at_once_and_is_one_alarm(form: str, scale: float) -> None:
    signal = quiet(form, 3000) * scale
    signal[2000:2040] += 30 * max(float(signal.std() if "counter" not in form else 100 * scale), scale)
    found = [at for at in alarms(signal, 3000) if 1990 <= at <= 2000 + EVENT]
    assert found[0] == 2000
    assert len(found) == 1


def test_a_sensor_that_freezes_is_found() -> None:
    signal = quiet("noise", 4000)
    signal[3000:3200] = signal[3000]
    assert [at for at in alarms(signal) if 3000 <= at < 3100]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("seed", range(3))
def test_a_signal_that_seldom_changes_knows_how_large_its_changes_are(seed: int, scale: float) -> None:
    """Most of its readings are still: they must not make every change count as beyond all measure."""
    rng = np.random.default_rng(seed)
    stairs = np.cumsum((rng.random(6000) < 0.02) & (np.arange(6000) > 200)) * scale
    spikes = np.where(rng.random(6000) < 0.003, rng.uniform(0.5, 1, 6000), 0.066) * scale
    for signal, size in ((stairs, 60), (spikes, 12)):
        signal[5000:5003] = signal[4999] + size * scale
        found = alarms(signal, 288)
        assert 5000 in found
        assert len([at for at in found if at < 5000]) < 2 * 5000 / 288


def test_noise_that_grows_is_found() -> None:
    signal = quiet("noise", 4000)
    signal[3000:3100] += np.random.default_rng(2).normal(0, 3, 100)
    assert [at for at in alarms(signal) if 3000 <= at < 3100]


def test_what_repeats_at_its_time_is_no_event_and_the_same_at_another_is() -> None:
    rng, t = np.random.default_rng(0), np.arange(20 * DAY)
    signal = rng.gamma(2, 1, len(t)) + np.where((t + 100) % DAY < 12, 200.0, 0.0)
    signal[15 * DAY + 50 : 15 * DAY + 62] += 200.0
    found = np.array(alarms(signal, DAY))
    assert len(found[(found > 5 * DAY) & (found < 15 * DAY)]) <= 10
    assert ((found >= 15 * DAY + 50) & (found < 15 * DAY + 54)).any()
    assert found[found > 4 * DAY].size <= 16


@pytest.mark.parametrize("seed", range(3))
def test_a_signal_that_swings_faster_is_found(seed: int) -> None:
    """Not at once, and not by its values: none is one that it has not had before, nor is any step."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(30, 50, 400)
    lengths[200:215] //= 3
    signal = np.repeat(np.resize([20.0, 30.0], 400), lengths) + rng.normal(0, 1, lengths.sum())
    start, stop = lengths[:200].sum(), lengths[:218].sum()
    assert [at for at in alarms(signal, DAY) if start < at < stop]


@pytest.mark.parametrize("seed", range(3))
def test_a_counter_is_judged_by_its_rate(seed: int) -> None:
    """Its value is beyond all it ever was with every reading; the rate of a day at night shows in the rate alone."""
    rng, t = np.random.default_rng(seed), np.arange(20 * DAY)
    rate = 100 + 60 * np.sin(2 * np.pi * t / DAY)
    night = 15 * DAY + 3 * DAY // 4
    rate[night : night + 20] = 140
    counter = 1e9 + np.cumsum(rng.poisson(rate).astype(float))
    counter[10 * DAY + 7 :] -= counter[10 * DAY + 6]  # the machine starts anew, which is no event
    found = np.array(alarms(counter, DAY))
    assert ((found >= night) & (found < night + 3)).any()
    assert abs(found - (10 * DAY + 7)).min() > 3


def test_what_falls_again_and_again_is_no_counter() -> None:
    """... even if it only rose at first: it is looked at as it is, and its levels tell."""
    signal = np.concatenate([np.arange(100.0), quiet("noise", 4000)])
    signal[3500:3600] += 15
    assert 3500 in alarms(signal, DAY)
    judgement = observe(Tail(Rules()), signal)
    assert judgement.mean[3000:3400] == pytest.approx(20.0, abs=1.0)


def test_no_more_alarms_than_asked_for_where_each_stands_alone() -> None:
    """Of a sawtooth, most readings above the threshold are the first of their event: in most signals it is less."""
    rng, t = np.random.default_rng(0), np.arange(100 * DAY)
    signal = 6.0 * np.resize(np.concatenate([np.arange(n) for n in rng.integers(60, 90, 300)]), len(t))
    signal += rng.normal(0, 8, len(t))
    assert len(alarms(signal, DAY)) < 110


def test_missing_values_and_other_channels_change_nothing_for_a_channel() -> None:
    signal = quiet("noise", 3000)
    signal[2500] += 30
    gaps = np.full((6000, 2), np.nan)
    gaps[0::2, 0] = signal
    gaps[1::2, 1] = quiet("flat", 3000)
    alone, mixed = observe(Tail(Rules()), signal), observe(Tail(Rules()), gaps)
    calm = (alone.score < 1) & (mixed.score[0::2] < 1)  # an event is over after so many readings of the device
    assert calm.mean() > 0.8
    assert alone.score[calm].tolist() == mixed.score[0::2][calm].tolist()
    assert mixed.anomalous[5000]
    assert mixed.channel.tolist() == [0, 1] * 3000


def test_the_worst_channel_speaks() -> None:
    signals = np.stack([quiet("noise", 3000, seed) for seed in range(3)], axis=1)
    signals[2500, 2] += 40
    judgement = observe(Tail(Rules()), signals)
    assert judgement.anomalous[2500]
    assert judgement.channel[2500] == 2
    assert judgement.z[2500] > 30


def test_a_device_of_many_channels_raises_no_more_alarms() -> None:
    signals = np.stack([quiet("noise", 20_000, seed) for seed in range(8)], axis=1)
    assert 3 <= len(np.flatnonzero(observe(Tail(Rules(alarm_every=1000)), signals).anomalous)) <= 40


def test_no_score_says_more_than_was_seen() -> None:
    signal = quiet("noise", 2000)
    signal[::200] = 1e6
    scores = observe(Tail(Rules(alarm_every=1e9)), signal).score
    seen = np.maximum(np.arange(2000.0), 10 / KNOWN)
    assert (scores <= np.maximum(np.log10(KNOWN * (seen + 1)), 1.0)).all()


def test_a_fleet_s_tails_protect_a_device_s_first_readings() -> None:
    fleet = Tail(Rules())
    observe(fleet, quiet("noise", 20_000, seed=9))
    early = quiet("noise", 400)
    early[250] += 12
    alone, member = Tail(Rules(alarm_every=800)), Tail(Rules(alarm_every=800))
    member.adopt(fleet.parameters(0), version=1)
    assert not observe(alone, early[:150]).anomalous.any()
    assert np.flatnonzero(observe(member, early).anomalous).tolist() == [250]
    lent = np.array(list(member.parameters(0).values()))
    assert np.isfinite(lent).all()


def test_a_foreign_model_breaks_nothing() -> None:
    learner = Tail(Rules())
    learner.adopt({name: np.full(shape, 1e300) for name, shape in learner.layouts[0].items()}, version=1)
    judgement = observe(learner, quiet("noise", 1000))
    assert np.isfinite(judgement.score).all()
    learner.adopt({name: np.full(shape, -1e300) for name, shape in learner.layouts[0].items()}, version=2)
    assert np.isfinite(observe(learner, quiet("noise", 1000)).score).all()
    assert min(map(np.min, learner.parameters(0).values())) >= np.log(TINY)


def test_neither_labels_nor_times_nor_a_training_s_end_move_a_score() -> None:
    signal, rng = quiet("bursts", 2000), np.random.default_rng(0)
    plain = observe(Tail(Rules()), signal).score
    leaky = Tail(Rules(supervised=True))
    leaky.grow(1, 1)
    ends = np.sort(rng.choice(np.arange(1, 2000), 30, replace=False))
    trainings = Trainings(ends, np.zeros(30, np.int32), np.diff(ends, prepend=0).astype(np.int32), ends * 977_001)
    rows, labels = np.zeros(2000, np.int32), rng.integers(0, 2, 2000).astype(np.int8)
    assert leaky.observe(rows, signal[:, None], labels, trainings)[0].score.tobytes() == plain.tobytes()


def test_extreme_values_are_survived() -> None:
    signal = quiet("noise", 1000)
    signal[500:510] = [1e100, -1e100, 1e-100, 1e100, 0.0, 1e18, -1e18, 1e100, 1e100, 1.0]
    judgement = observe(Tail(Rules()), signal)
    for said in (judgement.score, judgement.z, judgement.mean, judgement.std):
        assert np.isfinite(said).all()


def test_an_update_says_how_many_readings_were_among_the_rarest() -> None:
    learner = Tail(Rules())
    learner.grow(1, 1)
    signal = quiet("noise", 30_000)
    ends = np.arange(100, 30_001, 100)
    trainings = Trainings(ends, np.zeros(300, np.int32), np.full(300, 100, np.int32), ends)
    _, updates = learner.observe(np.zeros(30_000, np.int32), signal[:, None], np.full(30_000, -1, np.int8), trainings)
    assert updates.accuracy[50:].mean() == pytest.approx(0.98, abs=0.01)
    share = 1 - updates.accuracy
    assert updates.loss == pytest.approx(-share * np.log(0.02) - (1 - share) * np.log(0.98))
