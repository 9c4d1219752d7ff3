"""Runs a marimo notebook and writes it as a page: the code of every cell, and what it gave."""

import ast
import importlib.util
import inspect
from pathlib import Path
from typing import Any

import marimo


def as_markdown(path: Path) -> str:
    """The notebook as Markdown. A cell that only holds prose shows the prose, every other one code and output."""
    source = path.read_text(encoding="utf-8")
    cells = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    outputs, _ = run(path)
    parts = []
    for cell, output in zip(cells, outputs, strict=True):
        code, prose = _body(source, cell), _prose(cell)
        if prose is not None:
            parts.append(prose)
        elif "hide_code=True" not in ast.unparse(cell.decorator_list[0]):
            parts.append(f"```python\n{code}\n```")
            if output is not None:
                parts.append(f'<div class="cell-output">{_html(output)}</div>')
    return "\n\n".join(parts) + "\n"


def run(path: Path) -> tuple[Any, Any]:
    """The outputs of a notebook's cells, and what they define."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    outputs, definitions = module.app.run()
    return outputs, definitions


def _body(source: str, cell: ast.FunctionDef) -> str:
    """What a cell computes, without the ``return`` in which marimo lists its names."""
    body = [line for line in cell.body if not isinstance(line, ast.Return)]
    lines = source.splitlines()[body[0].lineno - 1 : body[-1].end_lineno]
    return "\n".join(line[4:] for line in lines)


def _prose(cell: ast.FunctionDef) -> str | None:
    """The Markdown of a cell that is one call of ``mo.md``."""
    match cell.body[0]:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("mo"), "md"), [ast.Constant(str(text))])):
            return inspect.cleandoc(text)
    return None


def _html(output: Any) -> str:
    """A frame as a plain table, anything else as marimo shows it: nothing on the page needs a script."""
    if hasattr(output, "iter_rows"):
        head = "".join(f"<th>{name}</th>" for name in output.columns)
        rows = "".join(
            "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>" for row in output.iter_rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return str(marimo.as_html(output).text)


def _cell(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
