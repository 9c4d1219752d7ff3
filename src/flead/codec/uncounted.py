"""Kernels that do without Numba's reference counting.

A function that is called for every reading spends more time on counting the references to the arrays it is given
than on its work (measured: 74 ns a call with six arrays). What calls it holds the arrays, so nothing needs
counting. Such a kernel cannot make arrays or slice them: Numba refuses to compile it then.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def njit_uncounted(signature: Any) -> Callable[[Function], Function]:
    """``njit`` with this signature, cached, without the GIL and without reference counting."""
    compiled: Callable[[Function], Function] = njit(signature, cache=True, nogil=True, _nrt=False)  # type: ignore[call-overload]
    return compiled
