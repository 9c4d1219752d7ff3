"""FLEAD: federated learning for edge anomaly detection."""

from importlib.metadata import PackageNotFoundError, version

from flead import kernel_cache

try:
    __version__ = version("flead")
except PackageNotFoundError:  # sources on the path that were never installed
    __version__ = "0+unknown"

# Before any module with kernels is imported: Numba asks for the directory when it meets the first of them.
kernel_cache.use()
