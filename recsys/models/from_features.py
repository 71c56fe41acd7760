"""Regression from features to factors: what a fit would know of an item or user without ratings.

The rows T of the items with ratings (factors, biases, columns of item weights) are regressed on
their features F by weighted ridge regression,

    G = argmin Σ_i w_i ‖t_i − t̄ − (f_i − f̄)G‖² + λ‖G‖²,   w_i ∝ √#i,

bars being weighted means, and an item without ratings gets t̄ + (f − f̄)G. A row that rests on many
ratings is known better and counts more; the root keeps the few most popular from deciding alone.

λ is chosen by the leave-one-out errors, which ridge regression has in closed form: t_i is missed by
its residual / (1 − h_i), h_i the leverage of row i. They are taken not of T itself but of the
scores of some people, which are linear in T, so that errors count as they matter: w_i times their
squares where scores are predicted ratings. Where only the order of scores matters, what counts is
how far above all items, in standard deviations, the scores put what a person really has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.arguments import said
from recsys.csr import with_ones
from recsys.errors import ArgumentError, DataError
from recsys.kernels import float32
from recsys.lazy import sp
from recsys.models.common import FloatArray, OnEpoch, Rows, Side
from recsys.models.item_weights import ItemWeights
from recsys.ratings.features import Coding
from recsys.threads import one_blas_thread

if TYPE_CHECKING:
    from recsys.ratings.ratings import Ratings

Matrix = npt.NDArray[np.float64]
Names = bool | Iterable[str]
"""Which columns are used: True for all that are of use, or their names; False for none."""

SIDES: tuple[Side, ...] = ("items", "users")
RIDGES = tuple(float(10**power) for power in np.arange(0, 4.5, 0.5))
"""What λ is chosen from."""
Loss = Callable[[Rows, Matrix, Matrix, Matrix], float]
"""Of some rows, their weights, their scores and the leave-one-out predictions."""

_SAMPLE = 256  # people whose scores judge a ridge
_ROWS = 5000  # rows whose leave-one-out errors do
_DENSE = 0.2  # share of item weights from which on a new item gets as many as there can be


@dataclass(frozen=True, eq=False)
class FeatureWeights:
    """What features of one side are worth, in the rows of a fit."""

    coding: Coding
    """How a table becomes features."""
    weights: FloatArray
    """(1 + d, m) float32: the row of somebody without any feature, and what each feature adds."""
    regularization: float
    """λ, for weights w of mean 1."""
    n: int
    """Rows it was learned from."""

    def __post_init__(self) -> None:
        shape = 1 + len(self.coding.features), self.weights.shape[-1]
        if self.weights.shape != shape or self.weights.dtype != np.float32:
            raise ArgumentError(
                f"weights of features must be float32 {shape}, not {self.weights.dtype} "
                f"{self.weights.shape}"
            )
        if not np.isfinite(self.weights).all():
            raise DataError("a weight of a feature is not finite")
        self.weights.flags.writeable = False

    def __repr__(self) -> str:
        names = ", ".join(column.name for column in self.coding.columns)
        return f"FeatureWeights({names}; {len(self.weights) - 1} features, {self.n:,} rows)"

    def check(self, fitted: Any, side: Side) -> None:
        """Raises ValueError if the weights do not fit the rows of a model."""
        if isinstance(fitted, ItemWeights):
            fits = self.weights.shape[1] == 2 * self.n <= 2 * len(fitted.items)
        else:
            widths = [table[:1].size for table in _tables(fitted, side).values()]
            fits = self.weights.shape[1] == sum(widths)
        if not fits:
            raise ValueError(f"the features of the {side} do not fit the model")

    def rows(self, table: Any) -> FloatArray:
        """(n, m) the rows of items or users of whom nothing but this DataFrame is known."""
        features = self.coding.coded(table)
        return np.asarray(features @ self.weights[1:] + self.weights[0], np.float32)


def fit_with_features(
    spec: Any, ratings: Ratings, names: Names, on_epoch: OnEpoch | None = None, **start: Any
) -> tuple[Any, dict[Side, FeatureWeights]]:
    """A fit whose items and users without ratings have rows from their features.

    The others are exactly as without features: what has no ratings is not in the training.

    Args:
        spec: the model, or anything else with a `fit`.
        ratings: counted ratings, with tables of items and users.
        names: columns of the two tables, or True.
        on_epoch: called with the `Progress` after each epoch.
        start: see `Spec.fit`.

    Returns:
        The fit over all items and users, and what the features of each side are worth; a side
        without features is not there, and neither are the users of item–item models, whose rows are
        their histories.

    Raises:
        ArgumentError: no table has a column of such a name.
        DataError: nothing of use is known of the items and users.
    """
    rated = ratings.without_empty()
    codings = codings_of(rated, names)
    fitted = spec.fit(rated, on_epoch, **start)
    whole, found = fitted.over(ratings.users, ratings.items), {}
    for side, coding in codings.items():
        if side == "users" and isinstance(fitted, ItemWeights):
            continue
        found[side] = learned(fitted, rated, side, coding)
        known: Rows = getattr(rated, side).find(getattr(ratings, side).ids) >= 0
        new = np.flatnonzero(~known)
        rows = found[side].rows(table_of(ratings, side).iloc[new])
        whole = with_rows(whole, side, new, rows, np.flatnonzero(known))
    return whole, found


def with_rows(fitted: Any, side: Side, at: Rows, rows: FloatArray, learned_from: Rows) -> Any:
    """A fit in which some items or users have other rows.

    Args:
        fitted: the fit.
        side: whether items or users.
        at: (n,) their row numbers.
        rows: (n, m) as `FeatureWeights.rows` gives them.
        learned_from: row numbers of those that the weights were learned from.
    """
    if not len(at):
        return fitted
    if isinstance(fitted, ItemWeights):
        return _with_weights(fitted, learned_from, at, rows)
    own, start = side[:-1], 0
    tables = {name: table.copy() for name, table in _tables(fitted, side).items()}
    for table in tables.values():
        width = table[:1].size
        part = rows[:, start : start + width]
        table[at] = part.reshape(len(rows), *table.shape[1:])
        start += width
    bias, factors = (tables.pop(f"{own}_{name}") for name in ("bias", "factors"))
    described = np.zeros(len(bias), np.uint8)
    described |= fitted.state.get(f"{own}_described", described)
    described[at] = 1
    state = dict(fitted.state) | tables | {f"{own}_described": described}
    return replace(fitted, **{f"{own}_bias": bias, f"{own}_factors": factors}, state=state)


def _tables(fitted: Any, side: Side) -> dict[str, npt.NDArray[Any]]:
    # The tables of factors with a row for each item or user.
    own = side[:-1]
    found = {f"{own}_{name}": getattr(fitted, f"{own}_{name}") for name in ("bias", "factors")}
    state = {name: t for name, t in fitted.state.items() if name.startswith(f"{own}_")}
    state.pop(f"{own}_described", None)
    return found | state


def _with_weights(fitted: ItemWeights, known: Rows, new: Rows, rows: FloatArray) -> ItemWeights:
    # The weights of all known items for each new one, then those of the new one for all known ones.
    # What two new items have to do with each other is unknown and stays zero.
    n, most = len(known), len(known)
    if fitted.weights.nnz < _DENSE * n * n:
        most = int(max(1, fitted.weights.getnnz(axis=0).max(), fitted.weights.getnnz(axis=1).max()))
    columns, across = (_strongest(part, most) for part in (rows[:, :n], rows[:, n:]))
    weights = sp.coo_matrix(fitted.weights)
    parts = (
        (weights.data, weights.row, weights.col),
        (columns.data, known[columns.col], new[columns.row]),
        (across.data, new[across.row], known[across.col]),
    )
    data, at, to = (np.concatenate(one) for one in zip(*parts, strict=True))
    joined = sp.csr_matrix((data, (at, to)), shape=fitted.weights.shape, dtype=np.float32)
    return replace(fitted, weights=joined)


def _strongest(rows: FloatArray, most: int) -> sp.coo_matrix:
    # The entries of each row that are farthest from zero.
    if most < rows.shape[1]:
        least = np.partition(np.abs(rows), -most, axis=1)[:, [-most]]
        rows = np.where(np.abs(rows) >= least, rows, 0)
    return sp.coo_matrix(rows)


def learned(fitted: Any, rated: Ratings, side: Side, coding: Coding) -> FeatureWeights:
    """What features are worth in the rows of a fit.

    Args:
        fitted: a fit of these ratings.
        rated: ratings in which every item and user has some.
        side: of the items or of the users.
        coding: how their table becomes features.
    """
    counts = rated.matrix.getnnz(axis=0 if side == "items" else 1)
    weights = np.sqrt(counts) / np.sqrt(counts).mean()
    features = sp.csr_matrix(coding.coded(table_of(rated, side)), dtype=np.float64)
    with one_blas_thread():
        ridge = _Ridge.of(features, weights)
        scores, has = _scores(fitted, rated, side)
        if fitted.spec.predicts_ratings:
            regularization = ridge.best(scores, _squares)
        else:
            regularization = ridge.best(scores, _Standing(has, side == "users"))
        found = ridge.weights_for(_targets(fitted, side), regularization)
    return FeatureWeights(coding, float32(found), regularization, len(counts))


class _Products(NamedTuple):
    # Of a table (n, m).
    mean: Matrix
    """(m,) weighted."""
    turned: Matrix
    """(d, m) VᵀFᵀDT, F and T less their means."""


@dataclass(frozen=True)
class _Ridge:
    # Weighted ridge regression on features (n, d), for any λ at once: V diag(a) Vᵀ = FᵀDF.
    features: sp.csr_matrix
    weights: Matrix
    """(n,) w, of mean 1."""
    mean: Matrix
    """(d,) the weighted mean of the features."""
    values: Matrix
    """(d,) a."""
    axes: Matrix
    """(d, d) V."""

    @classmethod
    def of(cls, features: sp.csr_matrix, weights: Matrix) -> _Ridge:
        total = weights.sum()
        mean = np.asarray(features.T @ weights) / total
        gram = sp.csr_matrix(features.T @ sp.diags(weights) @ features).toarray()
        values, axes = np.linalg.eigh(gram - total * np.outer(mean, mean))
        return cls(features, weights, mean, np.maximum(values, 0), axes)

    def products(self, table: Any) -> _Products:
        total = self.weights.sum()
        mean = np.asarray(table.T @ self.weights).ravel() / total
        weighted = sp.csr_matrix(self.features.T @ sp.diags(self.weights))
        product: Any = weighted @ table
        if isinstance(product, sp.csr_matrix):
            product = product.toarray()
        return _Products(mean, self.axes.T @ (product - total * np.outer(self.mean, mean)))

    def best(self, scores: Matrix, loss: Loss) -> float:
        """The ridge with the least loss of leave-one-out predictions of `scores` (n, p)."""
        of_scores = self.products(scores)
        rows = np.arange(len(scores))
        if len(rows) > _ROWS:
            rows = np.sort(np.random.default_rng(0).choice(len(rows), _ROWS, replace=False))
        chosen = sp.csr_matrix(self.features[rows])
        centred = (chosen.toarray() - self.mean) @ self.axes
        true, weights = scores[rows], self.weights[rows]
        squares, total = np.square(centred), self.weights.sum()

        def error(ridge: float) -> float:
            shrunk = 1 / (self.values + ridge)
            leverage = np.minimum(weights * (1 / total + squares @ shrunk), 0.999)
            found = of_scores.mean + centred @ (of_scores.turned * shrunk[:, None])
            return loss(rows, weights, true, true - (true - found) / (1 - leverage)[:, None])

        return min(RIDGES, key=error)

    def weights_for(self, table: Any, ridge: float) -> Matrix:
        """(1 + d, m) the intercept and G of a table (n, m)."""
        of_table = self.products(table)
        slopes = self.axes @ (of_table.turned / (self.values + ridge)[:, None])
        return np.vstack([of_table.mean - self.mean @ slopes, slopes])


def _squares(rows: Rows, weights: Matrix, true: Matrix, left_out: Matrix) -> float:
    # Where scores are predicted ratings.
    return float((weights[:, None] * np.square(true - left_out)).mean())


@dataclass(frozen=True)
class _Standing:
    # Where only the order of items matters: how far below their mean, in standard deviations, a
    # person's scores put what they have.
    has: Matrix
    """(n, p) 1 where a row is a person's item, or where a person has a column's item."""
    people_are_rows: bool

    def __call__(self, rows: Rows, weights: Matrix, true: Matrix, left_out: Matrix) -> float:
        has, share = self.has[rows], weights / weights.sum()
        if self.people_are_rows:
            has, left_out = has.T, left_out.T
            share = np.full(len(has), 1 / len(has))
        above = left_out - share @ left_out
        spread = np.sqrt(share @ np.square(above))
        n = has.sum(axis=0)
        known = (n > 0) & (spread > 0)
        standing = (above * has).sum(axis=0)[known] / (spread * n)[known]
        return -float(standing.mean()) if known.any() else 0.0


def _targets(fitted: Any, side: Side) -> Any:
    # (n, m) the rows of a fit, side by side.
    if isinstance(fitted, ItemWeights):
        weights, n = fitted.weights, len(fitted.items)
        both = [weights.T, weights]
        if weights.nnz < _DENSE * n * n:
            return sp.csr_matrix(sp.hstack(both))
        return np.hstack([one.toarray() for one in both])
    tables = _tables(fitted, side).values()
    return np.column_stack([table.reshape(len(table), -1) for table in tables])


def _scores(fitted: Any, rated: Ratings, side: Side) -> tuple[Matrix, Matrix]:
    # (n, p) of each item by some users, without their biases, or of each user for some items; and
    # which of these pairs there are.
    others = rated.n_users if side == "items" else rated.n_items
    some = np.sort(np.random.default_rng(0).permutation(others)[:_SAMPLE])
    if side == "items":
        history = sp.csr_matrix(rated.matrix[some])
        people = fitted.people(some, history)
        scores = (fitted.scores(people) - fitted.queries(people)[1][:, None]).T
        has = with_ones(history, np.float64).toarray().T
    else:
        scores = fitted.user_factors @ fitted.item_factors[some].T + fitted.user_bias[:, None]
        has = with_ones(sp.csr_matrix(rated.matrix[:, some]), np.float64).toarray()
    return np.asarray(scores, np.float64), np.asarray(has, np.float64)


def as_names(features: Names | None) -> Names | None:
    """The same features, a list for any other collection of names.

    Raises:
        ArgumentError: they are neither true or false nor names of columns.
    """
    if features is None or isinstance(features, bool | str):
        return features
    names = list(features) if isinstance(features, Iterable) else None
    if names is None or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"features must be True or names of columns, not {said(features)}")
    return names


def codings_of(rated: Ratings, names: Names) -> dict[Side, Coding]:
    """How the table of each side becomes features, where it has columns of use.

    Raises:
        ArgumentError: no table has a column of such a name.
        DataError: nothing of use is known of the items and users.
    """
    checked = as_names(names)
    if checked is None or checked is False:
        raise ArgumentError(f"features must be True or names of columns, not {checked}")
    names = checked
    asked = [names] if isinstance(names, str) else None if names is True else list(names)
    tables = {side: table_of(rated, side) for side in SIDES}
    for name in asked or []:
        if not any(name in table.columns for table in tables.values()):
            both = list(dict.fromkeys(str(c) for table in tables.values() for c in table.columns))
            Coding.of(tables["items"].iloc[:0].reindex(columns=both), [name])  # raises
    found = {}
    for side, table in tables.items():
        own = None if asked is None else [name for name in asked if name in table.columns]
        coding = Coding.of(table, own)
        if coding.columns:
            found[side] = coding
    if not found:
        raise DataError(
            "features: there are no useful columns for items or users; give a table with items= "
            "or users= (on the command line --items or --user-table)"
        )
    return found


def table_of(ratings: Ratings, side: Side) -> Any:
    """The table of items or users."""
    return ratings.item_table if side == "items" else ratings.user_table
