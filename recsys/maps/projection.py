"""Items and users in one low-dimensional space: principal components of the factors.

A score is a dot product, so items matter by how their factors differ. The items are centred,
`Y − ȳ = U S Vᵀ`. The components are the columns of V, the same for items and users, so that the dot
product of a user and an item over all components is the score, apart from what the user gives all
items alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.arguments import require, require_one_of
from recsys.diagnosis.components import (
    centred,
    prediction_shares,
    right_singular_vectors,
    signs_of,
)
from recsys.errors import ArgumentError, ModelError
from recsys.ids import IdIndex
from recsys.maps import plots
from recsys.ratings.item_tables import genre_flags
from recsys.recommend.names import item_names
from recsys.recommend.recommender import Recommender
from recsys.recommend.similarity import normalized

FloatMatrix = npt.NDArray[np.float64]
FloatVector = npt.NDArray[np.float64]

Variant = Literal["pca", "whitened", "cosine", "predictions"]
VARIANTS: tuple[Variant, ...] = ("pca", "whitened", "cosine", "predictions")

_LEAST = 20  # items with a genre; with fewer, its place on an axis is chance


@dataclass(frozen=True)
class Projection:
    """Coordinates of items and users along common components, first component first."""

    items: FloatMatrix
    """(n_items, k)."""
    users: FloatMatrix
    """(n_users, k), on the same axes as the items, on another scale; see `user_scale`."""
    components: FloatMatrix
    """(k, f) directions in the space of the factors."""
    explained: FloatVector
    """(k,) share of the variance of the item factors, as the variant scales them, along each."""
    predictions: FloatVector
    """(k,) share of the predictions' variance that each component adds: of the differences between
    a user's scores, over all users."""
    user_scale: float
    """Factor by which to multiply users to draw them among the items: root mean square length of
    the items / that of the users, in the first two components."""
    variant: Variant
    item_ids: IdIndex
    user_ids: IdIndex
    item_table: pd.DataFrame
    counts: npt.NDArray[np.int64] | None = None
    """(n_items,) ratings of each item, its weight in the words for an axis; None: all the same."""

    def frame(self) -> pd.DataFrame:
        """A row per item: item, component_1, component_2, ..., and the item table's columns."""
        names = {f"component_{j + 1}": column for j, column in enumerate(self.items.T)}
        table = pd.DataFrame({"item": self.item_ids.ids} | names)
        return pd.concat([table, self.item_table.reset_index(drop=True)], axis=1)

    def ends(self, component: int, n: int = 5) -> Mapping[str, list[str]]:
        """The items and genres at the two ends of a component (1 is the first).

        Ratings are the weights, so that the words are those of items that people know: genres are
        ordered by their weighted mean, items by distance from the weighted mean of all, times the
        square root of the weight.

        Returns:
            Names of n items each, strongest first, under `high` and `low`; up to three genres each
            under `high_genres` and `low_genres`.

        Raises:
            ArgumentError: there is no such component.
        """
        if not 1 <= component <= self.items.shape[1]:
            most = self.items.shape[1]
            raise ArgumentError(f"component must be between 1 and {most}, not {component!r}")
        weights = self._weights()
        values = self.items[:, component - 1]
        values = values - np.average(values, weights=weights)
        order = np.argsort(-values * np.sqrt(weights), kind="stable")
        names = self.item_names()
        genres, flags = genre_flags(self.item_table)
        means = {
            genre: float(np.average(values[has], weights=weights[has]))
            for genre, has in zip(genres, flags.T, strict=True)
            if has.sum() >= _LEAST and weights[has].any()
        }
        ranked = sorted(means, key=lambda genre: -means[genre])
        return {
            "high": [names[i] for i in order[:n]],
            "low": [names[i] for i in order[::-1][:n]],
            "high_genres": [g for g in ranked[:3] if means[g] > 0],
            "low_genres": [g for g in ranked[::-1][:3] if means[g] < 0],
        }

    def plot(
        self,
        counts: npt.NDArray[np.integer] | None = None,
        components: tuple[int, int] = (1, 2),
        users: Sequence[object] = (),
        labels: int = 40,
    ) -> Any:
        """The items in a plane, coloured by genre, sized by ratings, the most rated labelled.

        Args:
            counts: (n_items,) ratings of each item, for the sizes and the order of the labels.
            components: the horizontal and the vertical one; 1 is the first.
            users: ids of users to draw among the items.
            labels: at most this many items are labelled.

        Returns:
            A matplotlib figure.

        Raises:
            ArgumentError: there is no such component.
            UnknownIdError: there is no such user.
        """
        width = self.items.shape[1]
        for component in components:
            if not 1 <= component <= width:
                raise ArgumentError(f"components must be between 1 and {width}, not {component!r}")
        plane = [c - 1 for c in components]
        rows = [self.user_ids.row(user) for user in users]
        return plots.plot_points(
            self.items[:, plane],
            self.item_names(),
            counts,
            groups=genre_flags(self.item_table),
            group="genre",
            axis_labels=[self._axis_label(c) for c in components],
            kinds=("item", "user"),
            marks={
                f"user {user}": self.users[row, plane] * self.user_scale
                for user, row in zip(users, rows, strict=True)
            },
            labels=labels,
        )

    def item_names(self) -> list[str]:
        """Titles, or ids where there are none."""
        return item_names(self.item_table, self.item_ids)

    def describe(self, components: int = 2) -> str:
        """In words: the share of the variance in the first components, and the ends of each."""
        kept = self.explained[:components].sum()
        predicted = self.predictions[:components].sum()
        lines = [
            f"The first {components} components keep {kept:.0%} of the variance of the item "
            f"factors and {predicted:.0%} of that of the predictions."
        ]
        for component in range(1, components + 1):
            ends = self.ends(component, 3)
            sides = []
            for side in ("high", "low"):
                genres = ", ".join(ends[f"{side}_genres"])
                sides.append((f"{genres}: " if genres else "") + "; ".join(ends[side]))
            lines.append(f"Component {component}, from {sides[1]} to {sides[0]}.")
        return "\n".join(lines)

    def _weights(self) -> FloatVector:
        if self.counts is None or not self.counts.any():
            return np.ones(len(self.items))
        return self.counts.astype(np.float64)

    def _axis_label(self, component: int) -> str:
        ends = self.ends(component, 2)
        low, high = (
            ", ".join(ends[f"{side}_genres"][:2] or ends[side][:1]) for side in ("low", "high")
        )
        kept, predicted = self.explained[component - 1], self.predictions[component - 1]
        return (
            f"← {low}        {high} →\n"
            f"component {component}: {kept:.0%} of the items' variance, "
            f"{predicted:.0%} of the predictions'"
        )


