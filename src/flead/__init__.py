"""FLEAD: federated learning for edge anomaly detection. The Python API is described in docs/api.md."""

import importlib
from typing import TYPE_CHECKING, Any

from flead import kernel_cache

if TYPE_CHECKING:
    from flead.api.detector import Detector
    from flead.api.federation import Federation
    from flead.api.scoring import score
    from flead.api.simulation import simulate
    from flead.errors import FleadError

    __version__: str

__all__ = ["Detector", "Federation", "FleadError", "__version__", "score", "simulate"]

# Before any module with kernels is imported: Numba asks for the directory when it meets the first of them.
kernel_cache.use()

_HOME = {
    "Detector": "flead.api.detector",
    "Federation": "flead.api.federation",
    "FleadError": "flead.errors",
    "score": "flead.api.scoring",
    "simulate": "flead.api.simulation",
}
"""Where the public names are: they are imported when they are first used (PEP 562), so that commands start fast."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value: Any = _version()
    elif name in _HOME:
        value = _public(name)
    else:
        raise AttributeError(f"module 'flead' has no attribute {name!r}")
    globals()[name] = value
    return value


def _public(name: str) -> Any:
    try:
        return getattr(importlib.import_module(_HOME[name]), name)
    except ModuleNotFoundError as error:
        from flead.optional_parts import not_installed

        raise not_installed(error) or error from error


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("flead")
    except PackageNotFoundError:  # sources on the path that were never installed
        return "0+unknown"


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
