"""Which column of a table has which role: user, item, rating, timestamp."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from recsys.errors import ArgumentError, DataError

ROLES = ("user", "item", "rating", "timestamp")
RECOGNIZED = {
    "user": ("user", "userid", "uid", "customer", "customerid", "reviewerid", "visitorid"),
    "item": ("item", "itemid", "iid", "movie", "movieid", "product", "productid", "asin", "book",
             "bookid", "track", "trackid"),
    "rating": ("rating", "ratings", "score", "stars", "value", "overall", "preference"),
    "timestamp": ("timestamp", "time", "ts", "date", "datetime", "unixreviewtime", "ratedat"),
}  # fmt: skip
"""Column names that are recognized, as `plain` writes them."""

LARGEST = float(np.finfo(np.float32).max)
"""The largest rating that is allowed."""


def plain(name: str) -> str:
    """A column name in lower case without `_`, `-`, spaces and RecBole's type.

    >>> plain("user_id:token"), plain("User ID"), plain("userId")
    ('userid', 'userid', 'userid')
    """
    return re.sub(r"[_\-\s]", "", name.split(":")[0]).lower()


def assign_roles(columns: list[str], named: Mapping[str, str], source: str) -> dict[str, str]:
    """Role → column, from the columns that are named and the names that are recognized.

    Raises:
        ArgumentError: one column is named for two roles.
        DataError: a named column does not exist, or the user or item column is not recognized.
    """
    roles = _named_roles(columns, named, source)
    for role in ROLES:
        if role in roles:
            continue
        known = [c for c in columns if plain(c) in RECOGNIZED[role] and c not in roles.values()]
        if known:
            roles[role] = known[0]
        elif role in ("user", "item"):
            raise DataError(
                f"{source}: no {role} column among {', '.join(map(repr, columns))}; "
                f"name it with {role}=... (on the command line --column {role}=...)"
            )
    for role, name in roles.items():
        if columns.count(name) > 1:
            raise DataError(f"{source}: more than one column {name!r}, so the {role} is unclear")
    return roles


def _named_roles(columns: list[str], named: Mapping[str, str], source: str) -> dict[str, str]:
    roles: dict[str, str] = {}
    for role in filter(named.__contains__, ROLES):
        name = named[role]
        if name not in columns:
            have = ", ".join(map(repr, columns))
            raise DataError(f"{source}: no column {name!r} for the {role}; it has {have}")
        if name in roles.values():
            raise ArgumentError(f"{role} must name a column of its own, not {name!r} again")
        roles[role] = name
    return roles


def first_line(error: object) -> str:
    """The first line of an error's message, or the name of its class."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
