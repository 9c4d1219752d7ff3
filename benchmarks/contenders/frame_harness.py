"""How a contender of ``benchmarks.api`` is run: ``python CONTENDER.py COLUMNS REPETITIONS`` prints JSON.

COLUMNS is a file with the arrays ``names`` and ``values``, (N,) each.
"""

import json
import sys
import time
from collections.abc import Callable

import numpy as np
from harness import one_core, settle


def run(play: Callable[[np.ndarray, np.ndarray], int]) -> None:
    """Time a contender, which returns how many readings it has flagged, and print the result."""
    one_core()
    with np.load(sys.argv[1]) as columns:
        names, values = columns["names"], columns["values"]
    play(names[:20_000], values[:20_000])
    settle()
    seconds = []
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        flagged = play(names, values)
        seconds.append(time.perf_counter() - start)
    json.dump({"seconds": seconds, "flagged": flagged}, sys.stdout)
