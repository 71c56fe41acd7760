"""A model without some of its users answers everybody else as before."""

from __future__ import annotations

import numpy as np
import pytest

import recsys
from recsys.errors import ModelError, UnknownIdError
from recsys.models.spec import Spec
from recsys.recommend.forgetting import without_users

SPECS = (recsys.ImplicitALS(4), recsys.ExplicitALS(4, n_epochs=3), recsys.EASE(), recsys.PureSVD(4))


@pytest.mark.parametrize("spec", SPECS, ids=lambda one: one.name)
def test_others_keep_their_lists_and_nothing_of_the_person_is_left(
    spec: Spec, sample: recsys.Ratings
) -> None:
    model = recsys.train(spec, sample)
    gone = model.fitted.users.ids[[0, 7]].tolist()
    left = without_users(model, [*gone, 987654])  # somebody unknown is no error
    assert len(left.fitted.users) == len(model.fitted.users) - 2
    for user in gone:
        with pytest.raises(UnknownIdError):
            left.recommend(user)
    for user in model.fitted.users.ids[[1, 8]].tolist():
        assert left.recommend(user).equals(model.recommend(user))
    assert left.seen().nnz == model.seen().nnz - len(model.seen_by(0)) - len(model.seen_by(7))
    assert not np.isin(gone, left.fitted.users.ids).any()


def test_without_anybody_to_forget_it_is_the_same_model(sample: recsys.Ratings) -> None:
    model = recsys.train(recsys.Popularity(), sample)
    assert without_users(model, []) is model
    assert without_users(model, [987654]) is model


def test_a_model_of_nobody_is_none(sample: recsys.Ratings) -> None:
    model = recsys.train(recsys.Popularity(), sample)
    with pytest.raises(ModelError, match="every user"):
        without_users(model, model.fitted.users.ids.tolist())
