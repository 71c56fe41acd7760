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
    item: str | None = option(None, metavar="TITLE", meaning="Title or id of an item.")
    user: str | None = option(None, metavar="ID", meaning="User in the data.")
    n: int = option(10, low=1, flags=("-n", "--count"), meaning="How many.")
    metric: str = option(
        "cosine",
        choices=_metrics,
        metavar="NAME",
        meaning="How likeness is measured: cosine is the angle, dot favours popular items.",
    )
    alpha: float = option(
        0.5,
        low=0,
        high=1,
        meaning="With damped: 0 ranks as dot does, 1 as cosine does.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.item is None) == (self.user is None):
            raise ArgumentError("give either --item TITLE or --user ID")
        if self.user is not None and self.conditions() != Allowed():
            raise ArgumentError("conditions on items go with --item, not with --user")


def similar(request: SimilarRequest, model: Recommender | None = None) -> Answer:
    """The items most like an item, or the users most like a user, by their factors.

    Args:
        request: what is asked.
        model: the model, where it is loaded already.

    Raises:
        UnknownIdError: the user or the item is not in the data.
        ModelFileError: the model file cannot be read.
    """
    from recsys.recommend import questions
    from recsys.store.model_file import load

    model = load(request.model) if model is None else model
    asked = {"item": request.item, "user": request.user, "metric": request.metric}
    how: Any = {"metric": request.metric, "alpha": request.alpha}
    if request.item is not None:
        wanted = item_id(model, request.item)
        allowed = Allowed(**request.of_model(model))
        table = questions.similar_items(model, wanted, request.n, **how, allowed=allowed)
        return Answer(f"Like {item_name(model, wanted)}", asked, table)
    who = user_id(model, str(request.user))
    return Answer(f"Like user {who}", asked, questions.similar_users(model, who, request.n, **how))
