"""`Recommender`: a fit, the history and the item table, queried by external ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.errors import ModelError
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.recommend import questions
from recsys.recommend.choice import Choice
from recsys.recommend.index import Index, index_of
from recsys.recommend.items import ItemTable
from recsys.recommend.ranking import FittedRanker
from recsys.recommend.similarity import Metric, Similarity
from recsys.recommend.titles import TitleIndex, as_rows

if TYPE_CHECKING:
    import pandas as pd


class _Frame:
    """The field `item_table`: takes a DataFrame or an `ItemTable`, gives the DataFrame."""

    def __set__(self, model: Recommender, table: pd.DataFrame | ItemTable) -> None:
        object.__setattr__(model, "items", ItemTable.of(table))

    def __get__(self, model: Recommender | None, owner: type) -> pd.DataFrame:
        if model is None:
            raise AttributeError("item_table has no default")
        return model.items.frame


@dataclass(frozen=True, eq=False)
class Recommender:
    """Answers questions in external ids; items may also be given by title.

    Every answer is a table whose first columns are `rank` (1 is best), an id and `score`, followed
    by the columns of the item table. Where fewer than n rows were found, the table is shorter and
    its `attrs["shortfall"]` says why. The functions of `recsys.recommend.questions` give the same
    answers without pandas.
    """

    factors: Any
    """`Factors` or `ItemWeights`: what the fit returned."""
    item_table: _Frame = _Frame()
    """What is known of each item, in the order of `factors.items`: a DataFrame, made when it is
    first asked for. `items` is the same without pandas."""
    history: sp.csr_matrix | None = None
    """(n_users, n_items) ratings of the training users: what counts as seen. None if left out."""
    feedback: Feedback = field(default_factory=Feedback)
    """How ratings entered the training, and enter fold-in."""
    fingerprint: str = ""
    """SHA-256 of the ratings the model was trained on."""

    if TYPE_CHECKING:  # set through item_table
        items: ClassVar[ItemTable]

    def __repr__(self) -> str:
        seen = "no history" if self.history is None else f"{self.history.nnz:,} ratings"
        return f"Recommender({self.factors!r}, {seen})"

    @property
    def fitted(self) -> Fitted:
        """`factors`, as what every fit has in common."""
        fitted: Fitted = self.factors
        return fitted

    def predict(self, users: npt.ArrayLike, items: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Scores (n,) float64 of n pairs of external ids; one id on a side serves all pairs.

        Raises:
            UnknownIdError: an id was not in the training data.
            ModelError: the model scores from a history, and has none.
        """
        history = None
        if self.history is not None and self.fitted.item_vectors is None:
            history = self.feedback.of(self.history)
        return self.fitted.predict(users, items, history)

    def recommend(
        self, user: object, n: int | None = None, *, choice: Choice | None = None, **changes: Any
    ) -> pd.DataFrame:
        """The best items for a training user.

        Args:
            user: id.
            n: how many; None for that of the choice, which is 10 where nothing is said.
            choice: what may be recommended.
            changes: settings of the choice: `exclude_seen`, `exclude`, `among`.

        Raises:
            UnknownIdError: the user or an item is not in the data.
            ArgumentError: n is less than 1, or there is no such setting.
        """
        chosen = (choice or Choice()).but(n, **changes)
        return questions.recommend(self, user, chosen).frame()

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
        With `exclude_seen`, what they rated is left out.

        Args:
            ratings: item id or title → rating, on the scale of the training ratings.
            n: how many; None for that of the choice.
            choice: what may be recommended.
            changes: settings of the choice: `exclude_seen`, `exclude`, `among`.

        Raises:
            UnknownIdError: an item is not there; a title that fits several lists them.
            ArgumentError: there are no ratings, or one is not a finite number.
        """
        chosen = (choice or Choice()).but(n, **changes)
        return questions.recommend_for(self, ratings, chosen).frame()

    def recommend_many(
        self,
        users: npt.ArrayLike | None = None,
        n: int | None = None,
        *,
        choice: Choice | None = None,
        **changes: Any,
    ) -> pd.DataFrame:
        """The best items of many training users: columns user, rank, item, score.

        Memory beyond the answer is bounded: users are ranked in blocks. A user with fewer than n
        items left has fewer rows.

        Args:
            users: ids; None for all.
            n: how many for each; None for that of the choice.
            choice: what may be recommended.
            changes: settings of the choice: `exclude_seen`, `exclude`, `among`.
        """
        chosen = (choice or Choice()).but(n, **changes)
        return questions.recommend_many(self, users, chosen).frame()

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

    def liked(self, user: object, n: int = 10) -> pd.DataFrame:
        """The n items a training user rated highest: rank, item, rating, item columns."""
        return questions.liked(self, user, n).frame()

    def ranker(self, choice: Choice | None = None, *, folds_in: bool = False) -> FittedRanker:
        """A ranker that is this model under a choice; evaluation sets the length of the lists."""
        candidates, exclude_seen = None, True
        if choice is not None:
            candidates, exclude_seen = self.candidates(choice), choice.exclude_seen
        return FittedRanker(self.fitted, folds_in, candidates, exclude_seen, self.index)

    def candidates(self, choice: Choice) -> npt.NDArray[np.int64] | None:
        """Increasing rows of the items that a choice allows to everybody; None for all."""
        if choice.among is None and not choice.exclude:
            return None
        n_items = len(self.fitted.items)
        allowed = np.zeros(n_items, bool)
        allowed[slice(None) if choice.among is None else self.item_rows(choice.among)] = True
        allowed[self.item_rows(choice.exclude)] = False
        return np.flatnonzero(allowed)

    def item_rows(self, items: Any) -> npt.NDArray[np.int64]:
        """Row numbers of items given by id or title."""
        return as_rows(self.fitted.items, self, list(items))

    def item_row(self, item: object) -> int:
        """Row number of an item given by id or title."""
        return int(self.item_rows([item])[0])

    def seen(self) -> sp.csr_matrix:
        """The history.

        Raises:
            ModelError: the model was saved without it.
        """
        if self.history is None:
            raise ModelError(
                "this model was saved without its history, so what a user has seen is unknown; "
                "ask with exclude_seen=False or save it with its history"
            )
        return self.history

    @cached_property
    def titles(self) -> TitleIndex:
        """Items by title."""
        return TitleIndex(self.fitted.items, self.items.titles)

    @cached_property
    def index(self) -> Index:
        """The items, ready to be searched."""
        return index_of(self.fitted)

    @cached_property
    def item_similarity(self) -> Similarity:
        """The item factors, ready to be compared."""
        return Similarity(self.factors.item_factors)

    @cached_property
    def user_similarity(self) -> Similarity:
        """The user factors, ready to be compared.

        Raises:
            ModelError: the model has none.
        """
        if self.fitted.item_vectors is None:
            raise ModelError("this model has no factors to compare; train a factorization")
        return Similarity(self.factors.user_factors)
