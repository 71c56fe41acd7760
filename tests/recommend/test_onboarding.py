"""What to ask somebody new: by the formula, and never twice."""

import numpy as np
import pytest

from recsys import EASE, ImplicitALS, Popularity, Ratings, Recommender, train
from recsys.errors import ModelError
from recsys.recommend.onboarding import prior


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return train(ImplicitALS(8, n_epochs=5, unobserved_weight=0.2), sample, feedback="ones")


def posterior(model: Recommender, asked: list[tuple[int, float]]) -> np.ndarray:
    """The covariance of x after measurements y·x with noise σ² / share, in information form."""
    taste = prior(model)
    precision = np.linalg.inv(taste.covariance)
    for row, share in asked:
        y = taste.vectors[row]
        precision = precision + share * np.outer(y, y) / taste.noise
    return np.linalg.inv(precision)


def test_the_questions_have_the_largest_expected_gain(model: Recommender) -> None:
    taste = prior(model)
    known = model.popularity / len(model.factors.users)
    asked: list[tuple[int, float]] = []
    found = model.onboard(6)
    for item, score in zip(found["item"], found["score"], strict=True):
        covariance = posterior(model, asked)
        spread = np.einsum("if,fg,ig->i", taste.vectors, covariance, taste.vectors)
        worth = known * 0.5 * np.log1p(spread / taste.noise)
        worth[[row for row, _ in asked]] = -np.inf
        best = int(worth.argmax())
        assert item == model.factors.items.ids[best]
        assert score == pytest.approx(worth[best], rel=1e-4)
        asked.append((best, known[best]))


def test_answers_change_the_next_question(model: Recommender) -> None:
    first = model.onboard(1)["item"][0]
    rated, unseen = (model.onboard(20, answered={first: value}) for value in (5.0, None))
    assert first not in rated["item"].tolist()
    assert first not in unseen["item"].tolist()
    assert rated["item"].tolist() != unseen["item"].tolist()
    # "Not seen" says nothing of taste, so the next one is the second best without it.
    taste = prior(model)
    worth = model.popularity / len(model.factors.users) * taste.gains()
    worth[model.factors.items.row(first)] = -np.inf
    assert unseen["item"][0] == model.factors.items.ids[int(worth.argmax())]


def test_conditions_hold_for_questions(model: Recommender) -> None:
    found = model.onboard(1000, where="year < 1980")
    assert set(found["year"] < 1980) == {True}
    assert len(found) == (model.item_table["year"] < 1980).sum()
    assert found["item"].is_unique


def test_models_without_factors_say_so(sample: Ratings) -> None:
    for spec in (EASE(), Popularity()):
        with pytest.raises(ModelError, match="has no factors, so no item says more"):
            train(spec, sample).onboard(3)
