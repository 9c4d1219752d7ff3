"""``flead.simulate``: the simulated fleet as a frame."""

from typing import Any

import numpy as np

from flead.api.frames import DEVICE, LABEL, TIME, moments, new_frame
from flead.columns import Devices
from flead.errors import FleadError
from flead.ingest.simulated import SimulatedSource


def simulate(
    devices: int = 100, faults: bool = True, *, seconds: int = 900, seed: int = 0, backend: str | None = None
) -> Any:
    """A fleet's readings, one a second of each device, with the truth about its faults, always the same for a seed.

    Ten kinds of sensors of one to three channels. A row has ``device_id``, ``timestamp`` (UTC), a column for every
    channel of any kind (null where the device has no such channel), and ``label``: 1 while a fault lasts, else 0.
    ``faults=False``: the same fleet without any. ``backend`` is polars, pandas or pyarrow, by default the first of them
    that is installed.

    Examples
    --------
    >>> import flead
    >>> fleet = flead.simulate(devices=100, faults=True)
    >>> fleet.shape, round(float(fleet["label"].mean()), 4)
    ((90000, 18), 0.019)
    """
    if devices < 1 or seconds < 1:
        raise FleadError(f"devices={devices}, seconds={seconds}: at least 1 of each")
    table, source = Devices(), SimulatedSource(devices, seed, faults="dense" if faults else "none")
    source.open(table, None)
    batch = source.next_batch(devices * seconds, None).batch
    names = list(dict.fromkeys(channel for channels in table.kinds[1:] for channel in channels))
    columns: dict[str, Any] = {name: np.full(batch.size, np.nan) for name in names}
    kinds = table.kind[batch.rows]
    for kind in np.unique(kinds).tolist():
        rows = np.flatnonzero(kinds == kind)
        for place, channel in enumerate(table.kinds[kind]):
            columns[channel][rows] = batch.values[rows, place]
    return new_frame(
        {DEVICE: table.texts(batch.rows), TIME: moments(batch.times), **columns, LABEL: batch.labels},
        backend, absent=names,
    )  # fmt: skip
