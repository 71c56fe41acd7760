"""`Ranker`: what evaluation asks of anything that recommends, and the ranker of every fit."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from recsys.csr import entry_rows
from recsys.lazy import sp
from recsys.models.common import FloatArray, Progress, Rows
from recsys.models.spec import Fitted
from recsys.ratings.feedback import Feedback
from recsys.recommend.choice import LIKE
from recsys.recommend.index import ExactIndex, Excluded, Found, Index, index_of

if TYPE_CHECKING:
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

    A newcomer is somebody of whom no like is known, or to whom the fit gives the same score for
    every item. Their scores are the counts of the items. What is like something that they disliked
    is left out. To models that predict ratings, dislikes alone say as much as likes.
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
        history = self.counted(history)
        if self.folds_in:
            return self.fitted.fold_in_users(history)
        return self.fitted.people(users, history)

    def counted(self, history: sp.csr_matrix) -> sp.csr_matrix:
        """The history as it enters the scores."""
        return history if self.feedback is None else self.feedback.of(history)

    def newcomers(self, users: Rows | slice, history: sp.csr_matrix | None, people: Any) -> Flags:
        """(n,) whether the model knows nothing about each of some people.

        Args:
            users: (n,) their rows in the training.
            history: (n, n_items) CSR, their counted feedback; only needed where they fold in, or
                where it may have dislikes.
            people: the same users as the fit sees them.
        """
        if self.counts is None:
            return np.zeros_like(self.fitted.indifferent(people))
        blank = self.fitted.indifferent(people)
        if history is not None:
            blank = blank | (dislikes_alone(history) & (not self.fitted.spec.predicts_ratings))
        if self.folds_in:
            assert history is not None
            return np.asarray(blank | (history.indptr[1:] == history.indptr[:-1]))
        if self.described:
            return np.asarray(blank)
        return np.asarray(blank | (self.counts.users[users] == 0))

    def is_newcomer(self, row: int, history: sp.csr_matrix | None, person: Any) -> bool:
        """`newcomers` of one training user."""
        if self.counts is None:
            return False
        if history is not None:
            return bool(self.newcomers(slice(row, row + 1), history, person)[0])
        unrated = not self.described and self.counts.users[row] == 0
        return bool(unrated or self.fitted.indifferent(person)[0])

    def like_disliked(self, history: sp.csr_matrix) -> npt.NDArray[np.int64]:
        """Increasing rows of the items that are like what somebody (1, n_items) disliked.

        Like means a cosine of at least `LIKE` to one of these items; of item–item models, whose
        weights are noisier, at least that share of the largest sum of their weights.
        """
        disliked = history.indices[history.data < 0]
        found, total = np.zeros(history.shape[1], bool), np.zeros(history.shape[1])
        for row in disliked:
            weights = self.fitted.similarities(int(row))
            if weights is None:
                found |= self._directions @ self._directions[row] >= LIKE
            else:
                total += weights
        found |= (total > 0) & (total >= LIKE * total.max(initial=0))
        found[disliked] = True
        return np.flatnonzero(found)

    @cached_property
    def _directions(self) -> Any:
        return self.fitted.item_directions

    def ranked(
        self,
        people: Any,
        k: int,
        excluded: Excluded | None = None,
        newcomers: Flags | None = None,
        history: sp.csr_matrix | None = None,
    ) -> Found:
        """Item rows (n, k) int32 and scores (n, k) float32 of people; −1 and NaN at the end.

        Args:
            people: users as the fit sees them.
            k: length of the lists.
            excluded: items not to return; see `Index`.
            newcomers: (n,) who gets the most popular items; None for nobody.
            history: (n, n_items) CSR, counted feedback, where newcomers may have dislikes.
        """
        if not self.exclude_seen:
            excluded = None
        queries, offsets = self.fitted.queries(people)
        rows, scores = self.index.search(queries, k, excluded, self.candidates)
        if len(offsets) > 1 or offsets.any():
            scores += offsets[:, None]
        if newcomers is not None and newcomers.any():
            them = np.flatnonzero(newcomers)
            if excluded is not None:
                excluded = _excluded_of(excluded, them)
            if history is not None:
                excluded = self._without_disliked(history[them], excluded)
            rows[them], scores[them] = self.popular(len(them), k, excluded)
        return rows, scores

    def _without_disliked(self, history: sp.csr_matrix, excluded: Excluded | None) -> Any:
        # What to exclude from the lists of newcomers, with what is like something they disliked.
        who = np.flatnonzero(dislikes_alone(history))
        if not len(who):
            return excluded
        parts = [np.zeros(0, np.int64)] * history.shape[0]
        if excluded is not None:
            starts, columns = (
                excluded if isinstance(excluded, tuple) else (excluded.indptr, excluded.indices)
            )
            parts = np.split(columns, starts[1:-1])
        for row in who:
            parts[row] = np.union1d(parts[row], self.like_disliked(history[[row]]))
        return np.cumsum([0, *map(len, parts)]), np.concatenate(parts).astype(np.int32)

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
        people, history = self.people(users, history), self.counted(history)
        newcomers = self.newcomers(users, history, people)
        if self.reranking is None:
            return self.ranked(people, k, excluded, newcomers, history)
        found = self.ranked(people, self.reranking.wanted(k), excluded, newcomers, history)
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
        people, history = self.people(users, history), self.counted(history)
        scores = self.fitted.scores(people)
        newcomers = self.newcomers(users, history, people)
        if self.counts is not None and newcomers.any():
            scores[newcomers] = self.counts.items
            for row in np.flatnonzero(newcomers & dislikes_alone(history)):
                scores[row, self.like_disliked(history[[row]])] = -np.inf
        if self.candidates is not None:
            others = np.ones(scores.shape[1], bool)
            others[self.candidates] = False
            scores[:, others] = -np.inf
        return scores

    def predicted(self, users: Rows, history: sp.csr_matrix, pairs: sp.csr_matrix) -> FloatArray:
        """Scores (nnz,) float32 of the entries of `pairs` (n, n_items)."""
        return self.fitted.pair_scores(self.people(users, history), pairs)


def dislikes_alone(history: sp.csr_matrix) -> Flags:
    """(n,) who has dislikes, and no likes, among their counted feedback (n, n_items)."""
    n = history.shape[0]
    if not history.nnz or history.data.min() >= 0:
        return np.zeros(n, bool)
    rows = entry_rows(history)
    likes = np.bincount(rows[history.data > 0], minlength=n)
    return np.asarray((likes == 0) & (np.bincount(rows[history.data < 0], minlength=n) > 0))


def _excluded_of(excluded: Excluded, rows: Rows) -> Excluded:
    # Of some people.
    if not isinstance(excluded, tuple):
        return excluded[rows]
    parts = [excluded[1][excluded[0][row] : excluded[0][row + 1]] for row in rows]
    return np.cumsum([0, *map(len, parts)]), np.concatenate(parts)
