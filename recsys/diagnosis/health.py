"""The health of the numbers: whether a model's linear systems are well posed, solved, and needed.

Training is least squares, so trouble shows in its linear algebra: in condition numbers of the
normal matrices, in gradients that are not zero at the solution, in components that carry nothing,
in norms that follow popularity, in a loss that was still falling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from recsys.arguments import require
from recsys.diagnosis import components, symptoms
from recsys.diagnosis.conditions import conditions
from recsys.diagnosis.explained import explained
from recsys.errors import ArgumentError, ModelError
from recsys.findings import Finding
from recsys.models.factors import Factors
from recsys.models.truncated_svd import truncated_svd
from recsys.recommend.described import learned_only
from recsys.recommend.names import item_names
from recsys.recommend.ranking import FittedRanker
from recsys.recommend.recommender import Recommender
from recsys.visible import brief

FloatVector = npt.NDArray[np.float64]

_SPECTRUM = 64  # singular values of the ratings
_BLOCK = 8192  # users ranked at a time


@dataclass(frozen=True, eq=False)
class Health:
    """What the linear algebra behind a model looks like."""

    ratings_spectrum: FloatVector
    """Leading singular values of the feedback matrix, largest first; empty without history."""
    predictions_spectrum: FloatVector
    """(f,) singular values of the matrix of all scores, user · item, largest first."""
    effective_rank: float
    """exp of the entropy of the shares σ²/Σσ² of the predictions' spectrum: this many equal
    directions would carry as much (Roy, Vetterli 2007)."""
    factor_share: FloatVector
    """(f,) share of the predictions' variance by principal component, largest first."""
    axis_share: FloatVector
    """(f,) share of the predictions' variance by factor, in the order of the model."""
    conditions: pd.DataFrame
    """Per user and item: side, id, name, ratings, condition, gradient; see
    `recsys.diagnosis.conditions`. Condition is NaN outside the sample, where a side has too many
    rows to examine all. Empty where a model is not least squares."""
    loss: pd.DataFrame
    """Per epoch: epoch, loss, and its parts where the model reports them."""
    norms: pd.DataFrame
    """Per item: item, name, ratings, norm of its factors."""
    norm_correlation: float
    """Spearman's correlation of norms and numbers of ratings, over items with ratings."""
    recommended: pd.DataFrame
    """Per item: item, name, ratings, recommended (how many users have it among their first k).
    Empty without history."""
    k: int
    symptoms: tuple[Finding, ...]

    def frame(self) -> pd.DataFrame:
        """The symptoms: code, level, text, remedy."""
        columns = ["code", "level", "text", "remedy"]
        return pd.DataFrame([vars(s) for s in self.symptoms], columns=columns)

    def worst(self, n: int = 5) -> pd.DataFrame:
        """The n rows with the highest condition numbers, of those that were examined."""
        examined = self.conditions[self.conditions["condition"].notna()]
        ordered = examined.sort_values("condition", ascending=False, kind="stable")
        return ordered.head(n).reset_index(drop=True)

    def summary(self) -> Mapping[str, Any]:
        """The main numbers by name.

        "examined, users" and "examined, items" are how many rows of how many have a condition
        number; "condition, ..." their median, 99th percentile and maximum.
        """
        found: dict[str, Any] = {
            "width": len(self.predictions_spectrum),
            "effective rank": self.effective_rank,
            "spectrum of the predictions": list(self.predictions_spectrum[:5]),
            "spectrum of the ratings": list(self.ratings_spectrum[:5]),
            "norm against ratings": self.norm_correlation,
        }
        for side, rows in self.conditions.groupby("side", sort=False):
            values = rows["condition"].dropna().to_numpy()
            if len(values):
                found[f"examined, {side}"] = [len(values), len(rows)]
                quantiles = np.quantile(values, [0.5, 0.99, 1.0], method="inverted_cdf")
                found[f"condition, {side}"] = [float(q) for q in quantiles]
                if rows["gradient"].notna().all():
                    found[f"gradient, {side}"] = float(rows["gradient"].max())
        if len(self.recommended):
            counts = self.recommended["recommended"]
            found["items recommended"] = int((counts > 0).sum())
            found["most recommended"] = int(counts.max())
        return found


