"""The ratings of a person who is not in the data, from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.errors import ArgumentError, DataError
from recsys.files import expanded

if TYPE_CHECKING:
    import pandas as pd


def own_ratings(path: str) -> list[tuple[str, float]]:
    """Item (id or title) and rating of each row of a file of one person.

    The file has a column of items and one of ratings, as `recsys ask --save` writes it, with or
    without a header; or it is any file of ratings, of one user.

    Raises:
        ArgumentError: there is no such file, or it has the ratings of several users.
        DataError: it cannot be read, or a rating is no number.
    """
    file = expanded(path)
    if not file.exists():
        raise ArgumentError(f"ratings {str(file)!r}: no such file")
    table = _without_users(str(file))
    if table is None:
        return _of_only_user(str(file))
    pairs = []
    for number, (item, value) in enumerate(table.itertuples(index=False), 1):
        if not isinstance(item, str) or not item.strip():
            raise DataError(f"{file}, row {number}: the item is missing")
        try:
            pairs.append((item.strip(), float(value)))
        except (TypeError, ValueError):
            raise DataError(f"{file}, row {number}: rating {value!r} is not a number") from None
    return pairs


def _without_users(file: str) -> pd.DataFrame | None:
    # The items and ratings of a text file without a column of users; None for any other file.
    import pandas as pd

    from recsys.ratings import layouts
    from recsys.ratings.columns import RECOGNIZED, plain
    from recsys.ratings.item_text import read_delimited

    if layouts.find(file)[0].slug != "delimited-text":
        return None
    table = read_delimited(file, None, quoted=True)
    names = [plain(str(name)) for name in table.columns]
    recognized = {role: [i for i, name in enumerate(names) if name in known]
                  for role, known in RECOGNIZED.items()}  # fmt: skip
    if recognized["user"] or not (len(names) == 2 or recognized["item"]):
        return None
    if not any(recognized.values()):  # no header: the first line is a row
        rows = [list(table.columns), *table.to_numpy().tolist()]
        return pd.DataFrame(rows, columns=["item", "rating"])
    items, values = recognized["item"] or [0], recognized["rating"]
    if not values and len(names) == 2:
        values = [1 - items[0]]
    if not values:
        raise DataError(f"{file}: no rating column among {', '.join(map(str, table.columns))}")
    return table.iloc[:, [items[0], values[0]]].set_axis(["item", "rating"], axis=1)


def _of_only_user(file: str) -> list[tuple[str, float]]:
    from recsys.ratings.readers import read_ratings
    from recsys.recommend.person import by_item

    try:
        found = by_item(read_ratings(file))
    except ArgumentError as error:
        raise ArgumentError(f"{file}: {error}") from None
    return [(str(item), value) for item, value in found.items()]
