"""FLEAD: federated learning for edge anomaly detection."""

from flead import kernel_cache

__version__ = "0.1.0"

# Before any module with kernels is imported: Numba asks for the directory when it meets the first of them.
kernel_cache.use()
