"""`Recommender`: a fit, the history and the item table, queried by external ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from recsys.arguments import require_flag
from recsys.recommend import explain as explaining
from recsys.recommend import groups, predictions, questions, shown, similar
from recsys.recommend.choice import Choice, How, chosen
from recsys.recommend.explain import Explanation
from recsys.recommend.growing import Growing
from recsys.recommend.person import ratings_row
from recsys.recommend.similarity import Metric

if TYPE_CHECKING:
    import pandas as pd

    from recsys.ratings.ratings import Ratings

Numbers = npt.NDArray[np.float64]
OfUnknown = Literal["raise", "nan", "bias"]


@dataclass(frozen=True, eq=False)
class Recommender(Growing):
    """Recommendations, explanations and similar items by external id; items also by title.

    Every answer is a table whose first columns are `rank` (1 is best), an id and `score`, followed
    by the columns of the item table. If fewer than n rows were found, the table is shorter and its
    `attrs["shortfall"]` says why. The functions of `recsys.recommend.questions` give the same
    answers without pandas.
    """

    def __repr__(self) -> str:
        seen = "no history" if self.history is None else f"{self.history.nnz:,} ratings"
        return f"Recommender({self.factors!r}, {seen})"

    def indexed(self, recall: float = 0.99, *, always: bool = False) -> Recommender:
        """The same model with approximate indexes, where they are faster; see `index_report`.

        There is one for recommendations and one for `similar_items` with the metric cosine. An
        index is faster if the exact search cannot skip most items, which is measured on stored
        users and on items: for similar items from about 45,000 items with 64 factors; for
        recommendations only if item factors have similar lengths. Answers then have nearly the same
        items, exact scores, and never an excluded item. `recsys.save_index` saves them.

        Args:
            recall: the share of the exact top 10 that must be found on average.
            always: build an index even if it is not faster.

        Raises:
            ModelError: the model has no factors, or usearch is not installed (extra `ann`).
        """
        from recsys.recommend.approximate import indexes_of

        found = indexes_of(self, recall, always=always)
        graphs = {name: index for name, (index, _) in found.items() if index is not None}
        return self.with_index(graphs, {name: about for name, (_, about) in found.items()})

    def _repr_html_(self) -> str:
        return shown.html(self)

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
            unknown: the score of a pair if an id was not in the training data: an error, NaN, or
                with "bias" the mean plus the bias of the other side.
            deviation: return a second array: the standard deviation of the rating of each pair,
                the noise of a single rating included; NaN where an id was not in the data.

        Raises:
            UnknownIdError: an id was not in the training data, and `unknown` is "raise".
            ModelError: the model scores from a history, and has none.
            ArgumentError: `unknown` is invalid, the numbers of users and items differ, or the model
                has no standard deviations (`BayesianMF` does).
        """
        require_flag("deviation", deviation)
        scores = predictions.predict(self, users, items, unknown)
        return (scores, predictions.deviations(self, users, items)) if deviation else scores

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
            n: how many; None for that of the choice, 10 by default.
            unknown: "popular" gives the most popular items to a user who is not in the data.
            choice: what may be recommended.
            changes: settings of the choice, such as `exclude_seen=False` or
                `where="genres has 'Comedy' and year < 2000"`.

        Raises:
            UnknownIdError: the user or an item is not in the data.
            ArgumentError: n is less than 1, or there is no such setting.
            ModelError: the model has no history, or `unknown` is "popular" and its file has no
                counts.
        """
        asked = chosen(choice, n, changes)
        return questions.recommend(self, user, asked, unknown).frame()

    def recommend_for(
        self,
        ratings: Mapping[Any, float] | Ratings,
        n: int | None = None,
        *,
        choice: Choice | None = None,
        **changes: Any,
    ) -> pd.DataFrame:
        """The best items for a new user, from some of their ratings.

        The user is folded in: their factors solve the same equations as those of a training user.
        With `exclude_seen`, the items they rated are left out. Without ratings that count, the
        answer is the most popular items (see `recommend`); with only dislikes, the most popular
        items that are not similar to disliked ones. If the model counts a low rating as a like, a
        remark says so.

        Args:
            ratings: item id or title → rating, on the scale of the training ratings; may be empty.
                Or the `Ratings` of one user.
            n: how many; None for that of the choice.
            choice: what may be recommended.
            changes: settings of the choice, such as `exclude_seen=False` or
                `where="genres has 'Comedy' and year < 2000"`.

        Raises:
            UnknownIdError: an item is not in the data, or a title matches several items.
            ArgumentError: a rating is not a finite number, or the ratings are not from one user.
        """
        asked = chosen(choice, n, changes)
        return questions.recommend_for(self, ratings, asked).frame()

    def recommend_group(
        self,
        people: Sequence[Any],
        n: int | None = None,
        *,
        how: How = "average",
        choice: Choice | None = None,
        **changes: Any,
    ) -> pd.DataFrame:
        """The best items for several users together: rank, item, score, and least and most.

        The score is the mean of their scores, or with "least-misery" the smallest, with
        "most-pleasure" the largest. Items that any of them has seen are left out. `least` and
        `most` are the smallest and largest score among them.

        Args:
            people: users by id, and new users by a mapping of item → rating.
            n: how many; None for that of the choice.
            how: "average", "least-misery" or "most-pleasure".
            choice: what may be recommended.
            changes: settings of the choice.

        Raises:
            UnknownIdError: a user or an item is not in the data.
            ArgumentError: `people` is empty, or `how` is unknown.
            DataError: no rating of one of them counts.
        """
        asked = chosen(choice, n, changes)
        return groups.recommend_group(self, people, asked, how).frame()

    def onboard(
        self,
        n: int = 10,
        *,
        answered: Mapping[Any, float | None] | None = None,
        **allowed: Any,
    ) -> pd.DataFrame:
        """The n most informative items to ask a new user about.

        Training users simulate the answers. Each question is the one whose answers, after those
        above it, bring the scores of all items closest to those from all ratings of these users:
        the column `score` is the increase of the mean cosine of the two. With `answered`, training
        users are weighted by how well they agree with the new user in what they have seen.

        Args:
            n: how many.
            answered: item id or title → rating; None for "not seen".
            allowed: which items may be asked about: the fields of `Allowed`, such as `where`.

        Raises:
            ModelError: the model has no factors or no history.
        """
        from recsys.recommend.onboarding import onboard

        asked = chosen(None, n, allowed)
        said = {} if answered is None else answered
        return onboard(self, asked.n, said, asked).frame()

    def search_titles(self, words: str, n: int = 10) -> pd.DataFrame:
        """The n items whose titles match some words best: rank, item, score (0 to 100)."""
        return questions.search_titles(self, words, n).frame()

    def what_if(
        self,
        user: object,
        ratings: Mapping[Any, float | None],
        n: int | None = None,
        *,
        choice: Choice | None = None,
        **changes: Any,
    ) -> pd.DataFrame:
        """The list that a training user would get with other ratings.

        Their row is solved again from the changed ratings with the items fixed. This is exact for
        models that fold in exactly; otherwise a remark says that it is not.

        Args:
            user: id.
            ratings: item id or title → rating; None removes the rating.
            n: how many; None for that of the choice.
            choice: what may be recommended.
            changes: settings of the choice.

        Raises:
            UnknownIdError: the user or an item is not in the data.
            ArgumentError: a rating is invalid, or there is no such rating to remove.
            ModelError: the model has no history.
        """
        asked = chosen(choice, n, changes)
        return questions.what_if(self, user, ratings, asked).frame()

    def explain(self, user: object, item: object) -> Explanation:
        """Why an item (id or title) has its score for a training user: an exact sum.

        The terms are the mean, both biases, and the share of each of the user's ratings: with the
        normal equations A x = Σ t y of the user's factors, the share of a rating is its t y·A⁻¹
        y_item. Models without normal equations use their own way of folding in, and item–item
        models their weights. What no rating accounts for is a separate term.

        Raises:
            UnknownIdError: the user or the item is not in the data.
            ModelError: the model has no history.
        """
        return explaining.explain(self, explaining.user_of(self, user), item)

    def explain_for(self, ratings: Mapping[Any, float], item: object) -> Explanation:
        """Why an item has its score for a new user, from their ratings."""
        who = explaining.somebody(self, ratings_row(self, ratings))
        return explaining.explain(self, who, item)

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
        items left has fewer rows. If a user has no counted ratings, there is a column `remark`,
        which is None for all others (see `recommend`).

        Args:
            users: ids; None for all.
            n: how many for each; None for that of the choice.
            unknown: "popular" gives the most popular items to users who are not in the data.
            choice: what may be recommended.
            changes: settings of the choice, such as `exclude_seen=False` or
                `where="genres has 'Comedy' and year < 2000"`.
        """
        asked = chosen(choice, n, changes)
        return questions.recommend_many(self, users, asked, unknown).frame()

    def similar_items(
        self,
        item: Any,
        n: int = 10,
        *,
        metric: Metric = "cosine",
        alpha: float = 0.5,
        opposite: bool = False,
        **allowed: Any,
    ) -> pd.DataFrame:
        """The n items most similar to an item (id or title), by the angle between their factors.

        Item–item models compare by their weights instead. Other metrics, and `alpha` of `damped`:
        see `recsys.recommend.similarity.Similarity`.

        Args:
            item: id or title; or a list of several, whose mean direction is compared.
            n: how many.
            metric: how items are compared.
            alpha: of the metric `damped`.
            opposite: the least similar items instead, in the opposite direction.
            allowed: which items the answer may have: the fields of `Allowed`, such as `where`.
        """
        asked = chosen(None, None, allowed).allowed() if allowed else None
        found = similar.similar_items(self, item, n, metric, alpha, asked, opposite)
        return found.frame()

    def items_between(
        self, first: object, last: object, n: int = 10, **allowed: Any
    ) -> pd.DataFrame:
        """N different items on the way from one item to another, in order.

        The way is the straight line between the directions of their factors, in equal steps; each
        step gives the item with the smallest angle to it.

        Args:
            first: id or title.
            last: id or title.
            n: how many.
            allowed: which items the answer may have: the fields of `Allowed`, such as `where`.

        Raises:
            ModelError: the model has no factors.
        """
        asked = chosen(None, None, allowed).allowed() if allowed else None
        return similar.between(self, first, last, n, asked).frame()

    def similar_users(
        self, user: object, n: int = 10, *, metric: Metric = "cosine", alpha: float = 0.5
    ) -> pd.DataFrame:
        """The n users most similar to `user`: rank, user, score and, with history, n_ratings."""
        return similar.similar_users(self, user, n, metric, alpha).frame()

    def liked(self, user: object, n: int = 10) -> pd.DataFrame:
        """The n items a training user rated highest: rank, item, rating, item columns."""
        return questions.liked(self, user, n).frame()
