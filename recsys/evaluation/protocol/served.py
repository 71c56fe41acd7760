"""The model in service, as one more model of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.csr import entry_rows
from recsys.evaluation.protocol.contenders import Model, Trained
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.ids import IdIndex
from recsys.models.common import FloatArray, OnEpoch, Rows
from recsys.models.factors import Factors
from recsys.ratings.matching import (
    almost_none,
    is_in,
    n_shared,
    require_shared,
)
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split
from recsys.recommend.choice import Choice
from recsys.recommend.chosen import OnSearch
from recsys.recommend.index import Found
from recsys.recommend.ranking import FittedRanker
from recsys.recommend.recommender import Recommender


@dataclass(frozen=True, eq=False)
class Served:
    """A trained model that is not trained again: its items stay, the users are folded in.

    It cannot recommend items it does not know, just as in service.
    """

    model: Recommender
    choice: Choice | None = None
    """What may be recommended; its `n` does not matter, as the evaluation sets the length of the
    lists. None for every item that a user has not rated."""

    @property
    def name(self) -> str:
        """Name of its spec."""
        return self.model.fitted.spec.name

    @property
    def predicts_ratings(self) -> bool:
        """Whether its scores are predicted ratings."""
        return self.model.fitted.spec.predicts_ratings and self.model.feedback.keeps_ratings

    def to_dict(self) -> Mapping[str, Any]:
        """Its spec, the data it was trained on, and the choice if there is one."""
        own: dict[str, Any] = {"served": True, "trained on": self.model.fingerprint}
        if self.choice is not None:
            own["choice"] = self.choice.values()
        return self.model.fitted.spec.to_dict() | own

    def n_seen(self, test: Ratings) -> int:
        """Test ratings that the model was trained on; 0 where its file has no history."""
        if self.model.history is None:
            return 0
        own = self.model.fitted
        return int(is_in(own.users, own.items, self.model.history, test).sum())

    def train(
        self,
        prepared: PreparedSplit,
        on_epoch: OnEpoch | None = None,
        on_search: OnSearch | None = None,
    ) -> Trained:
        """Nothing is trained, so there is no log."""
        return Trained(ServedRanker(self, prepared), self.model.fitted.spec.to_dict())


class ServedRanker:
    """A served model as a `Ranker` over the users and items of a split.

    Users are folded in from all that is known of them, as the model counts it. A model whose
    fold-in is approximate keeps the stored factors of the users that it knows.

    Raises:
        DataError: the model knows almost none of the items.
    """

    def __init__(self, served: Served, prepared: PreparedSplit) -> None:
        ranker = served.model.ranker(served.choice, folds_in=True)
        require_known(served.model, prepared.split.train)
        fitted = served.model.fitted
        if isinstance(fitted, Factors) and not fitted.spec.folds_in_exactly:
            ranker = _StoredRanker.of(ranker, prepared.split.train.users)
        own, split = fitted.items, prepared.split.train.items
        self._theirs = own.find(split.ids)  # (items of the split,) row in the model, or −1
        self._known = np.flatnonzero(self._theirs >= 0)
        self._ours = np.full(len(own), -1, np.int64)  # (items of the model,) row in the split
        self._ours[self._theirs[self._known]] = self._known
        ranked = self._ours >= 0
        if prepared.candidates is not None:
            ranked &= np.isin(self._ours, prepared.candidates)
        allowed = np.flatnonzero(ranked)
        if ranker.candidates is not None:
            allowed = np.intersect1d(allowed, ranker.candidates)
        self._ranker = replace(ranker, candidates=allowed)
        self._feedback, self._seen = served.model.feedback, prepared.seen

    def best(
        self, users: Rows, history: sp.csr_matrix, k: int, excluded: sp.csr_matrix
    ) -> npt.NDArray[np.int32]:
        """The k best items of each user; see `Ranker`."""
        return self.best_scored(users, history, k, excluded)[0]

    def best_scored(
        self, users: Rows, history: sp.csr_matrix, k: int, excluded: sp.csr_matrix
    ) -> Found:
        """The same with the scores."""
        placed = self._placed(excluded)
        rows, scores = self._ranker.best_scored(users, self._history(users), k, placed)
        return np.where(rows >= 0, self._ours[rows], -1).astype(np.int32), scores

    def scores(self, users: Rows, history: sp.csr_matrix) -> FloatArray:
        """Scores (n, n_items) float32; minus infinity for items that it cannot recommend."""
        found = np.full((len(users), len(self._theirs)), -np.inf, np.float32)
        scores = self._ranker.scores(users, self._history(users))
        found[:, self._known] = scores[:, self._theirs[self._known]]
        return found

    def predicted(self, users: Rows, history: sp.csr_matrix, pairs: sp.csr_matrix) -> FloatArray:
        """Scores (nnz,) of the entries of `pairs`; of unknown items what the user alone gives."""
        people = self._ranker.people(users, self._history(users))
        known = self._theirs[pairs.indices] >= 0
        # The offset is the score of an item with a zero vector and no bias.
        found = self._ranker.fitted.queries(people)[1][entry_rows(pairs)]
        found[known] = self._ranker.fitted.pair_scores(people, self._placed(pairs))
        return found

    def _history(self, users: Rows) -> sp.csr_matrix:
        return self._feedback.of(self._placed(self._seen[users]))

    def _placed(self, matrix: sp.csr_matrix) -> sp.csr_matrix:
        # The matrix (n, items of the model), without entries of items that the model lacks.
        columns = self._theirs[matrix.indices]
        keep = columns >= 0
        starts = np.concatenate([[0], np.cumsum(keep)])[matrix.indptr]
        parts = matrix.data[keep], columns[keep], starts
        return sp.csr_matrix(parts, shape=(matrix.shape[0], len(self._ours)))


@dataclass(frozen=True, eq=False)
class _StoredRanker(FittedRanker):
    # The users a model knows keep the factors it serves them by; the others are folded in. For
    # models whose fold-in is approximate: folding everybody in would make them look worse than
    # they are in service.
    known: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    """(n_users,) row in the model of each user of the split, or −1."""

    @classmethod
    def of(cls, ranker: FittedRanker, users: IdIndex) -> _StoredRanker:
        own = {one.name: getattr(ranker, one.name) for one in fields(ranker)}
        return cls(**own, known=ranker.fitted.users.find(users.ids))

    def people(self, users: Rows, history: sp.csr_matrix) -> Any:
        rows = self.known[users]
        at = np.flatnonzero(rows >= 0)
        folded = self.fitted.fold_in_users(history)
        stored = self.fitted.people(rows[at], history[at])
        bias, factors = folded.bias.copy(), folded.factors.copy()
        bias[at], factors[at] = stored.bias, stored.factors
        return type(folded)(bias, factors)

    def newcomers(
        self, users: Rows | slice, history: sp.csr_matrix | None, people: Any
    ) -> npt.NDArray[np.bool_]:
        new = super().newcomers(users, history, people)
        rows = self.known[users]
        at = np.flatnonzero(rows >= 0)
        if self.counts is not None:
            new[at] = (self.counts.users[rows[at]] == 0) | self.fitted.indifferent(people)[at]
        return new


def held_against(model: Recommender, splits: Sequence[Split]) -> tuple[Served | Model, str]:
    """The served model, or its spec where it has seen the test; and in words which, and why.

    A model that was trained on the test ratings would win by memory. Its spec, trained like the
    others on the training part, can be compared fairly.

    Raises:
        DataError: the model and the ratings have almost no items in common, or ids of another kind.
    """
    require_known(model, splits[0].test)
    if model.history is None:
        why = "its file has no history, so the ratings it was trained on are unknown"
        return model.fitted.spec, f"retrained on the training set: {why}"
    seen = sum(Served(model).n_seen(split.test) for split in splits)
    if seen:
        total = sum(split.test.n_ratings for split in splits)
        why = f"it was trained on {seen:,} of the {total:,} test ratings"
        return model.fitted.spec, f"retrained on the training set: {why}"
    how, known = "as it is served: it has seen none of the test ratings", model.fitted.users
    if almost_none(known, splits[0].test.users):
        n = n_shared(known, splits[0].test.users)
        how += f", as far as ids show: it knows {n or 'none'} of these users"
    return Served(model), how


def require_known(model: Recommender, ratings: Ratings) -> None:
    """Raises DataError if a model knows almost nothing of some ratings.

    Its users may all be others, who are folded in, unless their ids are of another kind.
    """
    names = "the model in service", "the ratings"
    own = model.fitted
    require_shared(own.items, ratings.items, names)
    if own.users.is_integer != ratings.users.is_integer:
        require_shared(own.users, ratings.users, names)
