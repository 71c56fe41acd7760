"""The layouts that ratings are read from: every module here that defines a `LAYOUT`.

A new layout is a new module; nothing else has to change.
"""

from __future__ import annotations

import csv
import os
import pkgutil
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.errors import ArgumentError, DataError
from recsys.provenance import without_passwords
from recsys.ratings.columns import first_line
from recsys.ratings.compressed import SUFFIXES, without_suffix
from recsys.ratings.item_tables import with_years, without_gaps
from recsys.ratings.layout import USER_FILES, Layout, in_any_case, is_file
from recsys.settings import near

if TYPE_CHECKING:
    import pandas as pd

OTHER_FILES = (
    "*.csv", "*.tsv", "*.jsonl", "*.ndjson", "*.json", "*.npz", "*.npy", "*.mtx", "*.arrow",
    "*.feather", "*.parquet",
)  # fmt: skip
"""Names of files that are read from a folder without any file that a layout knows by name."""


@cache
def layouts() -> tuple[Layout, ...]:
    """All layouts, in the order in which they are tried."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    found = [import_module(f"{__name__}.{name}").LAYOUT for name in names]
    return tuple(sorted(found, key=lambda layout: layout.priority))


def called(name: str) -> Layout:
    """The layout with this slug.

    Raises:
        ArgumentError: there is none; the message lists them.
    """
    known = {layout.slug: layout for layout in layouts()}
    if name not in known:
        raise ArgumentError(
            f"layout must be one of {', '.join(known)}, not {name!r}{near(name, known)}"
        )
    return known[name]


def find(location: str, name: str | None = None, columns: Iterable[str] = ()) -> tuple[Layout, str]:
    """The layout of the ratings at a location, and the file, folder or address that it reads.

    A folder is searched first, then the folders directly inside it, then both for files with a
    usual ending, of which there must be only one.

    Args:
        location: where to look.
        name: slug of the layout; None to recognize it.
        columns: roles whose columns are named.

    Raises:
        ArgumentError: there is no layout of this name.
        DataError: there is nothing, nothing that a layout reads, or more than one data set.
    """
    usable = tuple(one for one in layouts() if one.has_columns or not tuple(columns))
    usable = usable if name is None else (called(name),)
    if not os.path.isdir(location):
        if name is not None and is_file(location):
            return usable[0], location
        known = next((one for one in usable if one.matches(location)), None)
        if known is None:
            more = "; databases are sqlite:///FILE and postgresql://..." * ("://" in location)
            raise DataError(f"{without_passwords(location)}: no such file or folder{more}")
        return known, location
    inside = sorted(str(path) for path in Path(location).iterdir() if path.is_dir())
    for folders in ([location], inside):
        found = [one for folder in folders for one in _sets(folder, usable)]
        if found:
            return _only(found, location)
    found = [one for folder in [location, *inside] for one in _other_sets(folder, usable, name)]
    if found:
        return _only(found, location)
    expected = ", ".join(pattern for pattern, layout in _searched() if layout in usable)
    raise DataError(f"{location}: no ratings file in this folder (looked for {expected})")


def left_aside(file: str) -> list[str]:
    """Names of the files next to one that `find` found by its name that may hold ratings, too."""
    folder, own = os.path.split(file)
    if not is_file(file) or not _named(own, [pattern for pattern, _ in _searched()]):
        return []
    inside = _listed(folder)
    names = (os.path.basename(other) for end in OTHER_FILES for other in _matching(inside, end))
    known = [*_item_files(), *USER_FILES, *(file for one in layouts() for file in one.beside)]
    return sorted({name for name in names if name != own and not _named(name, known)})


def holds_ratings(folder: str) -> bool:
    """Whether a folder, or one directly inside it, has ratings that are not empty."""
    inside = [str(path) for path in Path(folder).iterdir() if path.is_dir()]
    usable = layouts()
    found = (
        where
        for one in [folder, *inside]
        for sets in (_sets(one, usable), _other_sets(one, usable, None))
        for _, where in sets
    )
    return any(os.path.isdir(where) or os.path.getsize(where) for where in found)


def resembled(location: str, tried: Layout) -> str:
    """What to say of a file that `tried` could not read: the layout that it looks like, or ""."""
    others = [one for one in layouts()[:-1] if one is not tried]  # the last reads any text
    like = next((one for one in others if (one.resembles or one.matches)(location)), None)
    if like is None:
        return ""
    return (
        f"; it looks like the layout {like.name!r}, which layout={like.slug!r} reads "
        f"(on the command line --layout {like.slug})"
    )


def in_archive(member: str) -> bool:
    """Whether a member of an archive may be a ratings file or item table of some layout."""
    patterns = [pattern for pattern, _ in _searched()]
    return _named(member, [*patterns, *_item_files(), *USER_FILES])


def may_be_in_archive(member: str) -> bool:
    """Whether a member has the ending of a file of ratings; for archives without known names."""
    return _named(member, OTHER_FILES)


def aside_in_archive(member: str) -> bool:
    """Whether a member that is not unpacked may hold ratings, too."""
    beside = [file for one in layouts() for file in one.beside]
    return may_be_in_archive(member) and not in_archive(member) and not _named(member, beside)


def read_items(file: str) -> pd.DataFrame:
    """The item table in a file, with the columns item, title, year and genres where known.

    Raises:
        DataError: the file does not exist or is not an item table.
    """
    reader = next((one.items for one in layouts() if one.items and one.items.matches(file)), None)
    if reader is None:
        raise DataError(f"{file}: no such file of items")
    if is_file(file) and os.stat(file).st_size == 0:
        raise DataError(f"{file}: the file is empty")
    try:
        return without_gaps(with_years(reader.read(file)), "item")
    except DataError as error:
        raise DataError(str(error) if file in str(error) else f"{file}: {error}") from None
    except (ValueError, KeyError, OSError, StopIteration, csv.Error) as error:
        raise DataError(f"{file}: not a table of items ({first_line(error)})") from None


def items_of(layout: Layout, location: str) -> pd.DataFrame | None:
    """The item table that belongs to ratings in this layout at this location; None without one.

    Raises:
        DataError: a file that should be one is not.
    """
    ends = ("", *SUFFIXES)
    files = (candidate + end for candidate in _candidates(layout, location) for end in ends)
    for file in in_any_case(files):
        if any(one.items and one.items.matches(file) for one in layouts()):
            return read_items(file)
    return None


@cache
def _searched() -> tuple[tuple[str, Layout], ...]:
    # What folders are searched for: exact names before patterns, else by priority.
    found = [(pattern, layout) for layout in layouts() for pattern in layout.files]
    return tuple(sorted(found, key=lambda one: "*" in one[0]))


def _item_files() -> list[str]:
    return [file for layout in layouts() if layout.items for file in layout.items.files]


def _named(member: str, patterns: Iterable[str]) -> bool:
    name = without_suffix(member.rpartition("/")[2]).lower()
    # macOS adds a file "._NAME" of its own to each file of an archive.
    return not name.startswith(".") and any(fnmatchcase(name, one) for one in patterns)


def _sets(folder: str, usable: Sequence[Layout]) -> Iterator[tuple[Layout, str]]:
    # The data sets in a folder: itself, or files that a layout knows by name.
    own = [layout for layout in usable if layout.matches(folder)][:1]
    yield from ((layout, folder) for layout in own)
    seen, inside = set(), _listed(folder)
    for pattern, owner in _searched():
        for file in _matching(inside, pattern):
            layout = next((one for one in usable if one.matches(file)), None)
            if layout is not None and owner not in own and file not in seen:
                seen.add(file)
                yield layout, file


def _other_sets(
    folder: str, usable: Sequence[Layout], name: str | None
) -> Iterator[tuple[Layout, str]]:
    inside = _listed(folder)
    for file in sorted({file for end in OTHER_FILES for file in _matching(inside, end)}):
        layout = usable[0] if name else next((one for one in usable if one.matches(file)), None)
        tables = [*_item_files(), *USER_FILES]
        if layout is not None and not _named(os.path.basename(file), tables):
            yield layout, file


def _listed(folder: str) -> list[tuple[str, str]]:
    # The name of what is in a folder, in lower case and without the ending of a compression, and
    # where it is.
    try:
        inside = sorted(map(str, Path(folder).iterdir()))
    except PermissionError:
        return []
    return [(without_suffix(os.path.basename(one)).lower(), one) for one in inside]


def _matching(listed: Sequence[tuple[str, str]], pattern: str) -> list[str]:
    return [file for name, file in listed if fnmatchcase(name, pattern) and os.path.isfile(file)]


def _only(found: Sequence[tuple[Layout, str]], location: str) -> tuple[Layout, str]:
    if len(found) > 1:
        several = ", ".join(
            f"{os.path.relpath(where, location)} ({layout.name})" for layout, where in found[:8]
        )
        more = f" and {len(found) - 8} more" if len(found) > 8 else ""
        raise DataError(f"{location}: more than one data set; name one of {several}{more}")
    return found[0]


def _candidates(layout: Layout, location: str) -> list[str]:
    if layout.item_files is not None:
        return list(layout.item_files(location))
    folder, name = os.path.split(location)
    if not name.lower().startswith("ratings"):
        return []
    files = [file for file in _item_files() if file.startswith(("movies.", "items."))]
    files.sort(key=lambda file: file.startswith("items."))
    return [os.path.join(folder, file) for file in files]
