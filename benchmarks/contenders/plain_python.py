"""What one writes without a framework: a dict of devices, a deque each, and orjson."""

import math
from collections import deque
from datetime import datetime

import orjson
from harness import Outputs, run

WINDOW, LEAST, THRESHOLD, CRITICAL = 100, 10, 2.5, 5.0
TRAIN_READINGS, TRAIN_SECONDS = 50, 60.0
RATE = 0.001


class Device:
    """One device: its window with running sums about its first value, its model, and its training."""

    __slots__ = (
        "accuracy", "anchor", "bias", "broker", "first", "loss", "pending", "second", "start", "trained_at",
        "version", "weights", "window",
    )  # fmt: skip

    def __init__(self, number: int, value: float, now: float) -> None:
        self.window: deque[float] = deque(maxlen=WINDOW)
        self.anchor, self.first, self.second = value, 0.0, 0.0
        self.weights, self.bias = [0.0, 0.0, 0.0], 0.0
        self.broker = number // 600 % 4 + 1
        self.version, self.pending, self.trained_at = 0, 0, now
        self.begin()

    def begin(self) -> None:
        self.start = (*self.weights, self.bias)
        self.accuracy = self.loss = 0.0

    def push(self, value: float) -> None:
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


def play(text: bytes) -> Outputs:
    devices: dict[str, Device] = {}
    anomalies, updates = [], []
    for line in text.splitlines():
        reading = orjson.loads(line)
        name, value, timestamp = reading["device_id"], reading["data"], reading["timestamp"]
        now = datetime.fromisoformat(timestamp).timestamp()
        device = devices.get(name)
        if device is None:
            device = devices[name] = Device(int(name.rpartition("_")[2]), value, now)

        mean, std, z = value, 1e-6 * max(1.0, abs(value)), 0.0
        count = len(device.window)
        if count:
            offset = device.first / count
            mean = device.anchor + offset
            std = max(math.sqrt(max(device.second / count - offset * offset, 0.0)), 1e-6 * max(1.0, abs(mean)))
            if count >= LEAST:
                z = (value - mean) / std
        device.push(value)
        flagged = abs(z) > THRESHOLD
        if flagged:
            anomalies.append(orjson.dumps({
                "device_id": name, "broker_id": device.broker, "channel": "value", "value": value, "z_score": z,
                "severity": "critical" if abs(z) > CRITICAL else "warning", "detector": "zscore",
                "timestamp": timestamp, "mean": mean, "std": std, "threshold": THRESHOLD,
            }))  # fmt: skip

        device.learn(mean, std, z, float(flagged))
        device.pending += 1
        if device.pending >= TRAIN_READINGS or now >= device.trained_at + TRAIN_SECONDS:
            device.version += 1
            updates.append(orjson.dumps({
                "device_id": name, "model_version": device.version, "global_version": 0,
                "accuracy": device.accuracy / device.pending, "loss": device.loss / device.pending,
                "samples_processed": device.pending,
                "parameters": {"weights": device.weights, "bias": [device.bias]}, "timestamp": timestamp,
            }))  # fmt: skip
            device.pending, device.trained_at = 0, now
            device.begin()
    return anomalies, updates


if __name__ == "__main__":
    run(play)
