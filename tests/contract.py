"""Promises that every model keeps, each a function of a spec; test_contract.py runs them all."""

import dataclasses
from typing import Any, TypeVar

import numpy as np
import pytest
import scipy.sparse as sp

import recsys
from recsys.models.als import AlternatingModel
from recsys.models.blend import Blend
from recsys.models.factors import Factorization
from recsys.models.item_weights import ItemModel
from recsys.models.registry import BUILT_IN, SPECS, spec_from_dict
from recsys.models.spec import Spec
from recsys.recommend.explain import NOT_ATTRIBUTABLE
from recsys.recommend.ranking import FittedRanker

# Quick settings for small data, where the defaults are meant for real data.
QUICK: dict[str, dict[str, Any]] = {
    "implicit-als": {"n_factors": 8, "n_epochs": 20, "unobserved_weight": 0.5},
    "explicit-als": {"n_factors": 4, "n_epochs": 10},
    "bayesian-mf": {"n_factors": 4, "n_burn_in": 10, "n_samples": 10},
    "pure-svd": {"n_factors": 8},
    "normalized-svd": {"n_factors": 8, "low_pass": 0.3, "low_pass_factors": 3},
    "bpr": {"n_factors": 8, "n_epochs": 60, "learning_rate": 0.05, "regularization": 0.01},
    "logistic-mf": {"n_factors": 8, "regularization": 0.6},
    "popularity": {},
    "biases": {},
    "ease": {"regularization": 5.0, "n_neighbours": 10},
    "item-knn": {"n_neighbours": 10, "shrinkage": 1.0},
    "blend": {
        "of": [
            {"model": "implicit-als", "n_factors": 8, "n_epochs": 20, "unobserved_weight": 0.5},
            {"model": "normalized-svd", "n_factors": 8},
        ],
        "weights": [0.6, 0.4],
    },
}
EVERY = [SPECS[name](**QUICK[name]) for name in BUILT_IN]
VARIANTS: list[Factorization] = [
    recsys.ImplicitALS(**QUICK["implicit-als"], popularity_exponent=0.4),
    recsys.ExplicitALS(**QUICK["explicit-als"], implicit_weight=0.3),
]
"""With state that the plain models do not have."""
ALL = [spec for spec in EVERY if isinstance(spec, Factorization)] + VARIANTS
ITEM_MODELS = [spec for spec in EVERY if isinstance(spec, ItemModel)]
RESUMABLE = [spec for spec in ALL if spec.resumable]
FACTORIZATIONS = [s for s in ALL if s.name not in ("popularity", "biases")]
ZEROS = [s for s in ALL if s.name != "bayesian-mf"]
"""Models whose rows without ratings are zeros."""
RANKERS = [s for s in FACTORIZATIONS if s.name not in ("explicit-als", "bayesian-mf")] + ITEM_MODELS

S = TypeVar("S", bound=Spec)


def with_values(spec: S, **values: Any) -> S:
    """The same spec with other values of some hyperparameters."""
    return dataclasses.replace(spec, **values)


def recommends_the_one_item_that_was_held_out(
    spec: Spec, checkerboard: tuple[recsys.Ratings, dict[int, int]]
) -> None:
    ratings, held_out = checkerboard
    # Two tastes need two factors; more would also learn the missing entries.
    if hasattr(spec, "n_factors"):
        spec = with_values(spec, n_factors=2)
    if isinstance(spec, Blend):
        spec = with_values(spec, of=[with_values(one, n_factors=2) for one in spec.of])
    model = recsys.train(spec, ratings)
    for user, item in held_out.items():
        assert model.recommend(user, 1)["item"].tolist() == [item]


def fit_returns_immutable_finite_factors(spec: Factorization, ratings: recsys.Ratings) -> None:
    factors = spec.fit(ratings)
    for name in ("user_bias", "item_bias", "user_factors", "item_factors"):
        array = getattr(factors, name)
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert factors.users is ratings.users
    assert factors.spec == spec
    with pytest.raises(dataclasses.FrozenInstanceError):
        factors.mean = 1.0  # type: ignore[misc]


