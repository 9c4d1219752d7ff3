"""Judge a few readings with the learning core alone: arrays in, arrays out, nothing else of FLEAD.

Run it with ``python examples/judge_readings.py``.
"""

import numpy as np

from flead.learning.learner import Trainings
from flead.learning.rules import Rules
from flead.learning.zscore.learner import ZScore

# Two devices, one channel, forty readings in turn: a boiler at 80 degrees and a pump at 2 bar.
rows = np.tile(np.array([0, 1], dtype=np.int32), 20)
noise = np.random.default_rng(7).normal(0, 1, 40)
values = np.where(rows == 0, 80.0 + 0.3 * noise, 2.0 + 0.05 * noise).reshape(-1, 1)
values[36] = 84.0  # the boiler, near the end
labels = np.full(40, -1, dtype=np.int8)  # no ground truth

# Each device trains once, after the last reading (position 40), on its 20 readings.
trainings = Trainings(
    positions=np.array([40, 40]),
    rows=np.array([0, 1], dtype=np.int32),
    samples=np.array([20, 20], dtype=np.int32),
    times=np.array([40_000, 40_000]),
)

learner = ZScore(Rules(window=100, min_readings=10, threshold=2.5))
learner.grow(devices=2, channels=1)
judgement, updates = learner.observe(rows, values, labels, trainings)

for i in np.flatnonzero(judgement.anomalous):
    mean, std = judgement.mean[i, 0], judgement.std[i, 0]
    distance = f"{judgement.z[i]:+.1f} std from {mean:.2f} ± {std:.2f}"
    print(f"reading {i} of device {rows[i]}: {values[i, 0]:.2f} is {distance}")
for row, accuracy in zip(trainings.rows, updates.accuracy, strict=True):
    weights = learner.parameters(int(row))["weights"].round(4).tolist()
    print(f"device {row}: accuracy before training {accuracy:.0%}, weights after it {weights}")
