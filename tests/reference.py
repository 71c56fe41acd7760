"""Slow twins of the kernels: plain NumPy in float64 that reads like the formula."""

from typing import Any

import numpy as np
import scipy.sparse as sp

import recsys


def row_equations(
    row: int,
    indptr: np.ndarray,
    columns: np.ndarray,
    factors: np.ndarray,
    ridge: np.ndarray,
    weights: np.ndarray | None = None,
    targets: np.ndarray | float = 0.0,
    base: np.ndarray | None = None,
    base_rhs: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """A = base + Σ w·y·yᵀ + ridge·I and b = base_rhs + Σ t·y of one row."""
    width = factors.shape[1]
    targets = np.broadcast_to(targets, len(columns))
    matrix = np.zeros((width, width)) if base is None else np.array(base, np.float64)
    matrix = (np.diag(matrix) if matrix.ndim == 1 else matrix) + ridge[row] * np.eye(width)
    right = np.zeros(width)
    if base_rhs is not None:
        right = np.array(base_rhs[row] if np.ndim(base_rhs) == 2 else base_rhs, np.float64)
    for j in range(indptr[row], indptr[row + 1]):
        y = factors[columns[j]].astype(np.float64)
        matrix = matrix + (1.0 if weights is None else float(weights[j])) * np.outer(y, y)
        right = right + float(targets[j]) * y
    return matrix, right


def solve_rows(
    indptr: np.ndarray, columns: np.ndarray, factors: np.ndarray, ridge: np.ndarray, **more: Any
) -> tuple[np.ndarray, np.ndarray]:
    """x and xᵀAx − 2xᵀb of `(base + Σ w·y·yᵀ + ridge·I) x = base_rhs + Σ t·y`, row by row."""
    width = factors.shape[1]
    solutions, energies = [], []
    for u in range(len(ridge)):
        matrix, right = row_equations(u, indptr, columns, factors, ridge, **more)
        empty = indptr[u] == indptr[u + 1] and more.get("base_rhs") is None
        x = np.zeros(width) if empty else np.linalg.solve(matrix, right)
        solutions.append(x)
        energies.append(x @ matrix @ x - 2 * x @ right)
    return np.array(solutions).reshape(len(ridge), width), np.array(energies)


def top_k(
    queries: np.ndarray,
    item_factors: np.ndarray,
    k: int,
    item_bias: np.ndarray | None = None,
    candidates: np.ndarray | None = None,
    excluded: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Items and scores of the k best, ties by item order, −1 and NaN where nothing was left."""
    n_items = len(item_factors)
    items = np.full((len(queries), k), -1)
    scores = np.full((len(queries), k), np.nan)
    for q, query in enumerate(queries):
        score = item_factors.astype(np.float64) @ query
        if item_bias is not None:
            score = score + item_bias
        allowed = set(range(n_items)) if candidates is None else set(map(int, candidates))
        if excluded is not None:
            allowed -= set(map(int, excluded[1][excluded[0][q] : excluded[0][q + 1]]))
        best = sorted(allowed, key=lambda i: (-score[i], i))[:k]
        items[q, : len(best)] = best
        scores[q, : len(best)] = score[best]
    return items, scores


def implicit_loss(
    matrix: sp.csr_matrix, x: np.ndarray, y: np.ndarray, spec: recsys.ImplicitALS
) -> float:
    """L of ImplicitALS, by the dense sum over all pairs in its docstring."""
    r = matrix.toarray().astype(np.float64)
    seen = np.zeros(r.shape, bool)
    seen[np.repeat(np.arange(len(r)), np.diff(matrix.indptr)), matrix.indices] = True
    score = x.astype(np.float64) @ y.astype(np.float64).T
    popularity = np.maximum(seen.sum(axis=0), 1.0) ** spec.popularity_exponent
    unobserved = spec.unobserved_weight * popularity / popularity.mean()
    a0 = np.broadcast_to(unobserved, r.shape)
    preferred = (r[seen] > 0).astype(float)
    if spec.alpha is None:
        fit = np.sum(np.abs(r[seen]) * (score[seen] - preferred) ** 2) + np.sum(a0 * score**2)
    else:
        confidence = a0[seen] + spec.alpha * np.abs(r[seen])
        fit = np.sum(confidence * (score[seen] - preferred) ** 2)
        fit += np.sum(a0[~seen] * score[~seen] ** 2)
    users = (seen.sum(axis=1) + a0.sum(axis=1)) ** spec.frequency_exponent
    items = (seen.sum(axis=0) + a0.sum(axis=0)) ** spec.frequency_exponent
    penalty = np.sum(users * np.sum(x.astype(np.float64) ** 2, axis=1))
    penalty += np.sum(items * np.sum(y.astype(np.float64) ** 2, axis=1))
    return float(fit + spec.regularization * penalty)


def explicit_loss(
    matrix: sp.csr_matrix, factors: recsys.Factors, spec: recsys.ExplicitALS
) -> float:
    """L of ExplicitALS, rating by rating."""
    loss = 0.0
    scale = float(np.std(matrix.data.astype(np.float64)))
    counts = np.diff(matrix.indptr), np.bincount(matrix.indices, minlength=matrix.shape[1])
    for u in range(matrix.shape[0]):
        for j in range(matrix.indptr[u], matrix.indptr[u + 1]):
            i = matrix.indices[j]
            score = factors.mean + factors.user_bias[u] + factors.item_bias[i]
            score += factors.user_factors[u].astype(np.float64) @ factors.item_factors[i]
            loss += (float(matrix.data[j]) - score) ** 2
    for n, bias, table in (
        (counts[0], factors.user_bias, factors.user_factors),
        (counts[1], factors.item_bias, factors.item_factors),
    ):
        squares = bias.astype(np.float64) ** 2 / scale
        lengths = np.sum(table.astype(np.float64) ** 2, axis=1) + squares
        loss += spec.regularization * scale * np.sum(n * lengths)
    if spec.implicit_weight:
        seen = np.zeros(matrix.shape)
        seen[np.repeat(np.arange(len(seen)), counts[0]), matrix.indices] = scale
        for n, links, told in (
            (counts[1], "item_links", seen - factors.user_factors @ factors.state["item_links"].T),
            (counts[0], "user_links", seen - factors.state["user_links"] @ factors.item_factors.T),
        ):
            loss += spec.implicit_weight * np.sum(told.astype(np.float64) ** 2)
            lengths = np.sum(factors.state[links].astype(np.float64) ** 2, axis=1)
            loss += spec.regularization * scale * np.sum(n * lengths)
    return float(loss)


def list_metrics(
    items: list[int],
    k: int,
    popular: list[int],
    liked: set[int],
    held_out: dict[int, float],
    counts: np.ndarray,
    n_users: int,
    genres: np.ndarray,
    taste: np.ndarray,
) -> dict[str, float]:
    """Every metric of one list of at most k items, rank by rank; NaN where it has none."""
    hits = [item in liked for item in items]
    ranks = [rank for rank, hit in enumerate(hits, 1) if hit]

    def discounted(gains: list[float]) -> float:
        return float(sum(gain / np.log2(rank + 1) for rank, gain in enumerate(gains, 1)))

    best = sorted((max(value, 0.0) for value in held_out.values()), reverse=True)[:k]
    unit = genres / np.maximum(np.linalg.norm(genres, axis=1, keepdims=True), 1e-300)
    pairs = [1 - unit[a] @ unit[b] for n, a in enumerate(items) for b in items[:n]]
    listed = sum(genres[item] / max(genres[item].sum(), 1) for item in items)
    mixed = 0.99 * listed / max(np.sum(listed), 1e-300) + 0.01 * taste
    known = taste > 0
    divergence = np.sum(taste[known] * np.log(taste[known] / mixed[known]))
    ideal = discounted([1.0] * min(k, len(liked)))
    return {
        "ndcg": discounted([float(hit) for hit in hits]) / ideal,
        "graded_ndcg": discounted([max(held_out.get(item, 0.0), 0.0) for item in items])
        / discounted(best),
        "recall": len(ranks) / len(liked),
        "capped_recall": len(ranks) / min(k, len(liked)),
        "precision": len(ranks) / k,
        "map": sum(n / rank for n, rank in enumerate(ranks, 1)) / len(liked),
        "mrr": 1 / ranks[0] if ranks else 0.0,
        "hit_rate": float(bool(ranks)),
        "novelty": float(np.mean([-np.log2(max(counts[item], 1) / n_users) for item in items])),
        "popularity": float(np.mean([counts[item] for item in items])),
        "serendipity": len(set(items) & liked - set(popular)) / k,
        "diversity": float(np.mean(pairs)) if pairs else float("nan"),
        "calibration": float(divergence) if np.sum(listed) and known.any() else float("nan"),
    }


def random_order(
    rng: np.random.Generator, scores: np.ndarray, allowed: np.ndarray, k: int
) -> list[int]:
    """The k allowed items with the highest scores, equal ones in random order."""
    order = rng.permutation(np.flatnonzero(allowed))
    best: list[int] = order[np.argsort(-scores[order], kind="stable")][:k].tolist()
    return best


def spectral_filter_scores(
    r: np.ndarray, n_factors: int, power: float, exponent: float, low_pass: float, cut: int
) -> np.ndarray:
    """NormalizedSVD by dense matrices: R̃ is normalized, and the filter a function of R̃ᵀR̃.

    With power 2, exponent 0 and all factors, the linear filter of GF-CF, R R̃ᵀR̃; with power 0 and
    exponent ½ its ideal low-pass, R D^-½ V Vᵀ D^½; each user divided by the root of their sum.
    """
    users, items = r.sum(axis=1), r.sum(axis=0)
    normalized = r / np.sqrt(np.outer(users, items))
    squares, vectors = np.linalg.eigh(normalized.T @ normalized)
    order = np.argsort(-squares)[:n_factors]
    v, sigma = vectors[:, order], np.sqrt(np.maximum(squares[order], 0))
    passed = v @ np.diag(sigma**power) @ v.T + low_pass * v[:, :cut] @ v[:, :cut].T
    scaled = r / np.sqrt(users)[:, None]
    scores: np.ndarray = scaled @ np.diag(items**-exponent) @ passed @ np.diag(items**exponent)
    return scores
