"""What may be wrong with how a source was read: remarks for its account.

The doctor examines ratings at leisure; these remarks are cheap, and everybody who reads a file sees
them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from recsys.csr import entry_rows
from recsys.ratings.account import counted
from recsys.ratings.assembly import Parts
from recsys.ratings.columns import NULLS, few, plain
from recsys.ratings.raw import RawRatings
from recsys.ratings.times import LATE, iso

TITLES = ("title", "movietitle", "itemname")
"""Names of item columns that are no ids, as `plain` writes them."""
TOTALS = ("Total", "TOTAL", "total", "Grand Total", "Grand total", "Sum", "SUM")
"""What the last row or column of a spreadsheet is called."""
TELLING = 20
"""Repeats of a value that is not the usual one, from which on they are no accident."""

_SCIENTIFIC = re.compile(r"\d\.\d+[eE]\+\d+")
_NUMBER = re.compile(r"[+-]?0[0-9]{1,17}|\+[0-9]{1,18}|-?[0-9]{1,18}\.0+")
_DECIMAL = re.compile(r"-?[0-9]+\.0+")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
_ODD = rf"^(?:{_NUMBER.pattern})$|[\x{{ad}}\x{{200b}}\x{{2060}}\x{{feff}}\x{{a0}}\p{{Mn}}]|\s\s"
"""What is worth a closer look, for Arrow."""
_MANY_DECIMAL = 0.05  # share of ids
_OF_DAYS = (1e4, 6e4)  # since 1970: from 1997, or since 1900: to 2064
_TICKS = ((6.2e8, 6.5e8, ".NET"), (1.2e8, 1.4e8, "Windows"))
"""Seconds since 1970 as which ticks of this century are read, 10 million of which are a second."""
_SPOT_CHECKS = 1000  # ids that are looked at, at least, where there are as many
_FIRST = 1 << 16  # entries that are looked at before the others


def suspicions(ratings: Parts, raw: RawRatings) -> Iterator[str]:
    """Remarks on what may be a mistake, each in one sentence without its period."""
    yield from _titles(raw)
    yield from _no_ids(ratings)
    yield from _spoiled_ids(ratings)
    yield from _spellings(ratings)
    yield from _row_numbers(ratings, raw)
    yield from _times(ratings, raw)
    if "rating" in raw.taken:
        yield from _attributes(ratings, raw.taken["rating"].name)


def _titles(raw: RawRatings) -> Iterator[str]:
    # Items known by a title, next to what may be their ids.
    name = raw.taken["item"].name if "item" in raw.taken else ""
    ids = [one for one in raw.unused if plain(one).endswith("id")]
    if plain(name) in TITLES and ids:
        one_of = "one of " * (len(ids) > 1)
        yield (
            f"items are identified by {name!r}, and two of them may share a title; if "
            f"{one_of}{few(ids)} identifies the item, use --column item=NAME"
        )


def _no_ids(ratings: Parts) -> Iterator[str]:
    sides = (
        (ratings.users, ratings.items.kind, np.diff(ratings.matrix.indptr)),
        (ratings.items, ratings.users.kind, None),
    )
    for index, other, counts in sides:
        if index.is_integer:
            if (index.ids < 0).sum() == 1:
                yield (
                    f"the {index.kind} {index.ids.min()} is the only one below 0; if it stands for "
                    "a missing id, remove it from the data"
                )
            continue
        for words, what in ((NULLS, "a missing id"), (TOTALS, "a row or column of sums")):
            for row in np.unique(index.find(np.array(words, object))):
                if row < 0:
                    continue
                n = (ratings.matrix.indices == row).sum() if counts is None else counts[row]
                has = f"{index.ids[row]!r} has {counted(int(n), other)}"
                yield f"the {index.kind} {has}; if it stands for {what}, remove it from the data"


def _spoiled_ids(ratings: Parts) -> Iterator[str]:
    # What a spreadsheet makes of long numbers: several become one.
    for index in (ratings.users, ratings.items):
        if index.is_integer:
            continue
        for name in index.ids[:: max(1, len(index.ids) // _SPOT_CHECKS)]:
            if _SCIENTIFIC.fullmatch(str(name)):
                yield (
                    f"the {index.kind} id {name} is a long number that a spreadsheet has rounded, "
                    "so different ids may be one; export them as text"
                )
                break


def _spellings(ratings: Parts) -> Iterator[str]:
    # Ids that are text, of which one may be written in two ways.
    for index in (ratings.users, ratings.items):
        if index.is_integer:
            continue
        texts = pa.array(index.ids, pa.large_string())
        odd = texts.filter(pc.match_substring_regex(texts, _ODD)).to_pylist()
        usual = list(map(_usual, odd))
        found = index.find(np.array(usual, object))
        twice = [at for at, row in enumerate(found) if row >= 0 and usual[at] != odd[at]]
        decimal = [text for text in odd if _DECIMAL.fullmatch(text)]
        if twice:
            which = f"{odd[twice[0]]!a} and {usual[twice[0]]!a}"
            yield (
                f"{counted(len(twice), f'{index.kind} id')} may be a second spelling of "
                f"another, such as {which}; spell each id in one way"
            )
        elif len(decimal) > _MANY_DECIMAL * len(index.ids):
            yield (
                f"{index.kind} ids such as {decimal[0]!r} are read as text; if pandas made "
                "them from whole numbers because one was missing, write them as whole numbers"
            )


def _usual(text: str) -> str:
    # How an id is usually written: letters in one code point, single blanks, a plain number.
    text = " ".join(unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).split())
    return str(int(text.partition(".")[0])) if _NUMBER.fullmatch(text) else text


def _row_numbers(ratings: Parts, raw: RawRatings) -> Iterator[str]:
    users, n = ratings.users.ids, ratings.matrix.nnz
    if "user" not in raw.taken or not ratings.users.is_integer or n != len(users) or n < TELLING:
        return
    if users[-1] - users[0] == n - 1 and users[0] in (0, 1):
        yield (
            f"every user has a single {'rating' if ratings.has_values else 'item'}, and the ids "
            f"are {users[0]} to {users[-1]}: if {raw.taken['user'].name!r} numbers the rows, name "
            "the columns with --column user=NAME and so on"
        )


def _times(ratings: Parts, raw: RawRatings) -> Iterator[str]:
    times, values = ratings.timestamps, ratings.matrix.data
    if times is not None and len(times) and np.median(times) > LATE:
        n = int((times <= 0).sum())
        if n:
            yield f"{counted(n, 'rating')} with a time of 0 or below, before all others"
    if times is not None and len(times):
        yield from _units(float(times.min()), float(times.max()))
    rating = raw.taken.get("rating")
    if rating is not None and len(values) and float(values.min()) > LATE:
        yield (
            f"all values of {rating.name!r} are above 1e8, as times are; name the columns with "
            "--column rating=NAME and --column timestamp=NAME"
        )
    years = rating is not None and len(values) > 1 and 1900 <= values.min() < values.max() <= 2100
    if rating is not None and years and (values == np.rint(values)).all():
        yield (
            f"all values of {rating.name!r} are from {values.min():.0f} to {values.max():.0f}, as "
            "years are; if they are, use --column timestamp=NAME and --column rating=NAME, or "
            "--column rating= if there is none"
        )


def _units(first: float, last: float) -> Iterator[str]:
    # Times that were in a unit that looks like another one.
    if _OF_DAYS[0] <= first and last < _OF_DAYS[1]:
        yield (
            f"all times are {first:g} to {last:g} seconds, on the first day of 1970; if they are "
            "days, since 1970 or as spreadsheets count them, write them as dates, such as "
            "2020-12-31"
        )
    for low, high, of in _TICKS:
        if low <= first <= last < high:
            yield (
                f"by their size, all times are read as of {iso(first)[:4]}; if they are ticks of "
                f"{of}, write them in seconds since 1970"
            )


def _attributes(ratings: Parts, name: str) -> Iterator[str]:
    # Values that belong to the items, or to the users, as after a join with a table of them.
    matrix = ratings.matrix
    # The first rows are enough to see that values differ, as they mostly do.
    first = matrix[: max(1, int(np.searchsorted(matrix.indptr, _FIRST)))]
    for kind, keys in (("item", lambda part: part.indices), ("user", entry_rows)):
        equal = all(_equal_by(keys(part), part.data) for part in (first, matrix))
        if equal and _n_unusual_repeats(keys(matrix), matrix.data) >= TELLING:
            yield (
                f"all values of each {kind} are equal, so {name!r} seems to describe the {kind}; "
                "name the column of ratings with --column rating=NAME, or use --column rating= if "
                "there is none"
            )


def _equal_by(keys: npt.NDArray[Any], values: npt.NDArray[Any]) -> bool:
    # Whether all values of a key are equal.
    first = np.zeros(keys.max(initial=-1) + 1, values.dtype)
    first[keys] = values
    return bool((first[keys] == values).all())


def _n_unusual_repeats(keys: npt.NDArray[Any], values: npt.NDArray[Any]) -> int:
    # Where nearly all values are 1, those of most keys are equal by accident.
    unusual = keys[values != np.median(values)]
    return len(unusual) - len(np.unique(unusual))
