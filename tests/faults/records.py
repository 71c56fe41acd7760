"""What a damaged text of ratings may be read as, without the readers of the product.

Where every line has the form that its format asks for, there is one right answer. Otherwise each
rating that was read must be explained by a line that holds its user, item and value, and every line
must be read, counted as left out, or the file refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import recsys

Pairs = Mapping[tuple[str, str], float]
Strict = Callable[[str], "Pairs | None"]
"""A simple reader of one format; None where a line has another form."""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


class Unsure(Exception):
    """The independent reader cannot say what is right."""


class Record(NamedTuple):
    """A line, or what else one rating was read from."""

    text: str
    context: str = ""
    """Text elsewhere that belongs to it, such as a header."""


def plain(value: Any) -> str:
    """An id as text; 7.0 is 7."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def decoded(data: bytes) -> str:
    """UTF-8 without byte-order marks, else ISO-8859-1."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("ISO-8859-1")
    return re.sub("(^|[\r\n])\ufeff", r"\1", text)


def lines_of(data: bytes) -> list[str]:
    """The lines that are not blank."""
    lines = decoded(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line for line in lines if line.strip()]


def found(ratings: recsys.Ratings) -> dict[tuple[str, str], float]:
    """The ratings that were read: pair of ids as text → value."""
    frame = ratings.to_frame()
    pairs = zip(frame["user"].map(plain), frame["item"].map(plain), strict=True)
    return dict(zip(pairs, map(float, frame["rating"]), strict=True))


def unlike(read: Pairs, right: Pairs) -> str:
    """The first difference, in words; "" for none."""
    for pair in [*right, *read]:
        a, b = read.get(pair), right.get(pair)
        if a is None or b is None or abs(a - b) > 1e-5 * max(1.0, abs(b)):
            return f"{pair} is {a}, not {b}"
    return ""


def rated(right: Pairs, ratings: recsys.Ratings) -> Pairs:
    """The right pairs without those of the value that the reader says stands for "not rated"."""
    read, account = found(ratings), ratings.account
    gone = [pair for pair in right if pair not in read]
    n_dropped = sum(account.dropped.values()) if account else 0
    if len(gone) == n_dropped and len({right[pair] for pair in gone}) == 1:
        return {pair: right[pair] for pair in right if pair in read}
    return right


def unexplained(
    ratings: recsys.Ratings, records: Iterable[Record], n_least: int, fixed: float | None = None
) -> str:
    """Which rating no record explains, or how many records nobody has counted; "" for none.

    Args:
        ratings: what was read.
        records: of the damaged file.
        n_least: records that must be read or counted as left out.
        fixed: a value that ratings may have besides, as a purchase has.
    """
    account, read = ratings.account, found(ratings)
    assert account is not None
    candidates = [(one, _loose(one.text), _loose(one.context)) for one in records]
    valued = "rating" in account.columns and not account.n_repeats
    for (user, item), value in read.items():
        if not any(
            user in text and (item in text or item in context)
            and (not valued or value == fixed or _has_number(one.text, value))
            for one, text, context in candidates
        ):  # fmt: skip
            return f"nothing in the file explains {(user, item, value)}"
    counted = account.n_rows
    if counted < n_least:
        return f"{n_least} records and only {counted} rows in the account"
    kept = len(read) + account.n_repeats + sum(account.dropped.values())
    if kept < account.n_rows:
        return f"{account.n_rows} rows, of which only {kept} are read or counted"
    return ""


def _loose(text: str) -> str:
    # Where ids are looked for: with quotes undoubled.
    return text + "\n" + text.replace('""', '"')


def _has_number(text: str, value: float) -> bool:
    # A comma is either between fields or, in some countries, in a number.
    tokens = {*_NUMBER.findall(text), *_NUMBER.findall(text.replace(",", "."))}
    return any(abs(float(one) - value) <= 1e-5 * max(1.0, abs(value)) for one in tokens)


def by_lines(form: str, header: str | None = None) -> Strict:
    """A strict reader of lines of the form, an expression with groups `u`, `i` and `r`.

    Args:
        form: of a line.
        header: the first line; None for none.
    """
    pattern = re.compile(form)

    def strict(text: str) -> Pairs | None:
        lines = text.removesuffix("\n").split("\n")
        if header is not None and lines.pop(0) != header:
            return None
        pairs: dict[tuple[str, str], float] = {}
        for line in lines:
            match = pattern.fullmatch(line)
            if not match or (match["u"], match["i"]) in pairs:
                return None
            pairs[match["u"], match["i"]] = float(match["r"])
        return pairs or None

    return strict
