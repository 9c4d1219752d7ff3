"""Times whose year, month, day and hour have columns of their own."""

from collections.abc import Sequence

import polars as pl

from flead.vocabulary import plain

_PARTS = (
    {"year", "yr", "yyyy", "jahr"},
    {"month", "mo", "mon", "monat"},
    {"day", "dy", "dom", "tag"},
    {"hour", "hr", "hh", "stunde"},
    {"minute", "min", "mn"},
    {"second", "sec"},
)


def date_parts(names: Sequence[str]) -> tuple[str, ...]:
    """The columns of year, month, day and what follows of hour, minute and second; none without the first three."""
    found = []
    for known in _PARTS:
        name = next((name for name in names if plain(name) in known), None)
        if name is None:
            break
        found.append(name)
    return tuple(found) if len(found) >= 3 else ()


def join_date_parts(cells: pl.DataFrame, columns: Sequence[str]) -> pl.Series:
    """The times as text."""
    whole = [
        pl.col(name).cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False).cast(pl.Int64) for name in columns
    ]
    padded = [part.cast(pl.String).str.zfill(4 if number == 0 else 2) for number, part in enumerate(whole)]
    padded += [pl.lit("00")] * (5 - len(padded))
    date = pl.concat_str(padded[:3], separator="-")
    return cells.select(pl.concat_str([date, pl.concat_str(padded[3:], separator=":")], separator=" ").alias("time"))[
        "time"
    ]
