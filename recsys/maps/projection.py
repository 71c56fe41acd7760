"""Items and users in one low-dimensional space: principal components of the factors.

A score is a dot product, so what matters of the item factors is how they differ, seen by the users.
The items are centred, `Y − ȳ = U S Vᵀ`; the components are the columns of V, the same for items and
users, so that the dot product of a user and an item in all components is the score, but for what
the user gives all items alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.errors import ArgumentError, ModelError
from recsys.ids import IdIndex
from recsys.ratings.item_tables import genre_flags
from recsys.recommend.recommender import Recommender
from recsys.recommend.similarity import normalized

FloatMatrix = npt.NDArray[np.float64]
FloatVector = npt.NDArray[np.float64]

Variant = Literal["pca", "whitened", "cosine", "predictions"]
VARIANTS: tuple[Variant, ...] = ("pca", "whitened", "cosine", "predictions")

_LEAST = 20  # items with a genre, below which a genre's place on an axis is chance


@dataclass(frozen=True)
class Projection:
    """Coordinates of items and users along common components, first component first."""

    items: FloatMatrix
    """(n_items, k)."""
    users: FloatMatrix
    """(n_users, k), on the same axes as the items but for their scale; see `user_scale`."""
    components: FloatMatrix
    """(k, f) directions in the space of the factors."""
    explained: FloatVector
    """(k,) share of the variance of the item factors (as the variant scales them) along each."""
    predictions: FloatVector
    """(k,) share of the predictions' variance that each component adds: of how the scores of a user
    differ between items, over all users."""
    user_scale: float
    """What users may be multiplied by to be drawn among the items: root mean square length of the
    items / that of the users, in the first two components."""
    variant: Variant
    item_ids: IdIndex
    user_ids: IdIndex
    item_table: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """A row per item: id, component_1, component_2, ..., and what is known of it."""
        names = {f"component_{j + 1}": column for j, column in enumerate(self.items.T)}
        table = pd.DataFrame({"item": self.item_ids.ids} | names)
        return pd.concat([table, self.item_table.reset_index(drop=True)], axis=1)

    def ends(self, component: int, n: int = 5) -> Mapping[str, list[str]]:
        """What lies at the two ends of a component (1 is the first): names of n items each, and the
        genres whose items lie farthest out.

        Raises:
            ValueError: there is no such component.
        """
        if not 1 <= component <= self.items.shape[1]:
            most = self.items.shape[1]
            raise ArgumentError(f"component must be between 1 and {most}, not {component!r}")
        values = self.items[:, component - 1]
        order = np.argsort(-values, kind="stable")
        names = self.item_names()
        genres, flags = genre_flags(self.item_table)
        means = {
            genre: float(values[has].mean())
            for genre, has in zip(genres, flags.T, strict=True)
            if has.sum() >= _LEAST
        }
        ranked = sorted(means, key=lambda genre: -means[genre])
        return {
            "high": [names[i] for i in order[:n]],
            "low": [names[i] for i in order[::-1][:n]],
            "high_genres": [g for g in ranked[:3] if means[g] > 0],
            "low_genres": [g for g in ranked[::-1][:3] if means[g] < 0],
        }

    def plot(self, counts: npt.NDArray[np.integer] | None = None, **options: Any) -> Any:
        """The items in a plane, as a matplotlib figure; see `recsys.maps.plots.plot_projection`."""
        from recsys.maps.plots import plot_projection

        return plot_projection(self, counts, **options)

    def item_names(self) -> list[str]:
        """Titles, or ids where there are none."""
        return item_names(self.item_table, self.item_ids)

    def describe(self, components: int = 2) -> str:
        """In words: what share the plane keeps, and what lies at the ends of its axes."""
        kept, told = self.explained[:components].sum(), self.predictions[:components].sum()
        lines = [
            f"The first {components} components keep {kept:.0%} of the variance of the item "
            f"factors and {told:.0%} of that of the predictions."
        ]
        for component in range(1, components + 1):
            ends = self.ends(component, 3)
            sides = []
            for side in ("high", "low"):
                genres = ", ".join(ends[f"{side}_genres"])
                sides.append((f"{genres}: " if genres else "") + "; ".join(ends[side]))
            lines.append(f"Component {component}, from {sides[1]} to {sides[0]}.")
        return "\n".join(lines)


def project(model: Recommender, k: int | None = None, variant: Variant = "pca") -> Projection:
    """The principal components of a model's item factors, and the users along them.

    - `pca`: as scikit-learn's `PCA` of the item factors, signs as there: the largest entry of
      each component is positive, so that pictures do not flip between runs.
    - `whitened`: the same, every component scaled to variance 1.
    - `cosine`: of item factors scaled to length 1: what counts is direction, not popularity.
    - `predictions`: the directions that keep most of the variance of the predictions (the SVD of
      the users' scores, centred by user), in which a plane tells most of what the model says;
      `explained` is then that share, too.

    Args:
        model: a trained model with factors.
        k: how many components; None for all.
        variant: one of these.

    Raises:
        ModelError: the model has no factors, or its items do not differ.
        ValueError: an argument is out of range.
    """
    if variant not in VARIANTS:
        raise ArgumentError(f"variant must be one of {', '.join(VARIANTS)}, not {variant!r}")
    factors = model.factors
    width = factors.n_factors
    most = min(width, len(factors.items))
    if not width:
        raise ModelError("this model has no factors to map; train a factorization")
    if k is not None and (not isinstance(k, int | np.integer) or not 1 <= k <= most):
        raise ArgumentError(f"k must be a whole number between 1 and {most}, not {k!r}")
    table = normalized(factors.item_factors) if variant == "cosine" else factors.item_factors
    items = table.astype(np.float64)
    items = items - items.mean(axis=0)
    users = factors.user_factors.astype(np.float64)
    gram = users.T @ users
    if variant == "predictions":
        directions, components = _of_predictions(items, gram)
    else:
        _, _, components = np.linalg.svd(items, full_matrices=False)
        directions = components.T
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    components, directions = components * signs[:, None], directions * signs
    placed = items @ directions
    actual = factors.item_factors.astype(np.float64)
    actual = (actual - actual.mean(axis=0)) @ directions
    variances = np.square(placed).sum(axis=0)
    if not variances.sum() > 0:
        raise ModelError("all items have the same factors; there is nothing to map")
    explained = variances / variances.sum()
    seen = users @ components.T
    told = _told(seen, actual)
    if variant == "whitened":
        spread = np.sqrt(variances / max(1, len(items) - 1))
        spread[spread == 0] = 1
        placed, seen = placed / spread, seen * spread
    n = most if k is None else int(k)
    plane = slice(0, min(2, n))
    lengths = [np.sqrt(np.square(part[:, plane]).sum(axis=1).mean()) for part in (placed, seen)]
    return Projection(
        items=placed[:, :n],
        users=seen[:, :n],
        components=components[:n],
        explained=explained[:n],
        predictions=told[:n],
        user_scale=float(lengths[0] / lengths[1]) if lengths[1] > 0 else 1.0,
        variant=variant,
        item_ids=factors.items,
        user_ids=factors.users,
        item_table=model.item_table,
    )


def item_names(item_table: pd.DataFrame, index: IdIndex) -> list[str]:
    """What people call the items: titles; where there are none, ids that speak, or "item 12"."""
    ids = [f"item {one}" if index.is_integer else str(one) for one in index.ids]
    if "title" not in item_table:
        return ids
    titles = item_table["title"]
    return [t if isinstance(t, str) else one for t, one in zip(titles, ids, strict=True)]


def _told(seen: FloatMatrix, actual: FloatMatrix) -> FloatVector:
    # The scores of users, centred, are Σ_j seen_j actual_jᵀ; what the first k terms have of their
    # squared norm is Σ_{j, l ≤ k} of these products. Component k adds its difference.
    products = (seen.T @ seen) * (actual.T @ actual)
    kept = np.array([products[:k, :k].sum() for k in range(len(products) + 1)])
    return np.diff(kept) / kept[-1] if kept[-1] > 0 else np.zeros(len(products))


def _of_predictions(items: FloatMatrix, gram: FloatMatrix) -> tuple[FloatMatrix, FloatMatrix]:
    # The SVD of users @ itemsᵀ without forming it. With XᵀX = L Lᵀ, the right singular vectors are
    # those of items @ L. Items lie at items @ L @ W; users, seen along W, at X L⁻ᵀ W.
    values, vectors = np.linalg.eigh(gram)
    keep = values > 1e-12 * values.max(initial=0)
    roots = np.sqrt(values[keep])
    root = vectors[:, keep] * roots
    _, _, turned = np.linalg.svd(items @ root, full_matrices=False)
    directions = root @ turned.T
    components = (turned / roots) @ vectors[:, keep].T
    return directions, components


def embed(
    model: Recommender, method: Literal["tsne", "umap"] = "tsne", seed: int = 0, **settings: Any
) -> FloatMatrix:
    """A plane (n_items, 2) that keeps neighbours together rather than directions.

    Computed by scikit-learn (t-SNE) or umap-learn from the item factors scaled to length 1. Neither
    axes nor distances between far items mean anything in it.

    Raises:
        ModelError: the package is not installed; says what to install. Or there are no factors.
        ValueError: the method is none.
    """
    if method not in ("tsne", "umap"):
        raise ArgumentError(f"method must be tsne or umap, not {method!r}")
    if not model.factors.n_factors:
        raise ModelError("this model has no factors to map; train a factorization")
    table = normalized(model.factors.item_factors)
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
