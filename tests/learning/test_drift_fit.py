"""A device's first rows become the state that it judges by: on rows whose figures can be worked out by hand."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from flead.learning.drift.fit import (
    FLOOR,
    MATURE,
    PRIOR,
    fit,
    mean_and_variance,
    settle,
    sketch,
    wander_and_drift,
)
from flead.learning.drift.judge import (
    DRIFTING,
    DRIFTS,
    LEVEL,
    MEAN,
    NUMBERS,
    PLACE,
    REFERENCE,
    SCALE,
    SMOOTHING,
    SPREAD,
    Model,
    padded,
)
from flead.learning.kinds import LEVELS, moments_size

ROW = np.uintp(0)
NO_PEERS = np.zeros(0)


def fitted(values: NDArray[np.float64], prior: NDArray[np.float64] = NO_PEERS) -> tuple[Model, NDArray[np.float64]]:
    """The model of a device that knows all of these channels (T, C), and its statistics."""
    channels = values.shape[1]
    model = Model(
        channels=np.zeros((1, channels, NUMBERS)),
        last=np.zeros((1, 1 + channels)),
        weights=np.zeros((1, 1 + channels, padded(channels))),
        precision=np.zeros((1, channels, padded(channels))),
    )
    own = np.zeros(1 + 3 * channels + moments_size(channels) + LEVELS)
    fit(ROW, values, len(values), np.arange(channels), prior, model, own)
    return model, own


def test_mean_and_variance_of_what_is_known() -> None:
    values = np.array([[1e9 + 1, 0.0], [np.nan, 0.0], [1e9 + 3, 0.0], [1e9 + 100, 0.0]])
    assert mean_and_variance(values, 3, 0) == (1e9 + 2, 1.0)
    assert all(map(math.isnan, mean_and_variance(values[1:2], 1, 0)))


def test_levels_that_climb_drift_more_than_they_wander() -> None:
    # 0, 1, 2, 3 have the variance 5/4. The lag is half of four: each moves by 2 in it, and half of 2 squared is 2.
    assert wander_and_drift(np.array([0.0, 1.0, 2.0, 3.0, 99.0]), 4) == (1.25, 2.0)


def test_settled_is_less_what_it_was_lately() -> None:
    z = np.array([[1.0], [1.0], [0.0]])
    settle(np.array([[5.0], [5.0], [np.nan]]), 0, 3, z, 0)
    assert z[:, 0].tolist() == pytest.approx([1.0, 1 - DRIFTING, 1 - DRIFTING])  # what is missing stays as it was


def test_rows_that_alternate_by_hand() -> None:
    """3 and 7 in turn have the mean 5 and the deviation 2: z = -1 and 1 in turn, and each foretells the next."""
    count = 300
    model, own = fitted(np.where(np.arange(count) % 2 == 0, 3.0, 7.0)[:, None])
    numbers = model.channels[0, 0]
    assert numbers[MEAN] == 5.0
    assert numbers[SCALE] == 2.0
    assert (numbers[PLACE], numbers[DRIFTS], numbers[LEVEL], numbers[REFERENCE]) == (1, 0, 0, 0)
    assert own[:2].tolist() == [count, 4.0]
    # Of F F', Y Y', the sum of F, F Y' and the sum of Y, over 299 pairs of which the odd one is (-1, 1).
    assert own[4 : 4 + moments_size(1)].tolist() == pytest.approx([1.0, 1.0, -1 / 299, -1.0, 1 / 299])
    assert model.weights[0, 1, 0] == pytest.approx(-299 / 300, abs=1e-4)  # the ridge of 1 holds it back
    # The level ends up swinging between -a and a with a = (1 - SMOOTHING) (-a) + SMOOTHING.
    swing = SMOOTHING / (2 - SMOOTHING)
    assert own[2] == pytest.approx(swing**2, rel=0.2)
    assert numbers[SPREAD] == pytest.approx(math.sqrt(max(own[2], own[3], 1e-3 / (1 + 31 / count)) * (1 + 31 / count)))


def test_peers_hold_back_the_scale_of_few_rows() -> None:
    """Own variance 4 from ten rows and the peers' 25 from PRIOR: (10 * 4 + 100 * 25) / 110."""
    values = np.where(np.arange(10) % 2 == 0, 3.0, 7.0)[:, None]
    prior = np.zeros(1 + 3 + moments_size(1) + LEVELS + 1)
    prior[0], prior[1], prior[2], prior[3] = 400.0, 25.0, 0.09, 0.6
    model, own = fitted(values, prior)
    assert own[1] == 4.0
    assert model.channels[0, 0, SCALE] == pytest.approx(math.sqrt((10 * 4 + PRIOR * 25) / (10 + PRIOR)))
    assert model.channels[0, 0, DRIFTS] == 1.0  # as the peers' do, with .6
    assert len(values) < MATURE
    assert model.channels[0, 0, SPREAD] == pytest.approx(math.sqrt(max(0.09, 0.6) * (1 + 31 / 10)))


def test_a_constant_channel_has_the_smallest_scale() -> None:
    model, own = fitted(np.full((50, 1), -4000.0))
    assert model.channels[0, 0, SCALE] == pytest.approx(FLOOR * 4000)
    assert own[1] == 0.0


def test_a_channel_without_values_is_not_known() -> None:
    model, _ = fitted(np.stack([np.full(50, np.nan), np.arange(50.0)], axis=1))
    assert model.channels[0, :, [SCALE, PLACE]].tolist() == [[0.0, model.channels[0, 1, SCALE]], [0.0, 2.0]]


def test_a_sketch_lies_between_the_order_statistics() -> None:
    # The quantile at p of 0, 1, ..., 80 is 80 p: at (i + 1/2) / 40 it is 2 i + 1.
    out = np.zeros(LEVELS)
    scores = np.concatenate([[1e9], np.arange(81.0)[::-1], [1e9]])
    sketch(scores, 1, 82, out)
    assert out.tolist() == pytest.approx([2 * i + 1 for i in range(LEVELS)])
