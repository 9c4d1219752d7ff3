"""A column of cells to numbers: the decimal sign, thousands signs, units and words in it are found over the column.

Plain numbers are read at once. Only a column that has others is looked at closer, and how it is written is decided by
all of its cells that are not plain; where those leave it open, by what the file's other columns say.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flead.ingest.cells import strip
from flead.ingest.recognise.understanding import Count, tally
from flead.records import LARGEST
from flead.vocabulary import FALSE, TRUE, is_absent

POINT, COMMA = ".", ","
_SAMPLE = 20_000
_GROUPED_COMMA = r"^[+-]?\d{1,3}(,\d{3})+$"
_DEFINITE_GROUPED_COMMA = r"^[+-]?\d{1,3}((,\d{3})+\.\d+|(,\d{3}){2,})$"
_DECIMAL_COMMA = r"^[+-]?(\d+(,\d{1,2}|,\d{4,})|\d{4,},\d+|0\d*,\d+|,\d+)([eE][+-]?\d+)?$"
_GROUPED_POINT = r"^[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?$"
_WITH_UNIT = r"^([+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?)\s*([%°‰\p{L}µΩ€$£][\w/²³^%.°µΩ -]{0,11})$"
_HEXADECIMAL = r"^0[xX][0-9a-fA-F]{1,13}$"
_EXPONENT = r"^[eE]\d"
_PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "m": 1e-3, "µ": 1e-6, "u": 1e-6, "h": 1e2}
_MOST_WORDS = 8
NOT_A_NUMBER, SAYS_ABSENT, TOO_LARGE = "not a number", "says that there is no value", "too large for a measurement"


class Numbers(NamedTuple):
    """A column of K cells, read as numbers."""

    values: NDArray[np.float64]  # (K,) finite, or NaN where there is no number
    given: NDArray[np.bool_]  # (K,) the cell is not empty
    absent: NDArray[np.bool_]  # (K,) the cell says that there is no value
    cells: pl.Series | None
    """The cells, null where empty; None where all that are given are plain."""
    unit: str = ""
    style: str = ""
    """How the numbers are written, where that is not plain."""
    boolean: bool = False
    """The cells are words for on and off."""

    @property
    def bad(self) -> NDArray[np.bool_]:
        """(K,) the cell is not empty, but no finite number."""
        bad: NDArray[np.bool_] = self.given & np.isnan(self.values)
        return bad

    def is_channel(self, rows: slice) -> bool:
        """Whether these rows of the column are measurements: mostly numbers, or numbers and a few words for errors."""
        numbers = int((~np.isnan(self.values[rows])).sum())
        if not numbers:
            return False
        told = int((self.given[rows] & ~self.absent[rows]).sum())
        if 2 * numbers >= told:
            return True
        if self.cells is None or numbers < 2 or 20 * numbers < told:
            return False
        return self.cells[rows].filter(pl.Series((self.bad & ~self.absent)[rows])).n_unique() <= _MOST_WORDS

    def count_bad(self, rows: slice, kept: NDArray[np.bool_], column: str, counts: list[Count]) -> None:
        """Add what the kept ones of these rows hold instead of a number, by reason."""
        bad = self.bad[rows] & kept
        if not bad.any() or self.cells is None:
            return
        at = np.flatnonzero(bad)
        cells = self.cells[rows].gather(at)
        absent = self.absent[rows][at]
        for reason, which in ((SAYS_ABSENT, absent), (NOT_A_NUMBER, ~absent)):
            count = int(which.sum())
            if count:
                examples = cells.gather(np.flatnonzero(which)[:200]).unique(maintain_order=True).head(3).to_list()
                tally(counts, reason, column, count, [example[:40] for example in examples])


def read_numbers(cells: pl.Series, decimal: str | None = None, booleans: bool = False, leaning: str = POINT) -> Numbers:
    """The numbers in a column: of text, or of a type of its own.

    ``decimal`` is the sign, where it is known; ``leaning`` what a comma like that in 1,234 is where no cell tells.
    """
    if cells.dtype == pl.Boolean:
        cells = cells.cast(pl.String)
    elif cells.dtype.is_numeric():
        numbers = cells.cast(pl.Float64)
        values = _finite(numbers)
        given = numbers.is_not_null().to_numpy()
        bad = given & np.isnan(values)
        return Numbers(values, given, bad, cells.cast(pl.String) if bad.any() else None)
    cells = strip(cells.cast(pl.String))
    numbers = cells.cast(pl.Float64, strict=False)
    values, given = _finite(numbers), cells.is_not_null().to_numpy()
    if not (given & np.isnan(values)).any() and decimal != COMMA:
        return Numbers(values, given, np.zeros(len(given), np.bool_), None)
    return _read_odd(cells, numbers, values, given, decimal, booleans, leaning)


def _finite(numbers: pl.Series) -> NDArray[np.float64]:
    values = numbers.to_numpy().copy()
    with np.errstate(invalid="ignore"):
        values[~(np.abs(values) <= LARGEST)] = np.nan
    return values


def _read_odd(
    cells: pl.Series,
    plain: pl.Series,
    values: NDArray[np.float64],
    given: NDArray[np.bool_],
    decimal: str | None,
    booleans: bool,
    leaning: str,
) -> Numbers:
    """A column with cells that are no plain numbers."""
    values = values.copy()
    hexadecimal = np.flatnonzero(cells.str.contains(_HEXADECIMAL).fill_null(False).to_numpy())
    values[hexadecimal] = [float(int(cell, 16)) for cell in cells.gather(hexadecimal).to_list()]
    values, styles, unit = _read_alike(cells, values, given, decimal, leaning)
    styles += ["hexadecimal"] if len(hexadecimal) else []
    odd = np.flatnonzero(given & np.isnan(values))
    bare = _simplified(cells.gather(odd))
    if len(odd) and bool((bare != cells.gather(odd)).any()):
        styles.append("minus signs or spaces")
    if decimal == COMMA:
        # Of a file with decimal commas, a point is a thousands sign.
        sure, rest = True, np.arange(len(cells))
        text = _simplified(cells)
    else:
        sure, rest, text = _has_decimal_comma(bare, cells.head(_SAMPLE), decimal, leaning), odd, bare
    sure = sure or "decimal comma" in styles
    if len(rest):
        text, unit, factors, with_unit = _without_units(text, unit)
        if with_unit:
            styles.append(f"the unit {unit} in the cells")
        clean, style = _without_thousands(text, sure)
        styles += [style] if style else []
        found = _finite(clean.cast(pl.Float64, strict=False)) * factors
        if decimal == COMMA:
            found = np.where(np.isnan(found) & ~plain.is_null().to_numpy(), values, found)
        values[rest] = found
    left = np.flatnonzero(given & np.isnan(values))
    absent = np.zeros(len(values), np.bool_)
    boolean = False
    if len(left):
        remaining = cells.gather(left)
        words = {word: word.lower() for word in remaining.unique().head(5000).to_list()}
        absent[left] = remaining.is_in([word for word in words if is_absent(word)]).to_numpy()
        switches = {word: _switch(low) for word, low in words.items() if _switch(low) is not None}
        states = remaining.filter(~pl.Series(absent[left])).unique().to_list()
        boolean = bool(states) and all(state in switches for state in states) and bool(np.isnan(values).all())
        if boolean and booleans:
            for word, state in switches.items():
                values[left[(remaining == word).to_numpy()]] = float(state or 0)
            absent[left] &= np.isnan(values[left])
            styles.append("on and off as 1 and 0")
    return Numbers(values, given, absent, cells, unit, ", ".join(dict.fromkeys(styles)), boolean)


def _read_alike(
    cells: pl.Series, values: NDArray[np.float64], given: NDArray[np.bool_], decimal: str | None, leaning: str
) -> tuple[NDArray[np.float64], list[str], str]:
    """The values of cells that are written like the first of those that are not plain: most are, and it is fast.

    Returns the values with those that are read so, the style, and the unit that the cells have.
    """
    odd = np.flatnonzero(given & np.isnan(values))
    values = values.copy()
    sample = cells.gather(odd[:200])
    alike = odd if len(odd) < len(cells) else slice(None)
    styles: list[str] = []
    unit = ""
    if not len(odd) or decimal == COMMA:
        return values, styles, unit
    if bool(sample.str.contains(r"^-?\d+,\d+$").all()) and _has_decimal_comma(
        sample, cells.head(200), decimal, leaning
    ):
        text = cells[alike].str.replace(",", ".", literal=True)
        styles = ["decimal comma"]
    else:
        units = sample.str.extract(r"^-?\d+\.?\d*(\s?[%°\p{L}][^\d,]*)$")
        if units.null_count() or units.n_unique() != 1 or bool(units.str.contains("^[eE]").any()):
            return values, styles, unit
        unit = units[0].strip()
        text = cells[alike].str.strip_suffix(units[0])
        styles = [f"the unit {unit} in the cells"]
    if styles == ["decimal comma"] and bool(text.str.contains(r"\..*[.,]").any()):
        return values, [], ""  # there are thousands signs, too
    values[odd] = _finite(text.cast(pl.Float64, strict=False))
    return values, styles, unit


def _switch(word: str) -> int | None:
    return 1 if word in TRUE else 0 if word in FALSE else None


def _simplified(cells: pl.Series) -> pl.Series:
    """One kind of minus and no spaces within numbers."""
    return (
        cells.str.replace_all(r"^[\u2212\u2012\u2013\uFE63\uFF0D]", "-")
        .str.replace_all(r"(\d)[\s\u00a0\u2007\u2009\u202f'\u2019](\d{3})", "$1$2")
        .str.replace_all(r"(\d)[\s\u00a0\u2007\u2009\u202f'\u2019](\d{3})", "$1$2")
        .str.replace(r"^([+-])\s+", "$1")
    )


def _has_decimal_comma(cells: pl.Series, plain: pl.Series, decimal: str | None, leaning: str) -> bool:
    """Whether the commas of these cells are decimal signs: by those cells that can be read in one way only."""
    if decimal == POINT:
        return False
    sample = cells.head(_SAMPLE).str.replace(r"\s*[^\d.,]{1,8}$", "")
    if bool(sample.str.contains(_DEFINITE_GROUPED_COMMA).any()):
        return False
    if leaning == COMMA and bool(sample.str.contains(_GROUPED_COMMA).any()):
        return not bool(sample.str.contains(r"^[+-]?\d*\.\d").any() or plain.str.contains(r"^[+-]?\d*\.\d").any())
    return bool(sample.str.contains(_DECIMAL_COMMA).any() or sample.str.contains(r"^[+-]?\d{1,3}(\.\d{3})+,\d+$").any())


def _without_units(cells: pl.Series, known: str) -> tuple[pl.Series, str, NDArray[np.float64], int]:
    """The cells without a unit behind the number; the unit that most have; by what to multiply those with a prefix."""
    factors = np.ones(len(cells))
    split = cells.str.extract_groups(_WITH_UNIT)
    units = split.struct[1].str.strip_chars()
    units = units.set(units.str.contains(_EXPONENT).fill_null(False), None)
    counts = units.drop_nulls().value_counts(sort=True)
    if not counts.height:
        return cells, known, factors, 0
    most = known or str(counts[units.name][0])
    number = split.struct[0]
    same = units.is_not_null()
    wrong = np.zeros(len(cells), np.bool_)
    for unit in counts[units.name].to_list()[:20]:
        factor = _factor(unit, most)
        here = (units == unit).fill_null(False).to_numpy()
        if factor is None:
            wrong |= here
        else:
            factors[here] = factor
    text = pl.select(
        pl.when(pl.lit(same) & ~pl.lit(pl.Series(wrong))).then(pl.lit(number)).otherwise(pl.lit(cells))
    ).to_series()
    return text, most, factors, int(counts["count"][0])


def _factor(unit: str, base: str) -> float | None:
    """By what a number in this unit is to be multiplied to be one in the other; None if that is another quantity."""
    if unit.lower() == base.lower():
        return 1.0
    for prefix, size in _PREFIXES.items():
        for other, scale in _PREFIXES.items():
            stem = unit[len(prefix) :] if unit.startswith(prefix) else ""
            if len(stem) > 0 and stem not in _PREFIXES and base == other + stem:
                return size / scale
    return None


def _without_thousands(cells: pl.Series, comma: bool) -> tuple[pl.Series, str]:
    """The cells with a decimal point and nothing between thousands."""
    if comma:
        grouped = cells.str.contains(_GROUPED_POINT)
        bare = pl.select(
            pl.when(pl.lit(grouped)).then(pl.lit(cells.str.replace_all(".", "", literal=True))).otherwise(pl.lit(cells))
        ).to_series()
        style = "decimal comma, points between thousands" if bool(grouped.any()) else "decimal comma"
        has_comma = bool(cells.str.contains(",", literal=True).any())
        return bare.str.replace(",", ".", literal=True), style if has_comma or bool(grouped.any()) else ""
    grouped = cells.str.contains(r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?([eE][+-]?\d+)?$")
    if not bool(grouped.any()):
        return cells, ""
    bare = pl.select(
        pl.when(pl.lit(grouped)).then(pl.lit(cells.str.replace_all(",", "", literal=True))).otherwise(pl.lit(cells))
    ).to_series()
    return bare, "commas between thousands"
