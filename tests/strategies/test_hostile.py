"""No update, however wrong, stops a round or gets into the model by being no number."""

import numpy as np
import pytest

from flead.learning.strategies import STRATEGIES, Contribution, StrategyRules

BROKEN = {"nan": np.nan, "inf": np.inf, "-inf": -np.inf, "huge": 1.7e308}
ROBUST = ["median", "trimmed_mean", "krum", "multi_krum", "geometric_median", "norm_clipping"]


def honest(count: int) -> list[Contribution]:
    rng = np.random.default_rng(3)
    return [
        Contribution({"weights": rng.normal(1, 0.1, (2, 3)), "bias": rng.normal(1, 0.1, 1)}, 50, 0)
        for _ in range(count)
    ]


def broken(number: float) -> Contribution:
    [update] = honest(1)
    update.parameters["weights"][1, 2] = number
    return update


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("what", BROKEN)
def test_an_update_that_is_no_number_is_left_out(name: str, what: str) -> None:
    good, bad = honest(16), broken(BROKEN[what])
    strategy = STRATEGIES[name]()
    state, model = strategy.step(strategy.init(), [*good[:5], bad, *good[5:], bad, bad, bad])
    state, model = strategy.step(state, [bad, *good])
    assert all((np.abs(array - 1) < 0.3).all() for array in model.values())
    assert all(np.isfinite(array).all() for arrays in state.values() for array in arrays.values())


@pytest.mark.parametrize("name", ROBUST)
def test_the_robust_leave_out_what_cannot_be_squared(name: str) -> None:
    strategy = STRATEGIES[name]()
    _, model = strategy.step(strategy.init(), [*honest(8), broken(-2e100), broken(2e100)])
    assert all((np.abs(array - 1) < 0.3).all() for array in model.values())


@pytest.mark.parametrize("name", ["fedavg", "fedbuff", "fedprox", "median"])
def test_it_is_as_if_it_had_not_come(name: str) -> None:
    strategy, good = STRATEGIES[name](), honest(16)
    _, alone = strategy.step({}, good)
    _, beside = strategy.step({}, [broken(np.nan), *good])
    for part, array in alone.items():
        np.testing.assert_allclose(beside[part], array, rtol=1e-14)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_round_of_nothing_but_broken_updates_is_none(name: str) -> None:
    strategy = STRATEGIES[name]()
    with pytest.raises(ValueError, match="none of the round's 2 updates"):
        strategy.step(strategy.init(), [broken(np.nan), broken(np.inf)])


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_few_updates_are_enough(name: str, count: int) -> None:
    strategy = STRATEGIES[name](StrategyRules(hostile=0.4))
    _, model = strategy.step(strategy.init(), honest(count))
    assert all((np.abs(array - 1) < 0.5).all() for array in model.values())


@pytest.mark.parametrize("name", ROBUST)
@pytest.mark.parametrize("lie", [1e3, -1e3, 1e90])
def test_a_fifth_of_liars_moves_a_robust_model_little(name: str, lie: float) -> None:
    """Within the spread of the honest updates, .1; clipped norms within a fifth of an ordinary difference."""
    strategy, good = STRATEGIES[name](), honest(16)
    state, _ = strategy.step(strategy.init(), good)
    liars = [Contribution({name: np.full_like(a, lie) for name, a in good[0].parameters.items()}, 50, 0)] * 4
    _, model = strategy.step(state, [*liars, *good])
    assert all((np.abs(array - 1) < 0.15).all() for array in model.values())


def test_half_hostile_is_too_much_to_ask() -> None:
    with pytest.raises(ValueError, match=r"hostile = 0\.5"):
        StrategyRules(hostile=0.5)
