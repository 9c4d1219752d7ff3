"""A shard on readings that are columns already: ``python -m benchmarks.columns DEVICES SEGMENTS READINGS`` prints JSON.

All devices speak once a second: steadily, in the same order every second, as devices with clocks of their own do; or
shuffled, in another order every second, so that in a large fleet hardly a reading finds its device in the processor's
cache. Timed are SEGMENTS of at least READINGS each, after every window is full.
"""

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil

from benchmarks.contenders.harness import one_core
from flead.columns import Batch
from flead.records import NO_LABEL
from flead.settings import Settings
from flead.shard.shard import Shard

BATCH = 50_000
START = 1_762_473_600_000


class Fleet:
    """Endless readings of devices, in batches of whole seconds or parts of one."""

    def __init__(self, devices: int) -> None:
        self.devices = devices
        self.second = 0
        self.rng = np.random.default_rng(devices)

    def batches(self, shuffled: bool) -> Iterator[Batch]:
        rounds = max(1, BATCH // self.devices)
        while True:
            order = self.rng.permutation if shuffled else np.arange
            rows = np.concatenate([order(self.devices).astype(np.int32) for _ in range(rounds)])
            times = START + (self.second + np.repeat(np.arange(rounds), self.devices)) * 1000
            values = self.rng.normal(40, 5, (len(rows), 1)) + 50 * (self.rng.random((len(rows), 1)) < 0.01)
            whole = Batch(rows, times, values, np.full(len(rows), NO_LABEL, np.int8))
            self.second += rounds
            for start in range(0, len(rows), BATCH):
                yield whole.part(start, start + BATCH)


def resident() -> int:
    """The process's memory in bytes."""
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def kernels(shard: Shard, batch: Batch) -> None:
    """The work of ``Shard.observe`` without its checks and its bookkeeping."""
    trainings, _ = shard.schedule.plan(batch.rows, batch.times)
    shard.learner.observe(batch.rows, batch.values, batch.labels, trainings)


def rate(play: Callable[[Batch], object], batches: Iterator[Batch], readings: int) -> float:
    """Readings a second, making them not included."""
    count, seconds = 0, 0.0
    while count < readings:
        batch = next(batches)
        start = time.perf_counter()
        play(batch)
        seconds += time.perf_counter() - start
        count += batch.size
    return count / seconds


def new_shard(devices: int) -> Shard:
    shard = Shard(Settings())
    shard.devices.add(f"device_{number}" for number in range(devices))
    return shard


def main(devices: int, segments: int, readings: int) -> None:
    one_core()
    new_shard(1).observe(next(Fleet(1).batches(shuffled=False)))
    fleet = Fleet(devices)
    steady, shuffled = fleet.batches(shuffled=False), fleet.batches(shuffled=True)
    next(shuffled)
    before = resident()
    shard = new_shard(devices)
    while fleet.second <= shard.settings.window + 1:
        shard.observe(next(steady))
    memory = resident() - before

    rates: dict[str, list[float]] = {"observe": [], "kernels": [], "shuffled": []}
    for _ in range(segments):
        rates["observe"].append(rate(shard.observe, steady, readings))
        rates["kernels"].append(rate(lambda batch: kernels(shard, batch), steady, readings))
    for _ in range(segments):
        rates["shuffled"].append(rate(shard.observe, shuffled, readings))
    json.dump({"rates": rates, "bytes_per_device": memory / devices}, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
