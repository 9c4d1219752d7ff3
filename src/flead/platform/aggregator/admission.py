"""Which updates the aggregator accepts: signed ones according to the register of agents, each once, at a limited rate.

Rates are measured by Kafka's timestamps, so that the same messages read again lead to the same decisions.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import msgspec
from confluent_kafka import Message

from flead.boundary import record
from flead.bus.agent_news import AgentsTopic
from flead.records import LocalUpdate
from flead.settings.trust import TrustSettings
from flead.topics import CONTROL
from flead.trust.enrolment import Changes, Grant, RefusedError, Revocation, enrol, grant, revoke
from flead.trust.envelope import AGENT_HEADER, from_headers
from flead.trust.register import TAKEN, Register, Taken
from flead.trust.verdict import ENROLMENT_SECONDS, Refusal, has_just_arrived

BURST_SECONDS = 100
"""Seconds of its rate that a device may send in one burst, so that an agent that was cut off can catch up."""

PATIENCE_SECONDS = ENROLMENT_SECONDS

_decode_command: Callable[[bytes], Grant | Revocation] = partial(record, cast(Any, Grant | Revocation))


def asks_for_agents(message: Message) -> bool:
    """Whether a message is a request on agents; the others on `control` are about global models."""
    return (message.topic() == CONTROL and message.error() is None) and (
        AGENT_HEADER in dict(message.headers() or []) or b'"request"' in (message.value() or b"")
    )


class Admission:
    """The register of agents, and how far each of their devices was taken."""

    def __init__(self, settings: TrustSettings) -> None:
        self._enrolment = settings.enrolment
        self._rate = settings.device_updates
        self._signed_only = settings.signed_only
        self._register = Register(settings.signed_only)
        self._taken: dict[str, Taken] = {}
        """Since the last round: what the register does not say yet."""
        self._settled: dict[str, Taken] = {}
        """Up to the last round, and not published yet."""

    def recover(self, options: dict[str, str]) -> None:
        """Read the register anew. KafkaException if its topic cannot be read."""
        topic = AgentsTopic(options)
        try:
            self._register = Register(self._signed_only)
            self.learn(topic.news())
        finally:
            topic.close()

    def is_early(self, message: Message) -> bool:
        """Whether the message is new, and signed by somebody who may be enrolled in a moment, or for such a device."""
        agent = None if message.error() else dict(message.headers() or []).get(AGENT_HEADER)
        if agent is None or message.topic() == CONTROL:
            return False
        name, device = _text(agent), _text(message.key() or b"")
        return not self._register.knows(name, device) and has_just_arrived(message.timestamp()[1], PATIENCE_SECONDS)

    def admit(self, message: Message, update: LocalUpdate) -> bool:
        """Whether the update is signed, and rightly so. Raises RefusedError for one that is not to be believed."""
        try:
            envelope = from_headers(message.headers(), message.value() or b"")
        except ValueError:
            raise RefusedError(Refusal.HALF_SIGNED) from None
        if envelope is None and self._register.is_open:
            return False
        refusal = self._register.judge(message.topic(), envelope, update.device_id).refusal
        if refusal is not None:
            raise RefusedError(refusal)
        return envelope is not None

    def is_repeat(self, update: LocalUpdate) -> bool:
        """Whether this version of the device, or a newer one, was taken before."""
        last = self._last(update.device_id)
        return last is not None and update.model_version <= last.version

    def take(self, update: LocalUpdate, at: int) -> None:
        """Note that a signed update is taken, at Kafka's time. Raises RefusedError if it exceeds the device's rate.

        Each device has an allowance that every update lessens by one and time refills (a token bucket).
        """
        last = self._last(update.device_id)
        allowance = most = self._rate * BURST_SECONDS
        if last is not None:
            allowance = min(most, last.allowance + max(0, at - last.at) / 1000 * self._rate)
        if allowance < 1:
            raise RefusedError(Refusal.FREQUENT)
        self._taken[update.device_id] = Taken(update.model_version, allowance - 1, at)

    def settle(self) -> None:
        """A round is complete: what was taken until now belongs to it."""
        self._settled |= self._taken
        self._taken.clear()

    def settled(self) -> Changes:
        """What goes to the topic of agents with the rounds that are published now."""
        changes: Changes = [(TAKEN + device, msgspec.json.encode(taken)) for device, taken in self._settled.items()]
        self._register.taken |= self._settled
        self._settled.clear()
        return changes

    def decide(self, message: Message) -> Changes:
        """What a request changes, from now on. Raises RefusedError."""
        changes = self._decided(message)
        self.learn(changes)
        return changes

    def _decided(self, message: Message) -> Changes:
        try:
            envelope = from_headers(message.headers(), message.value() or b"")
            if envelope is not None:
                return enrol(self._register, envelope, self._enrolment)
            command = _decode_command(message.value() or b"")
        except ValueError as error:
            raise RefusedError(f"not a request on agents: {error}") from None
        return grant(self._register, command) if isinstance(command, Grant) else revoke(self._register, command)

    def learn(self, changes: Changes) -> None:
        """Read what is in the topic of agents, or has just gone there."""
        for key, value in changes:
            self._register.take(key, value)
            if key.startswith(TAKEN) and value is None:
                self._taken.pop(key.removeprefix(TAKEN), None)

    def _last(self, device: str) -> Taken | None:
        return self._taken.get(device) or self._settled.get(device) or self._register.taken.get(device)


def _text(raw: str | bytes) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")
