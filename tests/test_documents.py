"""What the documents say is true: links, commands, settings, names of tests, and everything that they show run."""

import doctest
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from flead.settings import PREFIX, Settings
from tools.reference import every_command, pages

ROOT = Path(__file__).parent.parent
WRITTEN = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
"""All documents; the changelog speaks of former versions, too."""
LIVING = [path for path in WRITTEN if path.name != "CHANGELOG.md"]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands_in(text: str) -> list[list[str]]:
    """The commands in a document's inline code and shell blocks, as words."""
    lines = re.findall(r"`([^`]+)`", without_blocks(text))
    lines += [line for block in blocks(text, "sh") for line in block.splitlines()]
    lines += [line.removeprefix("$ ") for block in blocks(text, "console") for line in block.splitlines()]
    bare = [line.removeprefix(".venv/bin/") for line in lines]
    return [shlex.split(line, comments=True) for line in bare if line.startswith(("make ", "flead "))]


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


@cache
def headings(path: Path) -> set[str]:
    """The anchors of a document, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", without_blocks(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", WRITTEN, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        place, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (path.parent / place).resolve() if place else path
        if not file.exists() or (anchor and anchor not in headings(file)):
            broken.append(target)
    assert not broken


@pytest.mark.parametrize("path", pages(), ids=name_of)
def test_generated_references_are_fresh(path: Path) -> None:
    assert path.read_text() == pages()[path], "make docs"


@pytest.mark.parametrize("path", LIVING, ids=name_of)
def test_commands_that_are_named_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = every_command()
    for words in commands_in(path.read_text()):
        if words[0] == "make":
            assert words[1] in targets, words
        elif words[1] != "--help":
            named = [" ".join(words[:length]) for length in (3, 2)]
            command = next((known[name] for name in named if name in known), None)
            assert command, words
            options = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
            assert {word for word in words if word.startswith("--")} <= options, words


@pytest.mark.parametrize("path", LIVING, ids=name_of)
def test_settings_that_are_named_exist(path: Path) -> None:
    named = {name.lower() for name in re.findall(rf"\b{PREFIX}([A-Z_]+)\b", path.read_text())}
    assert named <= Settings.model_fields.keys() | {"test_data"}  # not of the program but of its tests


@pytest.mark.parametrize("path", LIVING, ids=name_of)
def test_files_and_tests_that_are_named_exist(path: Path) -> None:
    missing = []
    for name in re.findall(r"`((?:src|tests|docs|examples|tools|requirements)/[\w./*-]+(?:::\w+)?)`", path.read_text()):
        place, _, test = name.partition("::")
        found = [file for file in ROOT.glob(place) if not test or f"def {test}(" in file.read_text()]
        if not found:
            missing.append(name)
    assert not missing


def test_a_flag_shows_the_default_of_its_setting() -> None:
    differing = {}
    for command in every_command().values():
        for parameter in command.params:
            field = Settings.model_fields.get(parameter.name)
            if field is not None and field.default is not None and parameter.show_default != str(field.default):
                differing[parameter.name] = (parameter.show_default, field.default)
    assert not differing


@pytest.mark.parametrize("path", [path for path in WRITTEN if blocks(path.read_text(), "pycon")], ids=name_of)
def test_what_a_document_computes_is_right(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_pycon(path)


def run_pycon(path: Path) -> None:
    """Every ``pycon`` block of a document, one after the other, in the working directory."""
    text = "\n".join(blocks(path.read_text(), "pycon"))
    test = doctest.DocTestParser().get_doctest(text, {}, name_of(path), str(path), 0)
    said: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert not said, "".join(said)


@pytest.mark.real
@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", [path for path in WRITTEN if blocks(path.read_text(), "console")], ids=name_of)
def test_commands_that_are_shown_answer_like_that(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_pycon(path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FLEAD_DATABASE_PORT", "0")
    text = "\n".join(blocks(path.read_text(), "console"))
    shown = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    for command, expected in shown:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=140)
        assert done.returncode == 0, done.stderr
        assert doctest.OutputChecker().check_output(expected, done.stdout, FLAGS), f"$ {command}\n{done.stdout}"


EXAMPLES = {
    "judge_readings.py": "reading 36 of device 0: 84.00 is +15.0 std from 79.82 ± 0.28",
    "csv_without_database.py": "7,499 readings, 149 local updates, 7 global models",
    "secure_sum.py": "their mean is [-0.827727, -0.530455, -0.744455, -0.326364], made of 110 readings",
    "own_strategy.py": "half_way: the weight of z after each round is [1.0, 5.0, 3.0, 2.0]",
}


def test_every_example_is_tested() -> None:
    assert {path.name for path in ROOT.glob("examples/*.py")} == EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(name: str, tmp_path: Path) -> None:
    # In a process of its own: an example may enter things in the registries.
    command = [sys.executable, str(ROOT / "examples" / name)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert EXAMPLES[name] in done.stdout.splitlines()
