"""What the drift learner says of one reading, worked out by hand."""

import math

import numpy as np
import pytest

from flead.learning.drift.judge import (
    CUT,
    DRIFTING,
    DRIFTS,
    ENERGY,
    ERROR,
    LEVEL,
    MEAN,
    NUMBERS,
    PER_SCALE,
    PER_SPREAD,
    PLACE,
    REFERENCE,
    ROOM,
    SCALE,
    SMOOTHING,
    SPREAD,
    STILL,
    Model,
    Z,
    follow,
    judge,
    padded,
)

ROW = np.uintp(0)


def model(channels: int = 2) -> Model:
    """Of one device: means 10 and 20 ..., scales 2, spreads 1/2; errors of variance 1, and nothing is predicted."""
    made = Model(
        channels=np.zeros((1, channels, NUMBERS)),
        last=np.zeros((1, 1 + channels)),
        weights=np.zeros((1, 1 + channels, padded(channels))),
        precision=np.zeros((1, channels, padded(channels))),
    )
    for j in range(channels):
        numbers = made.channels[0, j]
        numbers[MEAN], numbers[SCALE], numbers[SPREAD] = 10.0 * (j + 1), 2.0, 0.5
        numbers[PER_SCALE], numbers[PER_SPREAD], numbers[PLACE], numbers[ERROR] = 0.5, 2.0, j + 1, 1.0
        numbers[ENERGY] = 1.0
        made.precision[0, j, j] = 1.0
    made.last[0, 0] = 1.0
    return made


def scratch() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.zeros((ROOM, padded(2)))


def test_the_first_reading_by_hand() -> None:
    """z = (14 - 10) / 2 = 2 and (20 - 20) / 2 = 0: M moves by 2/31 of them, d is M / (1/2)."""
    given, room = model(), scratch()
    channel, d, score, energy, foretold, counted = judge(ROW, 2, 0, np.array([[14.0, 20.0]]), given, room)
    assert room[Z, :2].tolist() == [2.0, 0.0]
    assert channel == 0
    assert d == pytest.approx(2 * SMOOTHING / 0.5)
    assert energy == pytest.approx((4.0 + 0.0) / 2)  # e = z, as nothing was predicted, and R is the identity
    smoothed = (1 + SMOOTHING * (4 - 1) + 1 + SMOOTHING * (0 - 1)) / 2
    assert score == pytest.approx(math.sqrt(d * math.sqrt(smoothed)))
    assert (foretold, counted) == (2, 2)  # an error of just two standard deviations still counts
    assert given.channels[0, :, LEVEL].tolist() == pytest.approx([2 * SMOOTHING, 0.0])
    assert given.last[0].tolist() == [1.0, 2.0, 0.0]


def test_what_is_predicted_is_no_error() -> None:
    """Channel 0 is 1/2 and three quarters of what channel 1 was; channel 1 is minus what channel 0 was."""
    given, room = model(), scratch()
    given.last[0] = [1.0, -1.0, 2.0]
    given.weights[0, :, :2] = [[0.5, 0.0], [0.0, -1.0], [0.75, 0.0]]
    _, _, _, energy, foretold, counted = judge(ROW, 2, 0, np.array([[14.0, 28.0]]), given, room)
    # Predicted are .5 + .75 * 2 = 2, which z is, and 1, where z is 4.
    assert energy == pytest.approx((0.0 + 9.0) / 2)
    assert (foretold, counted) == (1, 2)


def test_errors_that_belong_together_count_once() -> None:
    """R^-1 = [[2, -1], [-1, 2]]: e = (2, 2) has the energy 2 * (4 - 2) + 2 * (4 - 2) = 8, over two channels 4."""
    given, room = model(), scratch()
    given.precision[0, :, :2] = [[2.0, -1.0], [-1.0, 2.0]]
    assert judge(ROW, 2, 0, np.array([[14.0, 24.0]]), given, room)[3] == pytest.approx(4.0)


def test_a_missing_channel_is_left_out() -> None:
    given, room = model(), scratch()
    channel, _, _, energy, foretold, counted = judge(ROW, 2, 0, np.array([[np.nan, 26.0]]), given, room)
    assert (channel, foretold, counted) == (1, 0, 1)
    assert energy == pytest.approx(9.0)
    assert np.isnan(room[Z, 0])
    assert given.channels[0, 0, LEVEL] == 0.0
    assert given.last[0].tolist() == [1.0, 0.0, 3.0]


def test_nothing_is_said_of_channels_that_are_not_known() -> None:
    given, room = model(), scratch()
    given.channels[0, :, SCALE] = 0.0
    given.channels[0, :, PLACE] = 0.0
    assert judge(ROW, 0, 0, np.array([[14.0, 20.0]]), given, room) == (-1, 0.0, 0.0, 0.0, 0, 0)


def test_a_broken_value_is_cut_off() -> None:
    given, room = model(), scratch()
    assert judge(ROW, 2, 0, np.array([[1e100, -1e100]]), given, room)[1] == pytest.approx(CUT * SMOOTHING / 0.5)
    assert room[Z, :2].tolist() == [CUT, -CUT]


def test_references_follow_at_their_own_rates() -> None:
    given = model()
    given.channels[0, 0, DRIFTS] = 1.0
    for j in range(2):
        given.channels[0, j, REFERENCE] = 1.0
        follow(ROW, j, given.channels, 3.0, STILL)
    assert given.channels[0, :, REFERENCE].tolist() == pytest.approx([1 + 2 * DRIFTING, 1 + 2 * STILL])
    follow(ROW, 1, given.channels, 3.0, 0.0)  # during an alarm
    assert given.channels[0, 1, REFERENCE] == pytest.approx(1 + 2 * STILL)
