"""Decoding and encoding alone: ``python -m benchmarks.codec MESSAGES REPETITIONS`` prints JSON."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.contenders.harness import one_core, settle
from flead.codec.decode import Decoder
from flead.codec.encode import encode_messages
from flead.columns import Devices
from flead.settings import Settings
from flead.shard.outputs import anomalies, local_updates
from flead.shard.shard import Shard

BATCH = 50_000


def rate(work: Callable[[], object], count: int, repetitions: int) -> list[float]:
    """How many a second, in every repetition."""
    rates = []
    work()
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - start))
    return rates


def main(messages: str, repetitions: str) -> None:
    one_core()
    text, turns = Path(messages).read_bytes(), int(repetitions)
    shard = Shard(Settings())
    batch = Decoder(shard.devices).lines(text).batch
    outcomes = [shard.observe(batch.part(start, start + BATCH)) for start in range(0, batch.size, BATCH)]
    # All devices speak at the same rate: most of them train in one batch.
    outcome = max(outcomes, key=lambda one: len(one.trained.rows))
    settle()
    decoder = Decoder(Devices())
    rates = {
        "decode": rate(lambda: decoder.lines(text), text.count(b"\n"), turns),
        "anomalies": rate(lambda: encode_messages(anomalies(shard, outcome)), len(outcome.anomalies), turns),
        "updates": rate(lambda: encode_messages(local_updates(shard, outcome)), len(outcome.trained.rows), turns),
    }
    json.dump(rates, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
