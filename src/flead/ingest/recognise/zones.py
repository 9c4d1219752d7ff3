"""Local times to UTC, the change of the clocks included.

When clocks go back, an hour comes twice. In the order of a series the first of the two is the one before the change:
a time that would otherwise not lie behind the one before it is of the second.
"""

import re
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

HOUR = 3_600_000
WORDS = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "zulu": 0, "west": 60, "bst": 60, "cet": 60, "mez": 60, "met": 60,
    "cest": 120, "mesz": 120, "mest": 120, "eet": 120, "sast": 120, "eest": 180, "msk": 180, "ist": 330, "jst": 540,
    "kst": 540, "aest": 600, "aedt": 660, "nzst": 720, "nzdt": 780, "est": -300, "edt": -240, "cst": -360, "cdt": -300,
    "mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "akst": -540, "hst": -600,
}  # fmt: skip
"""Names of zones and their minutes east of Greenwich, as they are mostly meant."""


def exists(zone: str) -> bool:
    """Whether there is a time zone of this name."""
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        return False
    return True


def zone_in(name: str) -> int | None:
    """The minutes east of Greenwich that a column's name says.

    >>> zone_in("Date Time, GMT+02:00"), zone_in("Time (UTC)"), zone_in("time")
    (120, 0, None)
    """
    found = re.search(r"\b(UTC|GMT)\s*([+-]\d{1,2})(?::?(\d{2}))?\b", name, re.IGNORECASE)
    if found:
        hours = int(found[2])
        return 60 * hours + (-1 if found[2].startswith("-") else 1) * int(found[3] or 0)
    found = re.search(r"[\s(\[_,](UTC|GMT|CET|CEST|MEZ|MESZ|EST|EDT|PST|PDT)\b", name, re.IGNORECASE)
    return WORDS[found[1].lower()] if found else None


def to_utc(local: NDArray[np.int64], zone: str, series: NDArray[np.int64]) -> NDArray[np.int64]:
    """Milliseconds since the epoch of local times (N,), each series' in its own order.

    ``series`` (N,) says to which one a time belongs. A time that the clocks skip is read as if they had not.
    """
    naive = pl.Series(local).cast(pl.Datetime("ms"))

    def read(ambiguous: Literal["earliest", "latest"]) -> NDArray[np.int64]:
        moments = naive.dt.replace_time_zone(zone, ambiguous=ambiguous, non_existent="null")
        return moments.to_physical().fill_null(np.iinfo(np.int64).min).to_numpy().copy()

    first, second = read("earliest"), read("latest")
    skipped = np.flatnonzero(first == np.iinfo(np.int64).min)
    if len(skipped):
        before = naive.gather(skipped).dt.offset_by("-3h").dt.replace_time_zone(zone, ambiguous="earliest")
        first[skipped] = second[skipped] = before.to_physical().to_numpy() + 3 * HOUR
    twice = np.flatnonzero(first != second)
    last: dict[int, int] = {}
    for at in twice.tolist():
        own = int(series[at])
        before_it = last.get(own)
        if before_it is not None and before_it < int(first[at]) - 12 * HOUR:
            before_it = None  # another year's change
        if before_it is not None and first[at] <= before_it:
            first[at] = second[at]
        last[own] = int(first[at])
    return first


def steps_back(times: NDArray[np.int64], series: NDArray[np.int64]) -> int | None:
    """The first of the times (N,) that lies up to an hour before the one before it, as where clocks go back."""
    steps = np.diff(times)
    back = np.flatnonzero((steps < 0) & (steps >= -HOUR) & (steps <= -HOUR // 4) & (np.diff(series) == 0))
    return int(times[back[0] + 1]) if len(back) else None
