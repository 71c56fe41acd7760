"""The health of the numbers: whether the systems behind a model are well posed, solved, and needed.

Training is least squares, so trouble shows where linear algebra says it does: in condition numbers
of the normal matrices, in gradients that are not zero at the solution, in components that carry
nothing, in norms that run away with popularity, in a loss that was still falling.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from recsys.errors import ArgumentError, ModelError
from recsys.maps.projection import Projection, project
from recsys.models.factors import Factors
from recsys.models.row_problem import RowProblem
from recsys.models.spec import Side
from recsys.models.svd import truncated_svd
from recsys.recommend.ranking import FittedRanker
from recsys.recommend.recommender import Recommender
from recsys.threads import default_threads

FloatVector = npt.NDArray[np.float64]

ILL_CONDITIONED = 1e6
"""Condition number from which on float32 arithmetic keeps no more than about one digit."""

_SPECTRUM = 64  # singular values of the ratings
_UNSOLVED = 0.05  # gradient / right side, above which a row is not at its solution
_STILL = 0.01  # share by which the last epoch lowered the loss
_IDLE = 0.01  # share of the predictions' variance the last factors carry together, which is nothing
_DEAD = 1e-6  # share of one factor
_SPIKE = 0.5  # share of the places that the hundredth most recommended items take
_RUNAWAY = 0.9  # rank correlation of norm and popularity


@dataclass(frozen=True)
class Symptom:
    """One thing that is not as it should be."""

    code: str
    text: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.text}: {self.remedy}"


@dataclass(frozen=True, eq=False)
class Health:
    """What the linear algebra behind a model looks like."""

    ratings_spectrum: FloatVector
    """Leading singular values of the feedback matrix, largest first; empty without history."""
    predictions_spectrum: FloatVector
    """(f,) singular values of the matrix of all scores, user · item, largest first."""
    effective_rank: float
    """exp of the entropy of the shares σ²/Σσ² of the predictions' spectrum: how many equal
    directions would carry as much (Roy, Vetterli 2007)."""
    factor_share: FloatVector
    """(f,) share of the predictions' variance by principal component."""
    axis_share: FloatVector
    """(f,) the same by the model's own factors."""
    conditions: pd.DataFrame
    """Per user and item: side, id, name, ratings, condition (of its normal matrix), gradient (norm
    of A x − b over that of b, at the stored factors). Empty where a model is not least squares."""
    loss: pd.DataFrame
    """Per epoch: epoch, loss, and what it is made of where the model says."""
    norms: pd.DataFrame
    """Per item: item, name, ratings, norm of its factors."""
    norm_correlation: float
    """Spearman's correlation of norm and ratings over items with ratings."""
    recommended: pd.DataFrame
    """Per item: item, name, ratings, recommended: in how many users' first k it is."""
    k: int
    symptoms: tuple[Symptom, ...]

    def frame(self) -> pd.DataFrame:
        """The symptoms: code, text, remedy."""
        return pd.DataFrame([vars(s) for s in self.symptoms], columns=["code", "text", "remedy"])

    def plot(self) -> Any:
        """Everything in one matplotlib figure."""
        from recsys.maps.plots import plot_health

        return plot_health(self)

    def plot_norms(self) -> Any:
        """Length of the item factors against popularity, as a matplotlib figure."""
        from recsys.maps.plots import plot_norms

        return plot_norms(self.norms, self.norm_correlation)

    def worst(self, n: int = 5) -> pd.DataFrame:
        """The n rows with the highest condition numbers."""
        ordered = self.conditions.sort_values("condition", ascending=False, kind="stable")
        return ordered.head(n).reset_index(drop=True)

    def summary(self) -> Mapping[str, Any]:
        """The main numbers by name."""
        found: dict[str, Any] = {
            "width": len(self.predictions_spectrum),
            "effective rank": self.effective_rank,
            "spectrum of the predictions": list(self.predictions_spectrum[:5]),
            "spectrum of the ratings": list(self.ratings_spectrum[:5]),
            "norm against ratings": self.norm_correlation,
        }
        for side, rows in self.conditions.groupby("side", sort=False):
            values = rows["condition"].to_numpy()
            if len(values):
                quantiles = np.quantile(values, [0.5, 0.99, 1.0], method="inverted_cdf")
                found[f"condition, {side}"] = [float(q) for q in quantiles]
                found[f"gradient, {side}"] = float(rows["gradient"].max())
        if len(self.recommended):
            counts = self.recommended["recommended"]
            found["items recommended"] = int((counts > 0).sum())
            found["most recommended"] = int(counts.max())
        return found


