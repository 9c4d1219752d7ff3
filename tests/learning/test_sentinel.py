"""Learner ``sentinel``: its kernels against figures derived by hand, and what it says of signals."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.learner import Judgement, Trainings, Updates
from flead.learning.rules import Rules
from flead.learning.sentinel.chance import bell, seed_of, uniform
from flead.learning.sentinel.learner import EVENT, Sentinel
from flead.learning.sentinel.model import ODDS, SIZE_OF_MODEL, descend, logarithm
from flead.learning.sentinel.record import KIND
from flead.learning.sentinel.reference import weight_of
from flead.learning.sentinel.relations import PLACES, invert, weigh_relations
from flead.learning.sentinel.twins import FAULTS, SHIFT, SPIKE, STUCK
from flead.learning.sentinel.voices import rareness
from flead.learning.tail.tails import COMMON
from tests.learning.test_tail import FORMS, quiet


def observe(learner: Sentinel, signal: NDArray[np.float64], row: int = 0) -> tuple[Judgement, Updates]:
    """A device's way through its signal, (N,) or (N, C), with a training every 50 readings."""
    values = np.ascontiguousarray(signal.reshape(len(signal), -1))
    learner.grow(row + 1, values.shape[1])
    ends = np.arange(50, len(signal) + 1, 50)
    rows = np.full(len(ends), row, np.int32)
    trainings = Trainings(ends, rows, np.full(len(ends), 50, np.int32), ends * 1000)
    blind = np.full(len(signal), -1, np.int8)
    return learner.observe(np.full(len(signal), row, np.int32), values, blind, trainings)


def flagged(signal: NDArray[np.float64], every: float = 1440.0) -> NDArray[np.intp]:
    judgement, _ = observe(Sentinel(Rules(alarm_every=every)), signal)
    return np.flatnonzero(judgement.anomalous)


def onsets(at: NDArray[np.intp], apart: int = 12) -> list[int]:
    found: list[int] = at[np.diff(at, prepend=-apart) >= apart].tolist()
    return found


@pytest.mark.parametrize("x", [0.0, 1e-6, 0.5, 1.0, 3.0, 40.0, 1e3, 1e6])
def test_the_quick_logarithm_is_one(x: float) -> None:
    assert logarithm(x) == pytest.approx(math.log1p(x), abs=3e-6)


def test_chance_is_a_function_of_the_device_and_the_reading() -> None:
    assert uniform(5.0, 7.0, 0) == uniform(5.0, 7.0, 0)
    assert uniform(5.0, 7.0, 0) not in (uniform(6.0, 7.0, 0), uniform(5.0, 8.0, 0), uniform(5.0, 7.0, 1))
    drawn = np.array([uniform(seed_of(0.0, 20.5), float(n), 0) for n in range(4000)])
    assert drawn.mean() == pytest.approx(0.5, abs=0.02)
    assert drawn.var() == pytest.approx(1 / 12, abs=0.005)
    about_normal = np.array([bell(3.0, float(n)) for n in range(4000)])
    assert about_normal.mean() == pytest.approx(0.0, abs=0.06)
    assert about_normal.std() == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize(
    ("seen", "gate", "weight"),
    [(0, 1.0, 1.0), (1, 1.0, 1 / 2), (300, 1.0, 1 / 300), (400, 1.0, 1 / 500), (1e6, 1.0, 1 / 4000), (1, 0.05, 1 / 40)],
)
def test_a_reference_ages_slower_than_a_mean(seen: float, gate: float, weight: float) -> None:
    assert weight_of(seen, gate) == pytest.approx(weight)


def test_what_the_other_channel_does_not_explain() -> None:
    """Of two channels with correlation c: (z1 - c z2) / sqrt(1 - c^2), the conditional distribution of a Gaussian."""
    c, z = 0.8, np.array([1.5, -0.5])
    precisions = np.zeros((1, 2, 2, 2))
    precisions[0, :, PLACES] = np.linalg.inv([[1.0, c], [c, 1.0]])
    weighed = np.zeros((2, 2))
    weigh_relations(precisions, 0, np.array([z, [0.0, 0.0], [1.0, 1.0]]), weighed)
    alone = weighed[PLACES, 0] / math.sqrt(precisions[0, 0, PLACES, 0])
    assert alone == pytest.approx((z[0] - c * z[1]) / math.sqrt(1 - c * c))
    assert weighed[PLACES] @ z == pytest.approx((z[0] ** 2 - 2 * c * z[0] * z[1] + z[1] ** 2) / (1 - c * c))


def test_a_covariance_is_shrunk_before_it_is_inverted() -> None:
    """Off the diagonal .95, on it + .01 trace + .01 + 5 trace / (n + 1), the trace a channel."""
    covariances, precisions = np.zeros((1, 2, 2, 2)), np.zeros((1, 2, 2, 2))
    covariances[0, :, PLACES] = [[1.0, 0.5], [0.5, 3.0]]
    invert(covariances, precisions, 0, 99.0)
    ridge = 0.01 * 2.0 + 0.01 + 5.0 * 2.0 / 100.0
    expected = np.linalg.inv([[1.0 + ridge, 0.475], [0.475, 3.0 + ridge]])
    assert precisions[0, :, PLACES] == pytest.approx(expected)


