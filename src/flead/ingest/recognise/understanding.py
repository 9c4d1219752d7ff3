"""What a source was understood as: a record that can be printed, stored and sent."""

import msgspec

MOST_EXAMPLES = 3


class Guess(msgspec.Struct):
    """One thing that was found out."""

    what: str
    value: str
    reason: str
    setting: str = ""
    """The line of ``flead.toml`` that pins it, or that would change it."""


class Channel(msgspec.Struct):
    """A channel of a source, over all its devices."""

    name: str
    unit: str = ""
    lowest: float | None = None
    highest: float | None = None
    values: int = 0


class LeftOut(msgspec.Struct):
    """A column that is no channel."""

    column: str
    reason: str
    setting: str = ""


class Count(msgspec.Struct):
    """Cells or rows that were left out for one reason."""

    reason: str
    count: int = 0
    column: str = ""
    examples: list[str] = []

    def see(self, count: int, examples: list[str]) -> None:
        """So many more of them, and what some look like."""
        self.count += count
        for example in examples:
            if len(self.examples) < MOST_EXAMPLES and example not in self.examples:
                self.examples = [*self.examples, example]


class FileReport(msgspec.Struct):
    """What became of a file: ``rows`` = readings + joined + other + rejected."""

    file: str
    devices: list[str] = []
    rows: int = 0
    readings: int = 0
    joined: int = 0
    """Rows of a long table that belong to the reading of another row: same device, same time."""
    other: int = 0
    """Rows of a long table that are of no channel: of another than was asked for, or of one that holds words only."""
    headers: int = 0
    """Lines that are no rows: preamble, header, units, comments, headers that come again."""
    rejected: list[Count] = []
    absent: list[Count] = []
    """Cells that hold no value, by column and reason; empty ones aside."""
    wordy: list[str] = []
    """Series of a long table that hold words only, and are no channels."""
    faults: dict[str, list[str]] = {}
    """Device -> channels of which the sensor says with a value of its own that it has none."""

    @property
    def lost(self) -> int:
        """How many rows were rejected."""
        return sum(count.count for count in self.rejected)


class Understanding(msgspec.Struct):
    """How files of one form are read."""

    files: list[str]
    shape: str
    """``wide``: a column a channel. ``long``: a row a value. ``devices as columns``: what it says."""
    guesses: list[Guess] = []
    channels: list[Channel] = []
    left_out: list[LeftOut] = []
    warnings: list[str] = []
    interval: float | None = None
    """Seconds between two readings of a device, the median."""
    first: str = ""
    last: str = ""


class Account(msgspec.Struct):
    """All that is known of a source that was read."""

    source: str
    understandings: list[Understanding] = []
    files: list[FileReport] = []

    @property
    def readings(self) -> int:
        """Of all files."""
        return sum(file.readings for file in self.files)

    @property
    def rejected(self) -> int:
        """Of all files."""
        return sum(file.lost for file in self.files)


def tally(counts: list[Count], reason: str, column: str, count: int, examples: list[str]) -> None:
    """Count cells or rows under their reason."""
    for known in counts:
        if known.reason == reason and known.column == column:
            break
    else:
        known = Count(reason, 0, column)
        counts.append(known)
    known.see(count, examples)
