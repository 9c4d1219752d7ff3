"""The device that a file is of, by its name and its folder.

A date in the name is of the day and not of the device: ``pump7_2025-03-03.csv`` is of ``pump7``, and
``pump7/2025/03/03.csv`` too.
"""

import re
from collections.abc import Sequence
from pathlib import PurePath

_DATE = re.compile(
    # A year by itself, or 202503, may as well be a number of a device.
    r"(?<!\d)(?:(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"|(?:19|20)\d{2}[-_.](?:0[1-9]|1[0-2])(?:[-_.](?:0[1-9]|[12]\d|3[01]))?"
    r"|(?:0[1-9]|[12]\d|3[01])[-_.](?:0[1-9]|1[0-2])[-_.](?:19|20)\d{2}|(?:19|20)\d{2}[-_ ]?[Ww]\d{2})"
    r"(?:[T_\- ]?(?:[01]\d|2[0-3])[-_.h]?[0-5]\d(?:[-_.m]?[0-5]\d)?[Zs]?)?(?!\d)"
)
_DATE_PART = re.compile(r"(?:19|20)\d{2}|\d{1,2}|(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])|[Ww]\d{2}")
_EDGE = " _-.,"
ENDINGS = (".csv", ".tsv", ".txt", ".dat", ".log", ".json", ".jsonl", ".ndjson", ".parquet", ".pq", ".zip", ".asc")
PACKINGS = (".gz", ".zst", ".zstd")


def without_ending(name: str) -> str:
    """A file's name without what says its form."""
    for ending in PACKINGS:
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    for ending in ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def device_of(location: str, folder: str) -> str:
    """The device of a file at this place below ``folder``, whose name counts where the place says only dates.

    >>> device_of("pump7_2025-03-03.csv", "data"), device_of("2025/03/a.csv", "data")
    ('pump7', 'a')
    >>> device_of("pump7/2025-03-03.csv", "data"), device_of("20250303.csv.gz", "cellar"), device_of("n1/t.csv", "data")
    ('pump7', 'cellar', 'n1/t')
    """
    *folders, name = PurePath(location).parts
    stem = without_ending(name)
    bare = _DATE.sub("\0", stem, count=1)
    undated = bare.replace("\0", "").strip(_EDGE) if bare == "\0" else _joined(bare)
    dated = "\0" in bare or (bool(folders) and _DATE_PART.fullmatch(stem) is not None and _are_dates(folders))
    kept = _undated(folders)
    if not dated:
        return "/".join([*kept, stem])
    if _DATE_PART.fullmatch(stem) and "\0" not in bare:
        undated = ""
    parts = [*kept, undated] if undated else kept
    return "/".join(parts) or folder or stem


def are_dated(locations: Sequence[str]) -> bool:
    """Whether any file's name says a date."""
    return any(_DATE.search(without_ending(PurePath(location).name)) for location in locations)


def _joined(bare: str) -> str:
    """What is left of a name around its date."""
    before, _, behind = bare.partition("\0")
    before, behind = before.rstrip(_EDGE), behind.lstrip(_EDGE)
    return f"{before}_{behind}" if before and behind else before + behind


def _undated(folders: Sequence[str]) -> list[str]:
    """The folders that are not parts of a date, as 2025/03 is."""
    kept = []
    in_date = False
    for folder in folders:
        if re.fullmatch(r"(?:19|20)\d{2}", folder) or _DATE.fullmatch(folder):
            in_date = True
        elif not (in_date and _DATE_PART.fullmatch(folder)):
            kept.append(folder)
            in_date = False
    return kept


def _are_dates(folders: Sequence[str]) -> bool:
    return len(_undated(folders)) < len(folders)
