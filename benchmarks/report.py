"""Results as a JSON file, and as tables in docs/benchmarks.md."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
DOCUMENT = ROOT / "docs" / "benchmarks.md"
MARKS = "<!-- written by make bench -->\n", "<!-- end of what make bench writes -->\n"


@dataclass
class Result:
    """One measurement under its permanent name."""

    name: str
    unit: str
    what: str
    values: list[float]

    @property
    def median(self) -> float:
        return median(self.values)


@dataclass
class Target:
    """What was to be reached."""

    what: str
    value: float
    bound: float
    at_most: bool = False

    @property
    def reached(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound


@dataclass
class Report:
    """Everything that one run came to."""

    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    said: dict[str, dict[str, int | str]]
    """What each contender made of the messages."""
    results: list[Result]
    targets: list[Target]

    def write(self) -> None:
        """Write the JSON file, and the tables into the document."""
        whole = asdict(self)
        for kept, result in zip(whole["results"], self.results, strict=True):
            kept["median"] = result.median
        RESULTS.write_text(json.dumps(whole, indent=2) + "\n")
        begin, end = MARKS
        text, count = re.subn(
            f"(?<={re.escape(begin)}).*(?={re.escape(end)})",
            lambda _: "\n" + self.tables() + "\n",
            DOCUMENT.read_text(),
            flags=re.DOTALL,
        )
        if count != 1:
            raise SystemExit(f"{DOCUMENT.name} lacks its two marks, {begin.strip()} and {end.strip()}")
        DOCUMENT.write_text(text)

    def tables(self) -> str:
        """The document's part."""
        results = [
            f"| `{one.name}` | {one.what} | **{short(one.median)}** {one.unit} "
            f"| {short(min(one.values))} to {short(max(one.values))} | {len(one.values)} |"
            for one in self.results
        ]
        targets = [
            f"| {one.what} | {'at most' if one.at_most else 'at least'} {short(one.bound)} | {short(one.value)} "
            f"| {'yes' if one.reached else '**no**'} |"
            for one in self.targets
        ]
        facts = [f"- {name}: {fact}" for name, fact in {**self.machine, **self.versions}.items()]
        (said, *_) = self.said.values()
        return "\n".join(
            [
                f"Measured on {self.date}. Of {said['readings']:,} readings all three contenders made "
                f"{said['anomalies']:,} anomalies and {said['updates']:,} local updates: the same ones.",
                "",
                "| name | what | median | range | runs |",
                "|---|---|---|---|---|",
                *results,
                "",
                "| to reach | | measured | reached |",
                "|---|---|---|---|",
                *targets,
                "",
                *facts,
                "",
            ]
        )


def short(number: float) -> str:
    """Three digits that count.

    >>> short(2_468_013), short(15_049), short(2.513)
    ('2.47 M', '15 k', '2.51')
    """
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"
