"""Figures worked out by hand, each from its paper's formula."""

from collections.abc import Sequence

import numpy as np
import pytest

from flead.learning.learner import Trainings
from flead.learning.rules import Rules
from flead.learning.strategies import STRATEGIES, Contribution, State, StrategyRules
from flead.learning.strategies.krum import krum_scores
from flead.learning.strategies.statistics import medians, sums, without
from flead.learning.zscore.learner import ZScore


def updates(*weights: Sequence[float]) -> list[Contribution]:
    return [Contribution({"w": np.array(row, dtype=np.float64)}, 10, 0) for row in weights]


def model(name: str, rows: Sequence[Contribution], state: State | None = None, **rules: float) -> list[float]:
    strategy = STRATEGIES[name](StrategyRules(**rules))
    _, merged = strategy.step(strategy.init() if state is None else state, rows)
    return list(merged["w"].tolist())


def state(last: float, momentum: float, variance: float) -> State:
    numbers = {"model": last, "momentum": momentum, "variance": variance}
    return {part: {"w": np.array([number])} for part, number in numbers.items()}


def test_momentum_adds_up() -> None:
    """From w = 1 with v = .5 towards the mean 2: v = .9 * .5 + 1 = 1.45, w = 2.45."""
    rows = updates([1.0], [3.0])
    assert model("fedavgm", rows, state(1.0, 0.5, 0.0), server_momentum=0.9) == pytest.approx([2.45])


@pytest.mark.parametrize("name", ["fedavgm", "fedadagrad", "fedadam", "fedyogi"])
def test_the_first_round_is_the_mean(name: str) -> None:
    assert model(name, updates([1.0], [4.0])) == [2.5]


# From w = 1, m = .5, v = .25; the mean is 3, so change = 2: m = .5 * .5 + .5 * 2 = 1.25.
ADAPTIVE = {
    "fedadagrad": 1 + 0.1 * 1.25 / (4.25**0.5 + 0.5),  # v = .25 + 4
    "fedadam": 1 + 0.1 * 1.25 / ((0.75 * 0.25 + 0.25 * 4) ** 0.5 + 0.5),
    "fedyogi": 1 + 0.1 * 1.25 / ((0.25 + 0.25 * 4) ** 0.5 + 0.5),  # v < change^2: it rises
}


@pytest.mark.parametrize("name", ADAPTIVE)
def test_adaptive_steps(name: str) -> None:
    rules = {"server_momentum": 0.5, "server_rate": 0.1, "second_momentum": 0.75, "adaptivity": 0.5}
    assert model(name, updates([3.0]), state(1.0, 0.5, 0.25), **rules) == pytest.approx([ADAPTIVE[name]], rel=1e-15)


def test_yogi_falls_by_the_change_alone() -> None:
    """v = 9 and change = .1: Yogi's v falls to 9 - .25 * .01, Adam's to .75 * 9 + .25 * .01."""
    rules = {"server_momentum": 0.0, "server_rate": 1.0, "second_momentum": 0.75, "adaptivity": 1e-9}
    assert model("fedyogi", updates([1.1]), state(1.0, 0.0, 9.0), **rules)[0] - 1 == pytest.approx(0.1 / 8.9975**0.5)
    assert model("fedadam", updates([1.1]), state(1.0, 0.0, 9.0), **rules)[0] - 1 == pytest.approx(0.1 / 6.7525**0.5)


def test_the_median_of_an_even_number() -> None:
    assert model("median", updates([1, 40], [2, 30], [4, 20], [100, 10])) == [3.0, 25.0]


def test_the_trimmed_mean() -> None:
    """A quarter of 9 is 2.25: two are cut at each end; the mean of 3, 4, 5, 6, 10 is 5.6."""
    rows = updates(*([number] for number in (-1000, 2, 3, 4, 5, 6, 10, 11, 1e9)))
    assert model("trimmed_mean", rows, hostile=0.25) == pytest.approx([5.6])


KRUM = updates([0], [1], [3], [4], [50])
"""With f = 1, the n - f - 2 = 2 nearest count. Scores: 0: 1 + 9 = 10; 1: 1 + 4 = 5; 3: 1 + 4 = 5; 4: 1 + 9 = 10;
50: 46^2 + 47^2. Of equals the first is taken."""


def test_krum() -> None:
    scores = krum_scores(np.array([update.parameters["w"] for update in KRUM]), hostile=1)
    assert scores.tolist() == [10.0, 5.0, 5.0, 10.0, 46.0**2 + 47.0**2]
    assert model("krum", KRUM, hostile=0.2) == [1.0]


def test_multi_krum() -> None:
    """The n - f = 4 best: the mean of 0, 1, 3, 4."""
    assert model("multi_krum", KRUM, hostile=0.2) == [2.0]


