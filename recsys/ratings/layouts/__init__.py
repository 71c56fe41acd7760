"""The layouts that ratings are read from: every module here that defines a `LAYOUT`.

A new layout is a new module; nothing else has to change.
"""

from __future__ import annotations

import csv
import os
import pkgutil
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from recsys.errors import DataError
from recsys.ratings.item_tables import with_years
from recsys.ratings.layout import Layout, is_file

if TYPE_CHECKING:
    import pandas as pd


@cache
def layouts() -> tuple[Layout, ...]:
    """All layouts, in the order in which they are tried."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    found = [import_module(f"{__name__}.{name}").LAYOUT for name in names]
    return tuple(sorted(found, key=lambda layout: layout.priority))


def find(location: str) -> tuple[Layout, str]:
    """The layout of the ratings at a location, and the file, folder or address that it reads.

    A folder is searched first, then the folders directly inside it.

    Raises:
        DataError: there is nothing, or nothing that a layout reads.
    """
    places = [Path(location)]
    if places[0].is_dir():
        places += sorted(path for path in places[0].iterdir() if path.is_dir())
    for place in [location, *map(str, places[1:])]:
        for layout in layouts():
            if layout.matches(place):
                return layout, place
        for pattern, layout in _searched():
            for file in sorted(Path(place).glob(pattern)):
                if is_file(str(file)):
                    return layout, str(file)
    if not places[0].is_dir():
        raise DataError(f"{location}: no such file or folder")
    expected = ", ".join(pattern for pattern, _ in _searched())
    raise DataError(f"{location}: no ratings file in this folder (looked for {expected})")


def in_archive(member: str) -> bool:
    """Whether a member of an archive may be a ratings file or item table of some layout."""
    name = member.rpartition("/")[2]
    patterns = [pattern for pattern, _ in _searched()]
    patterns += [file for layout in layouts() if layout.items for file in layout.items.files]
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def read_items(file: str) -> pd.DataFrame:
    """The item table in a file, with the columns item, title, year and genres where known.

    Raises:
        DataError: the file does not exist or is not an item table.
    """
    reader = next((one.items for one in layouts() if one.items and one.items.matches(file)), None)
    if reader is None:
        raise DataError(f"{file}: no such file of items")
    if is_file(file) and os.stat(file).st_size == 0:
        raise DataError(f"{file}: the file of items is empty")
    try:
        return with_years(reader.read(file))
    except DataError as error:
        raise DataError(str(error) if file in str(error) else f"{file}: {error}") from None
    except (ValueError, KeyError, OSError, StopIteration, csv.Error) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{file}: not a table of items ({said})") from None


def items_of(layout: Layout, location: str) -> pd.DataFrame | None:
    """The item table that belongs to ratings in this layout at this location; None without one.

    Raises:
        DataError: a file that should be one is not.
    """
    for candidate in _candidates(layout, location):
        if any(one.items and one.items.matches(candidate) for one in layouts()):
            return read_items(candidate)
    return None


@cache
def _searched() -> tuple[tuple[str, Layout], ...]:
    # What folders are searched for: exact names before patterns, else by priority.
    found = [(pattern, layout) for layout in layouts() for pattern in layout.files]
    return tuple(sorted(found, key=lambda one: "*" in one[0]))


def _candidates(layout: Layout, location: str) -> list[str]:
    if layout.item_files is not None:
        return list(layout.item_files(location))
    folder, name = os.path.split(location)
    if not name.startswith("ratings"):
        return []
    known = [file for one in layouts() if one.items is not None for file in one.items.files]
    return [os.path.join(folder, file) for file in known if file.startswith("movies.")]
