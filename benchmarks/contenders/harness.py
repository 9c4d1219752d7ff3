"""How a contender is run: ``python CONTENDER.py MESSAGES REPETITIONS`` prints what it took and what it said, as JSON.

Timed is the way from lines in memory to records as JSON in memory, by one core. Contenders import nothing of
FLEAD's and nothing but what their environment has; ours is one of them.
"""

import gc
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

WARM_UP = 2_000_000
"""Bytes that are played before anything is timed."""

Outputs = tuple[list[bytes], list[bytes]]
"""The anomalies and the local updates, in their order."""


def one_core() -> None:
    """Keep to one core, where the system lets a process choose."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def settle() -> None:
    """Spare the collector of garbage what was imported: it would search all of it again and again."""
    gc.collect()
    gc.freeze()


def run(play: Callable[[bytes], Outputs]) -> None:
    """Time a contender and print the result."""
    one_core()
    text, repetitions = Path(sys.argv[1]).read_bytes(), int(sys.argv[2])
    play(text[: text.rindex(b"\n", 0, WARM_UP) + 1])
    settle()
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        anomalies, updates = play(text)
        seconds.append(time.perf_counter() - start)
    said = {"readings": text.count(b"\n"), "anomalies": len(anomalies), "updates": len(updates)}
    json.dump({"seconds": seconds, "said": said | {"digest": digest(anomalies, updates)}}, sys.stdout)


def digest(anomalies: list[bytes], updates: list[bytes]) -> str:
    """Which readings were flagged, how severely, and who trained when, in order: equal for equal outputs."""
    whole = hashlib.sha256()
    for names, messages in (("device_id", "timestamp", "severity"), anomalies), (("device_id", "timestamp"), updates):
        for record in map(json.loads, messages):
            whole.update("|".join(record[name] for name in names).encode() + b"\n")
    return whole.hexdigest()[:16]
