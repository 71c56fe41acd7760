"""Where ratings come from, and recipe files: what training and evaluation have in common."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recsys.errors import ArgumentError
from recsys.ratings.ratings import Ratings
from recsys.ratings.readers import read_ratings

COLUMNS = ("user", "item", "rating", "timestamp")


@dataclass(frozen=True)
class Source:
    """A ratings file and how to read it. The fields are keys of a recipe file."""

    ratings: str
    """MovieLens folder or zip, CSV, TSV or Parquet file."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Names of the columns user, item, rating, timestamp, where they are unusual."""
    items: str | None = None
    """File that says what the items are, where it does not lie beside the ratings."""
    separator: str | None = None
    """Between the fields of a text file; found out where not given."""
    encoding: str | None = None
    """Of a text file; UTF-8 or ISO-8859-1 where not given."""
    header: bool | None = None
    """Whether a text file begins with column names; found out where not given."""
    duplicates: str = "latest"
    """Several ratings of one item by one user: latest, mean or error."""

    def read(self) -> Ratings:
        """The ratings.

        Raises:
            ValueError: an option is not one. DataError: the file cannot be read.
        """
        return read_ratings(
            self.ratings,
            items=self.items,
            separator=self.separator,
            encoding=self.encoding,
            header=self.header,
            duplicates=self.duplicates,  # type: ignore[arg-type]  # checked there
            **dict(self.columns),
        )


SOURCE_KINDS: dict[str, Any] = {
    "ratings": str, "columns": dict, "items": str, "separator": str, "encoding": str,
    "header": bool, "duplicates": str,
}  # fmt: skip
"""Key of a recipe file → type of its value, of what a `Source` has."""


def read_toml(path: Path, kinds: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a recipe file, whose keys and types `kinds` lists.

    Raises:
        ValueError: the file is missing, no TOML, or has a key or value that no recipe has.
    """
    try:
        entries = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ArgumentError(f"config {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(f"config {path}: not TOML ({error})") from None
    check_keys(f"config {path}", entries, kinds)
    for key, value in entries.items():
        expected = kinds[key]
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            raise ArgumentError(f"config {path}: {key} cannot be {value!r}")
    for name in entries.get("columns", {}):
        if name not in COLUMNS:
            raise ArgumentError(f"config {path}: columns are {', '.join(COLUMNS)}, not {name!r}")
    return entries


def check_keys(where: str, keys: Iterable[str], known: Iterable[str]) -> None:
    """Raises ValueError for a key that is not known, and suggests one that is."""
    known = list(known)
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise ArgumentError(f"{where}: no setting {key!r}; {hint}")
