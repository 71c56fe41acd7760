"""What a request asks for: settings from a query string or a JSON body, and ids as text.

Every parameter is a declared setting (`recsys.settings`), so that names, checks and the OpenAPI
document come from the declarations that the command line uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl

import orjson

from recsys.app.allowed import ShortForms
from recsys.app.names import item_id, user_id
from recsys.errors import ArgumentError
from recsys.recommend.choice import HOWS, Choice
from recsys.recommend.similarity import METRICS
from recsys.settings import Setting, Settings, near, option, settings_of

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender

MOST = 1000
"""Rows of an answer, entries of a list, characters of a text, parameters of a query."""

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True, kw_only=True)
class Listed(ShortForms, Choice):
    """What may be recommended, and whether each item comes with its reasons."""

    why: bool = option(False, meaning="Say which ratings count for and against each item.")

    def choice(self, model: Recommender) -> Choice:
        """What may be recommended, with items as the model knows them."""
        own = {one.name: getattr(self, one.name) for one in settings_of(Choice)}
        return Choice(**own | self.of_model(model))


@dataclass(frozen=True, kw_only=True)
class GroupListed(Listed):
    """The same for several people, who get one list."""

    together: str = option(
        "average", choices=lambda: HOWS, meaning="How the scores of a group are combined."
    )


@dataclass(frozen=True, kw_only=True)
class Similar(ShortForms):
    """How items or users are compared."""

    n: int = option(10, low=1, meaning="How many.")
    metric: str = option(
        "cosine",
        choices=lambda: METRICS,
        meaning="Measure of similarity: cosine compares directions, dot favours popular items.",
    )
    alpha: float = option(
        0.5,
        low=0,
        high=1,
        meaning="Weight of the length with damped: 0 ranks like dot, 1 like cosine.",
    )
    opposite: bool = option(False, meaning="List the least similar items instead.")


@dataclass(frozen=True, kw_only=True)
class SimilarUsers(Settings):
    """How users are compared."""

    n: int = option(10, low=1, meaning="How many.")
    metric: str = option(
        "cosine",
        choices=lambda: METRICS,
        meaning="Measure of similarity: cosine compares directions.",
    )
    alpha: float = option(
        0.5,
        low=0,
        high=1,
        meaning="Weight of the length with damped: 0 ranks like dot, 1 like cosine.",
    )


@dataclass(frozen=True, kw_only=True)
class Searched(Settings):
    """Words of a title."""

    q: str = option(meaning="Words from the title.")
    n: int = option(10, low=1, meaning="How many.")


@dataclass(frozen=True, kw_only=True)
class Onboarded(ShortForms):
    """What to ask somebody new about."""

    n: int = option(10, low=1, meaning="Number of items to ask about.")


@dataclass(frozen=True, kw_only=True)
class Page(Settings):
    """A page of a long list."""

    limit: int = option(100, low=1, meaning="Rows of a page.")
    cursor: str | None = option(
        None, meaning="Start of the page: `next` of the previous page.", default_text="the start"
    )


@dataclass(frozen=True, kw_only=True)
class Mapped(Settings):
    """Whose map."""

    user: str | None = option(
        None, meaning="User whose model's map to return, if several models share the traffic.",
        default_text="that of the model in service",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Nothing(Settings):
    """A request without parameters."""


def from_query(cls: type[S], query: bytes) -> S:
    """The settings that a query string gives.

    >>> from_query(Page, b"limit=5").limit
    5

    Raises:
        ArgumentError: a name or a value is wrong, or a name comes twice that has one value.
    """
    try:
        text = query.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST)
    except UnicodeDecodeError:
        raise ArgumentError("the query string must be UTF-8, percent-encoded") from None
    except ValueError:
        raise ArgumentError(f"the query string must have at most {MOST} parameters") from None
    known = {one.name: one for one in settings_of(cls)}
    given: dict[str, Any] = {}
    for name, value in pairs:
        setting = _known(name, known)
        if setting.kind is list:
            given.setdefault(name, []).append(value)
        elif name in given:
            raise ArgumentError(f"{name} is given twice; give it once")
        else:
            given[name] = setting.parsed(value)
    return made(cls, given)


def from_body(cls: type[S], body: Mapping[str, Any], besides: Sequence[str] = ()) -> S:
    """The settings that a JSON object gives; it may have the fields `besides`, too.

    Raises:
        ArgumentError: a name or a value is wrong.
    """
    known = {one.name: one for one in settings_of(cls)}
    given = {name: value for name, value in body.items() if name not in besides}
    for name, value in given.items():
        if _known(name, known, besides).kind is list and isinstance(value, list):
            given[name] = [text_of(one, name) for one in value]
    return made(cls, given)


def made(cls: type[S], given: Mapping[str, Any]) -> S:
    """The settings with these values, none of them longer than `MOST`.

    Raises:
        ArgumentError: a value is wrong, or one that has no default is missing.
    """
    for setting in settings_of(cls):
        value = given.get(setting.name)
        if setting.required and value is None:
            raise ArgumentError(f"{setting.name} is missing: {setting.meaning}")
        if isinstance(value, str | list) and len(value) > MOST:
            unit = "characters" if isinstance(value, str) else "entries"
            raise ArgumentError(f"{setting.name} must have at most {MOST} {unit}")
        if setting.name in ("n", "limit") and isinstance(value, int) and value > MOST:
            raise ArgumentError(f"{setting.name} must be at most {MOST}, not {value}")
    return cls(**given)


def _known(name: str, known: Mapping[str, Setting], besides: Sequence[str] = ()) -> Setting:
    if name not in known:
        have = [*besides, *known]
        said = f"it has {', '.join(have)}" if have else "it has none"
        raise ArgumentError(f"this route has no parameter {name!r}{near(name, have)}; {said}")
    return known[name]


def parsed_body(body: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        ArgumentError: it is none, or nested too deeply.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ArgumentError(f"the body must be JSON in UTF-8: {error}") from None


def text_of(value: Any, what: str) -> str:
    """An id or title as text; JSON may have whole numbers, too.

    Raises:
        ArgumentError: it is neither text nor a whole number.
    """
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ArgumentError(f"{what} must be text or a whole number, not {_short(value)}")


def a_user(model: Recommender, value: Any) -> int | str:
    """The user that an id in a body or path stands for."""
    return user_id(model, text_of(value, "user"))


def an_item(model: Recommender, value: Any) -> int | str:
    """The item that an id or title in a body or path stands for."""
    return item_id(model, text_of(value, "item"))


def ratings_of(
    model: Recommender, value: Any, what: str = "ratings", *, none: bool = False
) -> dict[int | str, float | None]:
    """Item → rating from a JSON object of ids or titles; with `none`, a rating may be null.

    Raises:
        ArgumentError: it is no such object, or names an item twice.
        UnknownIdError: there is no such item.
    """
    words = "numbers or null" if none else "numbers"
    if not isinstance(value, dict):
        raise ArgumentError(f"{what} must map items to {words}, not be {_short(value)}")
    if len(value) > MOST:
        raise ArgumentError(f"{what} must name at most {MOST} items, not {len(value):,}")
    found: dict[int | str, float | None] = {}
    for text, rating in value.items():
        is_number = isinstance(rating, int | float) and not isinstance(rating, bool)
        if not is_number and not (none and rating is None):
            raise ArgumentError(f"{what}: {text!r} must be a number, not {_short(rating)}")
        item = an_item(model, text)
        if item in found:
            raise ArgumentError(f"{what} names {text!r} twice; which rating counts?")
        found[item] = rating
    return found


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:60]}…"
