"""A shard on readings that are columns already: ``python -m benchmarks.columns DEVICES SEGMENTS READINGS`` prints JSON.

All devices speak in every round, in another order each, so that at a million devices hardly a reading finds its
device in the processor's cache. Timed are SEGMENTS of at least READINGS each, after every window is full.
"""

import gc
import json
import sys
import time
from collections.abc import Iterator

import numpy as np
import psutil

from benchmarks.contenders.harness import one_core
from flead.columns import Batch
from flead.records import NO_LABEL
from flead.settings import Settings
from flead.training.fleet import Shard

BATCH = 50_000
START = 1_762_473_600_000


def batches(devices: int) -> Iterator[list[Batch]]:
    """The readings of one second after another: of as many seconds at once as fill a batch."""
    rng = np.random.default_rng(devices)
    rounds = max(1, BATCH // devices)
    second = 0
    while True:
        rows = np.concatenate([rng.permutation(devices).astype(np.int32) for _ in range(rounds)])
        times = START + (second + np.repeat(np.arange(rounds), devices)) * 1000
        values = rng.normal(40, 5, (len(rows), 1)) + 50 * (rng.random((len(rows), 1)) < 0.01)
        whole = Batch(rows, times, values, np.full(len(rows), NO_LABEL, np.int8))
        yield [whole.part(start, start + BATCH) for start in range(0, len(rows), BATCH)]
        second += rounds


def resident() -> int:
    """The process's memory in bytes."""
    gc.collect()
    return int(psutil.Process().memory_info().rss)


def compile_kernels() -> None:
    shard = Shard(Settings())
    shard.devices.add(["a"])
    for parts in batches(1):
        shard.observe(parts[0])
        return


def kernels(shard: Shard, batch: Batch) -> None:
    """The work of ``Shard.observe`` without its checks and its bookkeeping."""
    trainings, _ = shard.schedule.plan(batch.rows, batch.times)
    shard.learner.observe(batch.rows, batch.values, batch.labels, trainings)


def main(devices: int, segments: int, readings: int) -> None:
    one_core()
    compile_kernels()
    source = batches(devices)
    parts = next(source)
    before = resident()
    shard = Shard(Settings())
    shard.devices.add(f"device_{number}" for number in range(devices))
    played = 0
    while played <= (shard.settings.window + 1) * devices:
        for batch in parts:
            shard.observe(batch)
            played += batch.size
        parts = next(source)
    memory = resident() - before

    rates: dict[str, list[float]] = {"observe": [], "kernels": []}
    for name, play in [("observe", shard.observe), ("kernels", lambda batch: kernels(shard, batch))] * segments:
        count, seconds = 0, 0.0
        while count < readings:
            for batch in parts:
                start = time.perf_counter()
                play(batch)
                seconds += time.perf_counter() - start
                count += batch.size
            parts = next(source)
        rates[name].append(count / seconds)
    json.dump({"rates": rates, "bytes_per_device": memory / devices}, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
