"""`ItemWeights`, the result of item–item models: a sparse table that scores from a history."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from recsys import notebook
from recsys.csr import entry_rows, frozen_csr, positive, with_ones
from recsys.errors import ArgumentError, DataError, FitError, ModelError
from recsys.ids import IdIndex
from recsys.immutable import Immutable
from recsys.lazy import sp
from recsys.models import shown
from recsys.models.arrays import paired_rows
from recsys.models.common import FloatArray, Progress, Rows
from recsys.models.spec import Spec

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

_DENSE = 0.2  # share of entries from which on a dense table is smaller and faster to multiply by


@dataclass(frozen=True, eq=False)
class ItemWeights(Immutable):
    """Item-to-item weights. A score is the user's history times the item's column.

    Users have no embedding: what the model knows of them is their history, so a user folds in
    exactly, by giving it. Immutable; NaN and infinity are refused.
    """

    users: IdIndex
    items: IdIndex
    weights: sp.csr_matrix
    """(n_items, n_items) float32 CSR: weight of a history item (row) for a scored item (column)."""
    spec: ItemModel
    """What made them."""
    log: tuple[Progress, ...] = ()
    """Empty: these models have no epochs."""

    n_factors: ClassVar[int] = 0

    def __post_init__(self) -> None:
        n = len(self.items)
        if self.weights.shape != (n, n) or self.weights.dtype != np.float32:
            raise ArgumentError(
                f"weights must be float32 ({n}, {n}), not {self.weights.dtype} {self.weights.shape}"
            )
        if not np.isfinite(self.weights.data).all():
            raise FitError(
                f"{self.spec.name}: a weight is not finite; raise the regularization or check "
                "the ratings for extreme values"
            )
        self.weights.sort_indices()
        frozen_csr(self.weights)

    def _repr_html_(self) -> str:
        return notebook.block("ItemWeights", notebook.pairs(shown.lines(self)))

    def __repr__(self) -> str:
        size = f"{len(self.items):,} items, {self.weights.nnz:,} weights"
        return f"ItemWeights({self.spec.name}, {size})"

    @cached_property
    def _table(self) -> FloatArray | sp.csr_matrix:
        n = len(self.items)
        return self.weights.toarray() if self.weights.nnz > _DENSE * n * n else self.weights

    def people(self, rows: Rows | slice, history: sp.csr_matrix | None) -> sp.csr_matrix:
        """Training users: their history.

        Raises:
            ModelError: there is none.
        """
        if history is None:
            raise ModelError(
                f"{self.spec.name} scores from a user's history, and this model was saved without "
                "it; save it with its history, or give the user's ratings"
            )
        return self.fold_in_users(history)

    def fold_in_users(self, history: sp.csr_matrix) -> sp.csr_matrix:
        """New users: their history (n, n_items), as it counts for the model.

        Raises:
            ArgumentError: the ratings do not have a column for each item.
            DataError: a rating is not finite.
        """
        history = sp.csr_matrix(history, dtype=np.float32)
        if history.shape[1] != len(self.items):
            raise ArgumentError(
                f"the ratings must have {len(self.items)} columns, not {history.shape[1]}"
            )
        if not np.isfinite(history.data).all():
            raise DataError("a rating to fold in is not finite")
        return with_ones(positive(history)) if self.spec.ignores_values else history

    def scores(self, people: sp.csr_matrix) -> FloatArray:
        """Scores (n, n_items) float32: histories times weights."""
        scores = people @ self._table
        return np.asarray(scores.toarray() if sp.issparse(scores) else scores, np.float32)

    def shares(self, history: sp.csr_matrix, items: Rows) -> npt.NDArray[np.float64]:
        """(nnz, n) a person's counted ratings (1, n_items) times their weights for n items."""
        values = history.data.astype(np.float64)
        if self.spec.ignores_values:
            values = (values > 0).astype(np.float64)
        weights = self.weights[history.indices][:, items].toarray()
        return np.asarray(values[:, None] * weights)

    def pair_scores(self, people: sp.csr_matrix, pairs: sp.csr_matrix) -> FloatArray:
        """Scores (nnz,) float32 of the entries of `pairs` (n, n_items)."""
        found: FloatArray = self.scores(people)[entry_rows(pairs), pairs.indices]
        return found

    @property
    def item_vectors(self) -> None:
        """None: scores are not inner products of short vectors."""
        return None

    def queries(self, people: sp.csr_matrix) -> tuple[sp.csr_matrix, FloatArray]:
        """The histories, and zeros."""
        return people, np.zeros(people.shape[0], np.float32)

    def predict(
        self, users: npt.ArrayLike, items: npt.ArrayLike, history: sp.csr_matrix | None = None
    ) -> npt.NDArray[np.float64]:
        """Scores (n,) float64 of n pairs of external ids; one id on a side serves all pairs.

        Raises:
            ModelError: there is no history.
            UnknownIdError: an id was not in the training data.
        """
        rows, columns = paired_rows(self, users, items)
        people, who = np.unique(rows, return_inverse=True)
        history = None if history is None else history[people]
        scores = self.scores(self.people(people, history))
        found: npt.NDArray[np.float64] = scores[who, columns].astype(np.float64)
        return found

    def indifferent(self, people: sp.csr_matrix) -> npt.NDArray[np.bool_]:
        """(n,) whether no item of a history has a weight for another."""
        speaks = np.diff(self.weights.indptr) > 0
        return np.asarray(with_ones(people, np.int64) @ speaks == 0)

    @property
    def item_directions(self) -> sp.csr_matrix:
        """(n_items, n_items) the weights, each row with length 1."""
        squares = np.asarray(self.weights.multiply(self.weights).sum(axis=1), np.float64).ravel()
        lengths = np.sqrt(np.where(squares > 0, squares, 1))
        return sp.csr_matrix(sp.diags(1 / lengths) @ self.weights, dtype=np.float32)

    def similarities(self, row: int) -> FloatArray:
        """(n_items,) the weight of one item for each other."""
        weights: FloatArray = self.weights[[row]].toarray()[0]
        return weights

    def over(self, users: IdIndex, items: IdIndex) -> ItemWeights:
        """The same weights for other users and items; items not known here have none."""
        rows = self.items.find(items.ids)
        known = np.flatnonzero(rows >= 0)
        inside = sp.csr_matrix(
            (np.ones(len(known), np.float32), (known, rows[known])),
            shape=(len(items), len(self.items)),
        )
        placed = sp.csr_matrix(inside @ self.weights @ inside.T, dtype=np.float32)
        return ItemWeights(users, items, placed, self.spec, self.log)


@dataclass(frozen=True)
class ItemModel(Spec):
    """A spec whose fit gives `ItemWeights`."""

    if TYPE_CHECKING:

        def fit(self, ratings: Ratings, *args: Any, **options: Any) -> ItemWeights:
            """See `Spec.fit`, whose code this is."""

    @abstractmethod
    def _fit(self, ratings: Ratings, *_: Any) -> ItemWeights:
        """The weights. There is no epoch, so `on_epoch` is never called."""
