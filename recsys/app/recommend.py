"""The best items for a user in the data, or for somebody new."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from recsys.app.allowed import ShortForms
from recsys.app.answer import Answer
from recsys.app.engine import LOCAL, check_engine, engine_field, master_field
from recsys.app.names import changed_ratings, item_name, new_person, user_id
from recsys.app.own_ratings import own_ratings
from recsys.errors import ArgumentError
from recsys.recommend.choice import HOWS, Choice
from recsys.settings import option, settings_of

if TYPE_CHECKING:
    from recsys.recommend.explain import Person
    from recsys.recommend.recommender import Recommender


_NAMED = 10  # ratings that are repeated above a list


@dataclass(frozen=True, kw_only=True)
class RecommendRequest(ShortForms, Choice):
    """Who asks, and what may be recommended; items are given by id or title."""

    model: str = option(meaning="Model file.")
    user: str | None = option(None, metavar="ID", meaning="User in the data.")
    group: Sequence[str] | None = option(
        None, metavar="ID,ID,...", meaning="Several users, to recommend one list to together."
    )
    together: str = option(
        "average",
        choices=lambda: HOWS,
        meaning="How the scores of a group are combined.",
    )
    rate: Sequence[str] = option(
        [],
        metavar="TITLE=RATING",
        meaning="Rating of a new user, such as 'Toy Story=5'. Repeatable.",
    )
    ratings: str | None = option(
        None,
        metavar="FILE",
        meaning="File with the ratings of a new user: a column of titles or ids and one of "
        "ratings, or any ratings file with a single user.",
    )
    liked: int = option(0, low=0, meaning="Also show this many of the items the user liked.")
    unknown: str = option(
        "raise",
        choices=("raise", "popular"),
        meaning="What to do for a user who is not in the data: raise an error, or list the most "
        "popular items.",
    )

    what_if: Sequence[str] = option(
        [],
        metavar="TITLE=RATING",
        meaning="With --user: recommend as if the user had given this rating; none removes one. "
        "Repeatable.",
    )
    why: bool = option(False, meaning="Say which ratings count for and against each item.")
    everybody: bool = option(
        False, flags=("--all",), meaning="Write a list for every user in the data to --out."
    )
    users_file: str | None = option(
        None, metavar="FILE", meaning="Write a list for each user in a file with one id per line."
    )
    out: str | None = option(
        None,
        metavar="FILE",
        meaning="File to write with --all or --users-file: .parquet, .csv or .jsonl.",
    )
    engine: str = engine_field()
    master: str | None = master_field()

    def __post_init__(self) -> None:
        super().__post_init__()
        if sum(self._for_whom) != 1:
            raise ArgumentError(
                "choose whom to recommend to with one of --user ID, --rate TITLE=RATING (once or "
                "more) or --ratings FILE, --group ID,ID,..., --all and --users-file FILE"
            )
        if self.new and (self.liked or not self.exclude_seen or self.unknown != "raise"):
            raise ArgumentError(
                "liked, unknown and include-seen cannot be used with --rate and --ratings"
            )
        if self.many != (self.out is not None):
            raise ArgumentError(
                "--all and --users-file need --out FILE, and no other option takes it"
            )
        if self.many and (self.liked or self.why or self.what_if):
            raise ArgumentError("liked, why and what-if cannot be used with --all and --users-file")
        check_engine(self.engine, self.master)
        if self.engine != LOCAL and not self.many:
            raise ArgumentError(f"engine {self.engine} is for --all and --users-file")
        if self.group is not None and (self.liked or self.why or self.unknown != "raise"):
            raise ArgumentError("liked, why and unknown cannot be used with --group")
        if self.together != "average" and self.group is None:
            raise ArgumentError("together needs --group")
        if self.what_if and (self.user is None or self.unknown != "raise"):
            raise ArgumentError("what-if needs --user, and cannot be used with --unknown")

    @property
    def _for_whom(self) -> tuple[bool, ...]:
        one, group = self.user is not None, self.group is not None
        return one, group, self.new, self.everybody, self.users_file is not None

    @property
    def new(self) -> bool:
        """Whether the list is for somebody who is not in the data."""
        return bool(self.rate) or self.ratings is not None

    @property
    def many(self) -> bool:
        """Whether lists for many users are asked for, which go to a file."""
        return self.everybody or self.users_file is not None

    def choice(self, model: Recommender) -> Choice:
        """What may be recommended, with items as the model knows them."""
        own = {one.name: getattr(self, one.name) for one in settings_of(Choice)}
        return Choice(**own | self.of_model(model))


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
    from recsys.ratings.words import words_of
    from recsys.recommend import explain, groups, person, questions
    from recsys.store.model_file import load

    model = load(request.model) if model is None else model
    choice, asked = request.choice(model), {"user": request.user}
    if request.group is not None:
        members = [user_id(model, text) for text in request.group]
        how: Any = request.together
        table = groups.recommend_group(model, members, choice, how)
        title = f"For users {', '.join(request.group)} together ({how})"
        return Answer(title, {"group": members, "together": how}, table)
    if request.user is None:
        file = own_ratings(request.ratings) if request.ratings is not None else ()
        ratings = new_person(model, request.rate, file)
        names = [f"{item_name(model, item)} {value:g}" for item, value in ratings.items()]
        given = ", ".join(names[:_NAMED])
        given += f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        row = person.ratings_row(model, ratings)
        answer = Answer(
            f"For a new user who rated {given}", asked, questions.recommend_row(model, row, choice)
        )
        return _with_reasons(request, model, answer, lambda: explain.somebody(model, row))
    if request.unknown == "popular" and model.fitted.users.find([request.user])[0] < 0:
        table = questions.recommend(model, request.user, choice, "popular")
        return Answer(f"For user {request.user}", asked, table)
    who = user_id(model, request.user)
    past = questions.liked(model, who, request.liked) if request.liked else None
    if request.what_if:
        changes = changed_ratings(model, request.what_if)
        row = person.changed_row(model, who, changes)
        table = questions.what_if(model, who, changes, choice)
        answer = Answer(
            f"For user {who}, {_said(model, changes)}",
            asked,
            table,
            past,
            words_of(model.account).value,
        )
        return _with_reasons(request, model, answer, lambda: explain.somebody(model, row))
    table = questions.recommend(model, who, choice)
    answer = Answer(f"For user {who}", asked, table, past, words_of(model.account).value)
    return _with_reasons(request, model, answer, lambda: explain.user_of(model, who))


def _with_reasons(
    request: RecommendRequest, model: Recommender, answer: Answer, who: Callable[[], Person]
) -> Answer:
    # Popular items for somebody of whom nothing is known have no reasons.
    from recsys.recommend import explain

    table = answer.table
    if not request.why or "remark" in table.answer or table.rows is None:
        return answer
    return replace(answer, reasons=explain.explanations(model, who(), table.rows))


def _said(model: Recommender, changes: Mapping[Any, float | None]) -> str:
    parts = [
        f"without {item_name(model, item)}"
        if value is None
        else f"with {item_name(model, item)} {value:g}"
        for item, value in changes.items()
    ]
    return ", ".join(parts)
