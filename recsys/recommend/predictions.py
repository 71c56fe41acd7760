"""What a model expects of pairs of users and items: scores, and how sure it is of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from recsys.arguments import require_one_of
from recsys.ids import several
from recsys.lazy import sp
from recsys.models.arrays import paired
from recsys.recommend.parts import ModelParts


def predict(
    model: ModelParts, users: npt.ArrayLike, items: npt.ArrayLike, unknown: str = "raise"
) -> npt.NDArray[np.float64]:
    """Scores of pairs of external ids; see `Recommender.predict`."""
    fitted, history = model.fitted, None
    require_one_of("unknown", unknown, ("raise", "nan", "bias"))
    if model.history is not None and fitted.item_vectors is None:
        history = model.feedback.of(model.history)
    if unknown == "raise":
        return fitted.predict(users, items, history)
    rows, columns = paired(fitted.users.find(several(users)), fitted.items.find(several(items)))
    known = (rows >= 0) & (columns >= 0)
    found = np.full(len(rows), np.nan)
    ids = fitted.users.ids[rows[known]], fitted.items.ids[columns[known]]
    if known.any():
        found[known] = fitted.predict(*ids, history)
    if unknown == "bias":
        # An item without factors and bias scores the offset of its user.
        new = ~known & (rows >= 0)
        mine = rows[new]
        people = fitted.people(mine, None if history is None else history[mine])
        found[new] = fitted.queries(people)[1]
        new = ~known & (rows < 0)
        nobody = fitted.fold_in_users(sp.csr_matrix(np.zeros((1, len(fitted.items)), np.float32)))
        each = fitted.scores(nobody)[0]
        found[new] = np.where(columns[new] >= 0, each[columns[new]], fitted.queries(nobody)[1])
    return found


def deviations(
    model: ModelParts, users: npt.ArrayLike, items: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Standard deviations of the ratings of pairs of external ids; see `Recommender.predict`."""
    fitted = model.fitted
    rows, columns = paired(fitted.users.find(several(users)), fitted.items.find(several(items)))
    known = (rows >= 0) & (columns >= 0)
    # What features leave open about a person or item is not among the draws of a model.
    known &= ~model.from_features("users")[rows] & ~model.from_features("items")[columns]
    found = np.full(len(rows), np.nan)
    found[known] = fitted.spec.deviations(fitted, rows[known], columns[known])
    return found