def explanations_sum_to_the_scores(spec: Spec, ratings: recsys.Ratings) -> None:
    """Of stored users and of new people, for every pair."""
    model = recsys.train(spec, ratings)
    for user in ratings.users.ids[:8]:
        row = ratings.users.row(user)
        own = ratings.matrix[[row]]
        person = {ratings.items.ids[i]: v for i, v in zip(own.indices, own.data, strict=True)}
        for item in ratings.items.ids[:12]:
            for found in (model.explain(user, item), model.explain_for(person, item)):
                shares = found.frame()["share"]
                assert shares.sum() == pytest.approx(found.score, abs=1e-5)
                assert len(found.ratings) == own.nnz
            score = float(model.predict([user], [item])[0])
            assert model.explain(user, item).score == pytest.approx(score, abs=1e-5)
            if spec.folds_in_exactly and spec.name != "bayesian-mf":  # which has a prior
                assert NOT_ATTRIBUTABLE not in model.explain(user, item).terms
                assert NOT_ATTRIBUTABLE not in model.explain_for(person, item).terms


def same_seed_same_bits_at_any_thread_count(
    spec: Factorization, ratings: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []
    for threads in ("1", "2", "4"):
        monkeypatch.setenv("RECSYS_NUM_THREADS", threads)
        results.append(spec.fit(ratings))
    for other in results[1:]:
        assert np.array_equal(other.user_factors, results[0].user_factors)
        assert np.array_equal(other.item_factors, results[0].item_factors)
        assert np.array_equal(other.user_bias, results[0].user_bias)


def a_score_is_mean_plus_biases_plus_dot_product(
    spec: Factorization, ratings: recsys.Ratings
) -> None:
    factors = spec.fit(ratings)
    expected = (
        factors.mean
        + factors.user_bias[:, None].astype(np.float64)
        + factors.item_bias
        + factors.user_factors.astype(np.float64) @ factors.item_factors.T
    )
    users = np.repeat(ratings.users.ids, ratings.n_items)
    items = np.tile(ratings.items.ids, ratings.n_users)
    predicted = factors.predict(users, items)
    assert predicted.dtype == np.float64
    assert np.allclose(predicted, expected.ravel(), atol=1e-6)


def folding_in_training_users_returns_their_factors(
    spec: Factorization, ratings: recsys.Ratings
) -> None:
    factors = spec.fit(ratings)
    side = factors.fold_in_users(ratings.matrix)
    assert np.abs(side.bias - factors.user_bias).max() <= 1e-6
    assert np.abs(side.factors - factors.user_factors).max(initial=0) <= 1e-6


def folding_in_part_of_the_users_gives_the_same_as_all(
    spec: Factorization, ratings: recsys.Ratings
) -> None:
    factors = spec.fit(ratings)
    side = factors.fold_in_users(ratings.matrix)
    part = factors.fold_in_users(ratings.matrix[3:7])
    # Approximate fold-in uses matrix products, whose rounding depends on the number of rows.
    rounding = 0 if spec.folds_in_exactly else 1e-6
    assert np.abs(part.factors - side.factors[3:7]).max(initial=0) <= rounding
    assert np.abs(part.bias - side.bias[3:7]).max() <= rounding


def folding_in_training_items_ranks_like_their_factors(
    spec: Factorization, ratings: recsys.Ratings
) -> None:
    """New items are solved against users that are half a step further: close, not equal."""
    factors = spec.fit(ratings)
    side = factors.fold_in_items(ratings.matrix.T.tocsr())
    ours = factors.user_factors @ side.factors.T + side.bias
    theirs = factors.user_factors @ factors.item_factors.T + factors.item_bias
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9


def a_row_without_ratings_gets_zeros(spec: Factorization, ratings: recsys.Ratings) -> None:
    factors = spec.fit(ratings)
    nobody = sp.csr_matrix(np.zeros((1, ratings.n_items), np.float32))
    side = factors.fold_in_users(nobody)
    assert not side.factors.any()
    assert not side.bias.any()


def awkward_rows_work(spec: Factorization, ratings: recsys.Ratings) -> None:
    """Training data with a user without ratings, a user with one, and an item without."""
    table = ratings.matrix.toarray()
    table[0] = 0
    table[1] = 0
    table[1, 3] = 4
    table[:, 5] = 0
    matrix = sp.csr_matrix(table)
    awkward = dataclasses.replace(ratings, matrix=matrix, timestamps=None)
    factors = spec.fit(awkward)
    assert np.isfinite(factors.user_factors).all()
    # Sampled gradient steps leave such rows near their random start; others have a prior.
    if spec in ZEROS and spec.folds_in_exactly:
        assert not factors.user_factors[0].any()
        assert factors.user_bias[0] == 0
        assert not factors.item_factors[5].any()


def excluded_items_never_come_back(spec: Spec, ratings: recsys.Ratings) -> None:
    model = recsys.train(spec, ratings)
    for n in (1, 10, ratings.n_items, 10 * ratings.n_items):
        for user in ratings.users.ids[:5]:
            seen = set(ratings.items.ids[ratings.matrix[ratings.users.row(user)].indices])
            answer = model.recommend(user, n)
            assert not seen & set(answer["item"])
            assert len(answer) == min(n, ratings.n_items - len(seen))
            assert np.isfinite(answer["score"]).all()
            assert ("shortfall" in answer.attrs) == (len(answer) < n)


def scores_of_recommendations_are_predictions(spec: Spec, ratings: recsys.Ratings) -> None:
    model = recsys.train(spec, ratings)
    user = ratings.users.ids[2]
    answer = model.recommend(user, 10)
    predicted = model.predict(user, answer["item"].to_numpy())
    assert np.allclose(answer["score"], predicted, rtol=1e-4, atol=1e-4)
    assert answer["score"].is_monotonic_decreasing


def progress_is_reported(spec: Factorization, ratings: recsys.Ratings) -> None:
    received: list[recsys.Progress] = []
    factors = spec.fit(ratings, on_epoch=received.append)
    assert [p.epoch for p in received] == list(range(1, len(received) + 1))
    assert all(np.isfinite(p.loss) for p in received)
    if spec.name != "popularity":
        assert received
    if spec.name == "blend":  # whose members have losses of their own
        assert len(factors.log) == 1
        return
    assert tuple(received) == factors.log
    if len(received) > 1:
        assert received[-1].loss < received[0].loss


def progress_may_stop_the_fit(spec: Spec, ratings: recsys.Ratings) -> None:
    class StopTrainingError(Exception):
        pass

    def stop(_: recsys.Progress) -> None:
        raise StopTrainingError

    with pytest.raises(StopTrainingError):
        spec.fit(ratings, on_epoch=stop)


def every_hyperparameter_changes_the_result(spec: Factorization, ratings: recsys.Ratings) -> None:
    other = {
        "alpha": 5.0, "n_factors": 3, "n_epochs": 2, "tolerance": 0.5, "cg_steps": 1, "seed": 1,
        "relaxation": 1.1, "negatives": 1, "of": ["biases", "popularity"], "weights": [1, 2],
    }  # fmt: skip
    kinds = ["comedy" if i % 3 else "drama" for i in range(ratings.n_items)]  # for features
    ratings = dataclasses.replace(ratings, item_table=ratings.item_table.assign(kind=kinds))
    before = spec.fit(ratings)
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        new = not value if isinstance(value, bool) else value * 2 if value else 0.7
        changed = dataclasses.replace(spec, **{field.name: other.get(field.name, new)})
        if field.name == "cg_steps" and value == 1:
            continue
        after = changed.fit(ratings)
        same = before.item_factors.shape == after.item_factors.shape
        same = same and np.array_equal(before.item_factors, after.item_factors)
        same = same and np.array_equal(before.user_factors, after.user_factors)
        same = same and np.array_equal(before.item_bias, after.item_bias)
        assert not same, f"{field.name} does nothing"


def every_hyperparameter_changes_the_weights(spec: ItemModel, ratings: recsys.Ratings) -> None:
    before = spec.fit(ratings).weights.toarray()
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        after = dataclasses.replace(spec, **{field.name: 2 * value}).fit(ratings).weights.toarray()
        assert not np.array_equal(before, after), f"{field.name} does nothing"


def every_bad_value_is_named(spec: Spec) -> None:
    for field in dataclasses.fields(spec):
        for bad in (-1, float("nan"), "many", float("inf"), True):
            if isinstance(getattr(spec, field.name), bool) and bad is True:
                continue
            with pytest.raises(ValueError, match=field.name):
                dataclasses.replace(spec, **{field.name: bad})


def survives_a_round_trip_through_json(spec: Spec) -> None:
    assert spec_from_dict(spec.to_dict()) == spec


def ranks_like_its_scores(spec: Factorization, ratings: recsys.Ratings) -> None:
    factors = spec.fit(ratings)
    side = factors.fold_in_users(ratings.matrix[:6])
    items, scores = FittedRanker(factors).ranked(side, 5)
    full = side.factors @ factors.item_factors.T + factors.item_bias + side.bias[:, None]
    for row in range(6):
        assert np.allclose(np.sort(full[row])[::-1][:5] + factors.mean, scores[row], atol=1e-4)
        assert np.allclose(full[row][items[row]] + factors.mean, scores[row], atol=1e-4)


def item_weights_are_immutable_and_finite(spec: ItemModel, ratings: recsys.Ratings) -> None:
    weights = spec.fit(ratings)
    assert weights.weights.dtype == np.float32
    assert np.isfinite(weights.weights.data).all()
    assert not weights.weights.diagonal().any()
    for array in (weights.weights.data, weights.weights.indices, weights.weights.indptr):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert weights.users is ratings.users
    assert weights.spec == spec


def a_new_person_with_a_users_ratings_gets_that_users_list(
    spec: Spec, ratings: recsys.Ratings
) -> None:
    model = recsys.train(spec, ratings)
    for row in (0, 3):
        own = ratings.matrix[row]
        person = dict(zip(ratings.items.ids[own.indices], own.data.tolist(), strict=True))
        answer = model.recommend_for(person)
        user = model.recommend(ratings.users.ids[row])
        assert answer["item"].tolist() == user["item"].tolist()
        assert np.allclose(answer["score"], user["score"], rtol=1e-4, atol=1e-5)


def a_batch_answers_like_one_by_one(spec: Spec, ratings: recsys.Ratings) -> None:
    model = recsys.train(spec, ratings)
    allowed = ratings.items.ids[::2]
    choices: tuple[dict[str, Any], ...] = (
        {},
        {"among": allowed},
        {"exclude": allowed[:3]},
        {"exclude_seen": False},
    )
    for choice in choices:
        table = model.recommend_many(n=4, **choice)
        for user in ratings.users.ids[:5]:
            alone = model.recommend(user, 4, **choice)
            of_user = table[table["user"] == user]
            assert of_user["item"].tolist() == alone["item"].tolist()
            assert np.allclose(of_user["score"], alone["score"], rtol=1e-5, atol=1e-6)
    if isinstance(model.factors, recsys.Factors):
        _people_are_folded_in_each_for_themselves(model.factors, ratings.matrix[:20])


def _people_are_folded_in_each_for_themselves(factors: recsys.Factors, rows: Any) -> None:
    # To the bit: who else is asked for must not change what somebody gets.
    together = factors.fold_in_users(rows)
    for i in range(rows.shape[0]):
        alone = factors.fold_in_users(rows[i : i + 1])
        assert np.array_equal(together.factors[i], alone.factors[0])
        assert together.bias[i] == alone.bias[0]


def continuing_gives_the_same_bits_as_never_stopping(
    spec: AlternatingModel, ratings: recsys.Ratings
) -> None:
    states: list[recsys.State] = []
    whole = spec.fit(ratings, on_state=states.append)
    assert [state.epoch for state in states] == list(range(1, spec.n_epochs))
    for state in (states[0], states[len(states) // 2], states[-1]):
        # Twice, because continuing must not change the state it starts from.
        for _ in range(2):
            rest = spec.fit(ratings, start=state)
            assert np.array_equal(rest.user_factors, whole.user_factors)
            assert np.array_equal(rest.item_factors, whole.item_factors)
            assert np.array_equal(rest.item_bias, whole.item_bias)
            assert set(rest.state) == set(whole.state)
            assert all(np.array_equal(rest.state[name], whole.state[name]) for name in rest.state)
            assert [p.loss for p in rest.log] == [p.loss for p in whole.log]


def a_state_of_something_else_is_refused(spec: AlternatingModel, ratings: recsys.Ratings) -> None:
    states: list[recsys.State] = []
    spec.fit(ratings, on_state=states.append)
    other = with_values(spec, seed=5)
    with pytest.raises(ValueError, match=r"start is a state with other settings: seed=0"):
        other.fit(ratings, start=states[0])
    fewer = ratings.select(np.arange(ratings.n_ratings) % 7 > 0)
    with pytest.raises(ValueError, match="other ratings"):
        spec.fit(fewer, start=states[0])
    done = dataclasses.replace(states[-1], epoch=spec.n_epochs)
    with pytest.raises(ValueError, match="no epochs are left"):
        spec.fit(ratings, start=done)
    if spec.starts_warm:
        with pytest.raises(ValueError, match="start or warm"):
            spec.fit(ratings, start=states[0], warm=spec.fit(ratings))


def a_warm_start_begins_where_the_other_model_ended(
    spec: AlternatingModel, ratings: recsys.Ratings
) -> None:
    # From a model of the same, half and double width, the first loss is lower than from random.
    cold = spec.fit(ratings).log[0].loss
    for width in (spec.n_factors, spec.n_factors // 2, 2 * spec.n_factors):
        warm = with_values(spec, n_factors=width).fit(ratings)
        first = spec.fit(ratings, warm=warm)
        assert first.n_factors == spec.n_factors
        assert first.log[0].loss < cold
    # Factors of other users and items are taken where they are known.
    few = ratings.select(np.arange(ratings.n_ratings) % 2 > 0).without_empty()
    assert spec.fit(ratings, warm=spec.fit(few)).log[0].loss < cold
