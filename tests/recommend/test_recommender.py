from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import ModelError, UnknownIdError
from recsys.recommend.recommender import Recommender


@pytest.fixture(scope="module")
def model(sample: recsys.Ratings) -> recsys.Recommender:
    return recsys.train(recsys.ImplicitALS(16), sample)


def test_answers_carry_rank_id_score_and_the_item_table(
    model: recsys.Recommender, sample: recsys.Ratings
) -> None:
    answer = model.recommend(1, 5)
    assert answer.columns.tolist() == ["rank", "item", "score", "title", "year", "genres"]
    assert answer["rank"].tolist() == [1, 2, 3, 4, 5]
    rows = sample.items.rows(answer["item"].to_numpy())
    assert answer["title"].tolist() == sample.item_table["title"].iloc[rows].tolist()


def test_recommend_many_equals_recommend(model: recsys.Recommender, sample: recsys.Ratings) -> None:
    table = model.recommend_many(n=7)
    assert table.columns.tolist() == ["user", "rank", "item", "score"]
    assert table["user"].nunique() == sample.n_users
    for user in (1, 150, 300):
        alone = model.recommend(user, 7)
        rows = table[table["user"] == user]
        assert rows["item"].tolist() == alone["item"].tolist()
        assert rows["score"].tolist() == alone["score"].tolist()
        assert rows["rank"].tolist() == alone["rank"].tolist()
    some = model.recommend_many([300, 1], n=7)
    assert some["user"].unique().tolist() == [300, 1]


def test_recommend_many_leaves_out_what_was_seen_at_any_n(
    model: recsys.Recommender, sample: recsys.Ratings
) -> None:
    table = model.recommend_many(n=1000)
    seen = sample.to_frame()[["user", "item"]]
    assert not len(table.merge(seen))
    assert len(table) + len(seen) == sample.n_users * sample.n_items
    assert "300 of 300 users have fewer than 1000" in table.attrs["shortfall"]


def test_a_user_who_saw_everything_gets_an_empty_table_that_says_so() -> None:
    frame = pd.DataFrame({"user_id": [1, 1, 2], "item_id": [1, 2, 1], "rating": [5.0, 4, 3]})
    model = recsys.train(recsys.ImplicitALS(2), recsys.Ratings.from_frame(frame))
    answer = model.recommend(1, 10)
    assert len(answer) == 0
    assert answer.attrs["shortfall"] == "0 of the 10 requested: of 2 items, 2 are excluded"
    assert model.recommend_many(n=10)["user"].tolist() == [2]
    assert len(model.recommend(1, 10, exclude_seen=False)) == 2


def test_a_person_with_a_users_ratings_gets_that_users_recommendations(
    model: recsys.Recommender, sample: recsys.Ratings
) -> None:
    row = sample.matrix[41]
    ratings = dict(zip(sample.items.ids[row.indices].tolist(), row.data.tolist(), strict=True))
    answer, stored = model.recommend_for(ratings, 10), model.recommend(42, 10)
    pd.testing.assert_frame_equal(answer, stored)


def test_a_person_may_name_titles(model: recsys.Recommender, sample: recsys.Ratings) -> None:
    titles = sample.item_table["title"]
    by_title = model.recommend_for({titles[3]: 5, titles[8].upper(): 4.5})
    by_id = model.recommend_for({4: 5, 9: 4.5})
    pd.testing.assert_frame_equal(by_title, by_id)
    assert not {4, 9} & set(by_id["item"])


def test_exclude_and_among(model: recsys.Recommender) -> None:
    everything = model.recommend(1, 200)["item"].tolist()
    without = model.recommend(1, 200, exclude=everything[:3])["item"].tolist()
    assert without == everything[3:]
    chosen = model.recommend(1, 10, among=[everything[7], everything[2], everything[4]])
    assert chosen["item"].tolist() == [everything[2], everything[4], everything[7]]
    assert "of 3 items" in chosen.attrs["shortfall"]


