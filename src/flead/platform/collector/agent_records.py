"""What the collector knows of agents: whom it believes, which of their records it has, and what the tables say."""

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, LiteralString

from confluent_kafka import Message
from psycopg import Connection

from flead.boundary import MalformedError, name_of, record
from flead.bus.agent_news import AgentsTopic
from flead.bus.clients import kafka_options
from flead.records import AgentState, Anomaly, LocalUpdate, to_milliseconds
from flead.settings import Settings
from flead.storage.text import clean
from flead.storage.writing.writer import REASON_LENGTH, Writer
from flead.topics import ANOMALIES
from flead.trust.envelope import AGENT_HEADER, Envelope, from_headers
from flead.trust.register import AGENT, DEVICE, STATE, Claim, Entry, Register
from flead.trust.verdict import ENROLMENT_SECONDS, Refusal, has_just_arrived

PATIENCE_SECONDS = ENROLMENT_SECONDS + 1
"""What the aggregator has waited for, and then took, is known here by then."""
LOOK_SECONDS = 0.2

Key = tuple[str, str, int]
"""What an agent's record is known by: the device, the channel or the version, the time in milliseconds."""

_decode_anomaly = partial(record, Anomaly)
_decode_update = partial(record, LocalUpdate)
_decode_entry = partial(record, Entry)
_decode_claim = partial(record, Claim)
_decode_state = partial(record, AgentState)


class AgentRecords:
    """Lets pass what is to be stored: unsigned messages where they may be, and signed ones once."""

    def __init__(self, settings: Settings, connection: Connection[Any], writer: Writer) -> None:
        self._connection = connection
        self._writer = writer
        self._register = Register(settings.signed_only)
        self._topic = AgentsTopic(kafka_options(settings))
        self._looked = 0.0
        self._waiting: set[tuple[str, Key]] = set()
        """Signed records that the next commit stores."""
        self.has_news = False
        """Whether something is known that the tables do not say yet."""

    def refresh(self, seconds: float = 5) -> None:
        """Read what is new of the agents, for the next commit. KafkaException if Kafka does not answer."""
        self._looked = time.monotonic()
        for key, value in self._topic.news(seconds):
            self._register.take(key, value)
            try:
                statement = _statement(key, value)
            except MalformedError:  # the register has logged it
                continue
            if statement:
                self._writer.add_statement(*statement)
                self.has_news = True

    def close(self) -> None:
        """Stop reading."""
        self._topic.close()

    def admit(self, topic: str, messages: Sequence[Message]) -> tuple[list[Message], list[tuple[Message, str]], int]:
        """The messages to be stored, those that are not to be believed and why, and how many were stored before."""
        signed = [(message, message.headers()) for message in messages]
        if self._register.is_open and not any(found for _, found in signed):
            return list(messages), [], 0
        taken: list[Message] = []
        refused: list[tuple[Message, str]] = []
        known: dict[int, Key] = {}
        for message, found in signed:
            value = message.value() or b""
            try:
                envelope = from_headers(found, value)
            except ValueError:
                refused.append((message, Refusal.HALF_SIGNED))
                continue
            try:
                key = _key(topic, value)
            except MalformedError:
                taken.append(message)  # no record: the intake says why
                continue
            reason = self._refusal(topic, envelope, key[0], message.timestamp()[1])
            if reason is not None:
                refused.append((message, reason))
                continue
            if envelope is not None:
                known[len(taken)] = key
            taken.append(message)
        repeated = self._repeated(topic, known)
        return [message for i, message in enumerate(taken) if i not in repeated], refused, len(repeated)

    def count(self, refusals: Sequence[tuple[str, str]]) -> None:
        """Add refusals, as agent and reason, to the next commit."""
        enrolled = Counter(
            (agent if agent in self._register.agents else "", clean(reason)[:REASON_LENGTH])
            for agent, reason in refusals
        )
        for (agent, reason), number in enrolled.items():
            self._writer.add_statement(_COUNT, (agent, reason, number))

    def committed(self) -> None:
        """What was waiting is stored."""
        self._waiting.clear()
        self.has_news = False

    def _refusal(self, topic: str, envelope: Envelope | None, device: str, at: int) -> Refusal | None:
        """As the register says; somebody new who has just spoken may be enrolled in a moment."""
        while True:
            verdict = self._register.judge(topic, envelope, device)
            if verdict.is_final:
                return verdict.refusal
            late = not has_just_arrived(at, PATIENCE_SECONDS)
            if late and time.monotonic() - self._looked < 1:
                return verdict.refusal
            self.refresh()
            if not late:
                time.sleep(LOOK_SECONDS)

    def _repeated(self, topic: str, known: dict[int, Key]) -> set[int]:
        """Which of these records are in the tables, or are on the way there; the others now are."""
        if not known:
            return set()
        devices, names, times = zip(*known.values(), strict=True)
        query = _STORED[topic == ANOMALIES]
        stored = {
            (str(device), str(name), int(time))
            for device, name, time in self._connection.execute(query, (list(devices), list(names), list(times)))
        }
        repeated = set()
        for i, key in known.items():
            if key in stored or (topic, key) in self._waiting:
                repeated.add(i)
            self._waiting.add((topic, key))
        return repeated


