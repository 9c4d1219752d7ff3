"""Cholesky decomposition of small systems, with factors worked out by hand."""

import numpy as np
import pytest

from flead.learning.drift.cholesky import decompose, solve


def test_a_factor_by_hand() -> None:
    # L = [[2, 0, 0], [6, 1, 0], [-8, 5, 3]]: L L' has whole numbers only.
    matrix = np.array([[4.0, 12.0, -16.0], [12.0, 37.0, -43.0], [-16.0, -43.0, 98.0]])
    assert decompose(matrix)
    assert np.tril(matrix).tolist() == [[2.0, 0.0, 0.0], [6.0, 1.0, 0.0], [-8.0, 5.0, 3.0]]


def test_only_the_lower_triangle_is_read() -> None:
    matrix = np.array([[4.0, np.nan], [2.0, 10.0]])
    assert decompose(matrix)
    assert np.tril(np.nan_to_num(matrix)).tolist() == [[2.0, 0.0], [1.0, 3.0]]


@pytest.mark.parametrize(
    "matrix",
    [
        [[0.0]],
        [[-1.0]],
        [[np.nan]],
        [[np.inf]],
        [[1.0, 2.0], [2.0, 4.0]],  # its rows are the same but for a factor
        [[1.0, 2.0], [2.0, 1.0]],  # its eigenvalues are 3 and -1
    ],
)
def test_a_matrix_that_is_not_positive_definite_has_none(matrix: list[list[float]]) -> None:
    assert not decompose(np.array(matrix))


def test_every_column_is_solved() -> None:
    # L = [[2, 0], [1, 3]] and L L' = [[4, 2], [2, 10]]: x = (1, 2) gives (8, 22), x = (-1, 0) gives (-4, -2).
    lower, right = np.array([[2.0, 0.0], [1.0, 3.0]]), np.array([[8.0, -4.0], [22.0, -2.0]])
    solve(lower, right)
    assert right.tolist() == [[1.0, -1.0], [2.0, 0.0]]


def test_the_identity_solved_is_the_inverse() -> None:
    # [[4, 2], [2, 10]] has the determinant 36.
    lower, inverse = np.array([[2.0, 0.0], [1.0, 3.0]]), np.eye(2)
    solve(lower, inverse)
    assert inverse == pytest.approx(np.array([[10.0, -2.0], [-2.0, 4.0]]) / 36)
