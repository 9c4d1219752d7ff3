"""Finds phrases that a native reader stumbles over: in documents and, with ``--sources``, in the program's strings.

Run by ``make lint``. To ban another phrase, add it with the reason, which is what the person who wrote it will read.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
MADE = {"commands.md", "settings.md"}
"""Documents made from the program's strings: they are checked with the sources."""

BANNED = {
    r"so many(?! \w+s\b)": "say of what: 'this many readings'",
    r"(?:nobody|everybody)": "say who: 'no agent', 'any process', 'no one'",
    r"whence": "archaic: 'where ... comes from'",
    r"thither|hither|whither": "archaic",
    r"what was none|what was no \w+": "say what it is: 'invalid messages'",
    r"lets us not": "say what happens: 'refused our subscription'",
    r"by lot": "say 'at random'",
    r"for ever\b": "one word: 'forever'",
    r"goes on (?:where|from)": "say 'continues'",
    r"is worth nothing anywhere else": "say what fails",
    r"make(?:s|n)? of so": "say of how many",
    r"the like comes": "say what comes again",
}
PATTERN = re.compile("|".join(rf"(?P<p{number}>\b(?:{phrase})\b)" for number, phrase in enumerate(BANNED)), re.I)


def documents() -> Iterator[tuple[str, str]]:
    """Every hand-written document: where it is, and its text without code."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if path.name not in MADE:
            yield str(path.relative_to(ROOT)), _without_code(path.read_text(encoding="utf-8"))


def sources() -> Iterator[tuple[str, str]]:
    """Every string of the program, docstrings among them: where it is, and its text."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def found(texts: Iterator[tuple[str, str]]) -> list[str]:
    """One line for each banned phrase: where it stands, and what to say."""
    lines = []
    reasons = list(BANNED.values())
    for where, text in texts:
        for match in PATTERN.finditer(re.sub(r"[ \t]*\n[ \t]*(?=\S)", " ", text)):
            reason = reasons[int(str(match.lastgroup)[1:])]
            lines.append(f"{where}: {match.group()!r}: {reason}")
    return lines


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)


def main() -> int:
    """1 if anything was found."""
    texts = [documents()] + ([sources()] if "--sources" in sys.argv else [])
    lines = [line for some in texts for line in found(some)]
    sys.stdout.write("".join(line + "\n" for line in lines))
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