def health(model: Recommender, k: int = 10) -> Health:
    """Examines a model.

    Args:
        model: a trained model with factors; with its history, if conditions, gradients, and
            the spectrum of the ratings are wanted.
        k: length of the lists that are counted.

    Raises:
        ModelError: the model has no factors.
        ValueError: k is less than 1.
    """
    factors = model.factors
    if not factors.n_factors:
        raise ModelError("this model has no factors to examine; train a factorization")
    if not isinstance(k, int | np.integer) or k < 1:
        raise ArgumentError(f"k must be a whole number of at least 1, not {k!r}")
    projection = project(model)
    spectrum = _predictions_spectrum(factors)
    names = projection.item_names()
    counts = np.zeros(len(factors.items), np.int64)
    conditions, ratings = _NO_CONDITIONS, np.zeros(0)
    recommended = pd.DataFrame(columns=["item", "name", "ratings", "recommended"])
    if model.history is not None:
        matrix = model.feedback.rows(model.history)
        counts = np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.int64)
        conditions = _conditions(model, matrix, names)
        rank = min(_SPECTRUM, *matrix.shape)
        ratings = truncated_svd(matrix, rank)[1][:rank]
        shown = _recommended(model, k)
        recommended = pd.DataFrame(
            {"item": factors.items.ids, "name": names, "ratings": counts, "recommended": shown}
        )
    norms = np.linalg.norm(factors.item_factors.astype(np.float64), axis=1)
    rated = counts > 0
    found = Health(
        ratings_spectrum=np.asarray(ratings, np.float64),
        predictions_spectrum=spectrum,
        effective_rank=_effective_rank(spectrum),
        factor_share=np.sort(projection.predictions)[::-1],
        axis_share=_axis_share(factors),
        conditions=conditions,
        loss=pd.DataFrame(
            [{"epoch": p.epoch, "loss": p.loss} | dict(p.parts) for p in factors.log],
        ),
        norms=pd.DataFrame(
            {"item": factors.items.ids, "name": names, "ratings": counts, "norm": norms}
        ),
        norm_correlation=_rank_correlation(norms[rated], counts[rated]),
        recommended=recommended,
        k=int(k),
        symptoms=(),
    )
    return replace(found, symptoms=tuple(_symptoms(found, model, projection)))


_NO_CONDITIONS = pd.DataFrame(
    {
        "side": pd.Series(dtype=str), "id": pd.Series(dtype=object), "name": pd.Series(dtype=str),
        "ratings": pd.Series(dtype=np.int64), "condition": pd.Series(dtype=np.float64),
        "gradient": pd.Series(dtype=np.float64),
    }
)  # fmt: skip


def condition_numbers(problem: RowProblem) -> FloatVector:
    """(n,) largest over smallest eigenvalue of each normal matrix; infinite where one is not
    positive, as far as float64 can tell.

    Source: the 2-norm condition number of a symmetric matrix (Golub, Van Loan, "Matrix
    Computations", 2.6.2).
    """
    found = np.empty(problem.matrix.shape[0])

    def block(part: tuple[int, npt.NDArray[np.float64]]) -> None:
        first, matrices = part
        values = np.linalg.eigvalsh(matrices)
        smallest, largest = values[:, 0], values[:, -1]
        sound = smallest > largest * np.finfo(np.float64).eps
        condition = np.divide(largest, smallest, out=np.full(len(values), np.inf), where=sound)
        found[first : first + len(values)] = condition

    # LAPACK's threads do not help with small matrices; a thread for each block does.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(default_threads()) as pool:
        list(pool.map(block, problem.normal_matrices()))
    return found


def _conditions(model: Recommender, matrix: sp.csr_matrix, names: list[str]) -> pd.DataFrame:
    factors = model.factors
    tables = []
    sides: tuple[Side, ...] = ("users", "items")
    for side in sides:
        rows = matrix if side == "users" else matrix.T.tocsr()
        problem = factors.spec.problem_of(factors, rows, side)
        if problem is None:
            return _NO_CONDITIONS
        index = factors.users if side == "users" else factors.items
        bias = factors.user_bias if side == "users" else factors.item_bias
        x = factors.user_factors if side == "users" else factors.item_factors
        if problem.table.shape[1] == x.shape[1] + 1:  # the bias is the last coordinate
            x = np.column_stack([x, bias])
        gradient = np.linalg.norm(problem.gradients(x), axis=1)
        right = np.linalg.norm(problem.right_sides, axis=1)
        counts = np.diff(rows.indptr)
        table = pd.DataFrame(
            {
                "side": side,
                "id": index.ids.astype(object),
                "name": names
                if side == "items"
                else [f"user {index.name(i)}" for i in range(len(index))],
                "ratings": counts.astype(np.int64),
                "condition": condition_numbers(problem),
                "gradient": np.divide(gradient, right, out=np.zeros_like(right), where=right > 0),
            }
        )
        tables.append(table[counts > 0])
    return pd.concat(tables, ignore_index=True)


def _predictions_spectrum(factors: Factors) -> FloatVector:
    # Of X Yᵀ = Q_x (R_x R_yᵀ) Q_yᵀ, without forming it.
    of_users, of_items = (
        np.asarray(np.linalg.qr(table.astype(np.float64), mode="r"))
        for table in (factors.user_factors, factors.item_factors)
    )
    return np.asarray(np.linalg.svd(of_users @ of_items.T, compute_uv=False))


