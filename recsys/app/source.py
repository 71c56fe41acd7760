"""Where ratings come from, and recipe files: what training and evaluation have in common."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from recsys.errors import ArgumentError
from recsys.ratings.columns import ROLES
from recsys.ratings.source import Source as Source
from recsys.settings import settings_of

COLUMNS = ROLES

SOURCE_KINDS: dict[str, Any] = {setting.name: setting.kind for setting in settings_of(Source)}
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
