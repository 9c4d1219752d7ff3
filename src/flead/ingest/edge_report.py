"""What was found in an Edge-IIoTset file: every kind of defect, how often, where, and what became of the row."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flead.records import to_text

EXAMPLES = 5
"""How many line numbers a defect gives as examples."""


@dataclass
class Defect:
    """One kind of defect, in one column if it has one."""

    kind: str
    column: str | None
    rejects: bool
    """Whether rows were rejected for it; a row with several such defects counts under the first."""
    count: int = 0
    lines: list[int] = field(default_factory=list)
    """The first line numbers that have it."""
    detail: str = ""

    def add(self, lines: Sequence[int] | NDArray[np.int64], count: int) -> None:
        """Found it ``count`` times more, at these lines first of all."""
        self.count += count
        self.lines += map(int, lines[: EXAMPLES - len(self.lines)])

    def text(self) -> str:
        """One line for people."""
        where = f" in {self.column}" if self.column else ""
        lines = f"; lines {', '.join(map(str, self.lines))}" if self.lines else ""
        detail = f": {self.detail}" if self.detail else ""
        more = ", ..." if len(self.lines) < self.count and self.lines else ""
        return f"{self.count:>9,}  {self.kind}{where}{detail}{lines}{more}"


@dataclass
class Report:
    """The account of a whole file. ``rows`` = ``readings`` + ``rejected``, always."""

    source: str
    channel: str
    devices: int = 0
    """How many devices got readings."""
    rows: int = 0
    readings: int = 0
    rejected: int = 0
    first_time: int = 0
    last_time: int = 0
    """Event time of the first and the last reading in milliseconds."""
    labels: dict[str, int] = field(default_factory=lambda: {"0": 0, "1": 0})
    """Readings by label."""
    rejected_labels: dict[str, int] = field(default_factory=lambda: {"0": 0, "1": 0, "unreadable": 0})
    """Rejected rows by label."""
    defects: list[Defect] = field(default_factory=list)
    assumptions: list[str] = field(default_factory=list)

    def note(
        self, kind: str, column: str | None, lines: Sequence[int] | NDArray[np.int64], count: int, *, rejects: bool
    ) -> Defect:
        """Count a defect."""
        for defect in self.defects:
            if (defect.kind, defect.column) == (kind, column):
                break
        else:
            defect = Defect(kind, column, rejects)
            self.defects.append(defect)
        defect.add(lines, count)
        return defect

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        return asdict(self)

    def __str__(self) -> str:
        """The report for people."""
        rejecting = [defect.text() for defect in self.defects if defect.rejects]
        kept = [defect.text() for defect in self.defects if not defect.rejects]
        labels, lost = self.labels, self.rejected_labels
        return "\n".join(
            [
                self.source,
                f"{self.rows:,} rows = {self.readings:,} readings + {self.rejected:,} rejected",
                f"readings: {labels['0']:,} labelled 0, {labels['1']:,} labelled 1",
                f"rejected: {lost['0']:,} labelled 0, {lost['1']:,} labelled 1, "
                f"{lost['unreadable']:,} without a readable label",
                f"channel {self.channel}, {self.devices:,} devices, "
                f"{to_text(self.first_time)} to {to_text(self.last_time)}",
                "",
                "Rejected rows, by defect:",
                *(rejecting or ["        none"]),
                "",
                "Found besides, in any rows (none of these costs a row):",
                *(kept or ["        none"]),
                "",
                "Assumptions:",
                *(f"  - {assumption}" for assumption in self.assumptions),
                "",
            ]
        )