def test_a_voice_that_has_heard_little_speaks_by_the_usual_tail() -> None:
    """Two mean excesses above the 98 % quantile: -ln .02 + 2; half of the quantile: half of -ln .02."""
    usual = np.tile([10.0, 2.0], (4, 1))
    nothing = np.zeros((1, 1, 4))
    assert rareness(nothing, 0, 0, 0, 0.0, usual, 0, 14.0) == pytest.approx(COMMON + 2.0)
    assert rareness(nothing, 0, 0, 0, 0.0, usual, 0, 5.0) == pytest.approx(0.5 * COMMON)


def test_a_step_of_the_descent() -> None:
    """From nothing p = 1/2, so that each input moves by rate x weight x 1/2 times itself."""
    models, inputs = np.zeros((1, 2 * SIZE_OF_MODEL)), np.zeros(SIZE_OF_MODEL - 1)
    inputs[:2] = 1.0, 3.0
    assert descend(models, 0, inputs, 1.0, 2.0, 0.1) == 0.5
    assert models[0, :2] == pytest.approx([0.1, 0.3])
    assert models[0, SIZE_OF_MODEL - 1] == pytest.approx(0.1)
    assert ODDS > 1.0  # a signal counts for more than its twin


def test_a_twin_changes_nothing_of_its_channel() -> None:
    """Whatever it suffers: only the model learns from it."""
    signal = np.random.default_rng(0).normal(20, 1, (1200, 3))
    records = []
    for fault in (SPIKE, SHIFT, STUCK):
        learner = Sentinel(Rules())
        learner.faults = np.array([fault])
        judgement, _ = observe(learner, signal)
        state = learner.state
        records.append((judgement.mean.tobytes(), state.seasons.tobytes(), state.signals.tobytes()))
    assert records[0] == records[1] == records[2]


def test_every_fault_is_suffered() -> None:
    signal = quiet("season", 3000)
    for fault in range(SPIKE, len(FAULTS)):
        learner = Sentinel(Rules())
        learner.faults = np.array([fault])
        _, updates = observe(learner, signal)
        assert learner.state.devices[0, KIND] in (0, fault)
        assert updates.accuracy[20:].max() > 0, FAULTS[fault]
        assert np.isfinite(updates.parameters).all(), FAULTS[fault]


def test_a_device_is_the_same_in_every_row() -> None:
    signal = np.random.default_rng(5).normal(20, 1, (800, 2))
    first, _ = observe(Sentinel(Rules()), signal)
    seventh, _ = observe(Sentinel(Rules()), signal, row=7)
    assert first.score.tobytes() == seventh.score.tobytes()


def test_a_device_learns_to_tell_its_twin_from_itself() -> None:
    learner = Sentinel(Rules())
    learner.model = np.zeros(SIZE_OF_MODEL)
    _, updates = observe(learner, quiet("noise", 6000))
    taught = updates.loss[updates.accuracy > 0]
    assert taught[-30:].mean() < 0.8 * taught[:10].mean()


@pytest.mark.parametrize("form", FORMS)
def test_a_quiet_signal_raises_about_as_many_alarms_as_asked_for(form: str) -> None:
    count = 20_000
    for every in (1000, 4000):
        assert len(onsets(flagged(quiet(form, count), every))) <= 3 * count / every + 2


def test_an_event_begins_above_the_threshold_and_may_last_below_it() -> None:
    signal = quiet("noise", 3000)
    signal[2000:2085] = signal[2000]
    judgement, _ = observe(Sentinel(Rules()), signal)
    assert judgement.thresholds is not None
    begins = judgement.anomalous & ~np.append(False, judgement.anomalous[:-1])
    assert begins.any()
    assert (judgement.score[begins] > judgement.thresholds[begins]).all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_a_stuck_sensor_is_flagged_while_it_lasts_and_its_recovery_is_no_alarm(scale: float) -> None:
    signal = quiet("noise", 3000) * scale
    signal[2000:2085] = signal[2000]
    at = flagged(signal)
    during = at[(at >= 2000) & (at < 2085)]
    assert len(during)
    assert during[0] < 2030
    assert len(during) == 2085 - during[0]
    after = at[(at >= 2085) & (at < 2085 + EVENT)]
    assert not len(after) or after[0] == 2085  # it may take a few readings to end, and does not begin again
    assert len(onsets(at[(at >= 2000) & (at < 2085 + EVENT)])) == 1


def test_a_channel_that_no_longer_follows_the_other_is_found() -> None:
    """Each by itself does nothing that it has not done before."""
    rng = np.random.default_rng(2)
    common = rng.normal(0, 1, 3000)
    signal = np.stack([20 + common + 0.1 * rng.normal(size=3000), 5 + 2 * common + 0.1 * rng.normal(size=3000)], 1)
    broken = signal.copy()
    broken[2500:2600, 1] = signal[1000:1100, 1]
    assert len([at for at in flagged(broken) if 2500 <= at < 2610])
    assert len(onsets(flagged(signal))) <= 3


def test_the_global_model_is_asked_by_the_features_of_the_judgement() -> None:
    learner = Sentinel(Rules())
    judgement, _ = observe(learner, quiet("noise", 600))
    nothing: dict[str, Any] = {"weights": np.zeros(SIZE_OF_MODEL - 1), "bias": np.zeros(1)}
    probability = learner.predict(judgement, nothing)
    scored = probability > 0
    assert not scored[:80].any()
    assert scored[100:].all()
    assert probability[scored] == pytest.approx(0.5)
    without = judgement._replace(features=None)
    with pytest.raises(ValueError, match="no features"):
        learner.predict(without, nothing)
