"""Why an item has its score for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsys.app.names import item_id, new_person, user_id
from recsys.errors import ArgumentError
from recsys.settings import Settings, option

if TYPE_CHECKING:
    from recsys.recommend.explain import Explanation
    from recsys.recommend.recommender import Recommender


@dataclass(frozen=True, kw_only=True)
class ExplainRequest(Settings):
    """For whom, and which item."""

    model: str = option(meaning="Model file.")
    item: str = option(flags=("--item",), metavar="TITLE", meaning="Title or id of the item.")
    user: str | None = option(None, metavar="ID", meaning="User in the data.")
    rate: Sequence[str] = option(
        [],
        metavar="TITLE=RATING",
        meaning="Rating of a new user, such as 'Toy Story=5'. Repeatable.",
    )
    n: int = option(
        10, low=1, flags=("-n", "--count"), meaning="Number of ratings to show for and against."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.user is None) == (not self.rate):
            raise ArgumentError("give either --user ID or --rate TITLE=RATING (once or more)")


def explain(request: ExplainRequest, model: Recommender | None = None) -> Explanation:
    """The terms of the score of an item for a user in the data, or for a new person.

    Args:
        request: what is asked.
        model: the model, where it is loaded already.

    Raises:
        ArgumentError: a rating cannot be read.
        UnknownIdError: the user or an item is not in the data.
        ModelError: the model has no history.
        ModelFileError: the model file cannot be read.
    """
    from recsys.recommend import explain as explaining
    from recsys.recommend.person import ratings_row
    from recsys.store.model_file import load

    model = load(request.model) if model is None else model
    if request.user is None:
        row = ratings_row(model, new_person(model, request.rate))
        who = explaining.somebody(model, row)
    else:
        who = explaining.user_of(model, user_id(model, request.user))
    return explaining.explain(model, who, item_id(model, request.item))
