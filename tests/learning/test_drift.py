"""Learner ``drift``: its alarms in the long run. Its figures on real faults are tests/evaluation/test_skab.py's."""

import numpy as np
from numpy.typing import NDArray

from flead.learning.drift.learner import Drift
from flead.learning.drift.observe import LASTING, THRESHOLD
from flead.learning.kinds import PEERS
from flead.learning.learner import Judgement, Parameters, Trainings
from flead.learning.rules import Rules

STRICT = Rules(alarm_quantile=0.98)
"""By default a tenth of what is normal may be flagged."""

CHANNELS = ("current", "flow", "pressure")


def noise(count: int, seed: int = 0) -> NDArray[np.float64]:
    """Three channels of noise, of which each row remembers a third of the last, and which have something in common."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (count, 3)) + rng.normal(0, 0.5, (count, 1))
    for t in range(1, count):
        values[t] += values[t - 1] / 3
    return values * [1.0, 10.0, 1e-3] + [5.0, 1000.0, 0.0]


def new(rules: Rules | None = None) -> Drift:
    learner = Drift(rules or STRICT)
    learner.meet([CHANNELS], np.zeros(1, np.int16))
    learner.grow(1, 3)
    return learner


def observe(learner: Drift, values: NDArray[np.float64]) -> Judgement:
    """A device's way through its readings, with a training every 50 of them."""
    ends = np.arange(50, len(values) + 1, 50)
    trainings = Trainings(ends, np.zeros(len(ends), np.int32), np.full(len(ends), 50, np.int32), ends * 1000)
    rows, labels = np.zeros(len(values), np.int32), np.full(len(values), -1, np.int8)
    return learner.observe(rows, values, labels, trainings)[0]


def peers(rows: int, scores: float = 1.0) -> Parameters:
    """What peers that saw so many rows each tell, with their normal scores times ``scores``."""
    teacher = new(Rules(training_rows=rows))
    observe(teacher, noise(rows, seed=7))
    told = teacher.parameters(0)
    return {
        name: np.array([5.0]) if name.startswith(PEERS) else array * (scores if name.startswith("scores") else 1.0)
        for name, array in (told | {f"{PEERS} {name.partition(' ')[2]}": np.zeros(1) for name in told}).items()
    }


def test_an_alarm_that_does_not_end_is_a_new_normal_and_a_shorter_one_is_not() -> None:
    values, moved = noise(6000), np.array([4.0, 40.0, 4e-3])
    values[1000:1900] += moved
    values[3000:] += moved
    flagged = observe(new(), values).anomalous
    assert flagged[400:1000].mean() < 0.1
    assert flagged[1050:1900].mean() > 0.95
    assert flagged[2000:3000].mean() < 0.1
    assert flagged[3050 : 3000 + LASTING].mean() > 0.95
    assert flagged[3050 + LASTING :].mean() < 0.1


def test_a_new_normal_needs_twice_the_training_rows() -> None:
    values = noise(4000)
    values[1100:] += [4.0, 40.0, 4e-3]
    flagged = observe(new(Rules(training_rows=1000, alarm_quantile=0.98)), values).anomalous
    assert flagged[1150 : 1100 + 1900].mean() > 0.95
    assert flagged[1100 + 2050 :].mean() < 0.1


def test_what_moved_slowly_foretells_as_well_as_before() -> None:
    """The reference follows it, and what is foretold does so from the reference."""
    values = noise(80_000)
    values[2000:] += np.linspace(0, 1, 78_000)[:, None] * [6.0, 60.0, -6e-3]
    assert observe(new(), values).anomalous.mean() < 0.03


def test_who_has_seen_more_than_twice_as_much_asks_nobody() -> None:
    values = noise(600)
    alone, member, expert = new(), new(), new(Rules(training_rows=401))
    member.adopt(peers(200, scores=50.0), version=1)
    expert.adopt(peers(200, scores=50.0), version=1)
    for learner in (alone, member, expert):
        observe(learner, values)
    assert member.state.devices[0, THRESHOLD] > 10 * alone.state.devices[0, THRESHOLD]
    assert expert.state.devices[0, THRESHOLD] < 2 * alone.state.devices[0, THRESHOLD]


def test_a_new_model_makes_no_device_fit_again_that_asks_nobody() -> None:
    learner, values = new(Rules(training_rows=401)), noise(900)
    learner.adopt(peers(200, scores=50.0), version=1)
    observe(learner, values[:500])
    weights = learner.state.model.weights.copy()
    learner.state.model.weights[...] *= 0.5  # another fit would set them right
    learner.adopt(peers(200, scores=20.0), version=2)
    observe(learner, values[500:])
    assert (learner.state.model.weights == 0.5 * weights).all()
