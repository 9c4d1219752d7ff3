"""Writes docs/commands.md, docs/settings.md and deploy from the program itself; a test fails when they are stale.

Run it with ``make docs`` or ``python -m tools.reference``.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import SecretStr

from flead.cli.app import app
from flead.dashboard.grafana.files import files as grafana_files
from flead.learning.registry import LEARNERS
from flead.learning.strategies import STRATEGIES
from flead.settings import PREFIX, SECTIONS, SETTINGS_FILE, fields_of
from flead.stack.compose import compose

DOCS = Path(__file__).parent.parent / "docs"
DEPLOY = DOCS.parent / "deploy"

COMMANDS = """\
# Commands

<!-- Made from src/flead/cli/app.py and the files beside it by `make docs`: change it there. -->

`flead --help`, and `--help` after any command, say the same in a terminal. A value that is not given comes from the
[settings](settings.md). Wrong input ends with exit code 2 and one line that says what, where and what to do. With
`--json`, standard output holds one JSON object and nothing else."""

SETTINGS = f"""\
# Settings

<!-- Made from src/flead/settings by `make docs`: change it there. -->

A value comes from, in rising order of strength: the default, `{SETTINGS_FILE}` in the working directory, the
environment variable `{PREFIX}` and the name in capitals (`{PREFIX}BUFFER=10`), and a command's flag where it has one.
`flead config show` lists every setting, its value and where that came from. A value out of bounds is refused, and so is
a name in the file that does not exist. `{SETTINGS_FILE}` is plain:

```toml
data = "csv:readings"
threshold = 3.0
buffer = 10
```"""


def pages() -> dict[Path, str]:
    """The generated files: path to text."""
    dashboards = {DEPLOY / "grafana" / name: text for name, text in grafana_files().items()}
    documents = {DOCS / "commands.md": commands(), DOCS / "settings.md": settings()}
    return documents | {DEPLOY / "compose.yaml": compose()} | dashboards


def leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its whole name."""
    children: dict[str, Any] = getattr(command, "commands", {})
    # A group may do something by itself: `flead agent`. That of all of them only says its version.
    if not children or (command.invoke_without_command and " " in path):
        yield path, command
    for name, child in children.items():
        yield from leaves(child, f"{path} {name}")


def every_command() -> dict[str, Any]:
    """The commands by their whole names: ``flead run``."""
    return dict(leaves(typer.main.get_command(app), "flead"))


def commands() -> str:
    """Every command with its arguments and options."""
    parts = [COMMANDS]
    for path, command in every_command().items():
        shown = [parameter for parameter in command.params if not parameter.hidden]
        arguments = [parameter.name.upper() for parameter in shown if parameter.param_type_name == "argument"]
        parts += [
            f"## {path}",
            command.help.strip(),
            "`" + " ".join([path, *arguments, *(["[OPTIONS]"] if shown else [])]) + "`",
        ]
        if shown:
            parts.append(table(["", "default", "meaning"], [parameter_row(parameter) for parameter in shown]))
    return "\n\n".join(parts) + "\n"


def parameter_row(parameter: Any) -> list[str]:
    """Name, default and meaning of an argument or an option."""
    if parameter.param_type_name == "argument":
        return [f"`{parameter.name.upper()}`", option_default(parameter), parameter.help]
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    value = "" if parameter.is_flag else f" {parameter.name.upper()}"
    return [f"`{names}{value}`", option_default(parameter), parameter.help]


def option_default(option: Any) -> str:
    """What an argument or option is when it is not given."""
    if option.required:
        return "required"
    if isinstance(option.show_default, str):
        return option.show_default
    if getattr(option, "is_flag", False):
        return str(option.opts[0]) if option.default else ""
    return "" if option.default is None else str(option.default)


def settings() -> str:
    """Every setting with its bounds and its default, a heading a section, and the names that two of them take."""
    parts = [SETTINGS]
    for heading, section in SECTIONS.items():
        properties = section.model_json_schema()["properties"]
        rows = [
            [f"`{name}`", bounds(properties[name]), toml(field.default), str(field.description)]
            for name in fields_of(section)
            for field in [section.model_fields[name]]
        ]
        parts += [f"## {heading}", first_sentence(section), table(["setting", "values", "default", "meaning"], rows)]
    for title, registry in (("Learners", LEARNERS), ("Strategies", STRATEGIES)):
        named = [[f"`{name}`", first_sentence(kind)] for name, kind in registry.items()]
        parts += [f"## {title}", table(["name", "what it does"], named)]
    return "\n\n".join(parts) + "\n"


def first_sentence(documented: Any) -> str:
    """What a docstring begins with."""
    return " ".join(str(documented.__doc__).strip().partition("\n\n")[0].split())


def bounds(schema: dict[str, Any]) -> str:
    """Which values a setting takes."""
    (schema,) = (part for part in schema.get("anyOf", [schema]) if part.get("type") != "null")
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kinds = {"integer": "whole number", "number": "number", "string": "text", "boolean": "`true` or `false`"}
    kinds["object"] = "table"
    kind = "path" if schema.get("format") == "path" else kinds[schema["type"]]
    limits = {
        "minimum": "from {:,}",
        "exclusiveMinimum": "above {:,}",
        "maximum": "to {:,}",
        "exclusiveMaximum": "below {:,}",
    }
    return " ".join([kind, *(text.format(schema[key]) for key, text in limits.items() if key in schema)])


def toml(default: object) -> str:
    """A default as ``flead.toml`` would have it."""
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    return "unset" if default is None else f"`{json.dumps(default, default=str)}`"


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> None:
    """Write the documents."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
