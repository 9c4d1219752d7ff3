"""Kernels: functions on arrays and records of arrays that numba compiles for the types in their annotations.

A parameter is annotated once, for the reader, for the type checker and for numba: ``Float64x2`` is a C-contiguous
array of 64-bit floats with two axes, ``int`` a 64-bit integer, and a ``NamedTuple`` of such fields is a record. A
kernel is compiled, or loaded from numba's cache, when its module is imported, so that no reading waits for a compiler
and importing a module is enough to fill the cache.
"""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_origin, overload

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

Float64x1 = Annotated[NDArray[np.float64], types.float64[::1]]
Float64x2 = Annotated[NDArray[np.float64], types.float64[:, ::1]]
Float64x3 = Annotated[NDArray[np.float64], types.float64[:, :, ::1]]
Float32x2 = Annotated[NDArray[np.float32], types.float32[:, ::1]]
Float32x3 = Annotated[NDArray[np.float32], types.float32[:, :, ::1]]
Int64x1 = Annotated[NDArray[np.int64], types.int64[::1]]
Int64x2 = Annotated[NDArray[np.int64], types.int64[:, ::1]]
Int32x1 = Annotated[NDArray[np.int32], types.int32[::1]]
Int16x1 = Annotated[NDArray[np.int16], types.int16[::1]]
Int8x1 = Annotated[NDArray[np.int8], types.int8[::1]]
Boolx1 = Annotated[NDArray[np.bool_], types.boolean[::1]]

ReadOnlyFloat64x1 = Annotated[NDArray[np.float64], types.Array(types.float64, 1, "C", readonly=True)]
"""An array that the kernel only reads: callers may pass one that cannot be written to."""

UInt64 = Annotated[np.uint64, types.uint64]

Index = Annotated[int | np.uintp, types.uintp]
"""A row or a column, never negative: numba would test a signed one for being counted from the end."""

_SCALARS = {int: types.int64, float: types.float64, bool: types.boolean, np.float32: types.float32, None: types.void}


def numba_type(annotation: Any) -> Any:
    """Numba's type of what is annotated so; TypeError if a kernel cannot take it.

    >>> numba_type(Float64x2), numba_type(tuple[int, float])
    (Array(float64, 2, 'C', False, aligned=True), Tuple((int64, float64)))
    """
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if hasattr(annotation, "__metadata__"):
        return annotation.__metadata__[0]
    if get_origin(annotation) is tuple:
        return types.BaseTuple.from_types([numba_type(member) for member in annotation.__args__])
    if isinstance(annotation, type) and issubclass(annotation, tuple):
        return record(annotation)
    raise TypeError(f"a kernel cannot take {annotation}")


def record(named_tuple: type[tuple[Any, ...]], **present: Any) -> Any:
    """Numba's type of a NamedTuple. Of its fields that may be None those are arrays that are named in ``present``."""
    fields = {
        name: types.none if type(None) in getattr(annotation, "__args__", ()) else annotation
        for name, annotation in named_tuple.__annotations__.items()
    } | present
    members = [field if field is types.none else numba_type(field) for field in fields.values()]
    return types.BaseTuple.from_types(members, named_tuple)


@overload
def kernel(function: Function, /) -> Function: ...
@overload
def kernel(**options: Any) -> Callable[[Function], Function]: ...
def kernel(function: Any = None, /, **options: Any) -> Any:
    """Compile a function for the types in its annotations; it releases the interpreter's lock.

    ``options`` are further ones of ``numba.njit``.
    """
    if function is None:
        return lambda function: _compiled(function, options)
    return _compiled(function, options)


def signature_of(function: Callable[..., Any]) -> Any:
    """Numba's signature of a function whose parameters and result are annotated.

    >>> def share(counts: Int64x1, total: int) -> float: ...
    >>> print(signature_of(share))
    (Array(int64, 1, 'C', False, aligned=True), int64) -> float64
    """
    parameters = {name: numba_type(annotation) for name, annotation in function.__annotations__.items()}
    result = parameters.pop("return")
    return result(*parameters.values())


def _compiled(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    return njit(signature_of(function), cache=True, nogil=True, **options)(function)
