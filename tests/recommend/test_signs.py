"""A low rating counts against its item, or the answer says that it does not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from signs_world import SPECS, A, B, N, effect, table, trained, world

import recsys
from recsys.errors import ArgumentError
from recsys.evaluation.protocol.lists import contains
from recsys.evaluation.protocol.prepared import prepare
from recsys.ratings import splits
from recsys.recommend.recommender import Recommender

BLIND = ("popularity", "biases")  # the same list for everybody
PERSONAL = [name for name in SPECS if name not in BLIND]


@pytest.fixture(scope="module", params=PERSONAL)
def model(request: pytest.FixtureRequest) -> Recommender:
    predicts = SPECS[request.param]().predicts_ratings
    return trained(request.param, "values" if predicts else "centered")


def kinds(model: Recommender, given: dict[int, float], n: int = 4) -> set[str]:
    items = model.recommend_for(given, n)["item"]
    return {"A" if item in A else "B" for item in items}


def test_what_is_disliked_is_not_given_and_the_reverse(model: Recommender) -> None:
    assert kinds(model, dict.fromkeys(A[:6], 1.0)) == {"B"}
    assert kinds(model, dict.fromkeys(B[:6], 1.0)) == {"A"}
    assert kinds(model, {0: 1, 1: 1, N: 5, N + 1: 5}) == {"B"}
    assert kinds(model, {0: 5, 1: 5, N: 1, N + 1: 1}) == {"A"}
    assert kinds(model, {0: 5}) == {"A"}


def test_all_of_it_disliked_and_nothing_of_it_given(model: Recommender) -> None:
    """Also where what was seen is not left out."""
    given = dict.fromkeys(A, 1.0)
    items = model.recommend_for(given, 6, exclude_seen=False)["item"]
    assert set(items) <= set(B)


def test_one_bad_rating_of_somebody_unknown(model: Recommender) -> None:
    answer = model.recommend_for({0: 1.0}, 5)
    assert set(answer["item"]) <= set(B)
    if not model.fitted.spec.predicts_ratings:
        assert (answer["remark"] == "popular: only dislikes").all()
        assert "counts against its item (feedback centered)" in answer.attrs["remark"]
        assert "except those similar to what they disliked" in answer.attrs["remark"]


@pytest.mark.parametrize("name", ["implicit-als", "pure-svd", "normalized-svd", "blend"])
def test_folding_a_training_user_in_returns_their_factors(name: str) -> None:
    model = trained(name, "centered")
    counted = model.feedback.of(model.seen())
    assert (counted.data < 0).any()
    people = model.fitted.fold_in_users(counted)
    assert np.allclose(people.factors, model.factors.user_factors, rtol=1e-4, atol=1e-5)
    own = {int(i): float(v) for i, v in zip(*_row(model, 7), strict=True)}
    assert model.recommend_for(own)["item"].tolist() == model.recommend(7)["item"].tolist()


def _row(model: Recommender, user: int) -> tuple[np.ndarray, np.ndarray]:
    row = model.seen()[[model.fitted.users.row(user)]]
    return model.fitted.items.ids[row.indices], row.data


def test_a_training_user_with_dislikes_alone_is_the_same_everywhere() -> None:
    frame = world().to_frame()
    hater = pd.DataFrame([(99, i, 1.0) for i in A[:8]], columns=["user", "item", "rating"])
    ratings = recsys.Ratings.from_frame(
        pd.concat([frame[["user", "item", "rating"]], hater]), user="user", item="item"
    )
    for name in ("implicit-als", "pure-svd", "item-knn"):
        model = recsys.train(SPECS[name](), ratings, feedback="centered")
        alone = model.recommend(99, 5)
        assert set(alone["item"]) <= set(B)
        many = model.recommend_many([3, 99], 5)
        mine = many[many["user"] == 99]
        assert mine["item"].tolist() == alone["item"].tolist()
        assert (mine["remark"] == "popular: only dislikes").all()
        assert "1 of 2 users" in many.attrs["remark"]
        ranker = model.ranker()
        row = ratings.users.rows([99])
        seen = model.seen()[row]
        found = ranker.best(row, model.feedback.of(seen), 5, seen)[0]
        assert model.fitted.items.ids[found].tolist() == alone["item"].tolist()
        scores = ranker.scores(row, model.feedback.of(seen))
        assert np.isneginf(scores[0, list(A[:8])]).all()
        assert contains(sp.csr_matrix(seen), found[None]).sum() == 0


def test_the_table_of_the_docs_is_what_the_models_do(root: Path) -> None:
    text = (root / "docs" / "reference.md").read_text("utf-8")
    assert table() in text, table()


def test_where_a_model_cannot_tell_the_answer_says_so() -> None:
    ones = trained("implicit-als", "ones")
    assert effect(ones, 1) == "for"
    remark = ones.recommend_for({0: 1, 1: 5}).attrs["remark"]
    assert remark.startswith(
        "the 1 for 0 counts in its favour, as much as the highest rating would"
    )
    assert "--feedback centered" in remark
    assert "remark" not in ones.recommend_for({0: 4, 1: 5}).attrs
    values = trained("item-knn", "values").recommend_for({0: 1}).attrs["remark"]
    assert "but less than a higher rating would (feedback values)" in values
    least = trained("ease", "at-least=4").recommend_for({0: 5, 1: 1})
    assert "remark" not in least.attrs  # it does not count at all
    centered = trained("implicit-als", "centered")
    assert "remark" not in centered.recommend_for({0: 1, 1: 5}).attrs
    told = centered.recommend_for({0: 2, 1: 5}).attrs["remark"]
    assert told.endswith("but less than a higher rating would (feedback centered)")
    assert "the same list" in trained("popularity", "values").recommend_for({0: 1}).attrs["remark"]
    assert "remark" not in trained("explicit-als", "values").recommend_for({0: 1}).attrs


def test_models_of_counts_say_that_every_count_is_a_like() -> None:
    frame = world().to_frame()
    frame["plays"] = np.arange(len(frame)) % 300 + 1.0
    counts = recsys.Ratings.from_frame(frame, user="user", item="item", rating="plays")
    model = recsys.train(recsys.ImplicitALS(2), counts, feedback="log")
    remark = model.recommend_for({0: 1}).attrs["remark"]
    assert remark.startswith("the model was trained on counts: every value above 0 counts")


def test_the_model_file_keeps_the_scale(tmp_path: Path) -> None:
    model = trained("implicit-als", "centered")
    assert model.feedback.scale is not None
    again = recsys.load(recsys.save(model, tmp_path / "m.safetensors", history=False))
    assert again.feedback == model.feedback
    for given in ({0: 1.0}, {0: 1.0, N: 5.0}):
        expected = model.recommend_for(given)["item"].tolist()
        assert again.recommend_for(given)["item"].tolist() == expected


def test_ratings_of_one_person() -> None:
    model = trained("implicit-als", "centered")
    own = recsys.Ratings.from_frame(
        pd.DataFrame({"user_id": [1, 1], "item_id": [0, N], "rating": [1.0, 5.0]})
    )
    expected = model.recommend_for({0: 1, N: 5})["item"].tolist()
    assert model.recommend_for(own)["item"].tolist() == expected
    with pytest.raises(ArgumentError, match="must be from one user, not 60 users"):
        model.recommend_for(world())


def test_evaluation_knows_what_is_liked() -> None:
    split = splits.random(world(), 0.2, seed=0)
    prepared = prepare(split, 5, recsys.Feedback(centered=True))
    stars = split.test.matrix
    assert prepared.relevant.nnz == (stars.data > 2).sum()
    assert (prepared.history.data < 0).sum() == (split.train.matrix.data == 1).sum()
    result = recsys.evaluate({"als": SPECS["implicit-als"]()}, split, k=3, feedback="centered")
    assert result.of("als", "ndcg@3")["mean"] > 0.5
