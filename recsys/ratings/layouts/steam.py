"""Rows of behaviours, as in Steam's: user, "Game", purchase or play, hours, 0."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pyarrow as pa

from recsys.errors import DataError
from recsys.ids import shown
from recsys.ratings.account import counted
from recsys.ratings.columns import LARGEST
from recsys.ratings.compressed import first_lines, opened
from recsys.ratings.layout import Layout
from recsys.ratings.raw import RawRatings, taken_from
from recsys.ratings.source import Source
from recsys.ratings.text_bytes import BOM
from recsys.ratings.text_format import is_number

PURCHASE, PLAY = "purchase", "play"

_NAMES = {"user": "column 1", "item": "column 2", "rating": "hours"}


def is_steam(file: str) -> bool:
    """Whether the first rows of a file are purchases and plays."""
    rows = list(csv.reader(first_lines(file)[:20]))
    kinds = {row[2].strip().lower() if len(row) in (4, 5) else "" for row in rows}
    return bool(rows) and kinds <= {PURCHASE, PLAY}


def read(file: str, source: Source) -> RawRatings:
    """See `Layout.read`. A play counts its hours; a game that was bought and never played, 1.

    Raises:
        DataError: a row is neither a purchase nor a play; names the line.
    """
    plays: list[tuple[str, str, float]] = []
    purchases: list[tuple[str, str, float]] = []
    try:
        with opened(file) as stream:
            text = io.TextIOWrapper(stream, source.encoding or "utf-8", newline="")
            # Every file of several that were joined may begin with a byte-order mark.
            reader = csv.reader(line.removeprefix(BOM) for line in text)
            for row in reader:
                if row:
                    kind, one = _row(row, f"{file}, line {reader.line_num}")
                    (plays if kind == PLAY else purchases).append(one)
    except (OSError, csv.Error, ValueError, pa.ArrowException, LookupError) as error:
        raise DataError(f"{file}: cannot be read ({error})") from None
    played = {(user, game) for user, game, _ in plays}
    only = [one for one in purchases if one[:2] not in played]
    users, games, hours = zip(*plays, *only, strict=True) if plays or only else ((), (), ())
    columns: dict[str, Any] = {
        "user": pa.chunked_array([pa.array(users, pa.string())]),
        "item": pa.chunked_array([pa.array(games, pa.string())]),
        "rating": np.array(hours, np.float32),
    }
    both = len(purchases) - len(only)
    return RawRatings(
        columns,
        taken_from(_NAMES, columns),
        ("column 5",),
        {"purchases of games that were also played": both} if both else {},
        [
            f"a play counts its hours ({counted(len(plays), 'row')}); a game that was only bought "
            f"counts {'as one hour' if plays else '1'} ({counted(len(only), 'row')})"
        ],
    )


def _row(row: list[str], here: str) -> tuple[str, tuple[str, str, float]]:
    cells = [cell.strip() for cell in row]
    if len(cells) not in (4, 5) or cells[2].lower() not in (PURCHASE, PLAY):
        line = ",".join(row)[:60]
        raise DataError(f"{here}: {line!r} is not user, game, purchase or play, hours")
    user, game, kind, hours = cells[0], cells[1], cells[2].lower(), cells[3]
    if not user or not game:
        raise DataError(f"{here}: the {'game' if user else 'user'} is missing")
    if not (is_number(hours) and abs(float(hours)) <= LARGEST):
        raise DataError(f"{here}: the hours are {shown(hours)}, not a finite number")
    return kind, (user, game, float(hours))


LAYOUT = Layout(
    name="Steam",
    priority=3,
    files=("steam-200k.csv",),
    matches=is_steam,
    read=read,
    has_columns=False,
)
