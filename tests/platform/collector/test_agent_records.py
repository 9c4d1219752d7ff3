"""The collector and agents: what they sign is stored once, what is not theirs is not, and how they are is seen."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from flead.records import AgentState
from flead.settings import Settings
from flead.storage import queries
from flead.trust.envelope import Item, envelopes, headers, sign
from flead.trust.keys import SigningKey
from flead.trust.register import Claim, Entry
from flead.trust.verdict import Refusal
from tests.conftest import Database
from tests.platform.collector import messages
from tests.platform.collector.test_collector import collecting
from tests.platform_fixtures import eventually

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]

NOON = "2025-11-07T12:00:00.000Z"


def test_agents_rows_are_stored_once_and_only_their_own(topics: Settings, database: Database, tmp_path: Path) -> None:
    key, other = (SigningKey.load_or_create(tmp_path / name) for name in ("key", "other"))
    sender = messages.producer(topics)

    def send(
        topic: str, record: msgspec.Struct, key: SigningKey | None = None, agent: str = "a", name: str = ""
    ) -> None:
        value = msgspec.json.encode(record)
        items = [Item(topic, 0, value), Item(topic, 1, b"{}"), Item(topic, 2, b"{}")]  # signed in company
        signed = headers(envelopes(agent, items, sign(key, agent, items))[0]) if key else None
        sender.produce(topic, value, name or getattr(record, "device_id", ""), headers=signed)
        assert sender.flush(30) == 0

    def counted(service: Any, name: str) -> float:
        return float(service.metrics.get_sample_value(name) or 0)

    with collecting(topics, database.conninfo) as service, database.connect() as connection:
        # What is not enrolled yet when the collector starts may be when its message comes.
        eventually(lambda: service.health.is_good)
        send("agents", Entry(key.public, NOON), name="agent/a")
        for device in range(2):
            send("agents", Claim("a"), name=f"device/device_{device}")
        for _ in range(2):
            send("anomalies", messages.anomaly(0), key)
            send("local-model-updates", messages.update(1), key)
        send("anomalies", messages.anomaly(1))  # unsigned, though its device is an agent's
        send("anomalies", messages.anomaly(0, z_score=9.0), other)
        send("anomalies", messages.anomaly(2), key)
        send("anomalies", messages.anomaly(3), key, agent="b")
        send("local-model-updates", messages.update(1, model_version=2), other)
        send("anomalies", messages.anomaly(5))
        letter = {"topic": "local-model-updates", "reason": Refusal.WRONG, "flead-agent": "a"}
        sender.produce("dead-letters", b"{}", headers=letter)
        send("agents", AgentState("a", "online", 2, 7, NOON), name="state/a")
        send("agents", AgentState("a", "silent", 2, 0, "2020-01-01T00:00:00.000Z"), name="state/a")
        expected = {"anomalies": 2, "local_models": 1, "rejected": 5}
        eventually(lambda: expected.items() <= messages.stored(connection).items())
        eventually(lambda: [agent.state for agent in queries.agents(connection)] == ["silent"])
        assert counted(service, "flead_repeated_messages_total") == 2
    # Another collector finds in the tables what is stored already.
    with collecting(topics, database.conninfo) as service, database.connect() as connection:
        send("anomalies", messages.anomaly(0), key)
        send("local-model-updates", messages.update(1), key)
        eventually(lambda: counted(service, "flead_repeated_messages_total") == 2)
        assert expected.items() <= messages.stored(connection).items()
        (agent,) = queries.agents(connection)
        assert (agent.devices, agent.by_command, agent.revoked) == (2, False, False)
        assert agent.spoke_at == 1_762_516_800_000  # a last will was written long before it is heard
        assert agent.refused == {Refusal.WRONG: 2, Refusal.FOREIGN: 1}
        reasons = {row.reason: row.rejected for row in queries.agents_refused(connection)}
        assert reasons == {Refusal.WRONG: 2, Refusal.FOREIGN: 1, Refusal.UNKNOWN: 1, Refusal.UNSIGNED_DEVICE: 1}
