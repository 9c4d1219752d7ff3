"""How rare a score is: against what was drawn, and against tails worked out by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.tail.tails import COMMON, EXCESS, FIRST, QUANTILE, RATE, SIZE_OF_TAIL, SQUARE, learn, rarity

AT = np.uintp(0), np.uintp(0), 0


def tail_of(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    tail = np.zeros((1, 1, SIZE_OF_TAIL))
    for seen, score in enumerate(scores.tolist()):
        learn(tail, *AT, score, float(seen))
    return tail


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3])
@pytest.mark.parametrize("form", ["exponential", "normal", "lognormal"])
def test_its_quantile_and_its_rarities_are_those_of_the_distribution(form: str, scale: float) -> None:
    rng = np.random.default_rng(0)
    scores = np.abs(getattr(rng, form)(size=40_000)) * scale
    if form == "exponential":
        scores = rng.exponential(scale, 40_000)
    tail = tail_of(scores)
    assert tail[0, 0, QUANTILE] == pytest.approx(np.quantile(scores, 0.98), rel=0.08)
    assert tail[0, 0, RATE] == pytest.approx(0.02, rel=0.25)
    for share in (0.01, 0.002):
        assert rarity(tail, *AT, float(np.quantile(scores, 1 - share)), 1e-9) == pytest.approx(
            -math.log(share), abs=0.5
        )


def test_a_tail_by_hand() -> None:
    # m = 1 and q = 2 are the exponential's; q = 6 has variance 5 and so xi = (1 - 1/5) / 2 = .4.
    exponential = np.array([[[3.0, 0.02, 1.0, 2.0]]])
    assert rarity(exponential, *AT, 5.0, 1e-9) == pytest.approx(-math.log(0.02 + 1e-4) + 2.0)
    heavy = np.array([[[3.0, 0.02, 1.0, 6.0]]])
    assert rarity(heavy, *AT, 5.0, 1e-9) == pytest.approx(-math.log(0.02 + 1e-4) + math.log(1 + 0.4 * 2 / 0.6) / 0.4)
    assert rarity(heavy, *AT, 1.5, 1e-9) == pytest.approx(COMMON / 2)
    assert rarity(heavy, *AT, 0.0, 1e-9) == 0.0


def test_the_first_scores_give_the_first_tail() -> None:
    scores = np.arange(1.0, FIRST + 1)
    tail = tail_of(scores)[0, 0]
    excess = (FIRST - scores.mean()) / 4
    assert tail.tolist() == pytest.approx([FIRST, 0.02, excess, 2 * excess**2])


def test_rarities_rise_with_the_score() -> None:
    tail = tail_of(np.random.default_rng(3).gamma(0.5, 1.0, 5000))
    said = [rarity(tail, *AT, score, 1e-9) for score in np.linspace(0.0, 200.0, 500).tolist()]
    assert (np.diff(said) > 0).all()


def test_a_tail_follows_a_signal_that_changes() -> None:
    rng = np.random.default_rng(4)
    louder = tail_of(np.concatenate([rng.exponential(1.0, 20_000), rng.exponential(50.0, 20_000)]))
    assert louder[0, 0, QUANTILE] == pytest.approx(50 * COMMON, rel=0.15)
    assert louder[0, 0, EXCESS] == pytest.approx(50, rel=0.3)


def test_one_outlier_hides_nothing() -> None:
    scores = np.random.default_rng(5).exponential(1.0, 3000)
    with_outlier = scores.copy()
    with_outlier[2000] = 1e9
    plain, hit = tail_of(scores), tail_of(with_outlier)
    assert hit[0, 0, SQUARE] < 5 * plain[0, 0, SQUARE]
    assert rarity(hit, *AT, 12.0, 1e-9) > 0.65 * rarity(plain, *AT, 12.0, 1e-9)


def test_scores_that_are_mostly_zero() -> None:
    scores = np.where(np.random.default_rng(6).random(20_000) < 0.001, 5.0, 0.0)
    tail = tail_of(scores)
    assert rarity(tail, *AT, 0.0, 1e-9) == 0.0
    assert rarity(tail, *AT, 5.0, 1e-9) == pytest.approx(math.log(1000), abs=2.0)
