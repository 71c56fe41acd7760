"""Which column of a table is what: user, item, rating, timestamp."""

from __future__ import annotations

import re

import numpy as np

from recsys.errors import ArgumentError, DataError

ROLES = ("user", "item", "rating", "timestamp")
RECOGNISED = {
    "user": ("user", "userid", "uid", "customer", "customerid", "reviewerid", "visitorid"),
    "item": ("item", "itemid", "iid", "movie", "movieid", "product", "productid", "asin", "book",
             "bookid", "track", "trackid"),
    "rating": ("rating", "ratings", "score", "stars", "value", "overall", "preference"),
    "timestamp": ("timestamp", "time", "ts", "date", "datetime", "unixreviewtime", "ratedat"),
}  # fmt: skip
"""Column names recognised without being named, in lower case without `_`, `-` and spaces."""

LARGEST = float(np.finfo(np.float32).max)
"""What a rating may be at most."""


def plain(name: str) -> str:
    """A column name without what people write in different ways.

    >>> plain("user_id:token"), plain("User ID"), plain("userId")
    ('userid', 'userid', 'userid')
    """
    return re.sub(r"[_\-\s]", "", name.split(":")[0]).lower()


def assign_roles(columns: list[str], named: dict[str, str | None], source: str) -> dict[str, str]:
    """Role -> column, from the names given and the names recognised.

    Raises:
        DataError: a named column is not there, or the user or item column cannot be told.
    """
    roles: dict[str, str] = {}
    for role, name in named.items():
        if name is not None:
            if name not in columns:
                have = ", ".join(map(repr, columns))
                raise DataError(f"{source}: no column {name!r} for the {role}; it has {have}")
            if name in roles.values():
                raise ArgumentError(f"{role} must name a column of its own, not {name!r} again")
            roles[role] = name
    for role in ROLES:
        if role in roles:
            continue
        known = [c for c in columns if plain(c) in RECOGNISED[role] and c not in roles.values()]
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


def first_line(error: object) -> str:
    """The first line of an error's message, or what kind it is."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
