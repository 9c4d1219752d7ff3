from pathlib import Path

import flead.codec.schemas as generator

DIRECTORY = Path(__file__).parent.parent.parent / "schemas"


def test_the_schemas_are_those_of_the_records() -> None:
    kept = {file.name: file.read_text() for file in DIRECTORY.iterdir()}
    assert kept == generator.schemas(), "stale: python -m flead.codec.schemas"


def test_schemas_are_written_into_a_directory(tmp_path: Path) -> None:
    generator.main(str(tmp_path / "new"))
    assert {file.name: file.read_text() for file in (tmp_path / "new").iterdir()} == generator.schemas()
