import json

import msgspec

from flead.codec.encode import encode_lines, encode_messages
from flead.records import Anomaly, LocalUpdate

TIME = "2025-11-07T15:22:31.000Z"
ANOMALY = Anomaly("Kühlhaus_1", 2, "flow", 1e-5, -2.75, "warning", "zscore", TIME, 0.1, 0.3, 2.5)
UPDATE = LocalUpdate("device_1", 3, 0, 0.98, 0.25, 50, {"weights": [0.1, -0.25, 1e22], "bias": [5e-324]}, TIME)


def test_records_come_back_bit_for_bit() -> None:
    for record in (ANOMALY, UPDATE):
        (message,) = encode_messages([record])
        assert msgspec.json.decode(message, type=type(record)) == record


def test_a_message_has_the_published_fields() -> None:
    assert json.loads(encode_messages([UPDATE])[0]) == {
        "device_id": "device_1",
        "model_version": 3,
        "global_version": 0,
        "accuracy": 0.98,
        "loss": 0.25,
        "samples_processed": 50,
        "parameters": {"weights": [0.1, -0.25, 1e22], "bias": [5e-324]},
        "timestamp": TIME,
    }


def test_lines_are_messages_with_newlines() -> None:
    records = [ANOMALY, ANOMALY]
    assert encode_lines(records) == b"".join(message + b"\n" for message in encode_messages(records))
    assert encode_lines([]) == b""
