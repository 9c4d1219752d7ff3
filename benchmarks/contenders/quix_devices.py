"""The same rules on Quix Streams, stateful, exactly once: ``quix_devices.py BOOTSTRAP FOLDER ANOMALIES UPDATES``.

Runs until it is told to stop. One process a core, in one consumer group, is how Quix Streams runs in parallel.
"""

import pickle
import sys
from typing import Any

import orjson
from plain_device import Device
from quixstreams import Application, State


def observe(value: bytes, state: State) -> list[dict[str, Any]]:
    reading = orjson.loads(value)
    name, number, timestamp = reading["device_id"], reading["data"], reading["timestamp"]
    stored = state.get_bytes("device")
    device = pickle.loads(stored) if stored else Device(name, number, timestamp)
    found = device.observe(number, timestamp)
    state.set_bytes("device", pickle.dumps(device))
    return [
        {"topic": topic, "record": orjson.dumps(record)}
        for topic, record in zip(("anomalies", "updates"), found, strict=True)
        if record is not None
    ]


def main(bootstrap: str, folder: str, anomalies: str, updates: str) -> None:
    application = Application(
        broker_address=bootstrap,
        consumer_group="quix",
        auto_offset_reset="earliest",
        processing_guarantee="exactly-once",
        commit_interval=2.0,
        state_dir=folder,
        producer_extra_config={"linger.ms": 50},
        auto_create_topics=True,
        loglevel="WARNING",
    )
    readings = application.topic("edge-iiot-stream", value_deserializer="bytes", key_deserializer="bytes")
    found = application.dataframe(readings).apply(observe, stateful=True, expand=True)
    for name, topic in ("anomalies", anomalies), ("updates", updates):
        sink = application.topic(topic, value_serializer="bytes", key_serializer="bytes")
        found.filter(lambda one, name=name: one["topic"] == name).apply(lambda one: one["record"]).to_topic(sink)
    application.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
