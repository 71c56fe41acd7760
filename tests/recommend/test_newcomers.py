"""Somebody of whom a model knows nothing gets the most popular items they have not seen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys import Ratings
from recsys.errors import ModelError, UnknownIdError
from recsys.evaluation.protocol.prepared import prepare
from recsys.evaluation.protocol.served import Served
from recsys.models.spec import Spec
from recsys.ratings import splits
from recsys.recommend.ranking import Counts
from recsys.recommend.recommender import Recommender

SPECS: list[Spec] = [
    recsys.ImplicitALS(4, n_epochs=3),
    recsys.ExplicitALS(4, n_epochs=3),
    recsys.Biases(),
    recsys.BPR(4, n_epochs=2),
    recsys.EASE(5.0),
    recsys.Popularity(),
]


@pytest.fixture(scope="module")
def ratings(sample: Ratings) -> Ratings:
    """User 1 disliked everything they have seen."""
    values = sample.matrix.data.copy()
    values[: sample.matrix.indptr[1]] = 1
    return sample.with_values(values)


@pytest.fixture(scope="module", params=SPECS, ids=lambda spec: spec.name)
def model(request: pytest.FixtureRequest, ratings: Ratings) -> Recommender:
    return recsys.train(request.param, ratings, feedback="at-least=4")


def popular(ratings: Ratings, unseen_by: int | None, n: int) -> list[int]:
    """The ids with most ratings of at least 4, by counting; ties by id."""
    frame = ratings.to_frame()
    counts = frame[frame["rating"] >= 4].groupby("item").size()
    counts = counts.reindex(ratings.items.ids, fill_value=0)
    seen = frame["item"][frame["user"] == unseen_by]
    counts = counts.drop(seen.unique())
    return list(counts.sort_values(ascending=False, kind="stable").index[:n])


def test_a_user_whose_ratings_do_not_count(model: Recommender, ratings: Ratings) -> None:
    answer = model.recommend(1, 7)
    assert answer["item"].tolist() == popular(ratings, 1, 7)
    assert answer["score"].isna().all()
    assert (answer["remark"] == "popular: no ratings that count").all()
    assert answer.attrs["remark"].startswith("no rating of this user counts for the model")
    other = model.recommend(2, 7)
    assert "remark" not in [*other.columns, *other.attrs]
    assert other["score"].notna().all()


def test_a_batch_says_it_row_by_row(model: Recommender, ratings: Ratings) -> None:
    table = model.recommend_many([2, 1], 7)
    one = table[table["user"] == 1]
    assert one["item"].tolist() == popular(ratings, 1, 7)
    assert one["score"].isna().all()
    assert (one["remark"] == "popular: no ratings that count").all()
    two = table[table["user"] == 2]
    assert two["remark"].isna().all()
    assert two["item"].tolist() == model.recommend(2, 7)["item"].tolist()
    assert "no rating of 1 of 2 users counts" in table.attrs["remark"]
    assert "remark" not in model.recommend_many([2, 3], 7)


def test_a_new_person_without_ratings(model: Recommender, ratings: Ratings) -> None:
    answer = model.recommend_for({}, 5)
    assert answer["item"].tolist() == popular(ratings, None, 5)
    assert answer["score"].isna().all()
    assert answer.attrs["remark"].startswith("nothing is known about this user")
    first = answer["item"].tolist()[0]
    disliked = model.recommend_for({first: 1.0}, 4)
    assert disliked["item"].tolist() == popular(ratings, None, 5)[1:]
    assert (disliked["remark"] == "popular: no ratings that count").all()


def test_a_choice_holds_for_newcomers(model: Recommender, ratings: Ratings) -> None:
    best = popular(ratings, 1, 6)
    assert model.recommend(1, 3, exclude=best[:2])["item"].tolist() == best[2:5]
    assert model.recommend(1, 9, among=best[2:4])["item"].tolist() == best[2:4]
    everything = model.recommend(1, 5, exclude_seen=False)["item"].tolist()
    assert everything == popular(ratings, None, 5)


def test_an_unknown_user(model: Recommender, ratings: Ratings) -> None:
    with pytest.raises(UnknownIdError, match="user 999 is not in the data"):
        model.recommend(999)
    with pytest.raises(UnknownIdError, match="user 999"):
        model.recommend_many([2, 999])
    answer = model.recommend(999, 5, unknown="popular")
    assert answer["item"].tolist() == popular(ratings, None, 5)
    assert (answer["remark"] == "popular: not in the data").all()
    assert answer.attrs["remark"].startswith("user 999 is not in the data")
    table = model.recommend_many([2, 999, 1], 5, unknown="popular")
    assert table["user"].tolist() == [2] * 5 + [999] * 5 + [1] * 5
    assert table["item"].tolist()[5:10] == popular(ratings, None, 5)
    assert "1 of 3 users are not in the data" in table.attrs["remark"]
    known = model.recommend(2, 5, unknown="popular")
    assert known["item"].tolist() == model.recommend(2, 5)["item"].tolist()
    with pytest.raises(ValueError, match="unknown must be one of raise, popular, not 'guess'"):
        model.recommend(2, unknown="guess")  # type: ignore[arg-type]


def test_counts_are_kept_without_history(
    model: Recommender, ratings: Ratings, tmp_path: Path
) -> None:
    bare = recsys.load(recsys.save(model, tmp_path / "m", history=False))
    assert bare.history is None
    assert bare.counts is not None
    if bare.fitted.item_vectors is not None:  # the others need a history to score from
        answer = bare.recommend(1, 5, exclude_seen=False)
        assert answer["item"].tolist() == popular(ratings, None, 5)
        assert "remark" not in bare.recommend(2, 5, exclude_seen=False)
    assert bare.recommend_for({}, 5)["item"].tolist() == popular(ratings, None, 5)


def test_a_model_without_counts_says_so(ratings: Ratings) -> None:
    """A file of version 0.1.0 that was saved without history."""
    model = recsys.train(recsys.ImplicitALS(4, n_epochs=2), ratings, feedback="at-least=4")
    old = replace(model, history=None, saved_counts=None)
    assert old.counts is None
    answer = old.recommend(1, 5, exclude_seen=False)
    assert "all scores are equal" in answer.attrs["remark"]
    with pytest.raises(ModelError, match="the most popular items of this model are unknown"):
        old.recommend(999, exclude_seen=False, unknown="popular")


def test_a_user_for_whom_all_scores_are_equal_is_a_newcomer() -> None:
    """Ratings of 0 are counted feedback, and say that nothing is liked."""
    pairs = [(u, i, 0.0 if u == 1 else 1.0) for u in range(1, 9) for i in range(6) if (u + i) % 3]
    frame = pd.DataFrame(pairs, columns=["user", "item", "rating"])
    model = recsys.train(recsys.ImplicitALS(2), recsys.read_ratings(frame))
    assert model.counts is not None
    assert model.counts.users[0] > 0
    assert (model.recommend(1)["remark"] == "popular: no ratings that count").all()


def test_counts_by_hand(random_ratings: Ratings) -> None:
    counts = Counts.of(random_ratings.matrix)
    table = random_ratings.matrix.toarray() != 0
    assert counts.users.tolist() == table.sum(axis=1).tolist()
    assert counts.items.tolist() == table.sum(axis=0).tolist()


def test_a_served_model_gives_newcomers_what_it_gives_in_service(
    model: Recommender, ratings: Ratings
) -> None:
    split = splits.given(ratings.select(np.arange(ratings.n_ratings) % 2 > 0),
                         ratings.select(np.arange(ratings.n_ratings) % 2 == 0))  # fmt: skip
    prepared = prepare(split, 5)
    ranker = Served(model).train(prepared).ranker
    users = np.array([0, 1])
    rows = ranker.best(users, prepared.history[users], 5, prepared.seen[users])
    train = split.train.to_frame()
    seen = train["item"][train["user"] == 1].tolist()
    wanted = [item for item in popular(ratings, None, 200) if item not in seen][:5]
    assert ratings.items.ids[rows[0]].tolist() == wanted


def test_predictions_of_unknown_ids(model: Recommender) -> None:
    users, items = [2, 999, 2, 999], [3, 3, 9999, 9999]
    with pytest.raises(UnknownIdError):
        model.predict(users, items)
    known = model.predict(2, 3)[0]
    found = model.predict(users, items, unknown="nan")
    assert found[0] == known
    assert np.isnan(found[1:]).all()
    found = model.predict(users, items, unknown="bias")
    factors = model.factors
    if model.fitted.item_vectors is None:
        expected = [known, 0, 0, 0]
    else:
        user, item = factors.user_bias[1], factors.item_bias[2]
        expected = [known, factors.mean + item, factors.mean + user, factors.mean]
    assert found == pytest.approx(expected, abs=1e-5)
    assert model.predict(999, [3, 4], unknown="nan").shape == (2,)
    with pytest.raises(ValueError, match="unknown must be one of raise, nan, bias, not 'x'"):
        model.predict(2, 3, unknown="x")  # type: ignore[call-overload]
