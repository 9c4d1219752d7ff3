"""State in columns: arrays whose first axis is the device."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)
Columns = dict[str, NDArray[np.generic]]


def grown(array: NDArray[Scalar], *shape: int) -> NDArray[Scalar]:
    """The array with its first axes at least as long as ``shape``, zeros where it was not; itself if it is.

    >>> grown(np.array([[1, 2]]), 2, 2).tolist()
    [[1, 2], [0, 0]]
    """
    lengths = (
        tuple(max(now, wanted) for now, wanted in zip(array.shape, shape, strict=False)) + array.shape[len(shape) :]
    )
    if lengths == array.shape:
        return array
    result = np.zeros(lengths, dtype=array.dtype)
    result[tuple(slice(length) for length in array.shape)] = array
    return result
