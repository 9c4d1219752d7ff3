"""Limits of channels: values outside are absent, and a reading with no value left is rejected."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from flead.columns import Batch, Chunk, Devices
from flead.records import Rejected

OUTSIDE = "outside its limits"


class Limits:
    """Lowest and highest values by channel, and how many were outside."""

    def __init__(self, limits: Mapping[str, tuple[float, float]]) -> None:
        self._limits = limits
        self.outside: Counter[str] = Counter()

    def apply(self, chunk: Chunk, devices: Devices, source: str) -> Chunk:
        """The chunk without what is outside."""
        if not self._limits or not chunk.batch.size:
            return chunk
        batch = Batch(chunk.batch.rows, chunk.batch.times, chunk.batch.values.copy(), chunk.batch.labels)
        kinds = devices.kind[batch.rows]
        for kind in np.unique(kinds).tolist():
            for column, channel in enumerate(devices.kinds[kind]):
                if channel in self._limits:
                    low, high = self._limits[channel]
                    values = batch.values[:, column]
                    outside = (kinds == kind) & ((values < low) | (values > high))
                    values[outside] = np.nan
                    self.outside[f"{channel}: {OUTSIDE}"] += int(outside.sum())
        empty = np.isnan(batch.values).all(axis=1)
        if not empty.any():
            return Chunk(batch, chunk.rejected)
        refused = [
            Rejected(source, devices.id(row), f"no value in any channel: {OUTSIDE}", b"")
            for row in batch.rows[empty].tolist()
        ]
        return Chunk(batch.take(~empty), chunk.rejected + refused)
