"""Similarity of items: neighbours, matrices, clusters and dendrograms, as tables and figures."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.arguments import said
from recsys.errors import ArgumentError, ModelError
from recsys.maps import plots
from recsys.recommend.names import item_names
from recsys.recommend.recommender import Recommender
from recsys.recommend.similarity import Metric, likeness

FloatMatrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Nearest:
    """The items most similar to one item."""

    name: str
    metric: Metric
    table: pd.DataFrame
    """As `Recommender.similar_items` returns it: rank, item, score, ..."""
    names: tuple[str, ...]
    """Names of the items in the table."""

    def frame(self) -> pd.DataFrame:
        """The table."""
        return self.table

    def plot(self) -> Any:
        """Bars of the scores, as a matplotlib figure."""
        scores = self.table["score"].to_numpy()
        return plots.plot_bars(self.names, scores, f"Similar to {self.name}", self.metric)


@dataclass(frozen=True, eq=False)
class Likeness:
    """The pairwise similarities of a list of items."""

    names: tuple[str, ...]
    ids: npt.NDArray[Any]
    matrix: FloatMatrix
    """(n, n); `damped` is not symmetric: rows are the queries."""
    metric: Metric

    def frame(self) -> pd.DataFrame:
        """The matrix with names on both sides."""
        return pd.DataFrame(self.matrix, index=list(self.names), columns=list(self.names))

    def plot(self) -> Any:
        """The matrix as a heat map, similar items next to each other, as a matplotlib figure."""
        order = self._order()
        names = [self.names[i] for i in order]
        return plots.plot_matrix(names, self.matrix[np.ix_(order, order)], self.metric)

    def clusters(self, n: int) -> pd.DataFrame:
        """The items in n groups by similarity: columns cluster, item, name; largest group first.

        Raises:
            ArgumentError: n is not between 1 and the number of items.
        """
        # scipy.cluster is slow to import.
        from scipy.cluster.hierarchy import fcluster

        if not isinstance(n, int | np.integer) or not 1 <= n <= len(self.names):
            raise ArgumentError(f"n must be between 1 and {len(self.names)}, not {n!r}")
        if len(self.names) == 1:
            labels = np.array([1])
        else:
            labels = fcluster(self.linkage(), n, criterion="maxclust")
        sizes = np.bincount(labels)
        rank = np.lexsort((np.arange(len(sizes)), -sizes))
        place = np.empty(len(sizes), int)
        place[rank] = np.arange(1, len(sizes) + 1)
        table = pd.DataFrame({"cluster": place[labels], "item": self.ids, "name": self.names})
        return table.sort_values("cluster", kind="stable", ignore_index=True)

    def dendrogram(self) -> Any:
        """Which items and groups join at which similarity, as a matplotlib figure.

        Raises:
            ModelError: there is only one item.
        """
        if len(self.names) < 2:
            raise ModelError("a dendrogram needs at least two items")
        return plots.plot_dendrogram(self.linkage(), list(self.names), self.metric)

    def linkage(self) -> FloatMatrix:
        """Average linkage in scipy's format, (n − 1, 4): groups join at their mean distance.

        The distance is the highest possible similarity less the similarity: 1 for cosines, the
        highest in the matrix for other metrics.
        """
        # scipy.cluster is slow to import.
        from scipy.cluster.hierarchy import linkage
        from scipy.spatial.distance import squareform

        similarity = (self.matrix + self.matrix.T) / 2
        top = 1.0 if "cosine" in self.metric else float(similarity.max())
        distances = np.maximum(top - similarity, 0)
        np.fill_diagonal(distances, 0)
        return np.asarray(linkage(squareform(distances, checks=False), "average"))

    def _order(self) -> npt.NDArray[np.int64]:
        # scipy.cluster is slow to import.
        from scipy.cluster.hierarchy import leaves_list

        if len(self.names) < 3:
            return np.arange(len(self.names))
        return np.asarray(leaves_list(self.linkage()), np.int64)


def nearest(
    model: Recommender, item: object, n: int = 10, metric: Metric = "cosine", alpha: float = 0.5
) -> Nearest:
    """The n items most similar to `item` (id or title).

    Raises:
        UnknownIdError: there is no such item.
        ArgumentError: an argument is out of range.
    """
    row = model.item_row(item)
    table = model.similar_items(item, n, metric=metric, alpha=alpha)
    names = item_names(model.item_table, model.factors.items)
    listed = tuple(names[i] for i in model.factors.items.rows(table["item"]))
    return Nearest(names[row], metric, table, listed)


def compare_items(
    model: Recommender, items: Sequence[object], metric: Metric = "cosine", alpha: float = 0.5
) -> Likeness:
    """The similarity of each item of a list (ids or titles) to each other.

    Raises:
        UnknownIdError: there is no such item.
        ArgumentError: the list is empty, or names an item twice.
        ModelError: the model has no factors.
    """
    if isinstance(items, str | bytes) or not isinstance(items, Sized) or not len(items):
        raise ArgumentError(f"items must be a list of at least one item, not {said(items)}")
    rows = model.item_rows(items)
    if len(np.unique(rows)) < len(rows):
        raise ArgumentError("items must not name an item twice")
    if not model.factors.n_factors:
        raise ModelError("this model has no factors to compare; train a factorization")
    table = model.factors.item_factors
    # Against the whole table, so that adjusted metrics subtract the mean of all items.
    matrix = likeness(table[rows], table, metric, alpha)[:, rows]
    all_names = item_names(model.item_table, model.factors.items)
    names = tuple(all_names[i] for i in rows)
    return Likeness(names, model.factors.items.ids[rows], matrix.astype(np.float64), metric)
