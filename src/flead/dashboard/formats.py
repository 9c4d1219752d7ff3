"""How figures are written, the same everywhere: with separators, with units, and a dash where there is none."""

import math

NONE = "–"


def count(number: int) -> str:
    """A whole number.

    >>> count(1234567)
    '1,234,567'
    """
    return f"{number:,}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 as a percentage.

    >>> percent(0.7271), percent(None)
    ('72.7%', '–')
    """
    return NONE if share is None or not math.isfinite(share) else f"{share:.{digits}%}"


def figure(number: float | None, digits: int = 4) -> str:
    """A measured value with so many significant digits, large whole ones in full.

    >>> figure(0.12345), figure(1234.5678), figure(1762528951.0), figure(2.5e-9), figure(None)
    ('0.1235', '1,235', '1,762,528,951', '2.5e-09', '–')
    """
    if number is None or not math.isfinite(number):
        return NONE
    if 10 ** (digits - 1) <= abs(number) < 1e15:
        return f"{number:,.0f}"
    return f"{number:.{digits}g}"


def score(number: float) -> str:
    """A z-score, signed.

    >>> score(19.33333), score(-2.5), score(123456.7)
    ('+19.33', '−2.50', '+123,457')
    """
    sign = "−" if number < 0 else "+"
    return f"{sign}{abs(number):,.2f}" if abs(number) < 1000 else f"{sign}{abs(number):,.0f}"


def plural(number: int, noun: str) -> str:
    """A counted noun.

    >>> plural(1, "device"), plural(2407, "device")
    ('1 device', '2,407 devices')
    """
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def measured(number: float | None, spread: float | None) -> str:
    """A value as precise as its usual variation ``spread`` makes sensible.

    >>> measured(101.32517, 0.02), measured(1762528951.3, 25.0), measured(42.0, 0.0)
    ('101.325', '1,762,528,951', '42')
    """
    if number is None or spread is None or not spread > 0 or not 1e-4 <= abs(number) < 1e15:
        return figure(number, 6)
    decimals = min(max(1 - math.floor(math.log10(spread)), 0), 9)
    return f"{number:,.{decimals}f}"
