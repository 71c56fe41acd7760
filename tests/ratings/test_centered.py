"""Ratings on a scale as likes and dislikes: held against the formula and against known people."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import recsys
from recsys.errors import ArgumentError, DataError
from recsys.ratings.centered import SHRINKAGE, RatingScale

CENTERED = recsys.Feedback(centered=True)
STARS = RatingScale(mean=3.5, low=1, high=5)


def one(*ratings: float) -> sp.csr_matrix:
    return sp.csr_matrix(np.array([ratings], np.float32))


def by_formula(row: list[float], mean: float, low: float, high: float) -> list[float]:
    own = (sum(row) + SHRINKAGE * mean) / (len(row) + SHRINKAGE)
    found = []
    for r in row:
        z = (r - own) / (high - own) if r >= own else (r - own) / (own - low)
        found.append(z if z < -2 / 3 else 1 + z / 5)
    return found


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.lists(st.sampled_from([1, 2, 3, 4, 5]), min_size=1, max_size=6), min_size=2)
)
def test_it_is_the_formula_in_training_and_row_by_row(rows: list[list[int]]) -> None:
    frame = pd.DataFrame(
        [(u, i, float(r)) for u, row in enumerate(rows) for i, r in enumerate(row)],
        columns=["user_id", "item_id", "rating"],
    )
    ratings = recsys.Ratings.from_frame(frame, rating="rating")
    values = frame["rating"].to_numpy()
    low, high = values.min(), values.max()
    if low == high:
        return
    feedback = CENTERED.fitted(ratings)
    scale = feedback.scale
    assert scale is not None
    assert [scale.mean, scale.low, scale.high] == pytest.approx([values.mean(), low, high])
    trained = CENTERED.apply(ratings).matrix
    for u, row in enumerate(rows):
        expected = by_formula([float(r) for r in row], values.mean(), low, high)
        assert np.allclose(trained[u].data, expected, atol=1e-6)
        # Fold-in sees one row at a time, and finds the same to the bit.
        assert np.array_equal(feedback.of(ratings.matrix[u]).data, trained[u].data)


def test_a_single_rating_of_somebody_unknown_is_held_against_everybody() -> None:
    assert STARS.confidences(one(1)).tolist() == [-1]
    assert STARS.confidences(one(5)).tolist() == [np.float32(1.2)]
    assert 0 < STARS.confidences(one(2))[0] < STARS.confidences(one(3))[0] < 1


@pytest.mark.parametrize("n", [1, 20, 500])
def test_the_worst_always_counts_against_and_the_best_for(n: int) -> None:
    """Somebody who only gives one star dislikes all of it, however many they gave."""
    assert (STARS.confidences(one(*[1] * n)) == -1).all()
    assert np.allclose(STARS.confidences(one(*[5] * n)), 1.2)


def test_the_mean_is_the_persons_own_where_they_rated_much() -> None:
    generous = STARS.confidences(one(2, *[5] * 200))[0]
    strict = STARS.confidences(one(2, *[1.5] * 200))[0]
    assert generous < 0 < 1 < strict


@pytest.mark.parametrize(("low", "high"), [(0.5, 5), (1, 10), (-10, 10), (0, 100)])
def test_scales_do_not_matter(low: float, high: float) -> None:
    rng = np.random.default_rng(0)
    share = rng.random(40)
    unit = RatingScale(0.6, 0, 1).confidences(one(*share))
    other = RatingScale(low + 0.6 * (high - low), low, high)
    assert np.allclose(other.confidences(one(*(low + share * (high - low)))), unit, atol=1e-4)
    assert (unit < 0).any()
    assert (unit > 1).any()


def test_later_ratings_may_lie_outside_the_scale() -> None:
    assert STARS.confidences(one(-3, 9)).tolist() == [-1, np.float32(1.2)]


def test_held_out_ratings_are_judged_with_the_known_ones() -> None:
    """Alone, a 2 is below the mean of 3.5 and yet no dislike; after many fives it is one."""
    frame = pd.DataFrame([(0, i, 5.0) for i in range(200)] + [(1, 0, 1.0), (1, 1, 3.0)],
                         columns=["user_id", "item_id", "rating"])  # fmt: skip
    ratings = recsys.Ratings.from_frame(frame)
    test = ratings.select(np.arange(ratings.n_ratings) == 7).with_values([2.0])
    feedback = recsys.Feedback(centered=True, scale=STARS)
    assert feedback.liked(test).nnz == 1
    with pytest.raises(DataError, match="nothing counts as liked"):
        feedback.liked(test, ratings.matrix)


def test_what_cannot_be_centered_is_refused(sample: recsys.Ratings) -> None:
    counts = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [1, 2, 1], "plays": [1, 2, 900]})
    with pytest.raises(DataError, match="needs ratings on a scale, and these are counts"):
        CENTERED.apply(recsys.Ratings.from_frame(counts, rating="plays"))
    seen = recsys.Ratings.from_frame(counts[["user_id", "item_id"]], rating=None)
    with pytest.raises(DataError, match="these are no ratings"):
        CENTERED.fitted(seen)
    with pytest.raises(ArgumentError, match=r"Feedback\.fitted"):
        CENTERED.of(sample.matrix)
    with pytest.raises(ArgumentError, match="has no ones, log or threshold"):
        recsys.Feedback(centered=True, ones=True)
    with pytest.raises(ArgumentError, match="only centered feedback has a scale"):
        recsys.Feedback(scale=STARS)
    with pytest.raises(ArgumentError, match="must be from 1 to 5"):
        RatingScale(7, 1, 5)
    with pytest.raises(
        ArgumentError, match="explicit-als predicts ratings and already includes means"
    ):
        recsys.train(recsys.ExplicitALS(2), sample, feedback="centered")


@given(
    values=st.lists(st.sampled_from([1.0, 1.5, 2.0, 3.0, 3.5, 4.0, 5.0]), min_size=1, max_size=8),
    mean=st.floats(1, 5),
)
def test_who_surely_likes_something_has_a_positive_confidence(
    values: list[float], mean: float
) -> None:
    own = np.array(values, np.float32)
    row = sp.csr_matrix(own[None])
    for feedback in (
        recsys.Feedback(centered=True, scale=RatingScale(mean, 1.0, 5.0)),
        recsys.Feedback(ones=True, dislikes_below=float(np.float32(mean))),
    ):
        likes = bool((feedback.of(row).data > 0).any())
        assert likes or not feedback.surely_likes(own)
        if max(values) >= mean:
            assert feedback.surely_likes(own)
    assert not recsys.Feedback(centered=True).surely_likes(own)
