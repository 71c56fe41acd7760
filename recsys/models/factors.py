"""`Factors`, the result of every factorization, and `Factorization`, what makes and extends one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from recsys import kernels, notebook
from recsys.csr import entry_rows
from recsys.errors import ArgumentError, FitError
from recsys.ids import IdIndex
from recsys.immutable import Immutable
from recsys.models import shown
from recsys.models.alternating import OnState, State
from recsys.models.arrays import all_finite, pair_products, paired_rows, placed, rows_or_zeros
from recsys.models.common import FloatArray, OnEpoch, Progress, Rows, Side
from recsys.models.learned import checked, checked_rows, folded, problem_of, without_described
from recsys.models.registry import make_spec
from recsys.models.spec import Fitted, Spec

if TYPE_CHECKING:
    import scipy.sparse as sp

    from recsys.models.row_problem import RowProblem
    from recsys.ratings.ratings import Ratings


@dataclass(frozen=True)
class Embeddings(Immutable):
    """Biases (n,) and factors (n, f), float32, of n users or items."""

    bias: FloatArray
    factors: FloatArray


class Solved(NamedTuple):
    """Rows of one side, and what else the model keeps of them."""

    embeddings: Embeddings
    state: Mapping[str, npt.NDArray[Any]] = {}
    """Their rows of arrays in `Factors.state`, by name."""


@dataclass(frozen=True, eq=False)
class Factors(Immutable):
    """Two tables of factors. A score is `mean + user_bias + item_bias + user · item`.

    Immutable; NaN and infinity are refused.
    """

    users: IdIndex
    items: IdIndex
    mean: float
    user_bias: FloatArray
    """(n_users,) float32."""
    item_bias: FloatArray
    """(n_items,) float32."""
    user_factors: FloatArray
    """(n_users, f) float32."""
    item_factors: FloatArray
    """(n_items, f) float32."""
    spec: Factorization
    """What made them, and folds in."""
    log: tuple[Progress, ...] = ()
    """The training, epoch by epoch."""
    state: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    """Whatever else the model needs to fold in, by name. Only the model reads it. An array whose
    name begins with `user_` or `item_` has one row per user or item. `user_described` and
    `item_described` (uint8) are 1 for those that had no part in the training."""

    def __post_init__(self) -> None:
        width = self.user_factors.shape[1]
        for side, n in (("user", len(self.users)), ("item", len(self.items))):
            self._check(f"{side}_bias", getattr(self, f"{side}_bias"), (n,))
            self._check(f"{side}_factors", getattr(self, f"{side}_factors"), (n, width))
            for name, array in self.state.items():
                if name.startswith(f"{side}_"):
                    self._check(f"state {name}", array, (n, *array.shape[1:]), array.dtype)
        for name, array in self.state.items():
            self._check(f"state {name}", array, array.shape, array.dtype)
        missing = [name for name in self.spec.state_names if name not in self.state]
        if missing:
            raise ArgumentError(f"{self.spec.name} needs the state {', '.join(missing)}")
        for name, shape in self.spec.state_shapes(self).items():
            if name in self.state and self.state[name].shape != shape:
                raise ArgumentError(f"state {name} must be {shape}, not {self.state[name].shape}")
        if not np.isfinite(self.mean):
            raise FitError(f"{self.spec.name}: the mean rating is not finite")

    def _check(
        self, name: str, array: npt.NDArray[Any], shape: tuple[int, ...], dtype: Any = np.float32
    ) -> None:
        if array.shape != shape or array.dtype != dtype:
            raise ArgumentError(
                f"{name} must be {np.dtype(dtype)} {shape}, not {array.dtype} {array.shape}"
            )
        if array.dtype.kind == "f" and not all_finite(array):
            raise FitError(
                f"{self.spec.name}: {name} is not finite; raise the regularization or check "
                "the ratings for extreme values"
            )
        array.flags.writeable = False

    @classmethod
    def of(
        cls,
        spec: Factorization,
        ratings: Ratings,
        user_factors: FloatArray,
        item_factors: FloatArray,
        *,
        mean: float = 0.0,
        user_bias: FloatArray | None = None,
        item_bias: FloatArray | None = None,
        log: tuple[Progress, ...] = (),
        state: Mapping[str, npt.NDArray[Any]] | None = None,
    ) -> Factors:
        """The factors that `spec` found for the users and items of `ratings`.

        Biases that are not given are zero; arrays become contiguous float32.
        """

        def table(given: FloatArray | None, n: int) -> FloatArray:
            return np.zeros(n, np.float32) if given is None else kernels.float32(given)

        return cls(
            users=ratings.users,
            items=ratings.items,
            mean=mean,
            user_bias=table(user_bias, ratings.n_users),
            item_bias=table(item_bias, ratings.n_items),
            user_factors=table(user_factors, ratings.n_users),
            item_factors=table(item_factors, ratings.n_items),
            spec=spec,
            log=log,
            state=dict(state or {}),
        )

    @classmethod
    def from_arrays(
        cls,
        user_factors: npt.ArrayLike,
        item_factors: npt.ArrayLike,
        users: npt.ArrayLike,
        items: npt.ArrayLike,
        *,
        mean: float = 0.0,
        user_bias: npt.ArrayLike | None = None,
        item_bias: npt.ArrayLike | None = None,
        spec: Factorization | None = None,
    ) -> Factors:
        """Factors trained by another program, such as `implicit` or Spark.

        Args:
            user_factors: (n_users, f).
            item_factors: (n_items, f).
            users: (n_users,) ids, in the order of the rows.
            items: (n_items,) ids, likewise.
            mean: added to every score.
            user_bias: (n_users,); None for zeros.
            item_bias: (n_items,); None for zeros.
            spec: how to fold in; None for `External()`.

        Raises:
            ArgumentError: the arrays do not match, or an id is repeated.
            FitError: a number is not finite.
        """
        user_index, x, user_bias = placed(users, user_factors, user_bias, "user")
        item_index, y, item_bias = placed(items, item_factors, item_bias, "item")
        if x.shape[1] != y.shape[1]:
            raise ArgumentError(
                f"user factors have width {x.shape[1]} and item factors {y.shape[1]}; the widths "
                "must be equal"
            )
        how = cast("Factorization", make_spec("external")) if spec is None else spec
        return cls(user_index, item_index, float(mean), user_bias, item_bias, x, y, how)

    def over(self, users: IdIndex, items: IdIndex) -> Factors:
        """The same factors for other users and items; zeros for those that are not known here."""
        sides = ("user", self.users, users), ("item", self.items, items)
        found = {side: own.find(index.ids) for side, own, index in sides if index is not own}

        def moved(side: str, table: npt.NDArray[Any]) -> npt.NDArray[Any]:
            return rows_or_zeros(table, found[side]) if side in found else table

        def state(name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
            side = name[:4]
            return moved(side, array) if name[:5] in ("user_", "item_") else array

        return Factors(
            users=users,
            items=items,
            mean=self.mean,
            user_bias=moved("user", self.user_bias),
            item_bias=moved("item", self.item_bias),
            user_factors=moved("user", self.user_factors),
            item_factors=moved("item", self.item_factors),
            spec=self.spec,
            log=self.log,
            state={name: state(name, array) for name, array in self.state.items()},
        )

    @property
    def n_factors(self) -> int:
        """Width f of the factors; 0 for models without any."""
        return int(self.user_factors.shape[1])

    def _repr_html_(self) -> str:
        return notebook.block("Factors", notebook.pairs(shown.lines(self)))

    def __repr__(self) -> str:
        size = f"{len(self.users):,} users x {len(self.items):,} items"
        return f"Factors({self.spec.name}, {size}, width {self.n_factors})"

    def predict(
        self, users: npt.ArrayLike, items: npt.ArrayLike, history: sp.csr_matrix | None = None
    ) -> npt.NDArray[np.float64]:
        """Scores (n,) float64 of n pairs of external ids; one id on a side serves all pairs.

        The history is not needed.

        Raises:
            UnknownIdError: an id was not in the training data.
            ArgumentError: there are not as many users as items.
        """
        return self.predict_rows(*paired_rows(self, users, items))

    def predict_rows(self, user_rows: Rows, item_rows: Rows) -> npt.NDArray[np.float64]:
        """Scores (n,) float64 of pairs of row numbers, in bounded memory."""
        scores: npt.NDArray[np.float64]
        scores = self.user_bias[user_rows].astype(np.float64) + self.item_bias[item_rows]
        scores += self.mean
        factors = self.user_factors, user_rows, self.item_factors, item_rows
        return scores + pair_products(*factors, dtype=np.float64)

    def people(self, rows: Rows | slice, history: sp.csr_matrix | None = None) -> Embeddings:
        """The stored embeddings of training users, by row; the history is not needed."""
        return Embeddings(self.user_bias[rows], self.user_factors[rows])

    def fold_in_users(self, history: sp.csr_matrix) -> Embeddings:
        """Embeddings of new users, from their counted ratings (n, n_items).

        For models with `spec.folds_in_exactly`, a training user's ratings give back their stored
        embedding. A user without ratings gets zeros. Items that were not part of the training are
        not used, unless the user has rated one.

        Raises:
            ArgumentError: the ratings do not have a column for each item.
            DataError: a rating is not finite.
            FitError: a user has no finite solution.
        """
        rows = checked_rows(history, self.items)
        return cast("Embeddings", checked(folded(self, rows, self.spec.fold_in_users, "item")))

    def fold_in_items(self, ratings: sp.csr_matrix) -> Embeddings:
        """Embeddings of new items, from their counted ratings (n, n_users)."""
        rows = checked_rows(ratings, self.users)
        return cast("Embeddings", checked(folded(self, rows, self.spec.fold_in_items, "user")))

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What models have computed from these factors and keep for the next fold-in."""
        return {}

    @cached_property
    def learned(self) -> Factors:
        """The same factors without the users and items that had no part in the training."""
        return cast("Factors", without_described(self))

    def shares(self, history: sp.csr_matrix, items: Rows) -> npt.NDArray[np.float64]:
        """(nnz, n) the share of each of a person's ratings in the scores of n items, in rows.

        Args:
            history: (1, n_items) their counted ratings.
            items: (n,) rows.
        """
        parts = self.spec.contributions(*problem_of(self, checked_rows(history, self.items)))
        return parts @ self.item_factors[items].T.astype(np.float64)

    @property
    def item_vectors(self) -> tuple[FloatArray, FloatArray]:
        """Item factors and biases."""
        return self.item_factors, self.item_bias

    def queries(self, people: Embeddings) -> tuple[FloatArray, FloatArray]:
        """Users' factors, and their biases plus the mean."""
        return people.factors, people.bias + np.float32(self.mean) if self.mean else people.bias

    def indifferent(self, people: Embeddings) -> npt.NDArray[np.bool_]:
        """(n,) whether a person's factors are all zero while no item has a bias."""
        if self._items_differ:
            return np.zeros(len(people.factors), np.bool_)
        if len(people.factors) == 1:  # as services ask, without the cost of an axis
            return np.array([not np.count_nonzero(people.factors)])
        return np.asarray(~people.factors.any(axis=1))

    @cached_property
    def _items_differ(self) -> bool:  # for somebody without factors, too
        return not self.n_factors or bool(self.item_bias.any())

    @property
    def item_directions(self) -> FloatArray:
        """(n_items, f) the item factors with length 1; zeros stay zeros."""
        lengths = np.linalg.norm(self.item_factors, axis=1, keepdims=True)
        return np.asarray(self.item_factors / np.where(lengths > 0, lengths, 1), np.float32)

    def similarities(self, row: int) -> FloatArray | None:
        """None: items are compared by their factors."""
        return None

    def scores(self, people: Embeddings) -> FloatArray:
        """Scores (n, n_items) float32 of all items: mean, biases and dot products."""
        scores = people.factors @ self.item_factors.T + self.item_bias
        scores += people.bias[:, None] + np.float32(self.mean)
        return np.asarray(scores, np.float32)

    def pair_scores(self, people: Embeddings, pairs: sp.csr_matrix) -> FloatArray:
        """Scores (nnz,) float32 of the entries of `pairs` (n, n_items)."""
        rows, columns = entry_rows(pairs), pairs.indices
        scores = people.bias[rows] + self.item_bias[columns] + np.float32(self.mean)
        scores += pair_products(people.factors, rows, self.item_factors, columns)
        return np.asarray(scores, np.float32)


