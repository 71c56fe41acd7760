"""Items like an item, users like a user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recsys.app.allowed import ShortForms
from recsys.app.answer import Answer
from recsys.app.names import item_id, item_name, user_id
from recsys.errors import ArgumentError
from recsys.recommend.choice import Allowed
from recsys.settings import option

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender


def _metrics() -> Sequence[str]:
    from recsys.recommend.similarity import METRICS

    return METRICS


@dataclass(frozen=True, kw_only=True)
class SimilarRequest(ShortForms):
    """What is compared with what, and how."""

    model: str = option(meaning="Model file.")
    item: str | None = option(None, metavar="TITLE", meaning="Title or id of the item.")
    more: Sequence[str] = option(
        [],
        flags=("--and",),
        metavar="TITLE",
        meaning="Another item; the result is similar to all of them together. Repeatable.",
    )
    to: str | None = option(
        None, metavar="TITLE", meaning="List the items on the way from --item to this one instead."
    )
    opposite: bool = option(False, meaning="List the least similar items instead.")
    user: str | None = option(None, metavar="ID", meaning="User in the data.")
    n: int = option(10, low=1, flags=("-n", "--count"), meaning="How many.")
    metric: str = option(
        "cosine",
        choices=_metrics,
        metavar="NAME",
        meaning="Measure of similarity: cosine compares directions, dot favours popular items.",
    )
    alpha: float = option(
        0.5,
        low=0,
        high=1,
        meaning="Weight of the length with damped: 0 ranks like dot, 1 like cosine.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.item is None) == (self.user is None):
            raise ArgumentError("give either --item TITLE or --user ID")
        if self.user is not None and (self.to is not None or self.opposite or self.more):
            raise ArgumentError("and, to and opposite need --item, not --user")
        if self.to is not None and (self.more or self.opposite or self.metric != "cosine"):
            raise ArgumentError("to needs a single --item and the metric cosine")
        if self.user is not None and self.conditions() != Allowed():
            raise ArgumentError("conditions on items need --item, not --user")


def similar(request: SimilarRequest, model: Recommender | None = None) -> Answer:
    """The items most like an item, or the users most like a user, by their factors.

    Args:
        request: what is asked.
        model: the model, where it is loaded already.

    Raises:
        UnknownIdError: the user or the item is not in the data.
        ModelFileError: the model file cannot be read.
    """
    from recsys.recommend import similar as likeness
    from recsys.store.model_file import load

    model = load(request.model) if model is None else model
    asked: dict[str, Any] = {"user": request.user, "metric": request.metric}
    how: Any = {"metric": request.metric, "alpha": request.alpha}
    if request.user is not None:
        who = user_id(model, request.user)
        table = likeness.similar_users(model, who, request.n, **how)
        return Answer(f"Like user {who}", {"item": None} | asked, table)
    texts = [str(request.item), *request.more]
    wanted = [item_id(model, text) for text in texts]
    names = " and ".join(item_name(model, item) for item in wanted)
    allowed = Allowed(**request.of_model(model))
    asked = {"item": texts if request.more else request.item} | asked
    if request.to is not None:
        last = item_id(model, request.to)
        table = likeness.between(model, wanted[0], last, request.n, allowed)
        title = f"From {names} to {item_name(model, last)}"
        return Answer(title, asked | {"to": request.to}, table)
    table = likeness.similar_items(
        model, wanted, request.n, **how, allowed=allowed, opposite=request.opposite
    )
    return Answer(f"{'Opposite of' if request.opposite else 'Like'} {names}", asked, table)