def project(model: Recommender, k: int | None = None, variant: Variant = "pca") -> Projection:
    """The principal components of a model's item factors, and the users along them.

    - `pca`: as scikit-learn's `PCA` of the item factors, with the same signs: the largest entry of
      each component is positive, so that pictures do not flip between runs.
    - `whitened`: the same, every component scaled to variance 1.
    - `cosine`: of item factors scaled to length 1, so that direction counts and popularity does
      not.
    - `predictions`: the directions that keep most of the variance of the predictions (the SVD of
      the users' scores, centred by user); no other plane keeps more of it.

    Args:
        model: a trained model with factors.
        k: number of components; None for all.
        variant: one of these.

    Raises:
        ModelError: the model has no factors, or all its items have the same.
        ArgumentError: an argument is out of range.
    """
    require("model", model, Recommender, "a Recommender")
    require_one_of("variant", variant, VARIANTS)
    factors = model.factors
    most = min(factors.n_factors, len(factors.items))
    if not factors.n_factors:
        raise ModelError("this model has no factors to map; train a factorization")
    if k is not None and (not isinstance(k, int | np.integer) or not 1 <= k <= most):
        raise ArgumentError(f"k must be a whole number between 1 and {most}, not {k!r}")
    items = centred(
        normalized(factors.item_factors) if variant == "cosine" else factors.item_factors
    )
    users = factors.user_factors.astype(np.float64)
    directions, components = _axes(items, users, variant)
    placed, seen = items @ directions, users @ components.T
    variances = np.square(placed).sum(axis=0)
    if not variances.sum() > 0:
        raise ModelError("all items have the same factors; there is nothing to map")
    predictions = prediction_shares(seen, centred(factors.item_factors) @ directions)
    if variant == "whitened":
        spread = np.sqrt(variances / max(1, len(items) - 1))
        spread[spread == 0] = 1
        placed, seen = placed / spread, seen * spread
    n = most if k is None else int(k)
    return Projection(
        items=placed[:, :n],
        users=seen[:, :n],
        components=components[:n],
        explained=(variances / variances.sum())[:n],
        predictions=predictions[:n],
        user_scale=_scale(placed[:, : min(2, n)], seen[:, : min(2, n)]),
        variant=variant,
        item_ids=factors.items,
        user_ids=factors.users,
        item_table=model.item_table,
        counts=rating_counts(model),
    )


