"""Numbers in words: decimals, p-values, marks of significance, signed differences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

WITHOUT_INTERVAL = 3
"""Decimals of numbers whose uncertainty is not known."""
_MOST_DECIMALS = 8
_TWO_DIGITS = 3.5  # and below, times a power of ten


def decimals(half_widths: Iterable[float]) -> int:
    """Decimals for numbers of one column, from half the widths of their intervals.

    The median half width has two significant digits if they are at most 35, and one above: more
    would be noise (the rounding rule of the Particle Data Group). Half widths that are zero,
    infinite or NaN do not count; without any other there are three decimals.

    >>> decimals([0.0142]), decimals([0.0071]), decimals([0.0071, 0.0142, 0.2]), decimals([17.2])
    (3, 3, 3, 0)
    """
    # Of equal values, means may differ by rounding.
    known = [half for half in half_widths if math.isfinite(half) and half > 1e-12]
    if not known:
        return WITHOUT_INTERVAL
    digits, _, power = f"{median(known):.1e}".partition("e")
    places = (1 if float(digits) <= _TWO_DIGITS else 0) - int(power)
    return min(max(places, 0), _MOST_DECIMALS)


def half_widths(lows: Sequence[float], highs: Sequence[float]) -> list[float]:
    """Half the widths of intervals.

    >>> half_widths([0.0, 1.0], [1.0, 1.5])
    [0.5, 0.25]
    """
    return [(high - low) / 2 for low, high in zip(lows, highs, strict=True)]


def within(low: float, high: float) -> int:
    """Decimals for one number, from its own interval.

    >>> within(0.01, 0.05)
    3
    """
    return decimals(half_widths([low], [high]))


def fixed(value: float, places: int) -> str:
    """A number with that many decimals; nothing for NaN. A minus is as wide as a plus.

    >>> fixed(0.3156, 3), fixed(-1234.5, 0), fixed(-0.0001, 3), fixed(float("nan"), 2)
    ('0.316', '−1,234', '0.000', '')
    """
    if not math.isfinite(value):
        return ""
    text = f"{value:,.{places}f}"
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")


def signed(value: float, places: int = 4) -> str:
    """A difference with its sign.

    >>> signed(0.0312), signed(-0.5, 2), signed(-1e-9)
    ('+0.0312', '−0.50', '0.0000')
    """
    text = fixed(value, places)
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def p_in_words(p: float) -> str:
    """A p-value as it is written in text.

    >>> p_in_words(0.00012), p_in_words(0.04231)
    ('p < 0.001', 'p = 0.042')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def stars(p: float) -> str:
    """Marks of significance; nothing for NaN.

    >>> stars(0.004), stars(0.2)
    ('**', '')
    """
    return "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else ""


def listed(names: Sequence[str]) -> str:
    """Names as a list in a sentence.

    >>> listed(["als"]), listed(["als", "ease", "svd"])
    ('als', 'als, ease and svd')
    """
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def plural(noun: str) -> str:
    """More than one of a noun; a noun that ends in s already is.

    >>> plural("rating"), plural("hours"), plural("quantity")
    ('ratings', 'hours', 'quantities')
    """
    if noun.endswith("s"):
        return noun
    return f"{noun[:-1]}ies" if noun.endswith(("ty", "cy")) else f"{noun}s"
