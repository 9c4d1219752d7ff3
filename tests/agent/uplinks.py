"""An uplink that tests hold in their hands."""

from collections.abc import Sequence

from flead.agent.store import Outgoing
from flead.agent.uplink import News
from flead.records import AgentState, Enrolment


class Hand:
    """Keeps what it is given; answers when it is told to."""

    where = "the test"

    def __init__(self, up: bool = True, answering: bool = True) -> None:
        self.up = up
        self.answering = answering
        self.sent: list[Outgoing] = []
        self.sendings: list[int] = []
        """How many records were sent together."""
        self.enrolled: list[Enrolment] = []
        self.states: list[AgentState] = []
        self.refusing: dict[int, str] = {}
        self.model: bytes | None = None
        self._unanswered: list[int] = []

    def start(self) -> None:
        self.up = True

    def introduce(self, enrolment: Enrolment) -> None:
        self.enrolled.append(enrolment)

    def announce(self, presence: AgentState) -> None:
        self.states.append(presence)

    def send(self, records: Sequence[Outgoing]) -> None:
        assert self.up
        self.sendings.append(len(records))
        self.sent += records
        self._unanswered += [record.sequence for record in records]

    def news(self) -> News:
        model, self.model = self.model, None
        if not self.answering:
            return News([], {}, model)
        answered, self._unanswered = self._unanswered, []
        refused = {sequence: self.refusing[sequence] for sequence in answered if sequence in self.refusing}
        return News([sequence for sequence in answered if sequence not in refused], refused, model)

    def stop(self, presence: AgentState) -> None:
        self.states.append(presence)
        self.up = False
