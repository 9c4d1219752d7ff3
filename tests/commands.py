"""Runs every command of the command line once, with something for each argument: what does it say of missing parts?

    python tests/commands.py [MODULE ...]

It prints one JSON object, from a command to its exit code and what it said last; the modules named count as not
installed. It imports nothing but flead's base install.
"""

import contextlib
import io
import json
import sys
import traceback
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

import typer

from flead.cli import app as cli


def leaves(command: Any, path: list[str]) -> list[tuple[list[str], Any]]:
    """Every command that does something, with its words."""
    children: dict[str, Any] = getattr(command, "commands", {})
    own = [(path, command)] if not children or (command.invoke_without_command and path) else []
    return own + [leaf for name, child in children.items() for leaf in leaves(child, [*path, name])]


def words(path: list[str], command: Any) -> list[str]:
    """The command with all that it requires: 1 is a number and a text."""
    given = list(path)
    for parameter in command.params:
        if parameter.required:
            given += ["1"] if parameter.param_type_name == "argument" else [parameter.opts[0], "1"]
    return given


def said(arguments: list[str]) -> tuple[int, str]:
    """How the command ends, and its last line; a traceback counts as -1."""
    out = io.StringIO()
    sys.argv = ["flead", *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        except BaseException:
            traceback.print_exc()
            code = -1
    return code, (out.getvalue().strip().splitlines() or [""])[-1]


class Without(PathFinder):
    """Finds all but these modules."""

    absent: frozenset[str] = frozenset()

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] in cls.absent:
            return None
        return super().find_spec(fullname, path, target)


if __name__ == "__main__":
    Without.absent = frozenset(sys.argv[1:])
    sys.meta_path[sys.meta_path.index(PathFinder)] = Without
    for name in [name for name in sys.modules if name.partition(".")[0] in Without.absent]:
        del sys.modules[name]
    every = leaves(typer.main.get_command(cli.app), [])
    print(json.dumps({" ".join(path): said(words(path, command)) for path, command in every}))
