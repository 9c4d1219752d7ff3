"""The tables of `flead evaluate`, for a terminal and for a document."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flead.errors import FleadError

MARK = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
"""The place of a table in a document, between two comments; the names are those of the result."""

Line = dict[str, Any]


def tables(result: dict[str, Any]) -> dict[str, str]:
    """The tables as Markdown, by name."""
    made = {
        "learners": _learners(result["learners"] + result["rules"]),
        "cold_start": _cold_start(result["cold_start"]),
    }
    if "held_out" in result:
        made["held_out"] = _held_out(result["held_out"])
    if "anomaly_free" in result:
        made["anomaly_free"] = _anomaly_free(result["anomaly_free"])
    if result.get("poison"):
        made["poison"] = _tampered("four of twenty devices send", "attack", result["poison"])
    if result.get("privacy"):
        made["privacy"] = _tampered("noise, epsilon", "noise", result["privacy"])
    return made


def as_text(result: dict[str, Any]) -> str:
    """All tables with their titles."""
    titles = {
        "learners": f"{result['recordings']} recordings, the first {result['training_rows']} rows of each train",
        "cold_start": "After few training rows",
        "held_out": "With the setting chosen on the other groups",
        "anomaly_free": "A long run without anomalies",
        "poison": "With hostile devices: the others' alarms",
        "privacy": "With private updates",
    }
    return "\n\n".join(f"{titles[name]}\n\n{table}" for name, table in tables(result).items())


def write_tables(path: Path, result: dict[str, Any]) -> None:
    """Write the tables into a document, between its marks; a document that is not there gets all of them.

    FleadError if it has no marks, or one for a table that was not made.
    """
    made = tables(result)
    if not path.exists():
        blocks = [f"<!-- table: {name} -->\n{table}\n<!-- end -->" for name, table in made.items()]
        path.write_text("# Detection\n\n" + "\n\n".join(blocks) + "\n", encoding="utf-8")
        return
    text = path.read_text(encoding="utf-8")
    names = {name for _, name, _, _ in MARK.findall(text)}
    if not names or names - made.keys():
        lacking = ", ".join(sorted(names - made.keys())) or "any mark <!-- table: learners --> ... <!-- end -->"
        raise FleadError(f"--write {path}: nothing to write for {lacking}; there are {', '.join(made)}")
    path.write_text(MARK.sub(lambda found: found[1] + made[found[2]] + "\n" + found[4], text), encoding="utf-8")


def _learners(lines: Sequence[Line]) -> str:
    head = ["", "F1 (95 % sure)", "FAR", "MAR", "AUC", "faults found", "median delay", "false alarms a day"]
    return _table(
        head,
        [
            [
                _name(line), f"{line['f1']:.3f} ({line['f1_low']:.3f} to {line['f1_high']:.3f})", _percent(line["far"]),
                _percent(line["mar"]), _number(line["auc"], 3), f"{line['found']} of {line['faults']}",
                f"{_number(line['delay'], 0)} s", f"{line['false_alarms_per_day']:,.0f}",
            ]
            for line in lines
        ],
    )  # fmt: skip


def _cold_start(lines: Sequence[Line]) -> str:
    rows = sorted({line["training_rows"] for line in lines})
    found: dict[str, dict[int, str]] = {}
    for line in lines:
        shown = f"{_number(line['auc'], 3)}, {line['f1']:.3f}, {_percent(line['far'])}"
        found.setdefault(_name(line), {})[line["training_rows"]] = shown
    return _table(["AUC, F1, FAR after", *map(str, rows)], [[name, *map(by.get, rows)] for name, by in found.items()])


def _held_out(lines: Sequence[Line]) -> str:
    return _table(
        ["", "setting", "chosen for each group on the others", "F1", "FAR", "MAR"],
        [
            [
                _name(line), f"`{line['setting']}`",
                ", ".join(f"{group} {value:g}" for group, value in line["chosen"].items()),
                f"{line['f1']:.3f}", _percent(line["far"]), _percent(line["mar"]),
            ]
            for line in lines
        ],
    )  # fmt: skip


def _tampered(title: str, column: str, lines: Sequence[Line]) -> str:
    return _table(
        ["", title, "F1", "FAR", "MAR"],
        [
            [
                _name(line), _noise(line) if column == "noise" else line[column],
                f"{line['f1']:.3f}", _percent(line["far"]), _percent(line["mar"]),
            ]
            for line in lines
        ],
    )  # fmt: skip


def _noise(line: Line) -> str:
    return "none, not private" if line["epsilon"] is None else f"{line['noise']:g}, {line['epsilon']:,.0f}"


def _anomaly_free(lines: Sequence[Line]) -> str:
    return _table(
        ["", "training rows", "readings", "FAR", "false alarms", "a day"],
        [
            [
                _name(line), str(line["training_rows"]), f"{line['readings']:,}", _percent(line["far"]),
                str(line["false_alarms"]), f"{line['false_alarms_per_day']:,.0f}",
            ]
            for line in lines
        ],
    )  # fmt: skip


def _name(line: Line) -> str:
    if line["federated"] is None:
        return str(line["learner"])
    return f"`{line['learner']}`, {'federated' if line['federated'] else 'alone'}"


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
