"""What every model has in common: `Spec`, and the `Fitted` that it makes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from recsys.arguments import require, require_function, said
from recsys.errors import ArgumentError, DataError
from recsys.ids import IdIndex
from recsys.models.alternating import OnState, State
from recsys.models.common import FloatArray, OnEpoch, Progress, Rows
from recsys.settings import NamedSettings

if TYPE_CHECKING:
    import scipy.sparse as sp

    from recsys.models.posterior import Posterior
    from recsys.ratings.ratings import Ratings


class PeakMemory(NamedTuple):
    """What a fit allocates at most; a test compares it with measured peaks."""

    per_rating: float
    """Bytes per rating."""
    tables: float
    """Copies of the float32 tables of all users and items."""
    per_square: float = 0.0
    """Bytes for each of f × f numbers."""
    before: float = 0.0
    """Bytes per rating before the tables are there, of which `per_rating` stay."""


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

    def shares(self, history: sp.csr_matrix, items: Rows) -> npt.NDArray[np.float64]:
        """(nnz, n) the share of each of a person's counted ratings (1, n_items) in the scores of n
        items, given by row.
        """

    def indifferent(self, people: Any) -> npt.NDArray[np.bool_]:
        """(n,) whether a person gets the same score for every item."""

    @property
    def item_directions(self) -> FloatArray | sp.csr_matrix:
        """(n_items, d) vectors of length 1, or 0, whose inner products compare items."""

    def similarities(self, row: int) -> FloatArray | None:
        """(n_items,) how similar each item is to one; None where that is up to the vectors."""


@dataclass(frozen=True)
class Spec(NamedSettings, ABC):
    """Hyperparameters of one model, able to fit it."""

    predicts_ratings: ClassVar[bool] = False
    """Whether a score is a predicted rating, so that its error is meaningful."""
    folds_in_exactly: ClassVar[bool] = True
    """Whether folding a training user back in returns their stored embedding."""
    ignores_values: ClassVar[bool] = False
    """Whether feedback counts as ones, whatever its values above 0."""
    resumable: ClassVar[bool] = False
    """Whether a training can start from a state, and reports its states."""
    starts_warm: ClassVar[bool] = False
    """Whether a training can start from factors."""
    peak_memory: ClassVar[PeakMemory]

    def fit(
        self,
        ratings: Ratings,
        on_epoch: OnEpoch | None = None,
        *,
        start: State | None = None,
        warm: Fitted | None = None,
        on_state: OnState | None = None,
    ) -> Fitted:
        """The model of `ratings`, users and items in the same order.

        Args:
            ratings: what to train on.
            on_epoch: called with the `Progress` after each epoch; an exception stops the training.
            start: a state of this spec on these ratings; training continues from it with
                bit-identical results.
            warm: factors of any width, for any users and items, to start from instead of random
                ones; users and items not in them start from random factors.
            on_state: called with the `State` after each epoch but the last; see `OnState`.

        Raises:
            ArgumentError: the model cannot start from a state or from factors, or not from the
                given ones.
            DataError: the ratings do not suit the model.
            FitError: there is no finite solution.
        """
        from recsys.ratings.required import require_ratings  # imports pandas

        require_ratings("ratings", ratings)
        require_function("on_epoch", on_epoch)
        require_function("on_state", on_state)
        if not self.resumable and (start is not None or on_state is not None):
            raise ArgumentError(
                "start and on_state are for models that train by alternation or by sampling, and "
                f"{self.name} does not"
            )
        if not self.starts_warm and warm is not None:
            raise ArgumentError(
                f"warm is for models that train by alternation, and {self.name} does not"
            )
        if start is not None and warm is not None:
            raise ArgumentError("give start or warm, not both: each sets where training begins")
        if start is not None:
            require("start", start, State, "a State or None")
        if warm is not None and not hasattr(warm, "user_factors"):
            raise ArgumentError(f"warm must be Factors or None, not {said(warm)}")
        return self._fit(ratings, on_epoch, start, warm, on_state)

    def deviations(self, fitted: Any, user_rows: Rows, item_rows: Rows) -> npt.NDArray[np.float64]:
        """Standard deviation (n,) of the rating of each pair of row numbers.

        Raises:
            ArgumentError: the model does not know it.
        """
        raise self._unsure()

    def posterior(self, fitted: Any) -> Posterior:
        """What is known of how sure scores are.

        Raises:
            ArgumentError: the model does not know it.
        """
        raise self._unsure()

    def _unsure(self) -> ArgumentError:
        return ArgumentError(f"{self.name} has no standard deviations; use bayesian-mf")

    @abstractmethod
    def _fit(
        self,
        ratings: Ratings,
        on_epoch: OnEpoch | None,
        start: State | None,
        warm: Any,
        on_state: OnState | None,
    ) -> Fitted:
        """What `fit` does after its checks."""

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most, its result included, the ratings not."""
        needed = self.peak_memory
        width = getattr(self, "n_factors", 0) + 1  # with the bias
        tables = needed.tables * 4 * width * (n_users + n_items)
        fitting = needed.per_rating * n_ratings + tables
        return round(max(needed.before * n_ratings, fitting) + needed.per_square * width**2)


class _Named(Protocol):
    # A spec, or what stands for several.

    @property
    def name(self) -> str: ...

    @property
    def predicts_ratings(self) -> bool: ...


def check_suits(model: _Named, ratings: Ratings) -> None:
    """Raises DataError if the model predicts ratings and the data has none."""
    if model.predicts_ratings and not ratings.has_values:
        source = "these data" if ratings.account is None else ratings.account.source
        raise DataError(
            f"{source}: {model.name} predicts ratings, but there is no rating column; name it "
            "with --column rating=NAME, or choose a model of implicit feedback, such as "
            "implicit-als"
        )
