"""What agents and the gateway say to each other by MQTT: topics and payloads.

- ``flead/AGENT/enrol``: an agent's Envelope of an Enrolment; retained
- ``flead/AGENT/updates``: an agent's Envelope of a LocalUpdate
- ``flead/AGENT/anomalies``: an agent's Envelope of an Anomaly
- ``flead/AGENT/state``: an agent's AgentState; retained, and its last will
- ``flead/AGENT/received``: the gateway's Received
- ``flead/global``: the newest GlobalModel as it is on Kafka; retained
"""

from collections.abc import Callable

import msgspec

from flead.bus.topics import ANOMALIES, CONTROL, LOCAL_UPDATES
from flead.records import AgentState, Anomaly, LocalUpdate
from flead.trust.envelope import Envelope

GLOBAL = "flead/global"
KAFKA_TOPICS = {"updates": LOCAL_UPDATES, "anomalies": ANOMALIES, "enrol": CONTROL}
"""Where what agents sign goes to."""
SUBSCRIBED = [(f"flead/+/{kind}", 1) for kind in (*KAFKA_TOPICS, "state")]

decode_envelope = msgspec.json.Decoder(Envelope).decode
decode_state = msgspec.json.Decoder(AgentState).decode
_RECORDS: dict[str, Callable[[bytes], LocalUpdate | Anomaly]] = {
    "updates": msgspec.json.Decoder(LocalUpdate).decode,
    "anomalies": msgspec.json.Decoder(Anomaly).decode,
}


class Refused(msgspec.Struct):
    """A message that was not believed, and why."""

    sequence: int
    reason: str


class Received(msgspec.Struct):
    """What the agent need not keep any longer: what is safely on Kafka, and what never will be."""

    sequences: list[int]
    refused: list[Refused]


def received_topic(agent: str) -> str:
    """Where an agent hears what has arrived."""
    return f"flead/{agent}/received"


def device_of(kind: str, record: bytes) -> str:
    """Which device a record is on; msgspec's error if it is no record of this kind."""
    return _RECORDS[kind](record).device_id
