"""Loads model files and checks every answer against the formula: one line of output a file.

Run in a process of its own, because a bad file may kill it. `refused` and `fine` are the good
outcomes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from store import crafting

import recsys
from recsys.errors import ModelFileError, RecsysError

N = 3
HISTORY = "history_indptr", "history_items", "history_ratings"
WEIGHTS = "weights.indptr", "weights.indices", "weights.data"


def outcome(path: Path, verify: bool) -> str:
    """The outcome of loading and asking one file."""
    try:
        model = recsys.load(path, verify=verify)
    except ModelFileError as error:
        one_line = len(str(error).splitlines()) == 1 and len(str(error)) < 600
        return "refused" if one_line else f"refused in several lines: {str(error)!r}"
    wrong = unlike_the_formula(path, model)
    for question in questions(model):
        with suppress(RecsysError):  # which says what it cannot do
            question()
    return wrong or "fine"


def unlike_the_formula(path: Path, model: recsys.Recommender) -> str:
    """Which answer differs from the formula on the file's arrays, in words; "" for none."""
    arrays, about = crafting.parts(path)
    users, items = model.factors.users.ids, model.factors.items.ids
    for name, ids in (("users", users), ("items", items)):
        if ids.tolist() != crafting.table(arrays[name])["id"].to_pylist():
            return f"the {name} are others than those in the file"
    n_users, n_items = len(users), len(items)
    if "weights.data" not in arrays:
        ranked = dot_products(arrays)
    elif "history_items" in arrays:
        values = confidences(arrays["history_ratings"], about["feedback"])
        if model.factors.spec.ignores_values:  # whatever is liked counts the same
            values = (values > 0).astype(float)
        history = dense(arrays | {"history_ratings": values}, HISTORY, n_users, n_items)
        ranked = history @ dense(arrays, WEIGHTS, n_items, n_items)
    else:
        return ""
    mean = about.get("mean", 0.0)
    if not np.allclose(model.predict(users, items[:1]), mean + ranked[:, 0], rtol=1e-5, atol=1e-5):
        return "predictions differ from the formula"
    if "history_items" not in arrays or abs(mean) > 1e6:  # float32 scores are equal then
        return ""
    for user in range(n_users):
        own = slice(*arrays["history_indptr"][user : user + 2])
        ranked[user, arrays["history_items"][own]] = -np.inf
    best = -np.sort(-ranked, axis=1)[:, :N]
    found = model.recommend_many(n=N)
    # Scores may omit a user's constant, so differences are compared.
    for user_id, answer in found.groupby("user"):
        row = int(np.flatnonzero(users == user_id)[0])
        wanted = best[row][: len(answer)]
        if answer["score"].isna().all():  # the popular list, where no like is known
            own = slice(*arrays["history_indptr"][row : row + 2])
            liked = confidences(arrays["history_ratings"][own], about["feedback"]) > 0
            known = about["feedback"].get("dislikes_below") is None or liked.any()
            if arrays["user_counts"][row] and known and np.ptp(wanted):
                return f"user {user_id} gets no list of their own"
            continue
        steps = np.diff(answer["score"].to_numpy(float)), np.diff(wanted)
        if not np.allclose(*steps, rtol=1e-3, atol=1e-4 * np.abs(wanted).max()):
            return f"the list of user {user_id} is not the best that the file has"
    return ""


def confidences(values: np.ndarray, feedback: Mapping[str, Any]) -> np.ndarray:
    """What ratings weigh by the definitions of `Feedback`, none of them centered."""
    threshold, border = feedback["threshold"], feedback.get("dislikes_below")
    counts = np.ones(len(values), bool) if threshold is None else values >= threshold
    if border is not None:
        signs: np.ndarray = np.where(values >= border, 1.0, -1.0)
        return signs
    if feedback["ones"]:
        return counts.astype(float)
    if feedback.get("log"):
        values = np.sign(values) * np.log2(1 + np.abs(values))
    found: np.ndarray = values * counts
    return found


def dot_products(arrays: crafting.Arrays) -> np.ndarray:
    """Scores of all pairs, without the mean, of a model of factors."""
    x, y, bias_x, bias_y = (
        arrays[name].astype(float)
        for name in ("user_factors", "item_factors", "user_bias", "item_bias")
    )
    scores: np.ndarray = bias_x[:, None] + bias_y + x @ y.T
    return scores


def dense(arrays: crafting.Arrays, names: tuple[str, ...], n: int, m: int) -> np.ndarray:
    """The matrix that three arrays describe, entry by entry."""
    indptr, columns, values = (arrays[name] for name in names)
    table = np.zeros((n, m))
    for row in range(n):
        for at in range(indptr[row], indptr[row + 1]):
            table[row, columns[at]] = values[at]
    return table


def questions(model: recsys.Recommender) -> Iterator[Callable[[], object]]:
    """Every question a model answers."""
    user, item = model.factors.users.ids[1], model.factors.items.ids[2]
    yield lambda: model.recommend(user, N)
    yield lambda: model.recommend_for({item: 5.0}, N)
    yield lambda: model.liked(user, N)
    yield lambda: model.similar_items(item, N)
    yield lambda: model.similar_users(user, N)
    yield lambda: model.titles.row("Film 3")
    yield lambda: model.recommend("no such user")
    yield lambda: repr(model)


if __name__ == "__main__":
    for name in sys.argv[2:]:
        try:
            said = outcome(Path(name), verify=sys.argv[1] == "verify")
        except BaseException as error:
            said = f"{type(error).__name__}: {error}".splitlines()[0]
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()
