"""What carries an agent's records to the platform, and global models back."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from flead.agent.store import Outgoing
from flead.records import AgentState, Enrolment


class News(NamedTuple):
    """What has come since it was last asked."""

    delivered: list[int]
    """Sequence numbers of records that are in Kafka."""
    refused: Mapping[int, str]
    """Records that were refused for ever, and why."""
    model: bytes | None
    """The newest global model."""


class Uplink(Protocol):
    """Sends in order; says later what has arrived."""

    where: str
    """The address, without password."""

    @property
    def up(self) -> bool:
        """Whether it is worth sending something."""

    def start(self) -> None:
        """Connect, now or later; returns at once."""

    def introduce(self, enrolment: Enrolment) -> None:
        """Say who is speaking: whenever the connection stands anew, and when there are new devices."""

    def announce(self, presence: AgentState) -> None:
        """Say how the agent is."""

    def send(self, records: Sequence[Outgoing]) -> None:
        """Hand records over, by rising sequence numbers."""

    def news(self) -> News:
        """What has come since; never waits."""

    def stop(self, presence: AgentState) -> None:
        """Say a last word and disconnect."""
