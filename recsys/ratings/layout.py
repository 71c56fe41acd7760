"""`Layout`: one way in which ratings are stored, as a record.

Each module of `recsys.ratings.layouts` defines one as `LAYOUT`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from recsys.ratings.compressed import without_suffix

if TYPE_CHECKING:
    import pandas as pd

    from recsys.ratings.raw import RawRatings
    from recsys.ratings.source import Source

Matches = Callable[[str], bool]

_ENDINGS = (".csv", ".tsv", ".parquet", ".feather", ".arrow", ".jsonl", ".json", ".txt")
USER_FILES = ("u.user", "users.dat", "*.user", *(f"users{end}" for end in _ENDINGS))
"""Names of files that say who the users are."""


def named(*patterns: str) -> Matches:
    """A test for files with a name like one of these, also compressed: `ratings.csv`, `*.inter`.

    Upper and lower case are the same.
    """

    def matches(location: str) -> bool:
        name = without_suffix(os.path.basename(location)).lower()
        return is_file(location) and any(fnmatchcase(name, pattern) for pattern in patterns)

    return matches


def is_file(location: str) -> bool:
    """Whether this is something that can be read as a file, such as a file or a pipe."""
    return os.path.exists(location) and not os.path.isdir(location)


def in_any_case(files: Iterable[str]) -> Iterator[str]:
    """The files, with the names that they have in their folder: `Movies.csv` for `movies.csv`.

    A file that is not there in any case, or an address, stays as it is.
    """
    listed: dict[str, dict[str, str]] = {}
    for file in files:
        folder, name = os.path.split(file)
        if folder not in listed and not os.path.exists(file):
            inside = sorted(os.listdir(folder or ".")) if os.path.isdir(folder or ".") else []
            listed[folder] = {one.lower(): one for one in reversed(inside)}
        found = name if os.path.exists(file) else listed[folder].get(name.lower(), name)
        yield file if found == name else os.path.join(folder, found)


@dataclass(frozen=True, kw_only=True)
class ItemFiles:
    """How a layout stores what is known of the items."""

    files: tuple[str, ...]
    """Names of such files. Those called `movies.*` and `items.*` are found next to any file
    `ratings*`."""
    matches: Matches
    """Whether `read` reads the file or address."""
    read: Callable[[str], pd.DataFrame]
    """Table with the ids in the column `item` and, where known, title, year and genres
    (separated by `|`). Raises DataError or ValueError if the file is not such a table."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How ratings are stored, and how to read them."""

    name: str
    """For people: "MovieLens 100K"."""
    priority: int
    """Layouts are tried from low to high; the first that matches reads the ratings. A layout that
    accepts few files comes before one that accepts many."""
    matches: Matches
    """Whether `read` reads the file, folder or address. May look inside."""
    read: Callable[[str, Source], RawRatings]
    """The ratings at a location. Raises DataError if there are none or the file is wrong; names
    file, row and value."""
    files: tuple[str, ...] = ()
    """Names or patterns of its ratings files, for which folders and archives are searched; the
    exact names of all layouts come before patterns."""
    beside: tuple[str, ...] = ()
    """Names of files that lie next to them, and are no ratings."""
    item_files: Callable[[str], Sequence[str]] | None = None
    """Files that may hold the items of the ratings at this location, best first. Without it,
    `movies.*` or `items.*` next to a file `ratings*`."""
    items: ItemFiles | None = None
    """Item tables in this layout; None if it has none."""
    users: Callable[[str], pd.DataFrame | None] | None = None
    """The table of the users at a location, or None. Without it, users are in files next to the
    ratings."""
    has_columns: bool = True
    """Whether its columns can be named. A layout without such columns is not tried where some
    are."""
    resembles: Matches | None = None
    """Whether a file that `matches` rejects may still be in this layout; for messages."""

    @property
    def slug(self) -> str:
        """What options call it.

        >>> Layout(name="JSON lines", priority=1, matches=bool, read=print).slug
        'json-lines'
        """
        return self.name.lower().replace(" ", "-")
