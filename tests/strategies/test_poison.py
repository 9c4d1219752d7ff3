"""A real federation with 4 of 20 updates hostile: what is left of F1."""

from functools import cache

import pytest

from benchmarks.poison import ATTACKS, f1

ROBUST = ["median", "trimmed_mean", "krum", "multi_krum", "geometric_median", "norm_clipping"]
SEEDS = 2

measured = cache(f1)


@pytest.mark.parametrize("strategy", ROBUST)
@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != "clean"])
def test_robust_strategies_keep_what_they_reach(strategy: str, attack: str) -> None:
    clean = measured(strategy, "clean", SEEDS)
    assert clean > 0.9
    assert measured(strategy, attack, SEEDS) > clean - 0.02


def test_averaging_does_not() -> None:
    """But for updates that are no numbers, which it leaves out."""
    clean = measured("fedavg", "clean", SEEDS)
    assert clean > 0.94
    assert measured("fedavg", "NaN", SEEDS) > clean - 0.01
    for attack, most in (("sign flip", 0.9), ("x100", 0.9), ("constant", 0.5), ("label flip", 0.92)):
        assert measured("fedavg", attack, SEEDS) < most, attack
