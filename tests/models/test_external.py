"""Factors from elsewhere: questions, maps, explanations and evaluation work on them."""

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import ArgumentError, FitError
from recsys.models.factors import Factors
from recsys.threads import one_blas_thread


def test_arrays_in_any_order_give_the_same_scores() -> None:
    x, y = np.array([[1.0, 0], [0, 2]]), np.array([[1.0, 1], [3, 0], [0, 1]])
    factors = Factors.from_arrays(
        x, y, ["b", "a"], [30, 10, 20], mean=0.5, user_bias=[0.1, 0.2], item_bias=[1, 2, 3]
    )
    assert factors.users.ids.tolist() == ["a", "b"]
    assert factors.predict(["b", "b", "a"], [30, 10, 20]) == pytest.approx(
        [0.5 + 0.1 + 1 + 1, 0.5 + 0.1 + 2 + 3, 0.5 + 0.2 + 3 + 2]
    )


def test_a_new_person_solves_the_regression(random_ratings: recsys.Ratings) -> None:
    made = recsys.ExplicitALS(4, n_epochs=5).fit(random_ratings)
    factors = Factors.from_arrays(
        made.user_factors, made.item_factors, made.users.ids, made.items.ids,
        mean=made.mean, user_bias=made.user_bias, item_bias=made.item_bias,
        spec=recsys.External(ridge=2.0),
    )  # fmt: skip
    row = random_ratings.matrix[[3]]
    y = made.item_factors[row.indices].astype(float)
    left = row.data - made.mean - made.item_bias[row.indices]
    expected = np.linalg.solve(y.T @ y + 2 * np.eye(4), y.T @ left)
    assert factors.fold_in_users(row).factors[0] == pytest.approx(expected, abs=1e-4)
    seen = Factors.from_arrays(
        made.user_factors, made.item_factors, made.users.ids, made.items.ids,
        spec=recsys.External(ridge=2.0, unobserved_weight=0.3),
    )  # fmt: skip
    whole = made.item_factors.astype(float)
    normal = 0.3 * whole.T @ whole + y.T @ y + 2 * np.eye(4)
    expected = np.linalg.solve(normal, y.sum(axis=0))
    assert seen.fold_in_users(row).factors[0] == pytest.approx(expected, abs=1e-4)


def test_everything_works_on_factors_of_implicit(sample: recsys.Ratings, tmp_path: object) -> None:
    from implicit.als import AlternatingLeastSquares

    with one_blas_thread():
        trainer = AlternatingLeastSquares(factors=8, iterations=5, random_state=0, num_threads=1)
        trainer.fit(sample.matrix.copy(), show_progress=False)
    factors = Factors.from_arrays(
        trainer.user_factors, trainer.item_factors, sample.users.ids, sample.items.ids,
        spec=recsys.External(ridge=0.01, unobserved_weight=1.0),
    )  # fmt: skip
    model = recsys.Recommender(factors, sample.item_table, sample.matrix)
    user = sample.users.ids[3]
    theirs, scores = trainer.recommend(3, sample.matrix[3], N=10)
    found = model.recommend(user)
    assert found["item"].tolist() == sample.items.ids[theirs].tolist()
    assert found["score"].to_numpy() == pytest.approx(scores, abs=1e-4)
    explained = model.explain(user, found["item"][0])
    assert explained.frame()["share"].sum() == pytest.approx(explained.score, abs=1e-5)
    assert len(model.similar_items(found["item"][0])) == 10
    path = recsys.save(model, f"{tmp_path}/m.safetensors")
    again = recsys.load(path)
    assert again.factors.spec == factors.spec
    pd.testing.assert_frame_equal(again.recommend(user), found)
    split = recsys.splits.held_out_users(sample, 30, seed=0)
    result = recsys.evaluate({"theirs": model}, split)
    table = result.summary
    chosen = table[(table["metric"] == "ndcg@10") & (table["model"].isin(["theirs", "popularity"]))]
    worth = dict(zip(chosen["model"], chosen["mean"], strict=True))
    assert worth["theirs"] > worth["popularity"]


def test_it_trains_nothing_and_is_not_offered(random_ratings: recsys.Ratings) -> None:
    with pytest.raises(ArgumentError, match="trained elsewhere"):
        recsys.External().fit(random_ratings)
    from recsys.models.registry import SPECS, spec_from_dict

    assert "external" not in list(SPECS)
    assert spec_from_dict(recsys.External(ridge=3.0).to_dict()) == recsys.External(ridge=3.0)


def test_arrays_that_do_not_fit_are_named() -> None:
    x, y = np.ones((2, 3)), np.ones((4, 3))
    with pytest.raises(ArgumentError, match=r"3 user ids, factors \(2, 3\)"):
        Factors.from_arrays(x, y, [1, 2, 3], [1, 2, 3, 4])
    with pytest.raises(ArgumentError, match="user ids must be unique"):
        Factors.from_arrays(x, y, [1, 1], [1, 2, 3, 4])
    with pytest.raises(ArgumentError, match="user factors have width 3 and item factors 2"):
        Factors.from_arrays(x, y[:, :2], [1, 2], [1, 2, 3, 4])
    with pytest.raises(FitError, match="not finite"):
        Factors.from_arrays(x * np.nan, y, [1, 2], [1, 2, 3, 4])
