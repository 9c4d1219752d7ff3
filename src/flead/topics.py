"""Names of the topics, on Kafka and on MQTT. It imports nothing, so that every part can import it.

``AGENT`` stands for an agent's name; an agent may publish only under its own.

- ``flead/AGENT/enrol``: a parcel (:mod:`flead.codec.parcels`) of one Enrolment; retained
- ``flead/AGENT/up``: parcels of LocalUpdates and Anomalies
- ``flead/AGENT/state``: an AgentState; retained, and published as the agent's last will
- ``flead/AGENT/ack``: the gateway's answers (:mod:`flead.codec.answers`)
- ``flead/global``: the newest GlobalModel, packed (:mod:`flead.codec.packing`); retained
"""

READINGS = "edge-iiot-stream"
ANOMALIES = "anomalies"
LOCAL_UPDATES = "local-model-updates"
GLOBAL_MODELS = "global-model-updates"
DEAD_LETTERS = "dead-letters"
CONTROL = "control"
"""Requests to the aggregator: :class:`flead.records.Rollback`, and enrolments of agents."""
AGENTS = "agents"
"""Which agents are trusted, see :mod:`flead.trust.register`; compacted."""
TRAINING_STATE = "training-state"
"""What a consumer group that trains continues from, see :mod:`flead.platform.training.changelog`; compacted."""

MQTT_PREFIX = "flead"
MQTT_GLOBAL = f"{MQTT_PREFIX}/global"
ENROL, UP, STATE, ACK = "enrol", "up", "state", "ack"
"""Suffixes of an agent's topics on MQTT."""


def mqtt_topic(agent: str, kind: str) -> str:
    """An agent's topic on MQTT; ``agent`` may be the wildcard ``+``, for all agents."""
    return f"{MQTT_PREFIX}/{agent}/{kind}"
