"""The messages that every contender gets: seeded, so that they are the same wherever they are made."""

from collections.abc import Iterator

import numpy as np

from flead.records import to_milliseconds, to_texts

SEED = 3
START = to_milliseconds("2025-11-07T00:00:00Z")
LEVEL, NOISE, SPIKES = 40.0, 5.0, 0.01


def messages(devices: int, rounds: int, first: int = 0) -> Iterator[bytes]:
    """One line a reading. Every device speaks once a second, in another order every second.

    So its window is full after 100 rounds, and it trains on every 50th reading: it never waits for a minute. The
    first second is ``first``, for a stream that goes on.
    """
    rng = np.random.default_rng(SEED + first)
    for second in range(first, first + rounds):
        order = rng.permutation(devices)
        values = rng.normal(LEVEL, NOISE, devices) + 10 * NOISE * (rng.random(devices) < SPIKES)
        times = to_texts(START + 1000 * second + np.arange(devices) * 1000 // devices)
        for device, value, time in zip(order.tolist(), values.round(3).tolist(), times, strict=True):
            yield f'{{"device_id":"device_{device}","data":{value},"timestamp":"{time}"}}\n'.encode()
