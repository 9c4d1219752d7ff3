"""Devices by the hour: moments of their readings, and how many of these were flagged.

Moments of parts merge to those of the whole (Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm
for computing sample variances"): of K parts with n_k readings and means m_k, ``m = sum n_k m_k / sum n_k`` and
``S = sum S_k + sum n_k (m_k - m)^2``, for products likewise. A single reading is a part with n = 1 and S = 0.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.columns import Batch

HOUR = 3_600_000
"""Milliseconds."""

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


class Hours(NamedTuple):
    """K parts of hours of devices' channels; all arrays (K,).

    Where ``readings`` is 0, the minimum is infinity, the maximum minus infinity, and the moments are 0.
    """

    rows: Whole  # the device, as a row of the table of devices
    channels: Whole  # the number of its channel
    hours: Whole  # the hour's beginning, in milliseconds since the epoch
    readings: Whole
    anomalies: Whole
    minimum: Floats
    maximum: Floats
    mean: Floats
    square_sum: Floats  # of the values' distances from their mean, squared
    time_mean: Floats  # of the readings' times, in hours since the hour's beginning
    time_square_sum: Floats
    product_sum: Floats  # of both distances' products


def hours_of(batch: Batch) -> Hours:
    """The hours of these readings, each device's channel and hour once."""
    readings, channels = np.nonzero(~np.isnan(batch.values))
    values = batch.values[readings, channels]
    times = batch.times[readings]
    hours = times // HOUR * HOUR
    ones, zeros = np.ones(len(values), np.int64), np.zeros(len(values))
    return merged([
        Hours(
            batch.rows[readings].astype(np.int64), channels, hours, ones, np.zeros_like(ones), values, values, values,
            zeros, (times - hours) / HOUR, zeros, zeros,
        )
    ])  # fmt: skip


def flagged(rows: NDArray[np.int32], channels: NDArray[np.integer], times: Whole) -> Hours:  # type: ignore[type-arg]
    """The hours of N anomalies, each device's channel and hour once; all arrays (N,)."""
    count = len(rows)
    zeros, none = np.zeros(count), np.zeros(count, np.int64)
    return merged([
        Hours(
            rows.astype(np.int64), channels.astype(np.int64), times // HOUR * HOUR, none, none + 1,
            zeros + np.inf, zeros - np.inf, zeros, zeros, zeros, zeros, zeros,
        )
    ])  # fmt: skip


def merged(parts: Sequence[Hours]) -> Hours:
    """Parts put together, so that each device's channel and hour is there once."""
    all_parts = Hours(*map(np.concatenate, zip(*parts, strict=True)))
    if len(all_parts.rows) == 0:
        return all_parts
    first, group = _groups(all_parts)
    count = len(first)
    weights = all_parts.readings.astype(np.float64)
    readings = _sums(group, all_parts.readings, count)
    mean, distance = _means(group, first, weights, readings, all_parts.mean)
    time_mean, time_distance = _means(group, first, weights, readings, all_parts.time_mean)
    minimum, maximum = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(minimum, group, all_parts.minimum)
    np.maximum.at(maximum, group, all_parts.maximum)
    return Hours(
        all_parts.rows[first], all_parts.channels[first], all_parts.hours[first],
        readings, _sums(group, all_parts.anomalies, count), minimum, maximum,
        mean, _weighed(group, all_parts.square_sum + weights * distance * distance, count),
        time_mean, _weighed(group, all_parts.time_square_sum + weights * time_distance * time_distance, count),
        _weighed(group, all_parts.product_sum + weights * distance * time_distance, count),
    )  # fmt: skip


def _groups(parts: Hours) -> tuple[Whole, Whole]:
    """Of every device's channel and hour the position of its first part, and of every part the number of its group."""
    width = int(parts.channels.max()) + 1
    hours = (parts.hours - parts.hours.min()) // HOUR
    keys = (parts.rows * width + parts.channels) * (int(hours.max()) + 1) + hours
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return first, group


def _sums(group: Whole, numbers: Whole, count: int) -> Whole:
    return np.bincount(group, numbers, count).astype(np.int64)  # exact up to 2^53


def _weighed(group: Whole, numbers: Floats, count: int) -> Floats:
    return np.bincount(group, numbers, count).astype(np.float64, copy=False)


def _means(group: Whole, first: Whole, weights: Floats, readings: Whole, means: Floats) -> tuple[Floats, Floats]:
    """The groups' means, and every part's distance from its group's. Summed from the first part's, which is near."""
    anchors = means[first]
    totals = np.bincount(group, weights * (means - anchors[group]), len(first))
    mean = np.where(readings > 0, anchors + totals / np.maximum(readings, 1), 0.0)
    return mean, means - mean[group]