def test_krum_beside_a_huge_update() -> None:
    """1e99 squared swallows a distance of 1 when squares are subtracted; differences keep it."""
    assert model("krum", [*KRUM[:4], *updates([1e99])], hostile=0.2) == [1.0]


def test_the_geometric_median_on_a_line_is_the_median() -> None:
    assert model("geometric_median", updates([0, 0], [1, 1], [2, 2], [7, 7], [1000, 1000])) == pytest.approx([2, 2])


def test_the_geometric_median_of_a_square_with_one_corner_far_away() -> None:
    """Of four points that are corners of a convex quadrilateral it is where the diagonals cross (Fagnano)."""
    rows = updates([0, 0], [3, 0], [0, 1], [100, 100])  # y = x and x / 3 + y = 1
    assert model("geometric_median", rows) == pytest.approx([0.75, 0.75], abs=1e-6)


def test_norm_clipping() -> None:
    """From (1, 1): the differences (3, 4), (0, 1), (-30, -40) have norms 5, 1, 50; those beyond 5 are cut to 5."""
    rows = updates([4, 5], [1, 2], [-29, -39])
    last = {"model": {"w": np.array([1.0, 1.0])}}
    assert model("norm_clipping", rows, last) == pytest.approx([1 + (3 + 0 - 3) / 3, 1 + (4 + 1 - 4) / 3])


def test_a_liar_about_its_samples_counts_once() -> None:
    honest = updates([1.0], [1.1], [0.9], [1.05])
    liar = Contribution({"w": np.array([500.0])}, 10**9, 0)
    for name in ("median", "trimmed_mean", "krum", "multi_krum", "geometric_median"):
        assert model(name, [*honest, liar])[0] == pytest.approx(1.0, abs=0.1), name
    assert model("norm_clipping", [*honest, liar])[0] == pytest.approx(1.0, abs=0.2)
    assert model("fedavg", [*honest, liar])[0] == pytest.approx(500.0, rel=1e-3)


def test_a_proximal_step() -> None:
    """Two readings of 2 and 0 before scoring starts (z = 0, label 0; mean, std before: 2, 1e-6 * 2, then 2, 2e-6).

    Raw features (m, s, 0), rate 1, from 0: p = 1/2, w1 = -(1/2) (m, s, 0, 1). Then p = sigmoid(w1 . f), and
    w2 = w1 - p (m, s, 0, 1) - mu (w1 - 0).
    """
    values = np.array([[2.0], [0.0]])
    made = {}
    for mu in (0.0, 0.25):
        learner = ZScore(Rules(learning_rate=1.0, features="raw", proximal=mu))
        learner.grow(1, 1)
        trainings = Trainings(np.array([2]), np.zeros(1, np.int32), np.array([2], np.int32), np.array([0]))
        _, made[mu] = learner.observe(np.zeros(2, np.int32), values, np.full(2, -1, np.int8), trainings)
    inputs = np.array([2.0, 2e-6, 0.0, 1.0])
    first = -0.5 * inputs
    p = 1 / (1 + np.exp(-(first @ inputs)))
    for mu, found in made.items():
        np.testing.assert_allclose(found.parameters[0], first - p * inputs - mu * first, rtol=1e-12)


def test_moments_add_up_whatever_their_order() -> None:
    rng = np.random.default_rng(0)
    readings = rng.normal(1e6, 1.0, (20, 50))
    peers = [{"n": np.array([50.0]), "s": np.array([[row.sum(), (row**2).sum()]])} for row in readings]
    total = sums(peers)
    shuffled = sums([peers[i] for i in rng.permutation(20)])
    assert {name: array.tobytes() for name, array in total.items()} == {n: a.tobytes() for n, a in shuffled.items()}
    assert total["n"].tolist() == [1000.0]
    assert total["s"].shape == (1, 2)
    np.testing.assert_allclose(total["s"][0], [readings.sum(), (readings**2).sum()], rtol=1e-14)
    np.testing.assert_allclose(without(total, peers[3])["s"], sums(peers[:3] + peers[4:])["s"], rtol=1e-14)


def test_a_peer_with_broken_moments_is_left_out() -> None:
    whole, broken = {"n": np.array([2.0, 3.0])}, {"n": np.array([5.0, np.nan])}
    assert sums([whole, broken, whole])["n"].tolist() == [4.0, 6.0]
    with pytest.raises(ValueError, match="none of the 1 peers"):
        sums([broken])


def test_medians_of_those_who_know() -> None:
    nan = np.nan
    peers = [{"v": np.array(row)} for row in ([1.0, 5.0, nan], [2.0, nan, nan], [9.0, np.inf, nan], [4.0, 7.0, nan])]
    np.testing.assert_array_equal(medians(peers)["v"], [3.0, 6.0, nan])
