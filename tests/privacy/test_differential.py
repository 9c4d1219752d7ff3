"""Clipping and noise: lengths, spreads, and where the noise comes from."""

import numpy as np
import pytest

from flead.learning.privacy import clipped, noise_of, private

REFERENCE = np.array([1.0, -2.0, 3.0])


def test_a_short_difference_stays() -> None:
    assert clipped(np.array([0.3, 0.4]), 0.5).tolist() == [0.3, 0.4]


def test_nothing_is_farther_from_the_reference_than_the_clip() -> None:
    rng = np.random.default_rng(0)
    for scale in (1e-3, 1.0, 1e6, 1e200):
        sent = private(REFERENCE + scale * rng.normal(size=3), REFERENCE, 0.25, 0.0, noise_of(b"1", "pump", REFERENCE))
        assert np.linalg.norm(sent - REFERENCE) <= 0.25 * (1 + 1e-12)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_an_update_that_is_no_number_sends_noise(number: float) -> None:
    sent = private(np.array([number, 0.0, 0.0]), REFERENCE, 0.5, 1.0, noise_of(b"1", "pump", REFERENCE))
    alone = private(REFERENCE, REFERENCE, 0.5, 1.0, noise_of(b"1", "pump", REFERENCE))
    assert sent.tolist() == alone.tolist()


def test_the_noise_has_its_spread() -> None:
    """Of 40,000 numbers the standard deviation is known to .4 %: five times that is allowed."""
    sent = private(np.zeros(40_000), np.zeros(40_000), 0.5, 3.0, noise_of(b"1", "pump", REFERENCE))
    assert sent.std() == pytest.approx(1.5, rel=0.02)
    assert abs(sent.mean()) < 5 * 1.5 / 200


def test_the_same_update_has_the_same_noise_and_no_other_has() -> None:
    updates = [REFERENCE, np.nextafter(REFERENCE, np.inf)]
    places = [(seed, device, told) for seed in (b"1", b"2") for device in ("pump", "fan") for told in updates]
    drawn = [noise_of(*place).normal(size=1000) for place in places]
    for place, numbers in zip(places, drawn, strict=True):
        assert noise_of(*place).normal(size=1000).tolist() == numbers.tolist()
    table = np.corrcoef(drawn)
    assert np.abs(table - np.eye(len(places))).max() < 0.2  # sqrt(1 / 1000) is .03
    assert len(set(np.concatenate(drawn).tolist())) == 8000
