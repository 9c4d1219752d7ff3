"""Epsilon against another accountant of the library, and the bookkeeping by device."""

import math

import pytest

from flead.privacy.accountant import Accountant, epsilon_of

dp_accounting = pytest.importorskip("dp_accounting", reason="the extra privacy is not installed")


@pytest.mark.parametrize(("noise", "updates"), [(1.0, 1), (4.0, 50), (30.0, 1000)])
def test_many_updates_cost_what_a_numerical_accountant_says(noise: float, updates: int) -> None:
    """Sensitivity 2: a noise multiplier of half the noise, composed by convolving privacy losses."""
    from dp_accounting import pld

    accountant, numerical = Accountant(noise), pld.PLDAccountant()
    for _ in range(updates):
        accountant.sent(["device_1"])
    numerical.compose(dp_accounting.GaussianDpEvent(noise / 2), updates)
    found = accountant.epsilon("device_1")
    assert found.updates == pytest.approx(numerical.get_epsilon(accountant.delta), rel=1e-2)
    assert found.models == 0.0


def test_the_mean_of_many_hides_each() -> None:
    """Twenty equal shares: the noise of all, against a twentieth of one, is sqrt(20) times as much."""
    accountant = Accountant(4.0)
    accountant.merged({f"device_{number}": 3.5 for number in range(20)})
    assert accountant.epsilon("device_7").models == pytest.approx(epsilon_of(0.25 / 20, accountant.delta), rel=1e-12)


def test_a_larger_share_is_seen_better() -> None:
    accountant = Accountant(4.0)
    accountant.merged({"small": 1.0, "large": 3.0})
    assert accountant.epsilon("large").models == pytest.approx(epsilon_of(0.25 * 9 / 10, 1e-5), rel=1e-12)
    assert accountant.epsilon("small").models == pytest.approx(epsilon_of(0.25 * 1 / 10, 1e-5), rel=1e-12)


def test_a_model_that_need_not_mix_tells_what_the_update_told() -> None:
    accountant = Accountant(4.0)
    accountant.sent(["a"])
    accountant.merged_otherwise(["a"])
    assert accountant.epsilon("a").models == accountant.epsilon("a").updates


def test_each_device_has_its_own_account_and_the_worst_is_shown() -> None:
    accountant = Accountant(10.0)
    accountant.sent(["busy", "busy", "quiet"])
    assert accountant.epsilon("busy").updates > accountant.epsilon("quiet").updates > 0
    assert accountant.epsilon("never").updates == 0.0
    assert accountant.worst().updates == accountant.epsilon("busy").updates


def test_the_account_survives_a_restart() -> None:
    accountant, again = Accountant(10.0), Accountant(10.0)
    accountant.sent(["a", "b"])
    again.restore(accountant.snapshot())
    again.sent(["a"])
    assert again.epsilon("a").updates == pytest.approx(epsilon_of(2 * 0.2**2, 1e-5), rel=1e-12)
    assert again.epsilon("b") == accountant.epsilon("b")


def test_more_noise_tells_less() -> None:
    told = [epsilon_of((2.0 / noise) ** 2, 1e-5) for noise in (0.5, 1.0, 2.0, 10.0, 100.0)]
    assert told == sorted(told, reverse=True)
    assert all(math.isfinite(epsilon) for epsilon in told)


def test_no_noise_is_no_account() -> None:
    with pytest.raises(ValueError, match="noise = 0"):
        Accountant(0.0)
