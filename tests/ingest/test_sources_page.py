"""Every example of docs/sources.md is read as the page says."""

import re
from pathlib import Path

import msgspec
import pytest

from flead.messages.reader import Messages
from flead.messages.topics import Pattern
from tests.ingest.drain import ROOT
from tests.ingest.recognised import read, source_of, values

NOW = 1_739_254_800_000


def examples(title: str) -> list[tuple[str, list[str], list[str]]]:
    """The lines of a section's table: form, examples, and the names it is read as."""
    section = (ROOT / "docs" / "sources.md").read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.split(" | ")] for line in section.splitlines() if line.startswith("| ")]
    return [
        (form.strip("| "), re.findall(r"`([^`]+)`", example), re.findall(r"`([^`]+)`", said))
        for form, example, said in rows[2:]
    ]


@pytest.mark.parametrize(("form", "shown", "names"), examples("Files"), ids=lambda part: str(part)[:40])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_files(tmp_path: Path, form: str, shown: list[str], names: list[str], encoding: str) -> None:
    (example,) = shown
    text = example.replace("⏎", "\n").replace("⇥", "\t")
    name = "file.json" if text.startswith(("{", "[")) else "file.csv"
    found = read(source_of(tmp_path, {name: text.encode(encoding)}))
    assert found, form
    read_as = set(found) | {channel for readings in found.values() for said in values(readings) for channel in said}
    assert set(names) <= read_as


@pytest.mark.parametrize(("form", "shown", "names"), examples("Messages"), ids=lambda part: str(part)[:40])
def test_messages(form: str, shown: list[str], names: list[str]) -> None:
    for example in shown:
        lines = Messages().read(example.encode(), "s/n1", Pattern("s/+").place("s/n1"), NOW)
        records = [msgspec.json.decode(line) for line in lines]
        channels = {
            name for record in records for name in (record["data"] if isinstance(record["data"], dict) else ["value"])
        }
        assert channels | {record["device_id"] for record in records} >= set(names), form
        assert channels <= set(names), form
