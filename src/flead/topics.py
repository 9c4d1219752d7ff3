"""What the topics are called, on Kafka and on MQTT; it imports nothing, so that everybody may know it.

``AGENT`` stands for an agent's name, which may publish under it and under no other.

- ``flead/AGENT/enrol``: a parcel (:mod:`flead.codec.parcels`) of one Enrolment; retained
- ``flead/AGENT/up``: parcels of LocalUpdates and Anomalies
- ``flead/AGENT/state``: an AgentState; retained, and the agent's last will
- ``flead/AGENT/ack``: the gateway's answers (:mod:`flead.codec.answers`)
- ``flead/global``: the newest GlobalModel, packed (:mod:`flead.codec.packing`); retained
"""

READINGS = "edge-iiot-stream"
ANOMALIES = "anomalies"
LOCAL_UPDATES = "local-model-updates"
GLOBAL_MODELS = "global-model-updates"
DEAD_LETTERS = "dead-letters"
CONTROL = "control"
"""What the aggregator is asked for: :class:`flead.records.Rollback`, and enrolments of agents."""
AGENTS = "agents"
"""Who may speak, see :mod:`flead.trust.register`; compacted."""

MQTT_PREFIX = "flead"
MQTT_GLOBAL = f"{MQTT_PREFIX}/global"
ENROL, UP, STATE, ACK = "enrol", "up", "state", "ack"
"""Last parts of an agent's topics on MQTT."""


def mqtt_topic(agent: str, kind: str) -> str:
    """An agent's topic on MQTT; ``agent`` may be MQTT's ``+``, for everybody's."""
    return f"{MQTT_PREFIX}/{agent}/{kind}"
