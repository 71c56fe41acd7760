"""`Ranker`: what evaluation asks of anything that recommends, and the ranker of every fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from recsys.lazy import sp
from recsys.models.common import FloatArray, Progress, Rows
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.recommend.index import ExactIndex, Excluded, Found, Index, index_of
from recsys.recommend.rerank.reranking import Reranking

Flags = npt.NDArray[np.bool_]


@runtime_checkable
class Ranker(Protocol):
    """Anything that can name the best items of a block of users.

    A ranker may also have `best_scored`, which takes what `best` takes and returns the scores, too:
    then items with equal scores are measured as tied. Without it, the order is what it says. With
    `scores(users, history) -> (n, n_items)` and `predicted(users, history, pairs) -> (nnz,)`, what
    is measured from all scores or from predictions is there, too.
    """

    def best(
        self, users: Rows, history: sp.csr_matrix, k: int, excluded: sp.csr_matrix
    ) -> npt.NDArray[np.int32]:
        """Item rows (n, k) of each user, best first; −1 where a list ends.

        Args:
            users: (n,) rows of the users in the training.
            history: (n, n_items) CSR, the counted feedback that is known of them.
            k: length of the lists.
            excluded: (n, n_items) CSR; its entries are not to be returned.
        """


class Counts(NamedTuple):
    """How many ratings counted in a training."""

    users: npt.NDArray[np.int64]
    """(n_users,) of each user; the model knows nothing about one without any."""
    items: npt.NDArray[np.int64]
    """(n_items,) of each item: how popular it is."""

    @classmethod
    def of(cls, counted: sp.csr_matrix) -> Counts:
        """The counts of a matrix (n_users, n_items) of counted ratings."""
        items = np.bincount(counted.indices, minlength=counted.shape[1])
        return cls(np.diff(counted.indptr).astype(np.int64), items.astype(np.int64))


@dataclass(frozen=True, eq=False)
class FittedRanker:
    """Ranks by the scores of a fit; newcomers get the most popular items.

    A newcomer is somebody without counted ratings, or to whom the fit gives the same score for
    every item. Their scores are the counts of the items.
    """

    fitted: Fitted
    folds_in: bool = False
    """The users were not in the training: what is known of them comes from the history."""
    candidates: Rows | None = None
    """Increasing item rows that may be recommended; None for all."""
    exclude_seen: bool = True
    """False recommends what is excluded, too."""
    index: Index = field(default=None)  # type: ignore[assignment]  # None makes an exact one
    counts: Counts | None = None
    """Of the training; None makes nobody a newcomer."""
    feedback: Feedback | None = None
    """How the history enters the scores, where it is not the feedback of the training yet."""
    described: bool = False
    """Users without ratings have factors from their features, so they are no newcomers."""
    reranking: Reranking | None = None
    """Chooses each list from a longer one; None takes the best scores."""

    def __post_init__(self) -> None:
        if self.index is None:
            object.__setattr__(self, "index", index_of(self.fitted))

    @property
    def log(self) -> tuple[Progress, ...]:
        """The training, epoch by epoch."""
        return self.fitted.log

    def people(self, users: Rows, history: sp.csr_matrix) -> Any:
        """The users as the fit sees them."""
        if self.feedback is not None:
            history = self.feedback.of(history)
        if self.folds_in:
            return self.fitted.fold_in_users(history)
        return self.fitted.people(users, history)

    def newcomers(self, users: Rows, history: sp.csr_matrix | None, people: Any) -> Flags:
        """(n,) whether the model knows nothing about each of some people.

        Args:
            users: (n,) their rows in the training.
            history: (n, n_items) CSR, their counted feedback; only needed where they fold in.
            people: the same users as the fit sees them.
        """
        if self.counts is None:
            return np.zeros_like(self.fitted.indifferent(people))
        blank = self.fitted.indifferent(people)
        if self.folds_in:
            assert history is not None
            return np.asarray(blank | (np.diff(history.indptr) == 0))
        if self.described:
            return blank
        return np.asarray(blank | (self.counts.users[users] == 0))

    def ranked(
        self,
        people: Any,
        k: int,
        excluded: Excluded | None = None,
        newcomers: Flags | None = None,
    ) -> Found:
        """Item rows (n, k) int32 and scores (n, k) float32 of people; −1 and NaN at the end.

        Args:
            people: users as the fit sees them.
            k: length of the lists.
            excluded: items not to return; see `Index`.
            newcomers: (n,) who gets the most popular items; None for nobody.
        """
        if not self.exclude_seen:
            excluded = None
        queries, offsets = self.fitted.queries(people)
        rows, scores = self.index.search(queries, k, excluded, self.candidates)
        scores += offsets[:, None]
        if newcomers is not None and newcomers.any():
            them = np.flatnonzero(newcomers)
            if excluded is not None:
                excluded = _excluded_of(excluded, them)
            rows[them], scores[them] = self.popular(len(them), k, excluded)
        return rows, scores

    def popular(self, n: int, k: int, excluded: Excluded | None = None) -> Found:
        """The most popular items (n, k) for n people, and how often each was rated."""
        nothing = np.zeros((n, 0), np.float32)
        return self._popular.search(nothing, k, excluded, self.candidates)

    def best_scored(
        self, users: Rows, history: sp.csr_matrix, k: int, excluded: sp.csr_matrix
    ) -> Found:
        """The k best items (n, k) of each user and their scores; see `Ranker.best`.

        A list that was re-ranked is in no order of scores: it gets 0, −1, −2, ... instead.
        """
        people = self.people(users, history)
        newcomers = self.newcomers(users, history, people)
        if self.reranking is None:
            return self.ranked(people, k, excluded, newcomers)
        found = self.ranked(people, self.reranking.wanted(k), excluded, newcomers)
        rows, scores = self.reranking.lists(found, history, k)
        return rows, np.where(np.isnan(scores), scores, -np.arange(k, dtype=np.float32))

    def best(
        self, users: Rows, history: sp.csr_matrix, k: int, excluded: sp.csr_matrix
    ) -> npt.NDArray[np.int32]:
        """The k best items of each user; see `Ranker`."""
        return self.best_scored(users, history, k, excluded)[0]

    @cached_property
    def _popular(self) -> Index:
        assert self.counts is not None  # without them there are no newcomers
        items = self.counts.items.astype(np.float32)
        return ExactIndex(np.zeros((len(items), 0), np.float32), items)

    def scores(self, users: Rows, history: sp.csr_matrix) -> FloatArray:
        """Scores (n, n_items) float32; minus infinity for items that are no candidates."""
        people = self.people(users, history)
        scores = self.fitted.scores(people)
        newcomers = self.newcomers(users, history, people)
        if self.counts is not None and newcomers.any():
            scores[newcomers] = self.counts.items
        if self.candidates is not None:
            others = np.ones(scores.shape[1], bool)
            others[self.candidates] = False
            scores[:, others] = -np.inf
        return scores

    def predicted(self, users: Rows, history: sp.csr_matrix, pairs: sp.csr_matrix) -> FloatArray:
        """Scores (nnz,) float32 of the entries of `pairs` (n, n_items)."""
        return self.fitted.pair_scores(self.people(users, history), pairs)


def _excluded_of(excluded: Excluded, rows: Rows) -> Excluded:
    # Of some people.
    if not isinstance(excluded, tuple):
        return excluded[rows]
    parts = [excluded[1][excluded[0][row] : excluded[0][row + 1]] for row in rows]
    return np.cumsum([0, *map(len, parts)]), np.concatenate(parts)
