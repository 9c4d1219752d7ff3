"""The same devices by River's own means: rolling statistics, logistic regression, progressive metrics."""

import math
from datetime import datetime

import orjson
from harness import Outputs, run
from river import linear_model, metrics, optim, stats, utils

WINDOW, LEAST, THRESHOLD, CRITICAL = 100, 10, 2.5, 5.0
TRAIN_READINGS, TRAIN_SECONDS = 50, 60.0
RATE = 0.001


class Device:
    """One device: River's statistics, model and metrics, and its training."""

    def __init__(self, number: int, now: float) -> None:
        self.mean = utils.Rolling(stats.Mean, window_size=WINDOW)
        self.var = utils.Rolling(stats.Var, window_size=WINDOW, ddof=0)
        self.model = linear_model.LogisticRegression(optimizer=optim.SGD(RATE), intercept_lr=RATE)
        self.broker = number // 600 % 4 + 1
        self.seen, self.version, self.pending, self.trained_at = 0, 0, 0, now
        self.begin()

    def begin(self) -> None:
        self.accuracy, self.loss = metrics.Accuracy(), metrics.LogLoss()


def play(text: bytes) -> Outputs:
    devices: dict[str, Device] = {}
    anomalies, updates = [], []
    for line in text.splitlines():
        reading = orjson.loads(line)
        name, value, timestamp = reading["device_id"], reading["data"], reading["timestamp"]
        now = datetime.fromisoformat(timestamp).timestamp()
        device = devices.get(name)
        if device is None:
            device = devices[name] = Device(int(name.rpartition("_")[2]), now)

        mean, std, z = value, 1e-6 * max(1.0, abs(value)), 0.0
        if device.seen:
            mean = device.mean.get()
            std = max(math.sqrt(max(device.var.get(), 0.0)), 1e-6 * max(1.0, abs(mean)))
            if device.seen >= LEAST:
                z = (value - mean) / std
        device.mean.update(value)
        device.var.update(value)
        device.seen += 1
        flagged = abs(z) > THRESHOLD
        if flagged:
            anomalies.append(orjson.dumps({
                "device_id": name, "broker_id": device.broker, "channel": "value", "value": value, "z_score": z,
                "severity": "critical" if abs(z) > CRITICAL else "warning", "detector": "zscore",
                "timestamp": timestamp, "mean": mean, "std": std, "threshold": THRESHOLD,
            }))  # fmt: skip

        share = 1.0 / (abs(mean) + std)
        features = {"mean": mean * share, "std": std * share, "z": min(abs(z), 10.0)}
        probability = device.model.predict_proba_one(features)
        device.loss.update(flagged, probability)
        device.accuracy.update(flagged, probability[True] >= 0.5)
        device.model.learn_one(features, flagged)
        device.pending += 1
        if device.pending >= TRAIN_READINGS or now >= device.trained_at + TRAIN_SECONDS:
            device.version += 1
            weights = device.model.weights
            updates.append(orjson.dumps({
                "device_id": name, "model_version": device.version, "global_version": 0,
                "accuracy": device.accuracy.get(), "loss": device.loss.get(), "samples_processed": device.pending,
                "parameters": {
                    "weights": [weights["mean"], weights["std"], weights["z"]], "bias": [device.model.intercept],
                },
                "timestamp": timestamp,
            }))  # fmt: skip
            device.pending, device.trained_at = 0, now
            device.begin()
    return anomalies, updates


if __name__ == "__main__":
    run(play)
