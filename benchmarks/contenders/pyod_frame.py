"""A frame by PyOD's means: one model a device, fitted to the first half of its readings."""

import numpy as np
from frame_harness import run
from pyod.models.mad import MAD

THRESHOLD = 3.5


def play(names: np.ndarray, values: np.ndarray) -> int:
    order = np.argsort(names, kind="stable")
    starts = np.flatnonzero(np.append(True, names[order][1:] != names[order][:-1]))
    flagged = 0
    for rows in np.split(order, starts[1:]):
        samples = values[rows, None]
        model = MAD(threshold=THRESHOLD).fit(samples[: len(rows) // 2 + 1])
        flagged += int((model.decision_function(samples) > THRESHOLD).sum())
    return flagged


if __name__ == "__main__":
    run(play)