def test_similar_items_and_users_are_nearest_by_angle(model: recsys.Recommender) -> None:
    for table, ask, index in (
        (model.factors.item_factors, model.similar_items, model.factors.items),
        (model.factors.user_factors, model.similar_users, model.factors.users),
    ):
        unit = table / np.linalg.norm(table, axis=1, keepdims=True)
        cosines = unit @ unit[9]
        cosines[9] = -2
        answer = ask(index.ids[9], 5)
        expected = index.ids[np.argsort(-cosines)[:5]]
        assert answer.iloc[:, 1].tolist() == expected.tolist()
        assert np.allclose(answer["score"], np.sort(cosines)[::-1][:5], atol=1e-5)
        products = table @ table[9]
        products[9] = -np.inf
        by_dot = ask(index.ids[9], 5, metric="dot")
        assert by_dot.iloc[:, 1].tolist() == index.ids[np.argsort(-products)[:5]].tolist()
        with pytest.raises(ValueError, match="metric must be one of cosine, dot"):
            ask(index.ids[9], 5, metric="chess")  # type: ignore[arg-type]


def test_liked_are_the_highest_ratings(model: recsys.Recommender, sample: recsys.Ratings) -> None:
    row = sample.matrix[0]
    answer = model.liked(1, 5)
    assert answer["rating"].tolist() == np.sort(row.data)[::-1][:5].tolist()


