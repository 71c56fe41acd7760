"""What counts as liked: the same for a training matrix and for ratings that come later."""

import math
from dataclasses import replace

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
    frame=frames(),
    text=st.sampled_from(
        ["values", "ones", "log", "at-least=2", "at-least=-0.5", "dislikes-below=2"]
    ),
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
            sign = 1 if rating >= 2 else -1
            dense[row, column] = {
                "values": rating, "log": np.float32(logarithm), "dislikes-below=2": sign
            }.get(text, 1)  # fmt: skip
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
    for text in ("values", "ones", "log", "centered", "at-least=3.5", "dislikes-below=3"):
        assert str(recsys.Feedback.parse(text)) == text
        decaying = f"{text},half-life=0.5d"
        assert str(recsys.Feedback.parse(decaying)) == decaying
        assert recsys.Feedback.parse(decaying) == replace(
            recsys.Feedback.parse(text), half_life=0.5
        )
    for text in (
        "stars", "at-least", "at-least=x", "at-least=nan", "at-least=inf", "dislikes-below=", "",
        "ones,", "ones,log", "half-life=3d", "ones,half-life=3", "ones,half-life=0d",
        "ones,half-life=-1d", "ones,half-life=nand", "ones,half-life=3d,log", "ones=3",
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match="feedback must be"):
            recsys.Feedback.parse(text)
    with pytest.raises(ArgumentError, match="ones must be true"):
        recsys.Feedback(dislikes_below=3)
    with pytest.raises(ArgumentError, match="half_life must be a number of days above 0, not 0"):
        recsys.Feedback(half_life=0)
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


def test_confidence_halves_with_every_half_life() -> None:
    day = 24 * 3600
    frame = pd.DataFrame(
        {
            "user_id": [1, 1, 2, 2], "item_id": [1, 2, 1, 2], "rating": [4, 1, 2, -4],
            "timestamp": np.array([90, 80, 60, 100]) * day,
        }
    )  # fmt: skip
    ratings = recsys.Ratings.from_frame(frame, timestamp="timestamp")
    decaying = recsys.Feedback(half_life=10)
    assert decaying.apply(ratings).matrix.toarray().tolist() == [[2, 0.25], [0.125, -4]]
    # Age is measured from the latest rating, whether that counts or not.
    some = recsys.Feedback(ones=True, threshold=0, half_life=10).apply(ratings).matrix.toarray()
    assert some.tolist() == [[0.5, 0.25], [0.0625, 0]]
    dislikes = recsys.Feedback(ones=True, dislikes_below=2, half_life=10).apply(ratings)
    assert dislikes.matrix.toarray().tolist() == [[0.5, -0.25], [0.0625, -1]]


def test_ratings_without_times_do_not_decay(random_ratings: recsys.Ratings) -> None:
    """Nobody knows how old the ratings of a new person are, or what was held out."""
    decaying = recsys.Feedback(half_life=10)
    matrix = random_ratings.matrix
    assert np.array_equal(decaying.of(matrix).toarray(), matrix.toarray())
    without = replace(random_ratings, timestamps=None)
    assert np.array_equal(decaying.liked(without).toarray(), matrix.toarray().clip(min=0))
    with pytest.raises(DataError, match=r"half-life=10d needs the times .* --column timestamp"):
        decaying.apply(without)


def test_models_of_ratings_have_no_half_life(random_ratings: recsys.Ratings) -> None:
    with pytest.raises(ArgumentError, match="explicit-als predicts ratings, which do not decay"):
        recsys.train(recsys.ExplicitALS(4), random_ratings, feedback="values,half-life=10d")
