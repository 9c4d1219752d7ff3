"""What the gateway subscribes to, and which fields of the records it reads."""

from collections.abc import Callable

import msgspec

from flead.records import AgentState, Anomaly, LocalUpdate
from flead.topics import ANOMALIES, ENROL, LOCAL_UPDATES, STATE, UP, mqtt_topic

SUBSCRIBED = [mqtt_topic("+", kind) for kind in (ENROL, UP, STATE)]

decode_state = msgspec.json.Decoder(AgentState).decode
_RECORDS: dict[str, Callable[[bytes], LocalUpdate | Anomaly]] = {
    LOCAL_UPDATES: msgspec.json.Decoder(LocalUpdate).decode,
    ANOMALIES: msgspec.json.Decoder(Anomaly).decode,
}


def device_of(topic: str, record: bytes) -> str:
    """Which device a record is on; msgspec's error if it is no record of this Kafka topic."""
    return _RECORDS[topic](record).device_id
