"""What every model has in common: `Spec` makes a `Fitted`, and reports `Progress` on the way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from recsys.ids import IdIndex
from recsys.settings import NamedSettings

if TYPE_CHECKING:
    import scipy.sparse as sp

    from recsys.ratings.ratings import Ratings

FloatArray = npt.NDArray[np.float32]
Rows = npt.NDArray[np.integer]
Side = Literal["users", "items"]


@dataclass(frozen=True)
class Progress:
    """One epoch of training, as `on_epoch` receives it."""

    epoch: int
    """1 for the first."""
    n_epochs: int
    """Number of epochs at most."""
    loss: float
    """Training loss after the epoch, in the unit that the spec's docstring gives."""
    seconds: float
    """Since the fit began."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Terms of the loss, where the model reports them: fit, unobserved, regularization."""


OnEpoch = Callable[[Progress], None]


class PeakMemory(NamedTuple):
    """What a fit allocates at most; a test compares it with measured peaks."""

    per_rating: float
    """Bytes per rating."""
    tables: float
    """Copies of the float32 tables of all users and items."""
    per_square: float = 0.0
    """Bytes for each of f × f numbers."""


class Fitted(Protocol):
    """The result of a fit, able to score items for its users and for new ones.

    `people` are users as the model sees them: their embeddings, or their history.
    """

    @property
    def users(self) -> IdIndex:
        """The training users."""

    @property
    def items(self) -> IdIndex:
        """The items it can score."""

    @property
    def spec(self) -> Spec:
        """What made it."""

    @property
    def log(self) -> tuple[Progress, ...]:
        """The training, epoch by epoch."""

    @property
    def n_factors(self) -> int:
        """Width of the factors; 0 for models without any."""

    def people(self, rows: Rows | slice, history: sp.csr_matrix | None) -> Any:
        """Training users, by row. `history` (n, n_items) is their counted feedback."""

    def fold_in_users(self, history: sp.csr_matrix) -> Any:
        """New users, from their counted feedback (n, n_items)."""

    @property
    def item_vectors(self) -> tuple[FloatArray, FloatArray] | None:
        """Vectors (n_items, f) and biases (n_items,) whose inner products with `queries` are the
        scores; None where scores are no inner products.
        """

    def queries(self, people: Any) -> tuple[Any, FloatArray]:
        """What an index searches with, and the offsets (n,) that complete the scores."""

    def scores(self, people: Any) -> FloatArray:
        """Scores (n, n_items) float32 of all items."""

    def pair_scores(self, people: Any, pairs: sp.csr_matrix) -> FloatArray:
        """Scores (nnz,) float32 of the entries of `pairs` (n, n_items)."""

    def predict(
        self, users: npt.ArrayLike, items: npt.ArrayLike, history: sp.csr_matrix | None = None
    ) -> npt.NDArray[np.float64]:
        """Scores (n,) float64 of pairs of external ids. `history` is of all training users."""

    def indifferent(self, people: Any) -> npt.NDArray[np.bool_]:
        """(n,) whether a person gets the same score for every item."""

    def similarities(self, row: int) -> FloatArray | None:
        """(n_items,) how similar each item is to one; None where that is up to the vectors."""


@dataclass(frozen=True)
class Spec(NamedSettings, ABC):
    """Hyperparameters of one model, able to fit it."""

    predicts_ratings: ClassVar[bool] = False
    """Whether a score is a predicted rating, so that its error is meaningful."""
    folds_in_exactly: ClassVar[bool] = True
    """Whether folding a training user back in returns their stored embedding."""
    peak_memory: ClassVar[PeakMemory]

    @abstractmethod
    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Fitted:
        """The model of `ratings`. `on_epoch` is called after each epoch, and may raise to stop."""

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most, its result included, the ratings not."""
        needed = self.peak_memory
        width = getattr(self, "n_factors", 0) + 1  # with the bias
        tables = needed.tables * 4 * width * (n_users + n_items)
        return round(needed.per_rating * n_ratings + tables + needed.per_square * width**2)
