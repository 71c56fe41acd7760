"""What to ask somebody new: the items whose ratings say most about their taste."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.csr import entry_rows
from recsys.errors import ModelError
from recsys.recommend.answer import Table
from recsys.recommend.choice import Choice
from recsys.recommend.parts import ModelParts
from recsys.recommend.tables import item_table, why_filtered

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]

_SAMPLE = 50_000  # ratings from which the noise is measured
_DIRECTIONS = 64  # of taste that are told apart: the ones in which users differ most


@dataclass(frozen=True, eq=False)
class Taste:
    """What is known of a new person's factors: how uncertain they still are, and in what unit.

    Before the first answer they are as uncertain as the users' factors are spread. A rating of item
    i with noise σ² takes from the covariance C what a measurement of y_i·x takes (a Kalman filter):
    C ← C − C y yᵀ C / (σ² + yᵀ C y).
    """

    vectors: Matrix
    """(n_items, d) the items in the d directions in which users differ most."""
    covariance: Matrix
    """(d, d)"""
    noise: float
    """σ², variance of a rating around its score."""

    def after(self, row: int, share: float = 1.0) -> Taste:
        """What is known after an answer about an item; a share of one counts in part."""
        moved = self.covariance @ self.vectors[row]
        below = self.noise / share + float(self.vectors[row] @ moved)
        return replace(self, covariance=self.covariance - np.outer(moved, moved) / below)

    def gains(self) -> Vector:
        """(n_items,) nats that a rating of each item tells: ½ log(1 + yᵀ C y / σ²)."""
        spread = np.einsum("if,if->i", self.vectors @ self.covariance, self.vectors)
        return np.asarray(0.5 * np.log1p(np.maximum(spread, 0) / self.noise))


def onboard(
    model: ModelParts, n: int, answered: Mapping[Any, float | None], choice: Choice
) -> Table:
    """The n items to ask about next; see `Recommender.onboard`."""
    if "taste" not in model.derived:
        model.derived["taste"] = prior(model)
    taste, known = model.derived["taste"], model.popularity / max(1, len(model.fitted.users))
    asked = model.item_rows(list(answered))
    for row, value in zip(asked.tolist(), answered.values(), strict=True):
        if value is not None:  # "not seen" says nothing of taste
            taste = taste.after(row)
    candidates = model.candidates(choice)
    free = np.zeros(len(known), bool)
    free[slice(None) if candidates is None else candidates] = True
    free[asked] = False
    rows, values = [], []
    for _ in range(min(n, int(free.sum()))):
        worth = np.where(free, known * taste.gains(), -np.inf)
        best = int(worth.argmax())
        rows.append(best)
        values.append(worth[best])
        free[best] = False
        # The answer is not known yet: it counts by how likely there is one.
        taste = taste.after(best, max(float(known[best]), 1e-9))
    why = "there are no more items to ask about"
    if choice.where is not None and candidates is not None:
        why = why_filtered(model, choice.where, len(candidates), why)
    return item_table(model, np.array(rows, np.int64), np.array(values, np.float32), n, why)


def prior(model: ModelParts) -> Taste:
    """What is known of somebody before they say anything.

    The spread of the users' factors, and the noise of the ratings around their scores.

    Raises:
        ModelError: the model has no factors or no history.
    """
    if model.fitted.item_vectors is None or not model.fitted.n_factors:
        raise ModelError(
            f"{model.fitted.spec.name} has no factors, so no item says more of a taste than "
            "another; train a factorization"
        )
    factors, history = model.factors, model.feedback.of(model.seen())
    x, y = factors.user_factors.astype(np.float64), factors.item_factors.astype(np.float64)
    spread = np.cov(x, rowvar=False).reshape(x.shape[1], x.shape[1])
    values, axes = np.linalg.eigh(spread)
    order = np.argsort(-values)[:_DIRECTIONS]
    rng = np.random.default_rng(0)
    entries = rng.choice(history.nnz, min(_SAMPLE, history.nnz), replace=False)
    users, items = entry_rows(history)[entries], history.indices[entries]
    scores = factors.predict_rows(users, items)
    target = history.data[entries] if factors.spec.predicts_ratings else 1.0
    noise = float(np.square(target - scores).mean())
    return Taste(y @ axes[:, order], np.diag(values[order].clip(0)), max(noise, 1e-12))
