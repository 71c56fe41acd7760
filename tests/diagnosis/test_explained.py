"""How much of the feedback a model explains, against the sum over its pairs."""

from __future__ import annotations

import numpy as np
import pytest

import recsys
from recsys import Ratings
from recsys.diagnosis.explained import explained
from recsys.diagnosis.health import health


@pytest.mark.parametrize(("alpha", "exponent"), [(None, 0.0), (3.0, 0.0), (3.0, 0.5)])
@pytest.mark.parametrize("feedback", ["values", "ones", "log", "at-least=3"])
def test_the_share_is_the_sum_over_pairs(
    alpha: float | None, exponent: float, feedback: str, random_ratings: Ratings
) -> None:
    spec = recsys.ImplicitALS(8, unobserved_weight=0.2, alpha=alpha, popularity_exponent=exponent)
    model = recsys.train(spec, random_ratings, feedback=feedback)
    columns = model.feedback.of(random_ratings.matrix).indices
    popularity = np.bincount(columns, minlength=random_ratings.n_items).clip(1) ** exponent
    unobserved = dict(
        zip(random_ratings.items.ids, 0.2 * popularity / popularity.mean(), strict=True)
    )
    left = total = 0.0
    for user, item, rating in random_ratings.to_frame()[["user", "item", "rating"]].to_numpy():
        confidence = {"values": rating, "log": np.log2(1 + rating)}.get(feedback, 1.0)
        if feedback == "at-least=3" and rating < 3:
            continue
        if alpha is not None:
            confidence = unobserved[item] + alpha * confidence
        left += confidence * (float(model.predict(user, item)[0]) - 1) ** 2
        total += confidence
    assert explained(model) == pytest.approx(1 - left / total, rel=1e-5)


def test_a_collapsed_model_is_reported_and_a_chosen_one_is_not() -> None:
    """5 of 1,000 items each: the fixed weight of unseen pairs leaves nothing of the seen ones."""
    rng = np.random.default_rng(0)
    matrix = np.zeros((1000, 1000))
    matrix[np.repeat(np.arange(1000), 5), (1000 * rng.random(5000) ** 3).astype(int)] = 1
    ratings = Ratings.from_matrix(matrix)
    codes = [
        {one.code for one in health(recsys.train(spec, ratings)).symptoms}
        for spec in (recsys.ImplicitALS(), recsys.auto(budget=0))
    ]
    assert "collapsed" in codes[0]
    assert "collapsed" not in codes[1]


def test_other_models_are_not_judged(sample: Ratings) -> None:
    assert explained(recsys.train(recsys.PureSVD(4), sample)) is None
