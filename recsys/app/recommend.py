"""The best items for a user in the data, or for somebody new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsys.app.allowed import ShortForms
from recsys.app.answer import Answer
from recsys.app.names import item_name, new_person, user_id
from recsys.errors import ArgumentError
from recsys.recommend.choice import Choice
from recsys.settings import option

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender


@dataclass(frozen=True, kw_only=True)
class RecommendRequest(ShortForms, Choice):
    """Who asks, and what may be recommended; items are given by id or title."""

    model: str = option(meaning="Model file.")
    user: str | None = option(None, metavar="ID", meaning="User in the data.")
    rate: Sequence[str] = option(
        [],
        metavar="TITLE=RATING",
        meaning="Rating of a new person, such as 'Toy Story=5'. Repeatable.",
    )
    liked: int = option(0, low=0, meaning="Also show this many of the items the user liked.")
    unknown: str = option(
        "raise",
        choices=("raise", "popular"),
        meaning="For a user who is not in the data: an error, or the most popular items.",
    )

    everybody: bool = option(
        False, flags=("--all",), meaning="Write a list for every user in the data to --out."
    )
    users_file: str | None = option(
        None, metavar="FILE", meaning="Write a list for each user of a file, an id in each line."
    )
    out: str | None = option(
        None, metavar="FILE", meaning="File for --all and --users-file: .parquet, .csv or .jsonl."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        asked = [
            self.user is not None,
            bool(self.rate),
            self.everybody,
            self.users_file is not None,
        ]
        if sum(asked) != 1:
            raise ArgumentError(
                "say for whom: one of --user ID, --rate TITLE=RATING (once or more), --all and "
                "--users-file FILE"
            )
        if self.rate and (self.liked or not self.exclude_seen or self.unknown != "raise"):
            raise ArgumentError("liked, unknown and include-seen do not go with --rate")
        if self.many != (self.out is not None):
            raise ArgumentError("--all and --users-file need --out FILE, and only they have it")
        if self.many and self.liked:
            raise ArgumentError("liked goes with --user")

    @property
    def many(self) -> bool:
        """Whether lists for many users are asked for, which go to a file."""
        return self.everybody or self.users_file is not None

    def choice(self, model: Recommender) -> Choice:
        """What may be recommended, with items as the model knows them."""
        return Choice(n=self.n, exclude_seen=self.exclude_seen, **self.of_model(model))


def recommend(request: RecommendRequest, model: Recommender | None = None) -> Answer:
    """The items to recommend, and with `liked` what the user rated highest.

    Args:
        request: what is asked.
        model: the model, where it is loaded already.

    Raises:
        ArgumentError: a rating cannot be read.
        UnknownIdError: the user or an item is not in the data.
        ModelFileError: the model file cannot be read.
    """
    from recsys.ratings.account import Account
    from recsys.recommend import questions
    from recsys.store.model_file import load

    model = load(request.model) if model is None else model
    choice, asked = request.choice(model), {"user": request.user}
    if request.user is None:
        ratings = new_person(model, request.rate)
        table = questions.recommend_for(model, ratings, choice)
        given = [f"{item_name(model, item)} {rating:g}" for item, rating in ratings.items()]
        return Answer(f"For somebody who gave {', '.join(given)}", asked, table)
    if request.unknown == "popular" and model.fitted.users.find([request.user])[0] < 0:
        table = questions.recommend(model, request.user, choice, "popular")
        return Answer(f"For user {request.user}", asked, table)
    who = user_id(model, request.user)
    table = questions.recommend(model, who, choice)
    past = questions.liked(model, who, request.liked) if request.liked else None
    noun = Account.from_dict(model.account).noun if model.account else "rating"
    return Answer(f"For user {who}", asked, table, past, noun)