def agent_of(letter: Message) -> str | None:
    """Under which agent's name a dead letter came."""
    found = dict(letter.headers() or []).get(AGENT_HEADER)
    return None if found is None else found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


def _key(topic: str, value: bytes) -> Key:
    record = _decode_anomaly(value) if topic == ANOMALIES else _decode_update(value)
    name = record.channel if isinstance(record, Anomaly) else str(record.model_version)
    return record.device_id, name, to_milliseconds(record.timestamp)


def _statement(key: str, value: bytes | None) -> tuple[LiteralString, tuple[Any, ...]] | None:
    """What a message of the topic changes in the tables."""
    name = name_of(key.partition("/")[2])
    if key.startswith(AGENT) and value:
        entry = _decode_entry(value)
        return _ENROLLED, (name, entry.public_key, entry.devices, entry.by_command, entry.revoked, entry.timestamp)
    if key.startswith(DEVICE):
        return (_CLAIMED, (name, _decode_claim(value).agent)) if value else (_RELEASED, (name,))
    if key.startswith(STATE) and value:
        state = _decode_state(value)
        spoke = state.timestamp if state.state != "silent" else None
        return _SPOKE, (state.state, state.pending, spoke, name)
    return None


_ENROLLED: LiteralString = """
    INSERT INTO agents (name, public_key, pattern, by_command, revoked, enrolled_at) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (name) DO UPDATE SET public_key = excluded.public_key, pattern = excluded.pattern,
        by_command = excluded.by_command, revoked = excluded.revoked, enrolled_at = excluded.enrolled_at
"""
_CLAIMED: LiteralString = """
    INSERT INTO agent_devices (device_id, agent) VALUES (%s, %s)
    ON CONFLICT (device_id) DO UPDATE SET agent = excluded.agent
"""
_RELEASED: LiteralString = "DELETE FROM agent_devices WHERE device_id = %s"
_SPOKE: LiteralString = """
    UPDATE agents SET state = %s, pending = %s, spoke_at = coalesce(%s::timestamptz, spoke_at) WHERE name = %s
"""
_COUNT: LiteralString = """
    INSERT INTO agent_refusals AS r (agent, reason, refused) VALUES (%s, %s, %s)
    ON CONFLICT (agent, reason) DO UPDATE SET refused = r.refused + excluded.refused
"""
_STORED: tuple[LiteralString, LiteralString] = (
    """
    SELECT m.device_id, m.model_version::text, (extract(epoch FROM m.created_at) * 1000)::bigint
    FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS k (device, name, time)
    JOIN local_models m ON m.device_id = k.device AND m.created_at = to_timestamp(k.time / 1000.0)
        AND m.model_version = k.name::int
    """,
    """
    SELECT a.device_id, a.channel, (extract(epoch FROM a.timestamp) * 1000)::bigint
    FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS k (device, name, time)
    JOIN anomalies a ON a.device_id = k.device AND a.timestamp = to_timestamp(k.time / 1000.0) AND a.channel = k.name
    """,
)
