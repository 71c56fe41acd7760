"""Ratings that come after the training: every model takes them in."""

from dataclasses import replace
from typing import Any

import contract
import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.diagnosis.health import health
from recsys.errors import ArgumentError, DataError, ModelError, UnknownIdError
from recsys.models.factors import Factorization, Factors
from recsys.models.item_weights import ItemModel
from recsys.models.spec import Spec
from recsys.recommend.drift import LIMIT, Drift

COLUMNS = ["user_id", "item_id", "rating"]
MODELS = [*contract.EVERY, *contract.VARIANTS]
EXACT = [one for one in MODELS if one.folds_in_exactly]
FACTORIZATIONS = [one for one in EXACT if isinstance(one, Factorization)]
REPEATABLE = [one for one in EXACT if one.name != "bayesian-mf"]
"""Those whose updates draw nothing."""
each = pytest.mark.parametrize("spec", MODELS, ids=lambda one: one.name)


def table(ratings: recsys.Ratings) -> pd.DataFrame:
    frame = ratings.to_frame()
    return frame.rename(columns={"user": "user_id", "item": "item_id"})


def of(frame: pd.DataFrame, **more: Any) -> recsys.Ratings:
    return recsys.Ratings.from_frame(frame, **more)


@pytest.fixture
def parts(random_ratings: recsys.Ratings) -> tuple[recsys.Ratings, recsys.Ratings]:
    """What a model is trained on, and what comes later: ratings of a new user u99 and of known
    users, of the new items i97 (by known users and u99) and i98, and one rating that changes."""
    frame = table(random_ratings)
    rng = np.random.default_rng(3)
    later = rng.random(len(frame)) < 0.1
    new = [("u99", "i03", 5), ("u99", "i05", 1), ("u99", "i97", 4), ("u01", "i97", 5),
           ("u02", "i97", 2), ("u03", "i98", 3)]  # fmt: skip
    old = frame[~later]
    first = old.iloc[0]
    new.append((first.user_id, first.item_id, 6 - first.rating if first.rating != 3 else 5))
    more = pd.DataFrame(new, columns=["user_id", "item_id", "rating"])
    titles = pd.DataFrame(
        {"item_id": sorted({*frame.item_id, "i97", "i98"}), "title": [f"F {i}" for i in range(27)]}
    )
    return of(old, items=titles), of(pd.concat([frame[later], more]), items=titles)


def joined(parts: tuple[recsys.Ratings, recsys.Ratings]) -> recsys.Ratings:
    return of(pd.concat([table(part) for part in parts]))


@each
def test_history_counts_and_ids_are_those_of_a_training_on_everything(
    spec: Spec, parts: tuple[recsys.Ratings, recsys.Ratings]
) -> None:
    whole = joined(parts)
    feedback = recsys.Feedback(threshold=2)
    model = recsys.train(spec, parts[0], feedback=feedback).update(parts[1])
    again = recsys.train(spec, whole, feedback=feedback)
    assert model.fitted.users == whole.users
    assert model.fitted.items == whole.items
    assert np.array_equal(model.seen().toarray(), whole.matrix.toarray())
    assert model.counts is not None
    assert again.counts is not None
    assert model.counts.users.tolist() == again.counts.users.tolist()
    assert model.counts.items.tolist() == again.counts.items.tolist()
    assert model.item_table.loc[model.item_row("i97"), "title"] == "F 25"


