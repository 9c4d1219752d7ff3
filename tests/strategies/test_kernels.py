"""The kernels against numpy's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from flead.learning.strategies.distances import squared_distances
from flead.learning.strategies.fedavg import weighted_sum
from flead.learning.strategies.median import median, sort_columns, trimmed_mean

matrices = arrays(
    np.float64, st.tuples(st.integers(1, 40), st.integers(1, 5)), elements=st.floats(-1e100, 1e100, allow_nan=False)
)


@given(matrices)
def test_columns_are_sorted(matrix: NDArray[np.float64]) -> None:
    ordered = matrix.copy()
    sort_columns(ordered)
    np.testing.assert_array_equal(ordered, np.sort(matrix, axis=0))


@pytest.mark.parametrize("columns", [1, 255, 256, 257, 1000])
def test_columns_beyond_a_block_are_sorted(columns: int) -> None:
    matrix = np.random.default_rng(columns).normal(size=(20, columns))
    ordered = matrix.copy()
    sort_columns(ordered)
    np.testing.assert_array_equal(ordered, np.sort(matrix, axis=0))


@given(matrices)
def test_medians(matrix: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(median(matrix), np.median(matrix, axis=0), rtol=1e-15, atol=1e-300)
    np.testing.assert_allclose(trimmed_mean(matrix, 0.0), matrix.mean(axis=0), rtol=1e-12, atol=1e88)


@pytest.mark.parametrize("count", [1, 4, 5, 6, 20, 23])
@pytest.mark.parametrize("shape", [(1,), (2, 3), (1000,)])
def test_weighted_sums(count: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(count)
    stack, weights = rng.normal(size=(count, *shape)), rng.normal(size=count)
    expected = np.tensordot(weights, stack, axes=1)
    np.testing.assert_allclose(weighted_sum(list(stack), weights), expected, rtol=1e-12, atol=1e-14)
    across = [np.asfortranarray(array) for array in stack]
    np.testing.assert_allclose(weighted_sum(across, weights), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("size", [1, 3, 4, 5, 1001])
def test_distances(size: int) -> None:
    matrix = np.random.default_rng(size).normal(size=(7, size))
    expected = ((matrix[:, np.newaxis] - matrix) ** 2).sum(axis=2)
    np.testing.assert_allclose(squared_distances(matrix), expected, rtol=1e-12)