@dataclass(frozen=True)
class Factorization(Spec):
    """A spec whose fit gives `Factors`, and which can fold in users and items."""

    state_names: ClassVar[tuple[str, ...]] = ()
    """The arrays that its factors must have in `Factors.state`."""
    users_need_items: ClassVar[bool] = True
    """Whether users' rows depend on items' rows, so that updates leave the training's items."""

    def state_shapes(self, factors: Factors) -> Mapping[str, tuple[int, ...]]:
        """The shapes of arrays in `Factors.state` that a model reads without a check of its own."""
        return {}

    if TYPE_CHECKING:

        def fit(
            self,
            ratings: Ratings,
            on_epoch: OnEpoch | None = None,
            *,
            start: State | None = None,
            warm: Fitted | None = None,
            on_state: OnState | None = None,
        ) -> Factors:
            """See `Spec.fit`, whose code this is."""

    @abstractmethod
    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Embeddings of new users from their ratings (n, n_items), items fixed."""

    @abstractmethod
    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Embeddings:
        """Embeddings of new items from their ratings (n, n_users), users fixed."""

    def solved(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> Solved:
        """Rows that join the factors, or whose ratings have changed, with their state.

        Args:
            factors: give the other side.
            matrix: counted ratings: users × items for the side "users", items × users for "items".
            side: which.
        """
        fold_in = self.fold_in_users if side == "users" else self.fold_in_items
        return Solved(fold_in(factors, matrix))

    def contributions(self, factors: Factors, matrix: sp.csr_matrix) -> npt.NDArray[np.float64]:
        """(nnz, f) what each rating of a person adds to their folded-in factors.

        They sum to the factors, but for what everybody without ratings has, too.

        Args:
            factors: give the items.
            matrix: (1, n_items) the counted ratings of the person.
        """
        problem = self.problem_of(factors, matrix, "users")
        if problem is None:
            return np.zeros((matrix.nnz, factors.n_factors))
        # The last coordinate of some models is the bias.
        return problem.contributions()[:, : factors.n_factors]

    def problem_of(self, factors: Factors, matrix: sp.csr_matrix, side: Side) -> RowProblem | None:
        """The least-squares problem that the factors of one side solve; None where there is none.

        Args:
            factors: gives the other side, which is fixed.
            matrix: (n, n_other) what the model trains on: users × items for the side "users", items
                × users for "items".
            side: which.
        """
        return None
