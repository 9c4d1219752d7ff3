"""State in columns: arrays whose first axis is the device."""

import math
import mmap
from contextlib import suppress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)
Columns = dict[str, NDArray[np.generic]]


HUGE = 4 << 20
"""Bytes from which an array is worth huge pages."""


def zeros(shape: tuple[int, ...], dtype: np.dtype[Scalar]) -> NDArray[Scalar]:
    """Zeros that take memory only where they are written to, in huge pages where the system has them.

    Devices speak in any order. In small pages nearly every access to a large fleet's state first has to look up
    where its page lies: at a million devices that is a third of a reading's time. numpy asks for huge pages in
    ``empty``, but not in ``zeros``.
    """
    size = math.prod(shape) * dtype.itemsize
    if size < HUGE or not hasattr(mmap, "MADV_HUGEPAGE"):
        return np.zeros(shape, dtype)
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel without huge pages
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype).reshape(shape)


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
    result = zeros(lengths, array.dtype)
    result[tuple(slice(length) for length in array.shape)] = array
    return result
