"""The model in service, as one more model of an evaluation: what a candidate is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys.evaluation.scoring import FactorScorer, Model
from recsys.models.factors import Factors
from recsys.models.fold_in import fold_in_users
from recsys.models.spec import OnEpoch
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split
from recsys.recommend.recommender import Recommender


@dataclass(frozen=True)
class Served:
    """A trained model that is not trained again: its items stay, the users are folded in.

    Items it does not know it cannot recommend, which is what happens in service.
    """

    model: Recommender

    @property
    def name(self) -> str:
        """That of its spec."""
        return str(self.model.factors.spec.name)

    @property
    def predicts_ratings(self) -> bool:
        """Whether its scores are predicted ratings."""
        return self.model.factors.spec.predicts_ratings and not self.model.feedback.ones

    def to_dict(self) -> dict[str, object]:
        """Its spec, and the data it was trained on."""
        own = {"served": True, "trained on": self.model.fingerprint}
        return dict(self.model.factors.spec.to_dict() | own)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> FactorScorer:
        """Its factors over the users and items of `ratings`, users folded in from them."""
        factors: Factors = self.model.factors
        theirs = factors.items.find(ratings.items.ids)  # −1 where it does not know the item
        known = np.flatnonzero(theirs >= 0)
        users = fold_in_users(factors, self.model.feedback.of(_over(ratings, theirs, factors)))
        placed = replace(
            factors.over(ratings.users, ratings.items),
            user_bias=users.bias,
            user_factors=users.factors,
        )
        return FactorScorer(placed, candidates=known)


def held_against(model: Recommender, splits: Sequence[Split]) -> tuple[Model, str]:
    """The served model, or its spec where it has seen the test; and in words which, and why.

    A model that was trained on the test ratings would win by memory. Its spec, trained like the
    others on the training part, is then what can be compared honestly.
    """
    if model.history is None:
        why = "its file has no history, so what it was trained on is unknown"
        return model.factors.spec, f"trained again on the training part: {why}"
    seen = sum(_seen(model, split.test) for split in splits)
    if seen:
        total = sum(split.test.n_ratings for split in splits)
        why = f"it was trained on {seen:,} of the {total:,} test ratings"
        return model.factors.spec, f"trained again on the training part: {why}"
    return Served(model), "as it is served: it has seen none of the test ratings"


def _seen(model: Recommender, test: Ratings) -> int:
    # Test ratings that are in the model's history.
    factors = model.factors
    users, items = factors.users.find(test.users.ids), factors.items.find(test.items.ids)
    rows = np.repeat(np.arange(test.n_users), np.diff(test.matrix.indptr))
    pairs = np.column_stack([users[rows], items[test.matrix.indices]])
    pairs = pairs[(pairs >= 0).all(axis=1)]
    if model.history is None or not len(pairs):
        return 0
    flags = model.history.astype(bool).astype(np.int8)
    flags.data[:] = 1  # a stored zero is a rating, too
    return int(np.asarray(flags[pairs[:, 0], pairs[:, 1]]).sum())


def _over(ratings: Ratings, theirs: npt.NDArray[np.int64], factors: Factors) -> sp.csr_matrix:
    # The ratings (n_users, items of the model), those of items it does not know left out.
    matrix = ratings.matrix
    rows = np.repeat(np.arange(ratings.n_users), np.diff(matrix.indptr))
    columns = theirs[matrix.indices]
    keep = columns >= 0
    shape = ratings.n_users, len(factors.items)
    return sp.csr_matrix((matrix.data[keep], (rows[keep], columns[keep])), shape=shape)