@pytest.mark.parametrize("spec", REPEATABLE, ids=lambda one: one.name)
def test_how_many_rows_are_solved_together_makes_no_difference(
    spec: Spec, parts: tuple[recsys.Ratings, recsys.Ratings], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = recsys.train(spec, parts[0])
    whole = model.update(parts[1])
    monkeypatch.setattr("recsys.models.resolving._TOGETHER", 3)
    split = model.update(parts[1])
    for user in whole.fitted.users.ids:
        first, second = (one.predict(user, one.fitted.items.ids) for one in (whole, split))
        assert np.allclose(first, second, rtol=1e-4, atol=1e-5)


@each
def test_an_update_recommends_and_never_what_is_rated_now(
    spec: Spec, parts: tuple[recsys.Ratings, recsys.Ratings]
) -> None:
    model = recsys.train(spec, parts[0]).update(parts[1])
    for user in ("u99", "u01", "u03"):
        rows = model.seen()[[model.fitted.users.row(user)]].indices
        rated = set(model.fitted.items.ids[rows])
        found = model.recommend(user, 50)
        assert len(found)
        assert not rated & set(found["item"])
    assert np.isfinite(model.predict("u04", ["i97", "i98"])).all()


@each
def test_an_update_with_nothing_new_changes_no_answer(
    spec: Spec, random_ratings: recsys.Ratings
) -> None:
    model = recsys.train(spec, random_ratings)
    nothing = random_ratings.select(np.zeros(random_ratings.n_ratings, bool))
    updated = model.update(nothing)
    assert updated.recommend_many(n=5).equals(model.recommend_many(n=5))
    assert updated.drift == replace(model.drift, updates=1)
    again = model.update(random_ratings)  # the same ratings once more
    assert again.drift == updated.drift
    if spec.folds_in_exactly:
        pd.testing.assert_frame_equal(
            again.recommend_many(n=5), model.recommend_many(n=5), atol=1e-5
        )


@pytest.mark.parametrize("spec", FACTORIZATIONS, ids=lambda one: one.name)
def test_folding_in_any_user_of_an_updated_model_returns_their_factors(
    spec: Factorization, parts: tuple[recsys.Ratings, recsys.Ratings]
) -> None:
    model = recsys.train(spec, parts[0])
    for _ in range(2):
        model = model.update(parts[1])
        found = model.fitted.fold_in_users(model.feedback.of(model.seen()))
        assert np.allclose(found.factors, model.factors.user_factors, atol=1e-5)
        assert np.allclose(found.bias, model.factors.user_bias, atol=1e-5)


def test_centered_ratings_are_centered_again_by_all_that_a_person_gave(
    parts: tuple[recsys.Ratings, recsys.Ratings],
) -> None:
    """Their mean moves with every rating, so that the old ratings count differently, too."""
    spec = recsys.ImplicitALS(n_factors=4, n_epochs=3)
    trained = recsys.train(spec, parts[0], feedback="centered")
    frame = table(parts[1])
    once = trained.update(parts[1])
    twice = trained.update(of(frame[::2])).update(of(frame[1::2]))
    for model in (once, twice):
        assert model.feedback == trained.feedback
        found = model.fitted.fold_in_users(model.feedback.of(model.seen()))
        assert np.allclose(found.factors, model.factors.user_factors, atol=1e-5)
    pd.testing.assert_frame_equal(
        once.recommend_many(n=5), twice.recommend_many(n=5), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("spec", REPEATABLE, ids=lambda one: one.name)
def test_two_updates_are_one_with_both(
    spec: Spec, parts: tuple[recsys.Ratings, recsys.Ratings]
) -> None:
    model, frame = recsys.train(spec, parts[0]), table(parts[1])
    once = model.update(parts[1])
    for cut in (3, len(frame) - 2):
        twice = model.update(of(frame[:cut])).update(of(frame[cut:]))
        assert twice.fitted.items == once.fitted.items
        assert twice.late_items.tolist() == once.late_items.tolist()
        assert replace(twice.drift, updates=1) == once.drift
        people = [model.fitted.people(slice(None), model.seen()) for model in (once, twice)]
        first, second = (m.fitted.scores(p) for m, p in zip((once, twice), people, strict=True))
        assert np.allclose(first, second, atol=1e-4)


def test_the_rows_solve_their_equations(parts: tuple[recsys.Ratings, recsys.Ratings]) -> None:
    spec = recsys.ImplicitALS(n_factors=5, unobserved_weight=0.3, regularization=0.02)
    before = recsys.train(spec, parts[0])
    model = before.update(parts[1])
    factors, history = model.factors, model.seen().toarray()
    late = np.isin(factors.items.ids, ["i97", "i98"])
    assert model.late_items.tolist() == np.flatnonzero(late).tolist()

    def solved(row: np.ndarray, table: np.ndarray) -> np.ndarray:
        # (α₀ Σ y yᵀ + Σ r y yᵀ + λ (# + α₀ n)) x = Σ r y, in double precision
        y, seen = table.astype(np.float64), row > 0
        left = 0.3 * y.T @ y + (y[seen] * row[seen, None]).T @ y[seen]
        left += 0.02 * (seen.sum() + 0.3 * len(y)) * np.eye(5)
        return np.linalg.solve(left, y[seen].T @ row[seen])

    # The items of the training stay; whoever rated only those is solved against them alone.
    old = factors.items.find(before.fitted.items.ids)
    assert np.array_equal(factors.item_factors[old], before.factors.item_factors)
    users = np.empty((len(history), 5))
    for row, ratings in enumerate(history):
        users[row] = solved(ratings[~late], factors.item_factors[~late])
        if not ratings[late].any():
            assert np.allclose(factors.user_factors[row], users[row], atol=1e-4)
    # Items that joined follow from these users, and who rated one is then solved against all.
    for row in map(int, np.flatnonzero(late)):
        assert np.allclose(factors.item_factors[row], solved(history[:, row], users), atol=1e-4)
    for row in map(int, np.flatnonzero(history[:, late].any(axis=1))):
        expected = solved(history[row], factors.item_factors)
        assert np.allclose(factors.user_factors[row], expected, atol=1e-4)


def test_an_item_that_joins_finds_its_place(
    checkerboard: tuple[recsys.Ratings, dict[int, int]],
) -> None:
    """Item 10 is rated by even users, who like even items: they get it, the odd ones do not."""
    ratings, held_out = checkerboard
    rated = [(user, 10, 1.0) for user in (0, 2, 4, 6, 8, 30)]
    rows = [*rated, *((30, item, 1.0) for item in (0, 2, 4))]
    new = of(pd.DataFrame(rows, columns=["user_id", "item_id", "rating"]))
    model = recsys.train(recsys.ImplicitALS(n_factors=2), ratings).update(new)
    assert 10 in model.recommend(12, 2)["item"].tolist()
    assert model.recommend(13, 1)["item"].tolist() == [held_out[13]]
    assert set(model.recommend(30, 2)["item"]) == {6, 8}
    assert set(model.similar_items(10, 3)["item"]) <= {0, 2, 4, 6, 8}


@pytest.mark.parametrize(
    ("how", "expected"),
    [("latest", 2.0), ("sum", 5.0), ("max", 3.0), ("mean", 2.5), ("count", 2.0), (None, 5.0)],
)
def test_repeats_count_as_in_the_training(how: Any, expected: float) -> None:
    def visits(rows: list[tuple[int, int, float]]) -> recsys.Ratings:
        frame = pd.DataFrame(rows, columns=["user_id", "item_id", "visits"])
        return of(frame, rating="visits", duplicates=how)

    old = visits([(1, 1, 3), (1, 2, 7), (2, 1, 40), (2, 2, 2), (3, 2, 1)])
    model = recsys.train(recsys.Popularity(), old).update(visits([(1, 1, 2)]))
    assert model.seen()[0, 0] == expected


def test_counts_may_grow_beyond_those_of_the_training() -> None:
    frame = pd.DataFrame({"user_id": [1, 1, 2, 2], "item_id": [1, 2, 1, 3], "plays": [1, 2, 2, 40]})
    model = recsys.train(recsys.Popularity(), of(frame[:3], rating="plays"))
    for expected in (41, 81):
        model = model.update(of(frame[:1].assign(plays=40), rating="plays"))
        assert model.seen()[0, 0] == expected


def test_a_repeat_is_an_error_where_it_was_one() -> None:
    rows = [(1, 1, 3), (1, 2, 4), (2, 1, 5)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    model = recsys.train(recsys.Popularity(), of(frame, duplicates="error"))
    with pytest.raises(DataError, match="user 1 has rated item 2 before"):
        model.update(of(frame[1:2]))


def test_ids_of_numbers_join_ids_of_text(random_ratings: recsys.Ratings) -> None:
    frame = table(random_ratings)
    frame["item_id"] = [str(i) for i in frame.item_id.str[1:].astype(int)]
    text = frame.assign(user_id=[f"{u[1:]}" for u in frame.user_id])  # "00" keeps them text
    model = recsys.train(recsys.ImplicitALS(4), of(text.assign(item_id=text.item_id + "x")))
    more = of(pd.DataFrame({"user_id": [10, 9, 100], "item_id": [2, 10, 2], "rating": [5, 4, 3]}))
    updated = model.update(more)
    assert updated.seen()[updated.fitted.users.row("9"), updated.fitted.items.row("10")] == 4
    assert updated.seen()[updated.fitted.users.row("10"), updated.fitted.items.row("2")] == 5
    assert updated.drift.users == 2  # "10" was there


@pytest.mark.parametrize(
    ("new", "error", "message"),
    [
        ({"rating": [9.0]}, DataError, "user 1 gave item 2 9; the scale of the training ratings"),
        ({"rating": None}, DataError, "the new ratings have no values"),
        ({"user_id": ["ann"]}, ArgumentError, "user ids of this model are whole numbers"),
    ],
)
def test_ratings_that_do_not_suit_the_model(new: Any, error: Any, message: str) -> None:
    rows = [(1, 1, 3.0), (1, 2, 4.0), (2, 1, 5.0), (2, 2, 1.0)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    model = recsys.train(recsys.ExplicitALS(2), of(frame))
    one = {"user_id": [1], "item_id": [2], "rating": [3.0]} | new
    ratings = recsys.Ratings.from_frame(
        pd.DataFrame({k: v for k, v in one.items() if v}),
        rating="rating" if one["rating"] else None,
    )
    with pytest.raises(error, match=message):
        model.update(ratings)


def test_stars_do_not_join_what_was_seen() -> None:
    seen = pd.DataFrame({"user_id": [1, 1, 2, 3], "item_id": [1, 2, 1, 3]})
    model = recsys.train(recsys.ImplicitALS(2), of(seen, rating=None))
    with pytest.raises(DataError, match="trained without"):
        model.update(of(seen.assign(rating=[1.0, 2.0, 4.0, 5.0])))
    again = model.update(of(seen[:1], rating=None))
    assert again.seen()[0, 0] == 2  # events add up


def test_what_is_needed(random_ratings: recsys.Ratings) -> None:
    model = recsys.train(recsys.ImplicitALS(4), random_ratings)
    with pytest.raises(ModelError, match="without its history"):
        replace(model, history=None).update(random_ratings)
    with pytest.raises(ArgumentError, match="new ratings must be Ratings"):
        model.update([("u01", "i01", 3)])  # type: ignore[arg-type]


def test_factors_of_another_program_are_updated(
    parts: tuple[recsys.Ratings, recsys.Ratings],
) -> None:
    trained = recsys.train(recsys.ExplicitALS(4), parts[0])
    own = trained.factors
    foreign = Factors.from_arrays(
        own.user_factors, own.item_factors, own.users.ids, own.items.ids, mean=own.mean
    )
    model = replace(trained, factors=foreign).update(parts[1])
    assert model.recommend("u99", 3)["item"].is_unique
    assert not np.allclose(model.factors.item_factors[model.item_row("i97")], 0)


@pytest.mark.parametrize("spec", contract.ITEM_MODELS, ids=lambda one: one.name)
def test_items_without_weights_are_said(
    spec: ItemModel, parts: tuple[recsys.Ratings, recsys.Ratings]
) -> None:
    from recsys.recommend.update import remarks

    model = recsys.train(spec, parts[0]).update(parts[1])
    assert f"2 new items have no weights in {spec.name}" in " ".join(remarks(model))
    only = of(pd.DataFrame({"user_id": ["u77"], "item_id": ["i98"], "rating": [5.0]}))
    found = model.update(only).recommend("u77", 3)
    assert found["remark"].notna().all()  # the most popular items, and why


def test_popularity_is_counted_again(parts: tuple[recsys.Ratings, recsys.Ratings]) -> None:
    model = recsys.train(recsys.Popularity(), parts[0]).update(parts[1])
    assert np.array_equal(model.factors.item_bias, joined(parts).matrix.getnnz(axis=0))


def test_fold_in_by_external_ids(parts: tuple[recsys.Ratings, recsys.Ratings]) -> None:
    model = recsys.train(recsys.ExplicitALS(4), parts[0])
    some = parts[0].select(np.arange(parts[0].n_ratings) < 40)
    found = model.fold_in_users(some)
    whole = np.flatnonzero(np.diff(some.matrix.indptr) == np.diff(parts[0].matrix.indptr))
    assert np.allclose(found.factors[whole], model.factors.user_factors[whole], atol=1e-5)
    items = model.fold_in_items(parts[0])
    assert items.factors.shape == model.factors.item_factors.shape
    newcomer = of(pd.DataFrame({"user_id": ["x"], "item_id": ["i03"], "rating": [5.0]}))
    expected = model.recommend_for({"i03": 5}, 1)
    bias, factors = model.fold_in_users(newcomer).bias[0], model.fold_in_users(newcomer).factors[0]
    row = model.item_row(expected["item"][0])
    score = model.factors.mean + bias + model.factors.item_bias[row]
    score += factors @ model.factors.item_factors[row]
    assert score == pytest.approx(expected["score"][0], abs=1e-5)
    with pytest.raises(UnknownIdError, match="i97"):
        model.fold_in_users(parts[1])
    with pytest.raises(ModelError, match="ease has no factors"):
        recsys.train(recsys.EASE(), parts[0]).fold_in_users(some)


def test_drift_counts_and_says_when_to_train_again() -> None:
    drift = Drift(1000, added=60, changed=39, users=2, items=1, updates=3)
    assert not drift.due
    assert drift.share == pytest.approx(0.099)
    assert replace(drift, changed=round(1000 * LIMIT) - 60).due
    assert drift.since(Drift(1000, added=50, updates=2)) == replace(drift, added=10, updates=1)


def test_deviations_of_updated_users_shrink_with_ratings(sample: recsys.Ratings) -> None:
    """Draws, not means, stand for an updated user, so that the spread of few ratings stays wide."""
    user = int(sample.users.ids[np.argmax(np.diff(sample.matrix.indptr))])
    rows = np.repeat(np.arange(sample.n_users), np.diff(sample.matrix.indptr))
    own = rows == sample.users.row(user)
    model = recsys.train(
        recsys.BayesianMF(n_factors=4, n_burn_in=20, n_samples=30), sample.select(~own)
    )
    spread = {}
    for n in (2, 60):
        some = own & (np.cumsum(own) <= n)
        updated = model.update(sample.select(some).without_empty())
        spread[n] = updated.predict([user] * 50, sample.items.ids[:50], deviation=True)[1].mean()
    assert spread[60] < 0.97 * spread[2]


def test_the_health_of_an_updated_model_is_cured_by_training_again(
    sample: recsys.Ratings,
) -> None:
    rng = np.random.default_rng(0)
    later = rng.random(sample.n_ratings) < 0.3
    model = recsys.train(recsys.ImplicitALS(8, n_epochs=30), sample.select(~later))
    found = {s.code: s.remedy for s in health(model.update(sample.select(later))).symptoms}
    assert found["unsolved"] == "train again, on all ratings"
    assert "unsolved" not in {s.code for s in health(model).symptoms}


def test_items_may_join_between_others(random_ratings: recsys.Ratings) -> None:
    """Row numbers of the history and of items that joined before move along."""
    first, second = (
        of(pd.DataFrame([("u01", item, 5.0), ("u03", item, 4.0)], columns=COLUMNS))
        for item in ("i12x", "i03x")
    )
    model = recsys.train(recsys.ImplicitALS(4), random_ratings).update(first).update(second)
    assert model.fitted.items.ids[model.late_items].tolist() == ["i03x", "i12x"]
    whole = of(pd.concat([table(random_ratings), table(first), table(second)]))
    assert np.array_equal(model.seen().toarray(), whole.matrix.toarray())
    assert model.recommend("u02", 30)["item"].isin(["i03x", "i12x"]).sum() == 2
