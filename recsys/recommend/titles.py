"""Items by what people call them."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from recsys.errors import UnknownIdError
from recsys.ids import IdIndex

_ARTICLE_LAST = re.compile(r"^(.*), (the|a|an|le|la|les|l'|il|el|das|der|die)$")
_ARTICLE_FIRST = re.compile(r"^(the|a|an) (?=.)")
_ARTICLES = ("th", "a ", "an")  # how keys begin that may begin with one
_YEAR_LAST = re.compile(r"\((\d{4})[^()]*\)\s*$")
_ALSO = re.compile(r"\((?:a\.k\.a\. )?([^()]*)\)")
_SHOWN = 8  # candidates named in a message
_COMPARED = 200  # characters of what is asked for that are compared with titles letter by letter


class TitleIndex:
    """Finds item rows by title: with or without year and article, in any case.

    >>> items = IdIndex([1, 2], "item")
    >>> titles = TitleIndex(items, ["Matrix, The (1999)", "Toy Story (1995)"])
    >>> titles.row("the matrix"), titles.row("Toy Story (1995)")
    (0, 1)
    """

    def __init__(self, items: IdIndex, titles: Iterable[str | None] | None) -> None:
        self._items = items
        self._titles = [title or "" for title in (() if titles is None else titles)]

    @cached_property
    def _exact(self) -> Mapping[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for row, title in enumerate(self._titles):
            if title:
                found[title].append(row)
        return found

    @cached_property
    def _rows(self) -> Mapping[str, set[int]]:
        # Rows by each form of their titles, plain; this takes a second for 100,000 titles.
        found: dict[str, set[int]] = defaultdict(set)
        for row, title in enumerate(self._titles):
            for key in _keys(title):
                found[key].add(row)
        return found

    def row(self, title: str) -> int:
        """The row of the item with this title.

        Raises:
            UnknownIdError: several items have it, and they are listed; or none has, and the closest
                titles are named.
        """
        rows = self._exact.get(title) or sorted(self._rows.get(_plain(title), ()))
        if len(rows) == 1:
            return rows[0]
        if rows:
            raise UnknownIdError(f"{title!r} may be {self._named(rows)}; give the year or the id")
        near = self._near(title)
        hint = (
            f"did you mean {self._named(near)}?"
            if near
            else (
                "titles look like " + repr(self._titles[0])
                if self._titles
                else "there are no titles"
            )
        )
        raise UnknownIdError(f"no {self._items.kind} is called {title!r}; {hint}")

    def search(self, words: str, n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Rows of the n items whose titles fit some words best, and how well, 0 to 100.

        Titles that contain the words come first, the shortest of them first; then those that spell
        them nearly so.
        """
        from rapidfuzz import fuzz, process

        plain = _plain(words)
        best: dict[int, float] = {}
        if plain:
            inside = [key for key in self._rows if f" {plain}" in f" {key}"]
            for key in inside:
                fits = 90 + 10 * len(plain) / len(key)
                for row in self._rows[key]:
                    best[row] = max(best.get(row, 0.0), fits)
            word, keys = plain[:_COMPARED], self._rows.keys()
            limit = 5 * min(n, len(self._rows))
            close = process.extract(word, keys, scorer=fuzz.WRatio, limit=limit, score_cutoff=60)
            for key, fits, _ in close:
                for row in self._rows[key]:
                    best[row] = max(best.get(row, 0.0), 0.9 * fits)
        rows = sorted(best, key=lambda row: (-best[row], row))[:n]
        return np.array(rows, np.int64), np.array([best[row] for row in rows], np.float32)

    def _near(self, title: str) -> list[int]:
        from rapidfuzz import fuzz, process  # only a title that is not found needs it

        plain = _plain(title)
        inside = [key for key in self._rows if len(plain) > 2 and f" {plain} " in f" {key} "]
        found = process.extract(
            plain[:_COMPARED], self._rows.keys(), scorer=fuzz.ratio, limit=5, score_cutoff=70
        )
        close = [key for key, _, _ in found]
        rows = [
            row for key in (*close, *sorted(inside, key=len)) for row in sorted(self._rows[key])
        ]
        return list(dict.fromkeys(rows))[:_SHOWN]

    def _named(self, rows: list[int]) -> str:
        shown = [f"{self._titles[r]!r} (id {self._items.ids[r]})" for r in rows[:_SHOWN]]
        more = f", and {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
        return " or ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown) + more


def _plain(title: str) -> str:
    # Letters and digits of the title, with the article in front and the year, if any, last.
    text = title
    if not title.isascii():
        text = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode() or title
    text = text.casefold().strip()
    year = _YEAR_LAST.search(text)
    if year:
        text = text[: year.start()].rstrip()
    moved = _ARTICLE_LAST.match(text)
    if moved:
        text = f"{moved[2]} {moved[1]}"
    words = re.findall(r"\w+", text.replace("'", "").replace("&", " and "))
    return " ".join([*words, *([year[1]] if year else [])])


def _keys(title: str) -> set[str]:
    # The whole title, without year or article, and an alternative title in parentheses.
    if not title:
        return set()
    found = _YEAR_LAST.search(title)
    bare = title[: found.start()] if found else title
    names = {bare}
    if "(" in bare:
        names |= {_ALSO.sub("", bare), *_ALSO.findall(bare)}
    keys = set()
    for name in names:
        if name.strip():
            plain = _plain(name)
            keys.add(plain)
            if found:
                # Where nothing else is in parentheses, the year is what the form with it adds.
                dated = f"{name} ({found[1]})"
                keys.add(_plain(dated) if "(" in name else f"{plain} {found[1]}".strip())
    articles = {_ARTICLE_FIRST.sub("", key) for key in keys if key[:2] in _ARTICLES}
    return (keys | articles) - {""}


class HasTitles(Protocol):
    """Something with a title index, which is built when it is first asked for."""

    @property
    def titles(self) -> TitleIndex: ...  # noqa: D102


def as_rows(items: IdIndex, model: HasTitles, wanted: list[object]) -> npt.NDArray[np.int64]:
    """Rows of items given by id or title, each.

    Raises:
        UnknownIdError: one is neither.
    """
    rows = items.find(wanted) if all(isinstance(w, int | np.integer) for w in wanted) else None
    if rows is not None and (rows >= 0).all():
        return rows
    return np.array([_row(items, model, w) for w in wanted], np.int64)


def _row(items: IdIndex, model: HasTitles, wanted: object) -> int:
    if not isinstance(wanted, str):
        return items.row(wanted)
    if not items.is_integer:
        row = int(items.find([wanted])[0])
        if row >= 0:
            return row
    return model.titles.row(wanted)
