"""`Recommender`: factors, history and item table, asked by external ids, answering in tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from recsys.errors import ArgumentError, ModelError
from recsys.ids import several
from recsys.models.factors import Factors
from recsys.models.fold_in import fold_in_users
from recsys.models.spec import FloatArray, OnEpoch, Side, Spec
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.similarity import Metric, most_similar
from recsys.recommend.titles import TitleIndex, as_rows, title_column
from recsys.recommend.top_k import top_items, users_of

_BLOCK = 8192  # users ranked together
_LARGEST = 1e6  # of a new person's rating; nobody rates on such a scale


@dataclass(frozen=True, eq=False)
class Recommender:
    """Answers questions in external ids; items may also be given by title.

    Every answer is a table whose first columns are `rank` (1 is best), an id and `score`, followed
    by the columns of the item table. Where fewer than n rows could be found, the table is shorter
    and its `attrs["shortfall"]` says why.
    """

    factors: Factors
    item_table: pd.DataFrame
    """One row per item, in the order of `factors.items`."""
    history: sp.csr_matrix | None
    """(n_users, n_items) ratings of the training users: what counts as seen. None if left out."""
    feedback: Feedback = field(default_factory=Feedback)
    """How ratings entered the training, and enter fold-in."""
    fingerprint: str = ""
    """SHA-256 of the ratings the model was trained on."""

    def __repr__(self) -> str:
        seen = "no history" if self.history is None else f"{self.history.nnz:,} ratings"
        return f"Recommender({self.factors!r}, {seen})"

    def predict(self, users: npt.ArrayLike, items: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Scores (n,) float64 of n user–item pairs; see `Factors.predict`."""
        return self.factors.predict(users, items)

    def recommend(
        self,
        user: object,
        n: int = 10,
        *,
        exclude_seen: bool = True,
        exclude: Iterable[object] = (),
        among: Iterable[object] | None = None,
    ) -> pd.DataFrame:
        """The n best items for a training user.

        Args:
            user: id.
            n: how many.
            exclude_seen: leave out what the user rated.
            exclude: further items to leave out, by id or title.
            among: the only items to choose from, by id or title; None for all.

        Raises:
            UnknownIdError: the user or an item is not in the data.
            ValueError: n is less than 1.
        """
        row = self.factors.users.row(user)
        seen = np.zeros(0, np.int32)
        if exclude_seen:
            history = self._seen()
            seen = history.indices[history.indptr[row] : history.indptr[row + 1]]
        return self._ranked(users_of(self.factors, slice(row, row + 1)), n, seen, exclude, among)

    def recommend_for(
        self,
        ratings: Mapping[Any, float],
        n: int = 10,
        *,
        exclude: Iterable[object] = (),
        among: Iterable[object] | None = None,
    ) -> pd.DataFrame:
        """The n best items for a person who is not in the data, from some ratings of theirs.

        The person's factors solve the same equations as a training user's (fold-in); what they
        rated is left out of the answer.

        Args:
            ratings: item id or title → rating, on the scale of the training ratings.
            n: how many.
            exclude: further items to leave out.
            among: the only items to choose from; None for all.

        Raises:
            UnknownIdError: an item is not there; a title that fits several lists them.
            ValueError: there are no ratings, or one is not a finite number.
        """
        row = self._row_of(ratings)
        counted = self.feedback.rows(row)
        if not counted.data.any():
            raise ArgumentError(
                f"ratings hold nothing that counts for this model (feedback {self.feedback}); "
                "add something the person liked"
            )
        return self._ranked(fold_in_users(self.factors, counted), n, row.indices, exclude, among)

    def recommend_many(
        self, users: npt.ArrayLike | None = None, n: int = 10, *, exclude_seen: bool = True
    ) -> pd.DataFrame:
        """The n best items of many training users: columns user, rank, item, score.

        Memory beyond the answer is bounded: users are ranked in blocks. A user with fewer than n
        items left has fewer rows.

        Args:
            users: ids; None for all.
            n: how many for each.
            exclude_seen: leave out what each user rated.
        """
        _check_n(n)
        index = self.factors.users
        rows = np.arange(len(index)) if users is None else index.rows(several(users))
        width = min(n, len(self.factors.items))
        items = np.empty((len(rows), width), np.int32)
        scores = np.empty((len(rows), width), np.float32)
        history = self._seen() if exclude_seen else None
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            excluded = None if history is None else history[block]
            found = top_items(self.factors, users_of(self.factors, block), width, excluded=excluded)
            items[start : start + _BLOCK], scores[start : start + _BLOCK] = found
        left = items >= 0
        who, at = np.nonzero(left)
        table = pd.DataFrame(
            {
                "user": index.ids[rows[who]],
                "rank": at + 1,
                "item": self.factors.items.ids[items[left]],
                "score": scores[left],
            }
        )
        short = int((left.sum(axis=1) < n).sum())
        if short:
            table.attrs["shortfall"] = (
                f"{short} of {len(rows)} users have fewer than {n} items left"
            )
        return table

    def similar_items(
        self, item: object, n: int = 10, *, metric: Metric = "cosine", alpha: float = 0.5
    ) -> pd.DataFrame:
        """The n items most like `item` (id or title), by the angle between their factors.

        Other metrics, `alpha` of `damped` among them: see `recsys.recommend.similarity`.
        """
        _check_n(n)
        row = int(as_rows(self.factors.items, self.titles, [item])[0])
        table = self.factors.item_factors
        rows, scores = most_similar(table, table[row], n, metric, row, alpha)
        return self._table(rows, scores, n, _why_no_more(table[row], "items"))

    def similar_users(
        self, user: object, n: int = 10, *, metric: Metric = "cosine", alpha: float = 0.5
    ) -> pd.DataFrame:
        """The n users most like `user`: columns rank, user, score and, with history, n_ratings."""
        _check_n(n)
        row = self.factors.users.row(user)
        table = self.factors.user_factors
        rows, scores = most_similar(table, table[row], n, metric, row, alpha)
        answer = pd.DataFrame(
            {
                "rank": np.arange(1, len(rows) + 1),
                "user": self.factors.users.ids[rows],
                "score": scores,
            }
        )
        if self.history is not None:
            answer["n_ratings"] = np.diff(self.history.indptr)[rows]
        return _with_shortfall(answer, n, _why_no_more(table[row], "users"))

    def liked(self, user: object, n: int = 10) -> pd.DataFrame:
        """The n items a training user rated highest: rank, item, rating, item columns."""
        _check_n(n)
        row = self.factors.users.row(user)
        history = self._seen()
        begin, end = history.indptr[row], history.indptr[row + 1]
        values, items = history.data[begin:end], history.indices[begin:end]
        # Equal ratings: what more people rated says more about taste everybody can recognize.
        popularity = np.bincount(history.indices, minlength=history.shape[1])[items]
        best = np.lexsort((items, -popularity, -values))[:n]
        table = self._table(items[best], values[best], n, f"they rated {end - begin} items")
        return table.rename(columns={"score": "rating"})

    def item_row(self, item: object) -> int:
        """Row number of an item given by id or title."""
        return int(as_rows(self.factors.items, self.titles, [item])[0])

    @cached_property
    def titles(self) -> TitleIndex:
        """Items by title."""
        return TitleIndex(self.factors.items, title_column(self.item_table))

    def _seen(self) -> sp.csr_matrix:
        if self.history is None:
            raise ModelError(
                "this model was saved without its history, so what a user has seen is unknown; "
                "ask with exclude_seen=False or save it with its history"
            )
        return self.history

    def _row_of(self, ratings: Mapping[Any, float]) -> sp.csr_matrix:
        if isinstance(ratings, pd.Series):
            ratings = ratings.to_dict()
        if not isinstance(ratings, Mapping):
            raise ArgumentError(
                f"ratings must map items to ratings, not be a {type(ratings).__name__}"
            )
        if not ratings:
            raise ArgumentError("ratings must hold at least one rating of a new person")
        items = as_rows(self.factors.items, self.titles, list(ratings))
        values = []
        for item, value in ratings.items():
            try:
                values.append(float(value))
            except (TypeError, ValueError):
                raise ArgumentError(f"rating of {item!r} must be a number, not {value!r}") from None
            if not abs(values[-1]) <= _LARGEST:  # NaN, too
                raise ArgumentError(
                    f"rating of {item!r} must be finite and sensible, not {value!r}"
                )
        order = np.argsort(items)
        twice = np.flatnonzero(np.diff(items[order]) == 0)
        if len(twice):
            again = list(ratings)[order[twice[0] + 1]]
            raise ArgumentError(f"ratings name one item twice, the second time as {again!r}")
        data = np.array(values, np.float32)[order]
        return sp.csr_matrix(
            (data, items[order].astype(np.int32), np.array([0, len(items)])),
            shape=(1, len(self.factors.items)),
        )

    def _ranked(
        self,
        user: Side,
        n: int,
        seen: npt.NDArray[np.integer],
        exclude: Iterable[object],
        among: Iterable[object] | None,
    ) -> pd.DataFrame:
        _check_n(n)
        left_out = seen
        named = _as_list("exclude", exclude)
        if named:
            left_out = np.union1d(left_out, as_rows(self.factors.items, self.titles, named))
        columns = np.unique(left_out).astype(np.int32)
        excluded = np.array([0, len(columns)]), columns
        candidates = None
        if among is not None:
            chosen = _as_list("among", among)
            candidates = np.unique(as_rows(self.factors.items, self.titles, chosen))
        k = min(n, len(self.factors.items))
        items, scores = top_items(self.factors, user, k, excluded=excluded, candidates=candidates)
        found = items[0] >= 0
        pool = len(self.factors.items) if candidates is None else len(candidates)
        why = f"of {pool} items, {len(columns)} are excluded"
        answer = self._table(items[0][found], scores[0][found], n, why)
        if self.factors.n_factors and not user.factors.any() and not self.factors.item_bias.any():
            answer.attrs["remark"] = (
                f"nothing this user rated counts for the model (feedback {self.feedback}): all "
                "scores are equal, and the order says nothing"
            )
        return answer

    def _table(
        self, rows: npt.NDArray[np.integer], scores: FloatArray, n: int, why_short: str
    ) -> pd.DataFrame:
        columns = {
            "rank": np.arange(1, len(rows) + 1),
            "item": self.factors.items.ids[rows],
            "score": scores,
        }
        known = {
            name: column.array.take(rows)
            for name, column in self.item_table.items()
            if name not in columns
        }
        return _with_shortfall(pd.DataFrame(columns | known), n, why_short)


