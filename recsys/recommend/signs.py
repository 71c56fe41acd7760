"""What a model makes of a low rating: nothing, less than of a high one, or a dislike."""

from __future__ import annotations

from recsys.lazy import sp
from recsys.models.external import External
from recsys.recommend.parts import ModelParts


def blind_to(model: ModelParts, ratings: sp.csr_matrix, counted: sp.csr_matrix) -> str:
    """What to know where a model takes low ratings of a person for likes, or no notice of them.

    Args:
        model: the model.
        ratings: (1, n_items) as the person gave them.
        counted: (1, n_items) what of them counts, and how.

    Returns:
        "" where every rating in the lower half of the scale counts against its item or not at all.
    """
    spec, feedback = model.fitted.spec, model.feedback
    if model.fitted.item_vectors is not None and not model.fitted.n_factors:
        return f"{spec.name} gives all users the same list, whatever they rated"
    regression = isinstance(spec, External) and not spec.unobserved_weight
    if spec.predicts_ratings or regression:
        return ""
    kind, ends = _scale(model)
    if kind in ("counts", "seen"):
        what = "counts" if kind == "counts" else "implicit feedback, without ratings"
        return f"the model was trained on {what}: every value above 0 counts in favour of its item"
    # Both rows increase, and what counts is part of what was given.
    given = ratings.data
    if len(given) != counted.nnz:
        given = given[ratings.indices.searchsorted(counted.indices)]
    low = (counted.data > 0) & (given < (ends[0] + ends[1]) / 2)
    first = int(low.argmax()) if len(low) else 0
    if not len(low) or not low[first]:
        return ""
    titles, item = model.items.titles, int(counted.indices[first])
    name = (None if titles is None else titles[item]) or model.fitted.items.ids[item]
    same = feedback.ones or spec.ignores_values
    how = "as much as the highest rating would" if same else "but less than a higher rating would"
    remedy = ": train with --feedback centered to make low ratings count against their items"
    return (
        f"the {given[first]:g} for {name} counts in its favour, {how} (feedback {feedback})"
        f"{'' if feedback.knows_dislikes else remedy}"
    )


def _scale(model: ModelParts) -> tuple[str, tuple[float, float]]:
    # The kind of the training ratings, and the ends of their scale where they have one.
    account = model.account or {}
    kind = str(account.get("kind", "ratings"))
    if model.scale is not None:
        return "ratings", model.scale
    low, high = account.get("low"), account.get("high")
    if kind == "ratings" and isinstance(low, int | float) and isinstance(high, int | float):
        return kind, (float(low), float(high))
    return ("seen" if kind == "ratings" else kind), (0.0, 0.0)
