"""A frame by River's means: a dictionary of devices, each with rolling statistics, reading by reading."""

import math

import numpy as np
from frame_harness import run
from river import stats, utils

WINDOW, LEAST, THRESHOLD = 100, 10, 2.5


class Device:
    """One device's mean and variance of its last readings."""

    def __init__(self) -> None:
        self.mean = utils.Rolling(stats.Mean, window_size=WINDOW)
        self.var = utils.Rolling(stats.Var, window_size=WINDOW, ddof=0)
        self.seen = 0

    def score_one(self, value: float) -> float:
        if self.seen < LEAST:
            return 0.0
        mean = self.mean.get()
        std = max(math.sqrt(max(self.var.get(), 0.0)), 1e-6 * max(1.0, abs(mean)))
        return abs(value - mean) / std

    def learn_one(self, value: float) -> None:
        self.mean.update(value)
        self.var.update(value)
        self.seen += 1


def play(names: np.ndarray, values: np.ndarray) -> int:
    devices: dict[str, Device] = {}
    scores = []
    for name, value in zip(names.tolist(), values.tolist(), strict=True):
        device = devices.get(name)
        if device is None:
            device = devices[name] = Device()
        scores.append(device.score_one(value))
        device.learn_one(value)
    return sum(score > THRESHOLD for score in scores)


if __name__ == "__main__":
    run(play)