def health(model: Recommender, k: int = 10) -> Health:
    """Examines a model: what it learned, without what it derived from features.

    Args:
        model: a trained model with factors. Conditions, gradients, recommendation counts and the
            spectrum of the ratings need its history.
        k: length of the lists in which recommendations are counted.

    Raises:
        ModelError: the model has no factors, or all its items have the same.
        ArgumentError: k is less than 1.
    """
    require("model", model, Recommender, "a Recommender")
    model = learned_only(model)
    factors = model.factors
    if not factors.n_factors:
        raise ModelError("this model has no factors to examine; train a factorization")
    if not isinstance(k, int | np.integer) or k < 1:
        raise ArgumentError(f"k must be a whole number of at least 1, not {brief(k)}")
    factor_share = _factor_share(factors)
    axis_share = components.axis_shares(factors.user_factors, factors.item_factors)
    spectrum = components.predictions_spectrum(factors.user_factors, factors.item_factors)
    matrix = None if model.history is None else model.feedback.of(model.history)
    # The history has no times, so the systems that decayed confidences make are not known.
    systems = conditions(model, None if model.feedback.half_life is not None else matrix)
    loss = pd.DataFrame([{"epoch": p.epoch, "loss": p.loss} | dict(p.parts) for p in factors.log])
    norms = _norms(model, matrix)
    rated = norms[norms["ratings"] > 0]
    correlation = _rank_correlation(rated["norm"].to_numpy(), rated["ratings"].to_numpy())
    recommended = norms[["item", "name", "ratings"]].assign(recommended=0)[:0]
    if model.history is not None:
        recommended = norms[["item", "name", "ratings"]].assign(recommended=_recommended(model, k))
    idle = tuple(symptoms.of_width(factor_share, axis_share))
    return Health(
        ratings_spectrum=_ratings_spectrum(matrix),
        predictions_spectrum=spectrum,
        effective_rank=components.effective_rank(spectrum),
        factor_share=factor_share,
        axis_share=axis_share,
        conditions=systems,
        loss=loss,
        norms=norms,
        norm_correlation=correlation,
        recommended=recommended,
        k=int(k),
        symptoms=(
            *symptoms.of_collapse(explained(model), spectrum),
            *symptoms.of_systems(systems, model.updated is not None),
            *idle,
            *symptoms.of_training(np.array([p.loss for p in factors.log])),
            *symptoms.of_popularity(correlation, recommended["recommended"].to_numpy(), bool(idle)),
            *([symptoms.NO_HISTORY] if model.history is None else []),
        ),
    )


def _factor_share(factors: Factors) -> FloatVector:
    items = components.centred(factors.item_factors)
    if not items.any():
        raise ModelError("all items have the same factors; there is nothing to examine")
    axes = components.right_singular_vectors(items)
    users = factors.user_factors.astype(np.float64)
    return np.sort(components.prediction_shares(users @ axes.T, items @ axes.T))[::-1]


def _ratings_spectrum(matrix: sp.csr_matrix | None) -> FloatVector:
    if matrix is None:
        return np.zeros(0)
    rank = min(_SPECTRUM, *matrix.shape)
    return np.asarray(truncated_svd(matrix, rank)[1][:rank], np.float64)


def _norms(model: Recommender, matrix: sp.csr_matrix | None) -> pd.DataFrame:
    factors = model.factors
    counts = np.zeros(len(factors.items), np.int64)
    if matrix is not None:
        counts = np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.int64)
    return pd.DataFrame(
        {
            "item": factors.items.ids,
            "name": item_names(model.item_table, factors.items),
            "ratings": counts,
            "norm": np.linalg.norm(factors.item_factors.astype(np.float64), axis=1),
        }
    )


def _recommended(model: Recommender, k: int) -> npt.NDArray[np.int64]:
    factors, history = model.factors, model.history
    counts = np.zeros(len(factors.items), np.int64)
    ranker = FittedRanker(factors)
    for start in range(0, len(factors.users), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(factors.users)))
        seen = None if history is None else history[rows]
        items, _ = ranker.ranked(factors.people(rows), k, seen)
        counts += np.bincount(items[items >= 0], minlength=len(counts))
    return counts


def _rank_correlation(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    # scipy.stats takes a third of a second to import.
    from scipy.stats import rankdata

    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
