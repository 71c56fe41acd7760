"""Users, items and ratings as people write them, on a command line or in a URL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from recsys.errors import ArgumentError, UnknownIdError

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender

T = TypeVar("T")


def user_id(model: Recommender, text: str) -> int | str:
    """The user that `text` stands for, in the type of the model's ids."""
    return model.fitted.users.parse(text)


def item_id(model: Recommender, text: str) -> int | str:
    """The item that `text` stands for: an id where it is one, else a title."""
    from recsys.ids import WHOLE_NUMBER

    items = model.fitted.items
    if items.is_integer and WHOLE_NUMBER.fullmatch(text):
        # A title may be a number ("1984"): an id comes first, then a title.
        if items.find([int(text)])[0] >= 0:
            return int(text)
        try:
            return int(items.ids[model.titles.row(text)])
        except UnknownIdError:
            raise items.unknown(int(text)) from None
    return text


def item_name(model: Recommender, item: object) -> str:
    """The title of an item given by id or title; without one its id, of a number "item 12"."""
    row = model.item_row(item)
    titles, index = model.items.titles, model.fitted.items
    title = None if titles is None else titles[row]
    own = f"item {index.ids[row]}" if index.is_integer else str(index.ids[row])
    return own if title is None else title


def new_person(
    model: Recommender, texts: Iterable[str], more: Iterable[tuple[str, float]] = ()
) -> dict[int | str, float]:
    """Ratings of somebody who is not in the data, from texts such as "Toy Story=5".

    Args:
        model: whose items are rated.
        texts: items and ratings.
        more: likewise, as pairs.

    Raises:
        ArgumentError: a text has no "=", what follows is no number, or an item comes twice.
        UnknownIdError: there is no such item.
    """
    return _by_item(model, [*map(assigned_rating, texts), *more], "rate")


def changed_ratings(model: Recommender, texts: Iterable[str]) -> dict[int | str, float | None]:
    """Ratings that are to be changed, from texts such as "Toy Story=5" or, to remove one,
    "Toy Story=none".

    Raises:
        ArgumentError: as `new_person`.
        UnknownIdError: there is no such item.
    """
    pairs: list[tuple[str, float | None]] = []
    for text in texts:
        title, equals, value = text.rpartition("=")
        if equals and title.strip() and value.strip().lower() == "none":
            pairs.append((title.strip(), None))
        else:
            pairs.append(assigned_rating(text, "what-if"))
    return _by_item(model, pairs, "what-if")


def _by_item(model: Recommender, pairs: Iterable[tuple[str, T]], what: str) -> dict[int | str, T]:
    found: dict[int | str, T] = {}
    for title, value in pairs:
        item = item_id(model, title)
        if item in found:
            raise ArgumentError(f"{what} names {title!r} twice; which rating counts?")
        found[item] = value
    return found


def assigned_rating(text: str, what: str = "rate") -> tuple[str, float]:
    """Title (or id) and rating of a text such as "Toy Story=5"; a title may contain "=".

    >>> assigned_rating("E=mc² (2005) = 4.5")
    ('E=mc² (2005)', 4.5)

    Raises:
        ArgumentError: there is no title, or what follows the last "=" is no number.
    """
    title, equals, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        equals = ""
    if not equals or not title.strip():
        raise ArgumentError(f"{what} must look like 'Toy Story (1995)=5', not {text!r}")
    return title.strip(), value
