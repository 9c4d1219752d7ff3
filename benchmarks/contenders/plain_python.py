"""What one writes without a framework: a dict of devices, a deque each, and orjson."""

import orjson
from harness import Outputs, run
from plain_device import Device


def play(text: bytes) -> Outputs:
    devices: dict[str, Device] = {}
    anomalies, updates = [], []
    for line in text.splitlines():
        reading = orjson.loads(line)
        name, value, timestamp = reading["device_id"], reading["data"], reading["timestamp"]
        device = devices.get(name)
        if device is None:
            device = devices[name] = Device(name, value, timestamp)
        anomaly, update = device.observe(value, timestamp)
        if anomaly is not None:
            anomalies.append(orjson.dumps(anomaly))
        if update is not None:
            updates.append(orjson.dumps(update))
    return anomalies, updates


if __name__ == "__main__":
    run(play)
