"""`Recommender`: a fit, the history and the item table, queried by external ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from recsys.recommend import questions
from recsys.recommend.choice import Choice
from recsys.recommend.described import with_described
from recsys.recommend.parts import ModelParts
from recsys.recommend.similarity import Metric

if TYPE_CHECKING:
    import pandas as pd

    from recsys.ratings.arrow_tables import Table

Numbers = npt.NDArray[np.float64]
OfUnknown = Literal["raise", "nan", "bias"]


@dataclass(frozen=True, eq=False)
class Recommender(ModelParts):
    """Answers questions in external ids; items may also be given by title.

    Every answer is a table whose first columns are `rank` (1 is best), an id and `score`, followed
    by the columns of the item table. Where fewer than n rows were found, the table is shorter and
    its `attrs["shortfall"]` says why. The functions of `recsys.recommend.questions` give the same
    answers without pandas.
    """

    def __repr__(self) -> str:
        seen = "no history" if self.history is None else f"{self.history.nnz:,} ratings"
        return f"Recommender({self.factors!r}, {seen})"

    @overload
    def predict(
        self, users: npt.ArrayLike, items: npt.ArrayLike, *, unknown: OfUnknown = ...,
        deviation: Literal[False] = ...,
    ) -> Numbers: ...  # fmt: skip
    @overload
    def predict(
        self, users: npt.ArrayLike, items: npt.ArrayLike, *, unknown: OfUnknown = ...,
        deviation: Literal[True],
    ) -> tuple[Numbers, Numbers]: ...  # fmt: skip
    def predict(
        self,
        users: npt.ArrayLike,
        items: npt.ArrayLike,
        *,
        unknown: OfUnknown = "raise",
        deviation: bool = False,
    ) -> Numbers | tuple[Numbers, Numbers]:
        """Scores (n,) float64 of n pairs of external ids; one id on a side serves all pairs.

        Args:
            users: ids.
            items: ids.
            unknown: what the score of a pair is where an id was not in the training data: an
                error, NaN, or with "bias" what the mean and the bias of the other side give.
            deviation: return a second array: the standard deviation of the rating of each pair,
                the noise of a single rating included; NaN where an id was not in the data.

        Raises:
            UnknownIdError: an id was not in the training data, and `unknown` is "raise".
            ModelError: the model scores from a history, and has none.
            ArgumentError: `unknown` is something else, the users do not pair with the items, or the
                model knows no standard deviations (`BayesianMF` does).
        """
        scores = questions.predict(self, users, items, unknown)
        return (scores, questions.deviations(self, users, items)) if deviation else scores

    def recommend(
        self,
        user: object,
        n: int | None = None,
        *,
        unknown: questions.Unknown = "raise",
        choice: Choice | None = None,
        **changes: Any,
    ) -> pd.DataFrame:
        """The best items for a training user.

        A user without counted ratings gets the most popular items that they have not seen, with
        score NaN, a column `remark` that says so, and the reason in `attrs["remark"]`.

        Args:
            user: id.
            n: how many; None for that of the choice, which is 10 where nothing is said.
            unknown: "popular" gives the most popular items to a user who is not in the data.
            choice: what may be recommended.
            changes: settings of the choice: `exclude_seen`, `exclude`, `among`.

        Raises:
            UnknownIdError: the user or an item is not in the data.
            ArgumentError: n is less than 1, or there is no such setting.
            ModelError: the model has no history, or `unknown` is "popular" and its file has no
                counts.
        """
        chosen = (choice or Choice()).but(n, **changes)
        return questions.recommend(self, user, chosen, unknown).frame()

    def recommend_for(
        self,
        ratings: Mapping[Any, float],
        n: int | None = None,
        *,
        choice: Choice | None = None,
        **changes: Any,
    ) -> pd.DataFrame:
        """The best items for a person who is not in the data, from some ratings of theirs.

        The person is folded in: their factors solve the same equations as those of a training user.
        With `exclude_seen`, what they rated is left out. Without ratings that count, the answer is
        the most popular items, as for such a user (see `recommend`).

        Args:
            ratings: item id or title → rating, on the scale of the training ratings; may be empty.
            n: how many; None for that of the choice.
            choice: what may be recommended.
            changes: settings of the choice: `exclude_seen`, `exclude`, `among`.

        Raises:
            UnknownIdError: an item is not there; a title that fits several lists them.
            ArgumentError: a rating is not a finite number.
        """
        chosen = (choice or Choice()).but(n, **changes)
        return questions.recommend_for(self, ratings, chosen).frame()

    def recommend_many(
        self,
        users: npt.ArrayLike | None = None,
        n: int | None = None,
        *,
        unknown: questions.Unknown = "raise",
        choice: Choice | None = None,
        **changes: Any,
    ) -> pd.DataFrame:
        """The best items of many training users: columns user, rank, item, score.

        Memory beyond the answer is bounded: users are ranked in blocks. A user with fewer than n
        items left has fewer rows. Where somebody has no counted ratings, there is a column
        `remark`, which is None for all others (see `recommend`).

        Args:
            users: ids; None for all.
            n: how many for each; None for that of the choice.
            unknown: "popular" gives the most popular items to users who are not in the data.
            choice: what may be recommended.
            changes: settings of the choice: `exclude_seen`, `exclude`, `among`.
        """
        chosen = (choice or Choice()).but(n, **changes)
        return questions.recommend_many(self, users, chosen, unknown).frame()

    def similar_items(
        self, item: object, n: int = 10, *, metric: Metric = "cosine", alpha: float = 0.5
    ) -> pd.DataFrame:
        """The n items most similar to `item` (id or title), by the angle between their factors.

        Item–item models compare by their weights instead. Other metrics, and `alpha` of `damped`:
        see `recsys.recommend.similarity.Similarity`.
        """
        return questions.similar_items(self, item, n, metric, alpha).frame()

    def similar_users(
        self, user: object, n: int = 10, *, metric: Metric = "cosine", alpha: float = 0.5
    ) -> pd.DataFrame:
        """The n users most similar to `user`: rank, user, score and, with history, n_ratings."""
        return questions.similar_users(self, user, n, metric, alpha).frame()

    def with_items(self, table: Table) -> Recommender:
        """The same model with items that nobody has rated, known by their features alone.

        They can be recommended and compared as any other; answers mark them.

        Args:
            table: a row per item, the ids in a column `item`, and the columns that the model was
                trained with, such as `genres` and `year`; what is missing is unknown.

        Raises:
            ModelError: the model was trained without features of its items.
            ArgumentError: an item is already in the model.
            DataError: the table has no ids.
        """
        return with_described(self, "items", table)

    def with_users(self, table: Table) -> Recommender:
        """The same model with users who rated nothing, known by their features alone.

        Args:
            table: a row per user, the ids in a column `user`; see `with_items`.

        Raises:
            ModelError: the model was trained without features of its users, as item–item models
                always are.
            ArgumentError: a user is already in the model.
            DataError: the table has no ids.
        """
        return with_described(self, "users", table)

    def liked(self, user: object, n: int = 10) -> pd.DataFrame:
        """The n items a training user rated highest: rank, item, rating, item columns."""
        return questions.liked(self, user, n).frame()
