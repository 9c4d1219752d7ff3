"""The JSON Schemas of what travels: ``python -m flead.codec.schemas DIRECTORY`` writes them, one file a record."""

import json
import sys
from pathlib import Path

import msgspec

from flead.records import Anomaly, Evaluation, GlobalModel, LocalUpdate, Reading

RECORDS: dict[str, type[msgspec.Struct]] = {
    "reading": Reading,
    "anomaly": Anomaly,
    "local-update": LocalUpdate,
    "global-model": GlobalModel,
    "evaluation": Evaluation,
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """The text of every file, by its name."""
    return {f"{name}.json": schema(record) for name, record in RECORDS.items()}


def schema(record: type[msgspec.Struct]) -> str:
    """One record's schema."""
    (_,), components = msgspec.json.schema_components([record], ref_template="#/$defs/{name}")
    described = {"$schema": DIALECT} | components.pop(record.__name__)
    if components:
        described["$defs"] = components
    return json.dumps(described, indent=2) + "\n"


def main(directory: str = "schemas") -> None:
    """Write the files."""
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (target / name).write_text(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