def rating_counts(model: Recommender) -> npt.NDArray[np.int64] | None:
    """(n_items,) ratings of each item in the model's history; None without one."""
    if model.history is None:
        return None
    columns = model.history.indices
    return np.bincount(columns, minlength=len(model.factors.items)).astype(np.int64)


def _axes(
    items: FloatMatrix, users: FloatMatrix, variant: Variant
) -> tuple[FloatMatrix, FloatMatrix]:
    # Directions (f, k) and components (k, f): items lie at items @ directions, users at
    # users @ components.T.
    if variant == "predictions":
        directions, components = _of_predictions(items, users.T @ users)
    else:
        components = right_singular_vectors(items)
        directions = components.T
    signs = signs_of(components)
    return directions * signs, components * signs[:, None]


def _of_predictions(items: FloatMatrix, gram: FloatMatrix) -> tuple[FloatMatrix, FloatMatrix]:
    # The SVD of users @ items.T without forming it. With XᵀX = L Lᵀ, the right singular vectors are
    # those of items @ L = U S Wᵀ. Items lie at items @ L @ W, users at X L⁻ᵀ W.
    values, vectors = np.linalg.eigh(gram)
    keep = values > 1e-12 * values.max(initial=0)
    roots = np.sqrt(values[keep])
    root = vectors[:, keep] * roots
    turned = right_singular_vectors(items @ root)
    return root @ turned.T, (turned / roots) @ vectors[:, keep].T


def _scale(items: FloatMatrix, users: FloatMatrix) -> float:
    lengths = [np.sqrt(np.square(part).sum(axis=1).mean()) for part in (items, users)]
    return float(lengths[0] / lengths[1]) if lengths[1] > 0 else 1.0


def embed(
    model: Recommender, method: Literal["tsne", "umap"] = "tsne", seed: int = 0, **settings: Any
) -> FloatMatrix:
    """A plane (n_items, 2) that keeps neighbours together rather than directions.

    Computed by scikit-learn (t-SNE) or umap-learn from the item factors scaled to length 1. Its
    axes have no meaning, nor do distances between far items.

    Raises:
        ModelError: the model has no factors, or the package is not installed; says what to install.
        ArgumentError: there is no such method.
    """
    require("model", model, Recommender, "a Recommender")
    require_one_of("method", method, ("tsne", "umap"))
    if not model.factors.n_factors:
        raise ModelError("this model has no factors to map; train a factorization")
    table = normalized(model.factors.item_factors)
    # Both packages are optional, and slow to import.
    try:
        if method == "tsne":
            from sklearn.manifold import TSNE

            perplexity = min(30.0, max(1.0, (len(table) - 1) / 3))
            chosen = {"perplexity": perplexity, "init": "pca", "random_state": seed} | settings
            return np.asarray(TSNE(**chosen).fit_transform(table), np.float64)
        from umap import UMAP

        chosen = {"metric": "cosine", "random_state": seed, "n_jobs": 1} | settings
        return np.asarray(UMAP(**chosen).fit_transform(table), np.float64)
    except ImportError as error:
        raise ModelError(
            f"{method} needs {error.name}; install it with pip install 'recsys-mf[maps]'"
        ) from None
