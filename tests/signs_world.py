"""A world of two kinds of items, of which everybody loves one and dislikes the other."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import recsys
from recsys.models.spec import Spec
from recsys.recommend.recommender import Recommender

N = 12  # items of each kind: 0 to 11 are A, 12 to 23 are B
A, B = range(N), range(N, 2 * N)

SPECS: dict[str, Callable[[], Spec]] = {
    "implicit-als": lambda: recsys.ImplicitALS(2, unobserved_weight=0.3),
    "explicit-als": lambda: recsys.ExplicitALS(4),
    "bayesian-mf": lambda: recsys.BayesianMF(3, n_burn_in=20, n_samples=20),
    "bpr": lambda: recsys.BPR(4, n_epochs=150, learning_rate=0.05),
    "logistic-mf": lambda: recsys.LogisticMF(4),
    "pure-svd": lambda: recsys.PureSVD(2),
    "normalized-svd": lambda: recsys.NormalizedSVD(2),
    "ease": lambda: recsys.EASE(100.0),
    "item-knn": lambda: recsys.ItemKNN(10),
    "blend": lambda: recsys.Blend(
        of=[recsys.ImplicitALS(2, unobserved_weight=0.3), recsys.NormalizedSVD(2)]
    ),
    "popularity": lambda: recsys.Popularity(),
    "biases": lambda: recsys.Biases(),
}


def world() -> recsys.Ratings:
    """60 users: nine of twelve items of their kind with four or five stars, three others with 1."""
    rng = np.random.default_rng(3)
    rows = []
    for user in range(60):
        own, other = (A, B) if user % 2 else (B, A)
        rows += [(user, i, float(rng.integers(4, 6))) for i in rng.permutation(list(own))[:9]]
        rows += [(user, i, 1.0) for i in rng.permutation(list(other))[:3]]
    return recsys.Ratings.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "rating"]))


def trained(name: str, feedback: str) -> Recommender:
    return recsys.train(SPECS[name](), world(), feedback=feedback)


def effect(model: Recommender, stars: float) -> str:
    """What a rating of one item of kind A does to the others of that kind.

    The person also loves an item of each kind; the scores of A are compared with those of B.
    """

    def lead(given: dict[Any, float]) -> float:
        answer = model.recommend_for(given, 2 * N).set_index("item")["score"]
        a, b = (answer[[i for i in kind if i in answer.index and i % N > 1]] for kind in (A, B))
        return float(a.mean() - b.mean())

    base = {0: 5.0, N: 5.0}
    change = lead(base | {1: stars}) - lead(base)
    spread = model.recommend_for(base, 2 * N)["score"].std()
    if abs(change) < 1e-4 * max(float(spread), 1e-12):
        return "nothing"
    return "for" if change > 0 else "against"


def table() -> str:
    """The table of the docs: what one star and five stars do, by model and feedback."""
    kinds = "centered", "values", "ones"
    lines = ["| model | " + " | ".join(f"`{kind}`: 1 star, 5 stars" for kind in kinds) + " |"]
    lines.append("|---" * 4 + "|")
    for name, spec in SPECS.items():
        cells = []
        for kind in kinds:
            if spec().predicts_ratings and kind != "values":
                cells.append("–")
            else:
                model = trained(name, kind)
                cells.append(f"{effect(model, 1)}, {effect(model, 5)}")
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)
