"""The documentation site: built strictly, without any request to another host, from documents that are true."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools import words
from tools.notebooks import as_markdown, run

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted(ROOT.glob("docs/notebooks/*.py"))
REQUEST = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=["']?(?:https?:)?//[^>]*>"""
    r"""|<link\b(?![^>]*rel=["']?canonical)[^>]*\bhref=["']?(?:https?:)?//[^>]*>|<object\b[^>]*>""",
    re.IGNORECASE,
)
"""What makes a browser ask another host when it opens a page. A link that a reader may follow does not."""
STYLE_REQUEST = re.compile(r"""url\(["']?(?:https?:)?//[^)]*\)|@import\s+["'](?:https?:)?//[^"']*""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


@pytest.mark.real
@pytest.mark.timeout(240)
def test_the_site_asks_no_other_host(site: Path) -> None:
    pages, styles = list(site.rglob("*.html")), list(site.rglob("*.css"))
    assert len(pages) > 30
    assert not [found[0] for page in pages for found in REQUEST.finditer(page.read_text())]
    assert not [found[0] for text in pages + styles for found in STYLE_REQUEST.finditer(text.read_text())]


@pytest.mark.real
@pytest.mark.timeout(240)
def test_notebooks_references_and_search_are_on_the_site(site: Path) -> None:
    assert "pump_9.csv:102" in (site / "notebooks" / "your_csvs.html").read_text()
    api = (site / "reference" / "api.html").read_text()
    assert all(
        f'id="flead.{name}"' in api for name in ("records.Anomaly", "columns.Source", "learning.learner.Learner")
    )
    assert "alarms_per_day" in (site / "search" / "search_index.json").read_text()


@pytest.mark.parametrize("text", ['<script src="https://a.example/x.js">', "<link rel=stylesheet href=//a.example/x>"])
def test_a_request_to_another_host_is_seen(text: str) -> None:
    assert REQUEST.search(text)
    assert not REQUEST.search('<a href="https://a.example">')


def test_your_csvs_finds_the_planted_jump_and_the_broken_row() -> None:
    _, made = run(ROOT / "docs" / "notebooks" / "your_csvs.py")
    assert made["readings"] == 7499
    assert [rejected.location for rejected in made["rejected"]] == ["pump_9.csv:102"]
    jump = [anomaly.timestamp[14:19] for anomaly in made["flagged"] if anomaly.device_id == "pump_7"]
    assert jump[0] == "23:20"


def test_federation_gives_what_the_notebook_says() -> None:
    _, made = run(ROOT / "docs" / "notebooks" / "what_federation_gives.py")
    table = made["table"].to_dicts()
    for alone, together in zip(table[::2], table[1::2], strict=True):
        assert (alone["learns"], together["learns"]) == ("alone", "together")
        assert together["faulty readings found, %"] > alone["faulty readings found, %"] + 3
        assert together["normal readings flagged, %"] < alone["normal readings flagged, %"] + 2


def test_a_notebook_becomes_prose_code_and_output(tmp_path: Path) -> None:
    path = tmp_path / "small.py"
    path.write_text(
        "import marimo\n\napp = marimo.App()\n\n\n"
        "@app.cell(hide_code=True)\ndef _():\n    import marimo as mo\n\n    return (mo,)\n\n\n"
        '@app.cell\ndef _(mo):\n    mo.md("""\n    # Title\n    """)\n    return\n\n\n'
        "@app.cell\ndef _():\n    a = 6 * 7\n    a\n    return (a,)\n"
    )
    prose, code, output = as_markdown(path).strip().split("\n\n")
    assert (prose, code) == ("# Title", "```python\na = 6 * 7\na\n```")
    assert "42" in output


def messages() -> set[str]:
    """The text of every string in the source; … stands for what a program fills in."""
    found = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_every_message_that_troubleshooting_quotes_is_in_the_source() -> None:
    quoted = re.findall(r"^### `(.*)`$", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
    known = messages()
    assert len(quoted) > 30
    assert not [quote for quote in quoted if not any(quote in message for message in known)]


def test_banned_words_are_found_with_the_reason() -> None:
    said = words.found(iter([("page.md", "Stop after so\nmany. Nobody knows.")]))
    assert said == [
        "page.md: 'so many': say of what: 'this many readings'",
        "page.md: 'Nobody': say who: 'no agent', 'any process', 'no one'",
    ]


def test_no_document_has_a_banned_word() -> None:
    assert words.found(words.documents()) == []