def _effective_rank(spectrum: FloatVector) -> float:
    shares = np.square(spectrum)
    if not shares.sum() > 0:
        return 0.0
    shares = shares[shares > 0] / shares.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def _axis_share(factors: Factors) -> FloatVector:
    items = factors.item_factors.astype(np.float64)
    squares = np.square(factors.user_factors.astype(np.float64)).sum(axis=0)
    carried = squares * np.square(items - items.mean(axis=0)).sum(axis=0)
    return np.asarray(carried / carried.sum() if carried.sum() > 0 else carried)


def _recommended(model: Recommender, k: int) -> npt.NDArray[np.int64]:
    factors, history = model.factors, model.history
    counts = np.zeros(len(factors.items), np.int64)
    ranker = FittedRanker(factors)
    for start in range(0, len(factors.users), 8192):
        rows = slice(start, min(start + 8192, len(factors.users)))
        seen = None if history is None else history[rows]
        items, _ = ranker.ranked(factors.people(rows), k, seen)
        counts += np.bincount(items[items >= 0], minlength=len(counts))
    return counts


def _rank_correlation(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    from scipy.stats import rankdata

    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _symptoms(found: Health, model: Recommender, projection: Projection) -> list[Symptom]:
    symptoms = [
        *_of_systems(found), *_of_width(found), *_of_training(found), *_of_popularity(found)
    ]  # fmt: skip
    if model.history is None:
        symptoms.append(
            Symptom(
                "no-history",
                "the model file has no history, so its equations cannot be examined",
                "save it with the history",
            )
        )
    return symptoms


def _of_systems(found: Health) -> list[Symptom]:
    symptoms = []
    for side, rows in found.conditions.groupby("side", sort=False):
        ill = rows[rows["condition"] > ILL_CONDITIONED]
        if len(ill):
            worst = rows.iloc[int(rows["condition"].to_numpy().argmax())]
            symptoms.append(
                Symptom(
                    "ill-conditioned",
                    f"{len(ill):,} {side} have condition numbers above {ILL_CONDITIONED:.0e}, the "
                    f"worst {worst['name']} with {worst['condition']:.1e}",
                    "raise regularization",
                )
            )
        unsolved = rows[rows["gradient"] > _UNSOLVED]
        if len(unsolved):
            symptoms.append(
                Symptom(
                    "unsolved",
                    f"{len(unsolved):,} {side} are not at the solution of their equations "
                    f"(gradient up to {unsolved['gradient'].max():.1%} of the right side)",
                    "train longer",
                )
            )
    return symptoms


def _of_width(found: Health) -> list[Symptom]:
    symptoms = []
    width = len(found.factor_share)
    dead = int((found.axis_share < _DEAD).sum())
    if dead:
        which = "one factor is" if dead == 1 else f"{dead} factors are"
        symptoms.append(
            Symptom("dead-factors", f"{which} dead: nothing depends on them", "lower n_factors")
        )
    beyond = 1 - np.cumsum(found.factor_share)
    enough = int(np.argmax(beyond <= _IDLE)) + 1
    if width > 1 and enough < width - dead and enough <= 0.9 * width:
        symptoms.append(
            Symptom(
                "idle-factors",
                f"components {enough + 1}–{width} carry {beyond[enough - 1]:.1%} of the variance "
                "of the predictions",
                f"{enough} factors would do",
            )
        )
    return symptoms


def _of_training(found: Health) -> list[Symptom]:
    loss = found.loss["loss"].to_numpy() if len(found.loss) else np.zeros(0)
    if len(loss) < 2 or not loss[-2]:
        return []
    fall = (loss[-2] - loss[-1]) / abs(loss[-2])
    if fall > _STILL:
        text = f"the loss still fell by {fall:.1%} in the last epoch"
        return [Symptom("unfinished", text, "train longer (n_epochs)")]
    if fall < -_STILL:
        text = f"the loss rose by {-fall:.1%} in the last epoch"
        return [Symptom("rising", text, "lower the learning rate or raise regularization")]
    return []


def _of_popularity(found: Health) -> list[Symptom]:
    symptoms = []
    if found.norm_correlation > _RUNAWAY:
        symptoms.append(
            Symptom(
                "norms-are-popularity",
                f"the length of an item's factors follows its number of ratings (rank correlation "
                f"{found.norm_correlation:.2f}): dot products favour the popular",
                "compare items by cosine",
            )
        )
    if len(found.recommended):
        counts = np.sort(found.recommended["recommended"].to_numpy())[::-1]
        head = max(1, len(counts) // 100)
        share = counts[:head].sum() / max(1, counts.sum())
        if share > _SPIKE:
            symptoms.append(
                Symptom(
                    "spike",
                    f"{share:.0%} of all recommendations are the same {head:,} items",
                    "raise n_factors or lower regularization",
                )
            )
    return symptoms
