import math
from statistics import NormalDist

import numpy as np
import pytest

from flead.ingest.chance import draw, mix, normal, uniform, wander
from flead.ingest.simulated import cycle


def test_mix_is_splitmix64():
    """The generator's first numbers of seed 1234567, as its authors' C code gives them."""
    step = 0x9E3779B97F4A7C15
    numbers = [mix(np.uint64((1234567 + count * step) % 2**64)) for count in (1, 2, 3)]
    assert numbers == [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert draw(np.uint64(1234567), 2) == numbers[1]


@pytest.mark.parametrize("u", [1e-12, 1e-4, 0.02, 0.025, 0.3, 0.4999, 0.5001, 0.9, 0.976, 0.98, 0.9999])
def test_normal_inverts_the_distribution(u: float):
    bits = np.uint64(u * 2.0**64)
    assert normal(bits) == pytest.approx(NormalDist().inv_cdf(uniform(bits)), rel=2e-9)


def test_uniform_never_reaches_its_ends():
    assert 0 < uniform(np.uint64(0)) < uniform(np.uint64(2**64 - 1)) < 1


def test_a_wander_is_smooth_and_bounded():
    path = np.array([wander(np.uint64(3), count, 100) for count in range(-500, 2000)])
    assert np.abs(path).max() <= 1
    assert path.std() > 0.2
    # The steepest step of the cubic: 1.5 times the greatest rise, 2, in 100 counts.
    assert np.abs(np.diff(path)).max() <= 0.03 + 1e-12


@pytest.mark.parametrize("turns", [-1.3, 0.0, 0.125, 0.25, 0.6, 0.75, 19_000.9])
def test_a_cycle_is_nearly_a_sine(turns: float):
    assert cycle(turns) == pytest.approx(math.sin(2 * math.pi * turns), abs=0.0011)
