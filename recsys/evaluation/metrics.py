"""Metrics: pure functions, one value per user. The first line of each states its denominator.

`hits` (n_users, k) says of each ranked item whether it was held out, `n_relevant` (n_users,) how
many were. A user with nothing held out gets NaN where the denominator would be zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BoolMatrix = npt.NDArray[np.bool_]
FloatVector = npt.NDArray[np.float64]
FloatMatrix = npt.NDArray[np.float64]
IntMatrix = npt.NDArray[np.integer]


# Errors of predicted ratings --------------------------------------------------------------------


def rmse(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    """Root of the mean, over all pairs, of the squared error; NaN for none.

    >>> rmse([3.0, 5.0], [4.0, 5.0])
    0.7071067811865476
    """
    error = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    return float(np.sqrt(np.mean(error**2))) if error.size else float("nan")


def mae(predicted: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    """Mean, over all pairs, of the absolute error; NaN for none.

    >>> mae([3.0, 5.0], [4.0, 5.0])
    0.5
    """
    error = np.asarray(predicted, np.float64) - np.asarray(actual, np.float64)
    return float(np.mean(np.abs(error))) if error.size else float("nan")


# Accuracy of a ranked list ----------------------------------------------------------------------


def precision(hits: BoolMatrix, n_relevant: npt.ArrayLike) -> FloatVector:
    """Relevant items in the list / k, however few are relevant; NaN for a user with none.

    >>> precision(np.array([[True, False]]), np.array([1]))
    array([0.5])
    """
    return _over(hits.sum(axis=1), np.where(np.asarray(n_relevant) > 0, hits.shape[1], 0))


def recall(hits: BoolMatrix, n_relevant: npt.ArrayLike) -> FloatVector:
    """Relevant items in the list / relevant items held out; NaN for a user with none.

    >>> recall(np.array([[True, False]]), np.array([4]))
    array([0.25])
    """
    return _over(hits.sum(axis=1), n_relevant)


def capped_recall(hits: BoolMatrix, n_relevant: npt.ArrayLike) -> FloatVector:
    """Relevant items in the list / the smaller of k and relevant items held out; NaN for none.

    What Liang et al. 2018 call Recall@k, and what `implicit` calls precision.

    >>> capped_recall(np.array([[True, False]]), np.array([4]))
    array([0.5])
    """
    return _over(hits.sum(axis=1), np.minimum(n_relevant, hits.shape[1]))


def hit_rate(hits: BoolMatrix, n_relevant: npt.ArrayLike) -> FloatVector:
    """1 where any relevant item is in the list, else 0 (no denominator); NaN for a user with none.

    >>> hit_rate(np.array([[False, True], [False, False]]), np.array([4, 1]))
    array([1., 0.])
    """
    return _over(hits.any(axis=1), np.asarray(n_relevant) > 0)


def reciprocal_rank(hits: BoolMatrix, n_relevant: npt.ArrayLike) -> FloatVector:
    """1 / rank of the first relevant item in the list, 0 without one; NaN for a user with none.

    >>> reciprocal_rank(np.array([[False, True]]), np.array([4]))
    array([0.5])
    """
    first = np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1.0), 0.0)
    return _over(first, np.asarray(n_relevant) > 0)


def average_precision(hits: BoolMatrix, n_relevant: npt.ArrayLike) -> FloatVector:
    """Sum of the precisions at the ranks of the hits / relevant items held out; NaN for none.

    >>> average_precision(np.array([[True, False, True]]), np.array([2]))
    array([0.83333333])
    """
    ranks = np.arange(1, hits.shape[1] + 1)
    precisions = np.cumsum(hits, axis=1) / ranks
    return _over((precisions * hits).sum(axis=1), n_relevant)


def ndcg(hits: BoolMatrix, n_relevant: npt.ArrayLike) -> FloatVector:
    """Discounted hits / the same for an ideal list of this length; NaN for a user with none.

    A hit at rank p counts 1 / log2(p + 1); the ideal list has min(k, relevant) hits at its top.

    >>> ndcg(np.array([[False, True]]), np.array([1])).round(4)
    array([0.6309])
    """
    relevant = np.asarray(n_relevant, np.int64)
    k = hits.shape[1]
    ideal = np.concatenate([[0.0], np.cumsum(_discount(k))])[np.minimum(relevant, k)]
    return _over(hits @ _discount(k), ideal)


def graded_ndcg(gains: FloatMatrix, ideal_gains: FloatMatrix) -> FloatVector:
    """Discounted gains / the same for the ideal order, cut at k; NaN for a user with none.

    The gain of an item is its held-out rating (linear gain), 0 where it was not held out.

    Args:
        gains: (n, k) of the ranked items.
        ideal_gains: (n, k) of the best items there are, decreasing.

    >>> graded_ndcg(np.array([[3.0, 5.0]]), np.array([[5.0, 3.0]])).round(4)
    array([0.8929])
    """
    discount = _discount(gains.shape[1])
    return _over(gains @ discount, ideal_gains @ discount)


def auc(scores: npt.NDArray[np.floating], relevant: BoolMatrix, allowed: BoolMatrix) -> FloatVector:
    """Pairs in the right order, ties half / pairs of a relevant and another allowed item; or NaN.

    Args:
        scores: (n, n_items).
        relevant: (n, n_items), the held-out items.
        allowed: (n, n_items), the items that compete; what was seen does not.

    >>> auc(np.array([[0.9, 0.5, 0.1]]), np.array([[0, 1, 0]]) > 0, np.ones((1, 3), bool))
    array([0.5])
    """
    values = np.full(len(scores), np.nan)
    # What does not compete becomes NaN, which sorts behind everything.
    ordered = np.sort(np.where(allowed, scores, np.nan), axis=1)
    n_allowed = allowed.sum(axis=1)
    for u in range(len(scores)):
        positive = scores[u, relevant[u] & allowed[u]]
        n_positive, n_negative = len(positive), int(n_allowed[u]) - len(positive)
        if n_positive and n_negative:
            row = ordered[u, : n_allowed[u]]
            # Half of "below" plus half of "not above" counts ties half; of the pairs of two
            # relevant items, which are none, that makes half of all.
            below = np.searchsorted(row, positive, "left").sum()
            not_above = np.searchsorted(row, positive, "right").sum()
            right = (below + not_above - n_positive**2) / 2
            values[u] = right / (n_positive * n_negative)
    return values


# Beyond accuracy --------------------------------------------------------------------------------


def coverage(items: IntMatrix, n_items: int) -> float:
    """Different items recommended to anybody / items of the catalogue.

    >>> coverage(np.array([[0, 1], [1, -1]]), 4)
    0.5
    """
    return len(np.unique(items[items >= 0])) / n_items if n_items else float("nan")


def gini(items: IntMatrix, n_items: int) -> float:
    """Gini index of how often each item of the catalogue is recommended: 0 equal, near 1 one item.

    Twice the area between the Lorenz curve and the diagonal; NaN without recommendations.

    >>> gini(np.array([[0, 1], [2, 3]]), 4), gini(np.array([[0], [0]]), 4)
    (0.0, 0.75)
    """
    counts = np.sort(np.bincount(items[items >= 0], minlength=n_items).astype(np.float64))
    if not counts.sum():
        return float("nan")
    weights = 2 * np.arange(1, n_items + 1) - n_items - 1
    return float(weights @ counts / (n_items * counts.sum()))


def novelty(items: IntMatrix, counts: npt.ArrayLike, n_users: int) -> FloatVector:
    """Mean, over the list, of the self-information −log2(raters / users) of its items, in bits.

    An item nobody rated counts as rated by one.

    >>> novelty(np.array([[0, 1]]), [8, 2], 8)
    array([1.])
    """
    information = -np.log2(np.maximum(np.asarray(counts, np.float64), 1) / n_users)
    return _mean_over_list(information, items)


def popularity_bias(items: IntMatrix, counts: npt.ArrayLike) -> FloatVector:
    """Mean, over the list, of the number of training ratings of its items.

    >>> popularity_bias(np.array([[0, 1]]), [8, 2])
    array([5.])
    """
    return _mean_over_list(np.asarray(counts, np.float64), items)


def diversity(items: IntMatrix, vectors: npt.ArrayLike) -> FloatVector:
    """Mean of 1 − cosine over all pairs of the list; NaN for fewer than two items.

    Args:
        items: (n, k), −1 where the list ended.
        vectors: (n_items, d) what is compared: genres or factors. A zero vector is like nothing.

    >>> diversity(np.array([[0, 1], [0, 2]]), [[1.0, 0], [0, 1], [1, 0]])
    array([1., 0.])
    """
    table = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    unit = np.divide(table, lengths, out=np.zeros_like(table), where=lengths > 0)
    there = items >= 0
    chosen = unit[items] * there[..., None]
    # Σ_{a≠b} u_a·u_b = ‖Σ u‖² − Σ ‖u‖², without forming the pairs.
    together = np.square(chosen.sum(axis=1)).sum(axis=1) - np.square(chosen).sum(axis=(1, 2))
    n = there.sum(axis=1)
    return 1 - _over(together, n * (n - 1))


def calibration(items: IntMatrix, history: FloatMatrix, genres: npt.ArrayLike) -> FloatVector:
    """Kullback–Leibler divergence of the list's genre shares from those of the history, in nats.

    0 where the list has the history's mix. The list's shares are mixed with 1 % of the history's,
    so that a genre missing from the list does not make it infinite (Steck 2018, "Calibrated
    Recommendations"). NaN without history or list.

    Args:
        items: (n, k), −1 where the list ended.
        history: (n, n_genres) genre shares of what each user rated; rows add up to 1.
        genres: (n_items, n_genres), each row the shares of an item's genres.

    >>> calibration(np.array([[0, 1]]), np.array([[0.5, 0.5]]), [[1.0, 0], [0, 1]])
    array([0.])
    """
    table = np.asarray(genres, np.float64)
    there = items >= 0
    shares = (table[items] * there[..., None]).sum(axis=1)
    total = shares.sum(axis=1, keepdims=True)
    listed = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
    mixed = 0.99 * listed + 0.01 * history
    ratio = np.divide(history, mixed, out=np.ones_like(history), where=history > 0)
    divergence: FloatVector = (history * np.log(ratio)).sum(axis=1)
    known = (history.sum(axis=1) > 0) & (total[:, 0] > 0)
    return np.where(known, np.abs(divergence), np.nan)


def serendipity(
    hits: BoolMatrix, items: IntMatrix, popular: npt.ArrayLike, n_relevant: npt.ArrayLike
) -> FloatVector:
    """Relevant items in the list that the popularity list of that user lacks / k; NaN for none.

    Args:
        hits: (n, k).
        items: (n, k), the list.
        popular: (n, k), what `Popularity` would have recommended to the same user.
        n_relevant: (n,).

    >>> serendipity(np.array([[True, True]]), np.array([[4, 7]]), [[7, 9]], [2])
    array([0.5])
    """
    obvious = (items[:, :, None] == np.asarray(popular)[:, None, :]).any(axis=2)
    k = np.where(np.asarray(n_relevant) > 0, hits.shape[1], 0)
    return _over((hits & ~obvious).sum(axis=1), k)


def _discount(k: int) -> FloatVector:
    return 1 / np.log2(np.arange(2, k + 2))


def _over(numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> FloatVector:
    # NaN where the denominator is zero.
    top, bottom = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    share: FloatVector = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
    return share


def _mean_over_list(values: FloatVector, items: IntMatrix) -> FloatVector:
    there = items >= 0
    return _over((values[items] * there).sum(axis=1), there.sum(axis=1))