def test_what_was_returned_is_not_liked(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("user,item,quantity\n1,1,3\n1,2,2\n1,2,-2\n1,3,5\n2,1,1\n")
    ratings = recsys.read_ratings(tmp_path / "r.csv")
    assert ratings.n_ratings == 4  # the item that was returned counts as seen
    model = recsys.train(recsys.ImplicitALS(n_factors=2), ratings)
    assert model.liked(1, 5)["item"].tolist() == [3, 1]


def test_unknown_ids_and_bad_arguments_are_named(model: recsys.Recommender) -> None:
    with pytest.raises(UnknownIdError, match="user 301 is not in the data: 300 user ids, from 1"):
        model.recommend(301)
    with pytest.raises(UnknownIdError, match="user 'x' is not in the data.*whole numbers"):
        model.recommend("x")
    with pytest.raises(UnknownIdError, match="item 999"):
        model.similar_items(999)
    with pytest.raises(UnknownIdError, match="item 999"):
        model.predict(1, 999)
    n: Any
    for n in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
            model.recommend(1, n)
    bad: Any
    for bad in ("good", float("nan"), None):
        with pytest.raises(ValueError, match="rating of 3 must be"):
            model.recommend_for({3: bad})
    for bad in ([1, 2], "Toy Story"):
        with pytest.raises(ValueError, match="ratings must map items to ratings"):
            model.recommend_for(bad)
    for bad in ("Toy Story", 5):
        with pytest.raises(ValueError, match="exclude must be a list"):
            model.recommend(1, exclude=bad)
    with pytest.raises(ValueError, match="one item twice"):
        model.recommend_for({4: 5, model.item_table["title"][3]: 4})
    with pytest.raises(ValueError, match="do not pair"):
        model.predict([1, 2], [1, 2, 3])


def test_without_history_only_unseen_questions_work(model: recsys.Recommender) -> None:
    bare = Recommender(model.factors, model.item_table, None)
    with pytest.raises(ModelError, match="exclude_seen=False"):
        bare.recommend(1)
    assert len(bare.recommend(1, 3, exclude_seen=False)) == 3
    with pytest.raises(ModelError, match="no factors to compare"):
        recsys_popularity(model).similar_items(1)


def recsys_popularity(model: recsys.Recommender) -> recsys.Recommender:
    assert model.history is not None
    ratings = recsys.Ratings(
        model.factors.users, model.factors.items, model.history, None, model.item_table
    )
    return recsys.train(recsys.Popularity(), ratings)


def test_string_ids_stay_strings(random_ratings: recsys.Ratings) -> None:
    model = recsys.train(recsys.ImplicitALS(4), random_ratings)
    answer = model.recommend("u03", 3)
    assert all(isinstance(item, str) for item in answer["item"])
    assert model.similar_items("Film 7 (2000)", 2)["item"].tolist() == (
        model.similar_items("i07", 2)["item"].tolist()
    )
    with pytest.raises(UnknownIdError, match="did you mean 'u03', 'u13', 'u23'"):
        model.recommend("u3")
    nonsense: Any
    for nonsense in (None, True, 1.5, float("nan"), ["a"], ("a",), 10**30):
        with pytest.raises(UnknownIdError):
            model.recommend(nonsense)
        with pytest.raises(UnknownIdError):
            model.predict(["u03", nonsense], ["i07", "i07"])


@pytest.mark.slow
def test_memory_of_recommend_many_is_bounded_at_full_size() -> None:
    """138,000 users × 26,000 items: all scores would be 14 GB; the answer is about 50 MB."""
    import resource

    import scipy.sparse as sp

    rng = np.random.default_rng(0)
    n_users, n_items = 138_000, 26_000
    seen = sp.csr_matrix(
        (
            np.ones(n_users * 5, np.float32),
            np.sort(rng.integers(0, n_items, (n_users, 5)), axis=1).ravel().astype(np.int32),
            np.arange(0, n_users * 5 + 1, 5),
        ),
        shape=(n_users, n_items),
    )
    factors = recsys.Factors(
        users=recsys.ids.IdIndex(np.arange(n_users), "user"),
        items=recsys.ids.IdIndex(np.arange(n_items), "item"),
        mean=0.0,
        user_bias=np.zeros(n_users, np.float32),
        item_bias=np.zeros(n_items, np.float32),
        user_factors=rng.normal(size=(n_users, 8)).astype(np.float32),
        item_factors=rng.normal(size=(n_items, 8)).astype(np.float32),
        spec=recsys.ImplicitALS(8),
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    table = Recommender(factors, pd.DataFrame(index=range(n_items)), seen).recommend_many(n=10)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert len(table) == 10 * n_users
    assert grown < 300_000  # KiB


def test_a_user_without_ratings_that_count_gets_a_remark(sample: recsys.Ratings) -> None:
    values = sample.matrix.data.copy()
    values[: sample.matrix.indptr[1]] = 1  # user 1 disliked everything
    ratings = sample.with_values(values)
    model = recsys.train(recsys.ImplicitALS(8), ratings, feedback="at-least=4")
    assert "no rating of this user counts" in model.recommend(1).attrs["remark"]
    assert "remark" not in model.recommend(2).attrs
    alone = model.similar_users(1)
    assert len(alone) == 0
    assert "no ratings that count" in alone.attrs["shortfall"]
    assert "no rating of this user counts" in model.recommend_for({3: 2.0}).attrs["remark"]
    stars = recsys.train(recsys.ExplicitALS(4), ratings, feedback="at-least=4")
    assert "no rating of this user counts" in stars.recommend_for({3: 2.0}).attrs["remark"]
    assert "remark" not in stars.recommend_for({3: 4.0}).attrs


def test_a_rating_of_zero_is_a_rating() -> None:
    """cases/scripts/08"""
    frame = pd.DataFrame(
        {"user": [1, 1, 2, 2, 3, 3], "item": [10, 11, 10, 12, 11, 12],
         "rating": [0, 10, 9, 1, 0, 7]}
    )  # fmt: skip
    model = recsys.train(recsys.ExplicitALS(n_factors=2), recsys.read_ratings(frame))
    near = model.recommend_for({10: 1e-9})["item"].tolist()
    assert model.recommend_for({10: 0})["item"].tolist() == near


def test_ratings_of_a_new_person_are_on_the_scale(sample: recsys.Ratings) -> None:
    for spec in (recsys.ImplicitALS(4, n_epochs=1), recsys.ExplicitALS(4, n_epochs=1)):
        model = recsys.train(spec, sample)
        assert model.scale == (0.5, 5)
        for value in (50, 0, -1):
            with pytest.raises(ValueError, match=r"scale of the training ratings, 0.5 to 5, not"):
                model.recommend_for({3: value})
        assert len(model.recommend_for({3: 5})) == 10
    plays = sample.with_values(np.arange(sample.n_ratings) ** 4.0)
    counts = recsys.train(recsys.ImplicitALS(4, n_epochs=1), plays)
    assert counts.scale is None
    assert len(counts.recommend_for({3: 500_000})) == 10
    seen = recsys.train(recsys.ImplicitALS(4, n_epochs=1), recsys.feedback.ones(sample))
    assert seen.scale is None


def test_a_huge_n_is_only_a_shortfall(model: recsys.Recommender) -> None:
    answer = model.recommend(1, 10**12)
    assert len(answer) < 200
    assert f"{10**12} requested" in answer.attrs["shortfall"]


def test_a_batch_says_of_how_many_users_nothing_counts() -> None:
    pairs = [(u, i, 5 if u < 9 else 2) for u in range(1, 11) for i in range(1, 21) if (u + i) % 3]
    data = pd.DataFrame(pairs, columns=["user", "item", "rating"])
    model = recsys.train(
        recsys.ImplicitALS(n_factors=3), recsys.read_ratings(data), feedback="at-least=4"
    )
    remark = model.recommend_many(None, 3).attrs["remark"]
    assert remark.startswith("no rating of 2 of 10 users counts")
    assert "remark" not in model.recommend_many([1, 2], 3).attrs
