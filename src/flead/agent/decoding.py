"""Messages of any shape to readings in columns; whatever is rejected keeps its original bytes."""

from collections.abc import Iterable
from typing import NamedTuple

from flead.agent.limits import Limits
from flead.codec.decode import Decoder
from flead.columns import Chunk, Devices
from flead.messages.flatten import UnreadableError
from flead.messages.reader import Messages
from flead.messages.topics import Place
from flead.records import Rejected


class Message(NamedTuple):
    """A message, and what is known beside it."""

    location: str
    """Where it was: its topic, or its line."""
    payload: bytes
    topic: str
    place: Place
    time: int
    """When it came, in milliseconds since the epoch."""


class MessageDecoder:
    """Decodes what an agent is told, and knows what was left out of it."""

    def __init__(self, devices: Devices, source: str, messages: Messages, limits: Limits) -> None:
        self._source, self._devices, self._limits = source, devices, limits
        self._messages = messages
        self._decoder = Decoder(devices, source)

    def decode(self, messages: Iterable[Message]) -> Chunk:
        """The readings in these messages, in their order."""
        lines: list[bytes] = []
        sent: list[Message] = []
        refused: list[Rejected] = []
        for message in messages:
            try:
                read = self._messages.read(message.payload, message.topic, message.place, message.time)
            except UnreadableError as error:
                refused.append(Rejected(self._source, message.location, str(error), message.payload))
                continue
            lines += read
            sent += [message] * len(read)
        chunk = self._decoder.messages(lines, str)
        for bad in chunk.rejected:
            message = sent[int(bad.location.partition(",")[0])]
            bad.location, bad.raw = message.location, message.payload
        return self._limits.apply(Chunk(chunk.batch, refused + chunk.rejected), self._devices, self._source)

    def lines(self, text: bytes) -> Chunk:
        """The readings of lines that are readings by their names."""
        return self._limits.apply(self._decoder.lines(text), self._devices, self._source)

    def skip_lines(self, count: int) -> int:
        """Count lines that are decoded as messages; returns the number of the first of them."""
        return self._decoder.skip_lines(count)
