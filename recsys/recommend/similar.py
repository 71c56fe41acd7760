"""What is similar to an item, to several, or to a user; what lies between two items."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from recsys.arguments import require_flag
from recsys.errors import ArgumentError, ModelError
from recsys.recommend.answer import Table
from recsys.recommend.choice import Allowed
from recsys.recommend.parts import ModelParts
from recsys.recommend.similarity import Metric, check_metric, normalized
from recsys.recommend.tables import checked_n, item_table, shortened, why_filtered, why_no_more


def similar_items(
    model: ModelParts,
    item: Any,
    n: int = 10,
    metric: Metric = "cosine",
    alpha: float = 0.5,
    allowed: Allowed | None = None,
    opposite: bool = False,
) -> Table:
    """The n items most similar to one, or to several; see `Recommender.similar_items`."""
    n = checked_n(n)
    check_metric(metric, alpha)
    require_flag("opposite", opposite)
    several = isinstance(item, list | tuple | set) or getattr(item, "ndim", 0) == 1
    wanted = list(item) if several else [item]
    if not wanted:
        raise ArgumentError("item must be one item or several, not an empty list")
    rows = np.array(sorted(set(model.item_rows(wanted).tolist())), np.int64)
    candidates = None if allowed is None else model.candidates(allowed)
    if model.fitted.similarities(int(rows[0])) is not None:
        return _by_weights(model, rows, n, metric, candidates, opposite)
    vectors = model.factors.item_factors[rows]
    # Of several, the mean direction: a long vector says no more about likeness than a short one.
    query = vectors[0] if len(rows) == 1 else normalized(vectors).mean(axis=0)
    query = -query if opposite else query
    found, scores = model.item_similarity.near(query, n, metric, alpha, rows, candidates)
    why = why_no_more(query, "items")
    if candidates is not None and allowed is not None and allowed.where is not None:
        why = why_filtered(model, allowed.where, len(candidates), why)
    return item_table(model, found, -scores if opposite else scores, n, why)


def between(
    model: ModelParts, first: object, last: object, n: int = 10, allowed: Allowed | None = None
) -> Table:
    """N items on the way from one to another; see `Recommender.items_between`."""
    n = checked_n(n)
    if model.fitted.item_vectors is None:
        raise ModelError(
            f"{model.fitted.spec.name} has no factors, so nothing lies between items; train a "
            "factorization"
        )
    ends = model.item_rows([first, last])
    if ends[0] == ends[1]:
        raise ArgumentError(f"{first!r} and {last!r} are the same item; name two")
    start, end = normalized(model.factors.item_factors[ends])
    candidates = None if allowed is None else model.candidates(allowed)
    used, rows, scores = ends.tolist(), [], []
    for step in range(1, n + 1):
        share = np.float32(step / (n + 1))
        query = (1 - share) * start + share * end
        found, cosine = model.item_similarity.near(
            query, 1, excluded=np.unique(used), candidates=candidates
        )
        if not len(found):
            break
        used.append(int(found[0]))
        rows.append(int(found[0]))
        scores.append(float(cosine[0]))
    why = "there are no more items on the way"
    return item_table(model, np.array(rows, np.int64), np.array(scores, np.float32), n, why)


def _by_weights(
    model: ModelParts,
    rows: npt.NDArray[np.int64],
    n: int,
    metric: Metric,
    candidates: npt.NDArray[np.int64] | None,
    opposite: bool,
) -> Table:
    # Of an item–item model: its own weights, of several items their sum.
    if metric != "cosine":
        raise ArgumentError(
            f"metric does not apply to {model.fitted.spec.name}, which compares items by its "
            f"own weights; leave out metric={metric!r}"
        )
    each = [model.fitted.similarities(int(row)) for row in rows]
    weights = np.sum([one for one in each if one is not None], axis=0)
    weights = -weights if opposite else weights
    order = np.argsort(-weights, kind="stable")
    order = order[~np.isin(order, rows)]
    if candidates is not None:
        order = order[np.isin(order, candidates)]
    best = order[weights[order] > 0][:n]
    sign = "negative" if opposite else "positive"
    found = -weights[best] if opposite else weights[best]
    return item_table(model, best, found, n, f"no more items have a {sign} weight")


def similar_users(
    model: ModelParts, user: object, n: int = 10, metric: Metric = "cosine", alpha: float = 0.5
) -> Table:
    """The n users most similar to one; see `Recommender.similar_users`."""
    n = checked_n(n)
    row = model.fitted.users.row(user)
    rows, scores = model.user_similarity.search(row, n, metric, alpha)
    ranks = np.arange(1, len(rows) + 1)
    answer: dict[str, npt.NDArray[Any]] = {
        "rank": ranks,
        "user": model.fitted.users.ids[rows],
        "score": scores,
    }
    if model.history is not None:
        answer |= {"n_ratings": np.diff(model.history.indptr)[rows]}
    return shortened(Table(answer), n, why_no_more(model.factors.user_factors[row], "users"))
