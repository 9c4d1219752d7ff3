"""Tables whose columns are set apart by spaces, as loggers print them."""

import re
from collections import Counter

_RUN = re.compile(rb"[ \t]+")
_EDGE = re.compile(rb"(?m)^[ \t]+|[ \t]+$")
_LINES = 60
_DECIMAL_COMMA = re.compile(rb"[-+]?\d+,\d+")
_VALUE = re.compile(rb"[-+]?\d[\d.,:/T-]*|NaN|nan|---?")


def tabbed(text: bytes) -> bytes:
    """The text with a tab for every run of spaces, if its lines are a table by them and by nothing else."""
    lines = [line.strip() for line in text[: 1 << 16].split(b"\n")[:-1] if line.strip()][:_LINES]
    body = lines[len(lines) // 3 :]
    if len(body) < 2 or any(separator in line for line in body for separator in (b";", b"\t", b"|", b'"')):
        return text
    rows = [_RUN.split(line) for line in body]
    width, count = Counter(map(len, rows)).most_common(1)[0]
    cells = [cell for row in rows for cell in row]
    values = sum(bool(_VALUE.fullmatch(cell)) for cell in cells)
    # A date and a time of day alone are one cell of a list.
    if any(b"," in cell and not _DECIMAL_COMMA.fullmatch(cell) for cell in cells):
        return text  # commas set the columns apart
    if width < 3 or count < 0.9 * len(rows) or values < 0.6 * len(cells):
        return text
    return _RUN.sub(b"\t", _EDGE.sub(b"", text))
