"""Which global model a reading tests: the newest that was on the bus when the reading came there.

Kafka notes the arrival of every message. A model cannot have learnt from a reading that arrived after it, whatever
the devices' clocks say, and the rule does not depend on how the stream is cut into micro-batches: however many
versions come while one is gathered, each is tested on its own stretch of it, from its arrival to the next one's.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flead.records import GlobalModel


class Arrived(NamedTuple):
    """A global model, and when it came onto the bus in milliseconds since the epoch."""

    time: int
    model: GlobalModel


def stretches(arrived: NDArray[np.int64], models: Sequence[Arrived]) -> Iterator[tuple[int, int, GlobalModel | None]]:
    """(start, stop, model) of M messages in order of arrival, and the models in theirs.

    >>> model = GlobalModel(1, 1, 0.9, 20, "fedavg", {}, "2025-11-07T15:22:31.000Z")
    >>> newer = GlobalModel(2, 2, 0.9, 20, "fedavg", {}, "2025-11-07T15:22:33.000Z")
    >>> found = stretches(np.array([10, 20, 20, 30]), [Arrived(15, model), Arrived(20, newer)])
    >>> [(start, stop, tested and tested.version) for start, stop, tested in found]
    [(0, 1, None), (1, 4, 2)]
    """
    # A broker's clock that steps back makes no message older than the one before it.
    times = np.maximum.accumulate(arrived)
    starts = np.searchsorted(times, [model.time for model in models]).tolist()
    begins, stops = [0, *starts], [*starts, len(times)]
    tested: list[GlobalModel | None] = [None, *(model.model for model in models)]
    for start, stop, model in zip(begins, stops, tested, strict=True):
        if start < stop:
            yield start, stop, model
