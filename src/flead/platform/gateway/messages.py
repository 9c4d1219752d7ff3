"""What the gateway subscribes to, and which fields of the records it reads."""

from collections.abc import Callable
from functools import partial

from flead.boundary import record
from flead.records import AgentState, Anomaly, LocalUpdate
from flead.topics import ANOMALIES, ENROL, LOCAL_UPDATES, STATE, UP, mqtt_topic

SUBSCRIBED = [mqtt_topic("+", kind) for kind in (ENROL, UP, STATE)]

decode_state = partial(record, AgentState)
_RECORDS: dict[str, Callable[[bytes], LocalUpdate | Anomaly]] = {
    LOCAL_UPDATES: partial(record, LocalUpdate),
    ANOMALIES: partial(record, Anomaly),
}


def device_of(topic: str, text: bytes) -> str:
    """Which device a record is on; MalformedError if it is no record of this Kafka topic."""
    return _RECORDS[topic](text).device_id
