"""`train`: a fit and everything needed to serve it."""

import pandas as pd
import pytest

import recsys


def test_feedback_counts_in_training_and_fold_in_but_not_for_what_was_seen(
    sample: recsys.Ratings,
) -> None:
    feedback = recsys.Feedback.parse("at-least=4")
    model = recsys.train(recsys.ImplicitALS(16), sample, feedback=feedback)
    user = 5
    row = sample.matrix[user - 1]
    disliked = sample.items.ids[row.indices[row.data < 4]]
    assert len(disliked)
    assert not set(disliked) & set(model.recommend(user, 200)["item"])
    ratings = dict(zip(sample.items.ids[row.indices].tolist(), row.data.tolist(), strict=True))
    pd.testing.assert_frame_equal(model.recommend_for(ratings), model.recommend(user))


def test_misuse_of_train_is_one_line(sample: recsys.Ratings) -> None:
    with pytest.raises(ValueError, match="spec must be a model"):
        recsys.train(recsys.ImplicitALS, sample)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ratings must be Ratings"):
        recsys.train(recsys.ImplicitALS(), sample.to_frame())  # type: ignore[arg-type]
