"""One device's rules in plain Python: a deque with running sums, its model, its training."""

import math
from collections import deque
from datetime import datetime
from typing import Any

WINDOW, LEAST, THRESHOLD, CRITICAL = 100, 10, 2.5, 5.0
TRAIN_READINGS, TRAIN_SECONDS = 50, 60.0
RATE = 0.001

Record = dict[str, Any]


class Device:
    """One device: its window with running sums about its first value, its model, and its training."""

    __slots__ = (
        "accuracy", "anchor", "bias", "broker", "first", "loss", "name", "pending", "second", "start", "trained_at",
        "version", "weights", "window",
    )  # fmt: skip

    def __init__(self, name: str, value: float, timestamp: str) -> None:
        self.name = name
        self.window: deque[float] = deque(maxlen=WINDOW)
        self.anchor, self.first, self.second = value, 0.0, 0.0
        self.weights, self.bias = [0.0, 0.0, 0.0], 0.0
        self.broker = int(name.rpartition("_")[2]) // 600 % 4 + 1
        self.version, self.pending, self.trained_at = 0, 0, datetime.fromisoformat(timestamp).timestamp()
        self.begin()

    def observe(self, value: float, timestamp: str) -> tuple[Record | None, Record | None]:
        """Judge a reading and learn from it: an anomaly if it is one, an update if it completes a training."""
        mean, std, z = value, 1e-6 * max(1.0, abs(value)), 0.0
        count = len(self.window)
        if count:
            offset = self.first / count
            mean = self.anchor + offset
            std = max(math.sqrt(max(self.second / count - offset * offset, 0.0)), 1e-6 * max(1.0, abs(mean)))
            if count >= LEAST:
                z = (value - mean) / std
        self.push(value)
        anomaly = None
        if abs(z) > THRESHOLD:
            anomaly = {
                "device_id": self.name, "broker_id": self.broker, "channel": "value", "value": value, "z_score": z,
                "severity": "critical" if abs(z) > CRITICAL else "warning", "detector": "zscore",
                "timestamp": timestamp, "mean": mean, "std": std, "threshold": THRESHOLD,
            }  # fmt: skip
        self.learn(mean, std, z, float(anomaly is not None))
        return anomaly, self.trained(timestamp)

    def begin(self) -> None:
        """Begin a training."""
        self.start = (*self.weights, self.bias)
        self.accuracy = self.loss = 0.0

    def push(self, value: float) -> None:
        """Move the window on."""
        window = self.window
        if len(window) == WINDOW:
            leaving = window[0] - self.anchor
            self.first -= leaving
            self.second -= leaving * leaving
        window.append(value)
        difference = value - self.anchor
        self.first += difference
        self.second += difference * difference

    def learn(self, mean: float, std: float, z: float, label: float) -> None:
        """One step of gradient descent."""
        share = 1.0 / (abs(mean) + std)
        a, b, c = mean * share, std * share, min(abs(z), 10.0)
        start, weights = self.start, self.weights
        before = start[0] * a + start[1] * b + start[2] * c + start[3]
        self.loss += max(before, 0.0) - before * label + math.log1p(math.exp(-abs(before)))
        self.accuracy += (before >= 0.0) == (label == 1.0)
        now = weights[0] * a + weights[1] * b + weights[2] * c + self.bias
        step = RATE * (1.0 / (1.0 + math.exp(-now)) - label)
        weights[0] -= step * a
        weights[1] -= step * b
        weights[2] -= step * c
        self.bias -= step

    def trained(self, timestamp: str) -> Record | None:
        """The update, if this reading completes a training."""
        self.pending += 1
        now = datetime.fromisoformat(timestamp).timestamp()
        if self.pending < TRAIN_READINGS and now < self.trained_at + TRAIN_SECONDS:
            return None
        self.version += 1
        update = {
            "device_id": self.name, "model_version": self.version, "global_version": 0,
            "accuracy": self.accuracy / self.pending, "loss": self.loss / self.pending,
            "samples_processed": self.pending,
            "parameters": {"weights": list(self.weights), "bias": [self.bias]}, "timestamp": timestamp,
        }  # fmt: skip
        self.pending, self.trained_at = 0, now
        self.begin()
        return update
