"""Updates of models that were trained with features."""

import contract
import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.models.factors import Factorization
from recsys.models.spec import Spec
from recsys.ratings.simulate import simulate

COLUMNS = ["user_id", "item_id", "rating"]
MODELS = [one for one in contract.EVERY if one.name in ("implicit-als", "ease", "blend")]
of = recsys.Ratings.from_frame


@pytest.mark.parametrize("spec", MODELS, ids=lambda one: one.name)
def test_a_model_with_features_is_updated_and_still_takes_described_items(spec: Spec) -> None:
    frame, movies = simulate(n_users=60, n_items=40, n_ratings=1500, seed=1)
    frame = frame.rename(columns={"userId": "user_id", "movieId": "item_id"})
    movies = movies.rename(columns={"movieId": "item_id"})
    late = frame.item_id > 36
    model = recsys.train(spec, of(frame[~late], items=movies[:36]), features=["genres"])
    updated = model.update(of(frame[late & (frame.item_id < 40)], items=movies[:39]))
    assert not updated.from_features("items").any()
    assert set(updated.late_items) == set(updated.item_rows([37, 38, 39]))
    more = updated.with_items(movies[39:].rename(columns={"item_id": "item"}))
    assert more.from_features("items").sum() == 1
    assert len(more.recommend(frame.user_id[0], 5)) == 5
    final = more.update(of(frame[frame.item_id == 40]))
    assert not final.from_features("items").any()
    if isinstance(spec, Factorization):
        found = final.fitted.fold_in_users(final.feedback.of(final.seen()))
        assert np.allclose(found.factors, final.factors.user_factors, atol=1e-4)


def test_users_known_by_features_become_users_like_others() -> None:
    rng = np.random.default_rng(2)
    rows = [(u, i, float(rng.integers(1, 6))) for u in range(40) for i in range(20) if (u + i) % 3]
    users = pd.DataFrame({"user_id": range(45), "club": [f"c{u % 4}" for u in range(45)]})
    spec = recsys.ImplicitALS(4)
    model = recsys.train(spec, of(pd.DataFrame(rows, columns=COLUMNS), users=users), features=True)
    assert model.from_features("users").sum() == 5
    joins = [(user, 50, 5.0) for user in (41, 42)] + [(41, 1, 5.0), (42, 2, 4.0)]
    model = model.update(of(pd.DataFrame(joins, columns=COLUMNS)))
    assert model.from_features("users").sum() == 3
    assert np.flatnonzero(model.factors.state["user_described"]).tolist() == [40, 43, 44]
    assert np.any(model.factors.item_factors[model.item_row(50)])
    found = model.factors.fold_in_users(model.feedback.of(model.seen()))
    rated = np.diff(model.seen().indptr) > 0
    assert np.allclose(found.factors[rated], model.factors.user_factors[rated], atol=1e-5)


def test_what_features_are_worth_is_not_mixed_up_by_items_that_joined() -> None:
    rng = np.random.default_rng(2)
    rows = [(u, i, 5.0) for u in range(30) for i in range(10, 30) if rng.random() < 0.4]
    items = pd.DataFrame({"item_id": range(40), "genres": [f"g{i % 3}" for i in range(40)]})
    ratings = of(pd.DataFrame(rows, columns=COLUMNS), items=items[10:30])
    model = recsys.train(recsys.EASE(), ratings, features=["genres"])
    joins = pd.DataFrame([(1, 3, 5.0), (2, 3, 5.0)], columns=COLUMNS)
    updated = model.update(of(joins, items=items))
    table_of_new = items[35:36].rename(columns={"item_id": "item"})
    plain, after = (one.with_items(table_of_new) for one in (model, updated))
    weights = [
        one.factors.weights[np.ix_(one.item_rows(range(10, 30)), one.item_rows([35]))].toarray()
        for one in (plain, after)
    ]
    assert np.array_equal(*weights)