def train(
    spec: Spec,
    ratings: Ratings,
    *,
    feedback: Feedback | str | None = None,
    on_epoch: OnEpoch | None = None,
) -> Recommender:
    """Fits `spec` to `ratings` and returns the recommender.

    `feedback` says how rating values enter the training (by default as they are); all ratings,
    also those that do not count as feedback, count as seen.
    """
    if not isinstance(spec, Spec):
        raise ArgumentError(f"spec must be a model such as ImplicitALS(), not {spec!r}")
    if not isinstance(ratings, Ratings):
        raise ArgumentError(f"ratings must be Ratings (read_ratings), not {type(ratings).__name__}")
    if not isinstance(feedback, Feedback):
        feedback = Feedback.parse(feedback) if feedback else Feedback()
    return Recommender(
        factors=spec.fit(feedback.apply(ratings), on_epoch),
        item_table=ratings.item_table,
        history=ratings.matrix,
        feedback=feedback,
        fingerprint=ratings.fingerprint,
    )


def _check_n(n: int) -> None:
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 1:
        raise ArgumentError(f"n must be a whole number of at least 1, not {n!r}")


def _as_list(argument: str, items: Iterable[object]) -> list[object]:
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise ArgumentError(f"{argument} must be a list of items, not {items!r}")
    return list(items)


def _why_no_more(vector: FloatArray, kind: str) -> str:
    if vector.any():
        return f"there are no more {kind}"
    return "it has no ratings that count for the model, so nothing is like it"


def _with_shortfall(table: pd.DataFrame, n: int, why: str) -> pd.DataFrame:
    if len(table) < n:
        table.attrs["shortfall"] = f"{len(table)} of the {n} asked for: {why}"
    return table
