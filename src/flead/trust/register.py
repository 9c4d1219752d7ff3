"""The register of agents: what the topic ``agents`` says, and whether a message is to be believed by it.

The topic is compacted and the aggregator alone decides what goes into it. Its keys:

    agent/NAME       an agent's key, which devices it may claim, whether it is revoked
    device/ID        which agent a device belongs to
    taken/ID         how far the aggregator has taken the device's updates (:class:`Taken`)
    state/NAME       how the agent is, as the gateway hears it (:class:`flead.records.AgentState`)
"""

import logging
from typing import Any

import msgspec

from flead.boundary import MalformedError, name_of, record
from flead.trust.envelope import Envelope, is_signed_by
from flead.trust.verdict import BELIEVED, Refusal, Verdict

AGENT, DEVICE, TAKEN, STATE = "agent/", "device/", "taken/", "state/"


log = logging.getLogger("flead")


class Entry(msgspec.Struct, omit_defaults=True):
    """An enrolled agent."""

    public_key: str
    timestamp: str
    """When it was enrolled."""
    devices: str = "*"
    """A pattern, as of file names, of the devices that it may claim."""
    by_command: bool = False
    revoked: bool = False


class Claim(msgspec.Struct):
    """Whose a device is."""

    agent: str


class Taken(msgspec.Struct):
    """How far a device's updates were taken: its newest version, and what is left of its allowance since then."""

    version: int
    allowance: float
    at: int
    """Kafka's time of that update, in milliseconds."""


class Register:
    """Who is enrolled and what is whose; :meth:`take` the topic's messages in their order."""

    def __init__(self, signed_only: bool = False) -> None:
        self.agents: dict[str, Entry] = {}
        self.owners: dict[str, str] = {}
        self.taken: dict[str, Taken] = {}
        self._signed_only = signed_only

    def take(self, key: str, value: bytes | None) -> None:
        """Read one message of the topic; an empty one takes back what was under its key.

        The aggregator alone should write there. What is no entry is logged and changes nothing.
        """
        for prefix, kind, table in (
            (AGENT, Entry, self.agents), (DEVICE, Claim, self.owners), (TAKEN, Taken, self.taken),
        ):  # fmt: skip
            if key.startswith(prefix):
                try:
                    self._put(table, key.removeprefix(prefix), kind, value)
                except MalformedError as error:
                    log.warning("agents: %.100r is no entry: %s", key, error)

    @property
    def is_open(self) -> bool:
        """Whether an unsigned message is believed whatever device it is of."""
        return not self.owners and not self._signed_only

    def knows(self, agent: str, device: str) -> bool:
        """Whether the agent is enrolled and the device is somebody's: else an enrolment may be under way."""
        return agent in self.agents and device in self.owners

    def judge(self, topic: str, envelope: Envelope | None, device: str) -> Verdict:
        """Whether a message of this Kafka topic on this device is believed."""
        if envelope is None:
            if device in self.owners:
                return Verdict(Refusal.UNSIGNED_DEVICE)
            return Verdict(Refusal.UNSIGNED) if self._signed_only else BELIEVED
        entry = self.agents.get(envelope.agent)
        if entry is None:
            return Verdict(Refusal.UNKNOWN, is_final=False)
        if entry.revoked:
            return Verdict(Refusal.REVOKED)
        if not is_signed_by(entry.public_key, topic, envelope):
            return Verdict(Refusal.WRONG)
        if self.owners.get(device) == envelope.agent:
            return BELIEVED
        return Verdict(Refusal.FOREIGN, is_final=self.knows(envelope.agent, device))

    def reserved(self, agent: str) -> list[str]:
        """The patterns of devices that operators have given to others."""
        others = (entry for name, entry in self.agents.items() if name != agent and entry.by_command)
        return [entry.devices for entry in others if entry.devices != "*"]

    @staticmethod
    def _put(table: dict[str, Any], name: str, kind: type[Any], value: bytes | None) -> None:
        if not value:
            table.pop(name, None)
        else:
            found = record(kind, value)
            table[name_of(name)] = found.agent if kind is Claim else found
