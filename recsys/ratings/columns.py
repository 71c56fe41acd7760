"""Which column of a table has which role: user, item, rating, timestamp."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from recsys.arguments import require
from recsys.errors import ArgumentError, DataError
from recsys.ids import shown

_LONGEST_NAME, _LONGEST_LINE = 60, 300  # characters of a message

ROLES = ("user", "item", "rating", "timestamp")
RATING_NAMES = ("rating", "ratings", "stars", "score", "overall", "bookrating", "userrating",
                "movierating", "ratingvalue", "rate", "grade", "preference")  # fmt: skip
"""Names of columns of ratings on a scale, as `plain` writes them."""
COUNT_NAMES = ("count", "counts", "plays", "playcount", "listencount", "listens", "watchcount",
               "quantity", "qty", "hours", "hoursplayed", "playtime", "weight", "views",
               "viewcount", "clicks", "clickcount", "purchases", "purchasecount", "interactions",
               "frequency", "freq")  # fmt: skip
"""Names of columns of counts, as `plain` writes them."""
RECOGNIZED = {
    "user": ("userid", "uid", "customerid", "reviewerid", "visitorid", "memberid", "accountid",
             "personid", "clientid", "buyerid", "listenerid", "profileid", "user", "customer",
             "reviewer", "visitor", "member", "username", "reviewername"),
    "item": ("itemid", "iid", "movieid", "productid", "asin", "parentasin", "isbn", "bookid",
             "trackid", "songid", "artistid", "albumid", "gameid", "animeid", "videoid",
             "articleid", "businessid", "placeid", "jokeid", "recipeid", "beerid", "sku",
             "stockcode", "item", "movie", "product", "book", "track", "song", "artist", "album",
             "game", "anime", "video", "article", "itemname", "movietitle", "title"),
    "rating": (*RATING_NAMES, *COUNT_NAMES, "feedback", "label", "liked", "value"),
    "timestamp": ("timestamp", "unixtimestamp", "time", "ts", "unixtime", "unixreviewtime",
                  "datetime", "date", "ratedat", "createdat", "eventtime", "reviewtime"),
}  # fmt: skip
"""Column names that are recognized, as `plain` writes them; where a table has several of a role,
the first one here counts, so that an id goes before a name and a rating before a count."""

NULLS = (
    "NULL", "null", "Null", "\\N", "(null)", "NaN", "nan", "None", "<NA>", "N/A", "n/a", "#N/A",
    "undefined", "NA",
)  # fmt: skip
"""What exports write where there is no value, also for ids."""
LARGEST = float(np.finfo(np.float32).max)
"""The largest rating that is allowed."""


def plain(name: str) -> str:
    """A column name in lower case without `_`, `-`, spaces and RecBole's type.

    >>> plain("user_id:token"), plain("User ID"), plain("userId")
    ('userid', 'userid', 'userid')
    """
    return re.sub(r"[_\-\s]", "", name.split(":")[0]).lower()


def assign_roles(columns: list[str], named: Mapping[str, str], source: str) -> dict[str, str]:
    """Role → column; see `role_positions`."""
    found = role_positions(columns, named, source)
    for role, at in found.items():
        if columns.count(columns[at]) > 1:
            raise _unclear(columns[at], role, source)
    return {role: columns[at] for role, at in found.items()}


def role_positions(columns: list[str], named: Mapping[str, str], source: str) -> dict[str, int]:
    """Role → position of its column, from what is named and the names that are recognized.

    Args:
        columns: the names of all columns.
        named: role → name of a column, or its number, counted from 1; empty where there is none.
        source: name of the data, for messages.

    Raises:
        ArgumentError: one column is named for two roles.
        DataError: a named column does not exist or is not the only one of its name, or the user or
            item column is not recognized.
    """
    roles = named_positions(columns, named, source)
    for role in ROLES:
        if role in named:
            continue
        free = {plain(c): at for at, c in reversed([*enumerate(columns)])
                if at not in roles.values()}  # fmt: skip
        known = [free[name] for name in RECOGNIZED[role] if name in free]
        if known:
            if columns.count(columns[known[0]]) > 1:
                raise _unclear(columns[known[0]], role, source)
            roles[role] = known[0]
        elif role in ("user", "item"):
            raise DataError(
                f"{source}: no {role} column among {few(columns)}; "
                f"name it with {role}=... (on the command line --column {role}=...)"
            )
    return {role: roles[role] for role in ROLES if role in roles}


def named_positions(columns: list[str], named: Mapping[str, str], source: str) -> dict[str, int]:
    """Role → position of the column that is named for it, by name or number.

    Raises:
        ArgumentError: one column is named for two roles.
        DataError: a named column does not exist or is not the only one of its name.
    """
    roles: dict[str, int] = {}
    for role in filter(named.__contains__, ROLES):
        name = named[role]
        require(role, name, (str, type(None)), "the name or number of a column, as text")
        if not name:
            if role in ("user", "item"):
                raise ArgumentError(f"{role} must name a column")
            continue
        by_number = name not in columns and name.isascii() and name.isdigit()
        if by_number and 0 < int(name) <= len(columns):
            at = int(name) - 1
        elif name in columns:
            at = columns.index(name)
        else:
            raise DataError(f"{source}: no column {name!r} for the {role}; it has {few(columns)}")
        if at in roles.values():
            raise ArgumentError(f"{role} must name a column of its own, not {name!r} again")
        if not by_number and columns.count(name) > 1:
            raise _unclear(name, role, source)
        roles[role] = at
    return roles


def no_rating(columns: Sequence[str]) -> str:
    """The remark that none of these columns was taken for the rating."""
    return (
        f"no rating column among {few(columns)}: every row is read as seen; name one with "
        "--column rating=NAME"
    )


def few(names: Sequence[str], most: int = 12) -> str:
    """Column names for a message, which stays short where there are many.

    >>> few(["a", "b"]), few(["a", "b", "c"], most=2)
    ("'a', 'b'", "'a', 'b' and 1 more")
    """
    first = ", ".join(shown(name, _LONGEST_NAME) for name in names[:most])
    return first + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _unclear(name: str, role: str, source: str) -> DataError:
    return DataError(
        f"{source}: more than one column {shown(name, _LONGEST_NAME)}, so the {role} is unclear; "
        f"give its number with --column {role}=NUMBER"
    )


def first_line(error: object) -> str:
    """The first line of an error's message, or the name of its class.

    A library may quote a value of any length, of which the beginning is enough.
    """
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} ..."
