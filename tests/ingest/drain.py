"""Reads a source to its end, and finds the real data."""

import os
from pathlib import Path

import numpy as np
import pytest

from flead.columns import Batch, Devices, Source
from flead.records import Rejected

ROOT = Path(__file__).parents[2]


def real_data(name: str) -> Path:
    """A folder of the real data; skips the test where it is absent."""
    path = Path(os.environ.get("FLEAD_TEST_DATA", ROOT.parent / "shared" / "data")) / name
    if not path.exists():
        pytest.skip(f"no real data at {path}; FLEAD_TEST_DATA can name its folder")
    return path


def drain(source: Source, limit: int = 1000, devices: Devices | None = None) -> tuple[Batch, list[Rejected], Devices]:
    """All that a source that ends gives, from its start."""
    devices = Devices() if devices is None else devices
    source.open(devices, None)
    readings, rejected = rest(source, limit)
    assert source.total() == readings.size + len(rejected)
    return readings, rejected, devices


def rest(source: Source, limit: int = 1000) -> tuple[Batch, list[Rejected]]:
    """All that an open source still gives."""
    batches, rejected = [], []
    while (chunk := source.next_batch(limit, None)) is not None:
        assert 0 < chunk.batch.size + len(chunk.rejected) <= limit
        batches.append(chunk.batch)
        rejected += chunk.rejected
    return join(batches), rejected


def join(batches: list[Batch]) -> Batch:
    """Batches one after the other."""
    if not batches:
        return Batch(np.empty(0, np.int32), np.empty(0, np.int64), np.empty((0, 1)), np.empty(0, np.int8))
    return Batch(*(np.concatenate(columns) for columns in zip(*batches, strict=True)))


def assert_same(one: Batch, other: Batch) -> None:
    """Bit for bit."""
    for column in Batch._fields:
        left, right = getattr(one, column), getattr(other, column)
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        assert left.tobytes() == right.tobytes()


def of_device(readings: Batch, devices: Devices, device: str) -> Batch:
    """The readings of one device."""
    row = [devices.id(row) for row in range(len(devices))].index(device)
    return Batch(*(column[readings.rows == row] for column in readings))
