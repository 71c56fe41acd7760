"""What counts as liked: the same for a training matrix and for ratings that come later."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import frames

import recsys
from recsys.errors import ArgumentError, DataError


@settings(max_examples=150, deadline=None)
@given(
    frame=frames(), text=st.sampled_from(["values", "ones", "log", "at-least=2", "at-least=-0.5"])
)
def test_training_and_fold_in_have_one_rule(frame: pd.DataFrame, text: str) -> None:
    """Twin: a loop over the ratings."""
    ratings = recsys.Ratings.from_frame(frame)
    feedback = recsys.Feedback.parse(text)
    least = feedback.threshold
    dense = np.zeros(ratings.matrix.shape)
    n_kept = 0
    for user, item, rating, _ in frame.itertuples(index=False):
        if least is None or rating >= least:
            row, column = ratings.users.row(user), ratings.items.row(item)
            logarithm = math.copysign(math.log2(1 + abs(np.float32(rating))), rating)
            dense[row, column] = {"values": rating, "log": np.float32(logarithm)}.get(text, 1)
            n_kept += 1
    found = feedback.of(ratings.matrix)
    assert found.toarray().tolist() == dense.tolist()
    assert found.nnz == n_kept  # a rating of zero is still a rating
    if n_kept:
        applied = feedback.apply(ratings)
        assert applied.matrix.toarray().tolist() == dense.tolist()
        assert applied.n_ratings == n_kept
        assert applied.users is ratings.users
    else:
        with pytest.raises(DataError, match="no ratings are left"):
            feedback.apply(ratings)


def test_text_round_trip_and_bad_texts() -> None:
    for text in ("values", "ones", "log", "at-least=3.5"):
        assert str(recsys.Feedback.parse(text)) == text
    for text in ("stars", "at-least", "at-least=x", "at-least=nan", "at-least=inf"):
        with pytest.raises(ArgumentError, match="feedback must be"):
            recsys.Feedback.parse(text)
    with pytest.raises(ArgumentError, match="choose ones or log"):
        recsys.Feedback(ones=True, log=True)


def test_liked_ratings_become_ones(random_ratings: recsys.Ratings) -> None:
    liked = recsys.feedback.at_least(random_ratings, 4)
    assert set(liked.matrix.data) == {1.0}
    assert liked.n_ratings == (random_ratings.matrix.data >= 4).sum()
    assert (liked.n_users, liked.n_items) == (random_ratings.n_users, random_ratings.n_items)
    assert not liked.has_values
    with pytest.raises(DataError, match="no ratings are left at or above 6; the highest is 5"):
        recsys.feedback.at_least(random_ratings, 6)
    assert (
        recsys.feedback.ones(random_ratings).matrix.data.tolist() == [1] * random_ratings.n_ratings
    )


def test_the_matrix_given_stays_as_it_is(random_ratings: recsys.Ratings) -> None:
    before = random_ratings.matrix.copy()
    recsys.Feedback.parse("at-least=4").of(random_ratings.matrix)
    assert np.array_equal(random_ratings.matrix.toarray(), before.toarray())


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_a_threshold_counts_equal_ratings_whatever_its_type(kind: type) -> None:
    frame = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [1, 2, 1], "rating": [0.7, 0.3, 0.6]})
    ratings = recsys.Ratings.from_frame(frame)
    assert recsys.feedback.at_least(ratings, kind(0.7)).n_ratings == 1
    feedback = recsys.Feedback(ones=True, threshold=kind(0.7))
    assert feedback.of(ratings.matrix).nnz == 1
    assert str(feedback) == "at-least=0.7"


def test_held_out_values_of_zero_or_less_are_not_liked(random_ratings: recsys.Ratings) -> None:
    values = np.arange(random_ratings.n_ratings) % 4 - 1
    ratings = random_ratings.with_values(values)
    feedback = recsys.Feedback()
    liked = feedback.liked(ratings)
    assert liked.nnz == (values > 0).sum()
    assert liked.shape == ratings.matrix.shape
    assert np.array_equal(liked.toarray(), ratings.matrix.toarray().clip(min=0))
    assert feedback.of(ratings.matrix).nnz == ratings.n_ratings  # they stay seen
    with pytest.raises(DataError, match="no rating is above 0"):
        feedback.liked(ratings.with_values(-np.ones(ratings.n_ratings)))
