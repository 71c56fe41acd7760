"""Why an item: shares by the formula, in words that fit, and lists under other ratings."""

import numpy as np
import pandas as pd
import pytest

from recsys import BPR, EASE, ImplicitALS, Popularity, Ratings, Recommender, train
from recsys.errors import ArgumentError, ModelError, UnknownIdError
from recsys.models.explicit_als import ExplicitALS
from recsys.recommend.explain import NOT_ATTRIBUTABLE


def test_shares_are_those_of_the_normal_equations(random_ratings: Ratings) -> None:
    spec = ImplicitALS(4, regularization=0.1, unobserved_weight=0.3, frequency_exponent=0.0)
    model = train(spec, random_ratings)
    own, y = random_ratings.matrix[[3]], model.factors.item_factors.astype(float)
    seen = y[own.indices]
    normal = 0.3 * y.T @ y + seen.T @ (seen * own.data[:, None]) + 0.1 * np.eye(4)
    inverse = np.linalg.inv(normal)
    found = model.explain("u03", "i05").ratings
    shares = dict(zip(found.column("item"), found.column("share"), strict=True))
    for item, value in zip(own.indices, own.data, strict=True):
        expected = value * y[item] @ inverse @ y[5]
        assert shares[random_ratings.items.ids[item]] == pytest.approx(expected, abs=1e-5)


def test_a_frame_has_a_row_for_each_term(random_ratings: Ratings) -> None:
    model = train(ExplicitALS(4, n_epochs=5), random_ratings)
    found = model.explain("u03", "Film 5 (2000)")
    frame = found.frame()
    assert list(frame) == ["source", "title", "rating", "share"]
    assert frame["source"].tolist()[:3] == ["mean", "user bias", "item bias"]
    own = random_ratings.matrix[[3]]
    assert (frame["source"] == "rating").sum() == own.nnz
    rated = frame[frame["source"] == "rating"]
    assert rated["share"].is_monotonic_decreasing
    titles = dict(zip(random_ratings.item_table["title"], range(25), strict=True))
    given = {titles[title]: rating for title, rating in zip(rated.title, rated.rating, strict=True)}
    assert given == dict(zip(own.indices, own.data, strict=True))
    assert found.score == pytest.approx(model.predict(["u03"], ["i05"])[0])
    assert found.to_dict()["terms"] == frame.astype(object).where(frame.notna(), None).to_dict(
        "records"
    )


def test_item_models_explain_by_their_own_weights(random_ratings: Ratings) -> None:
    model = train(EASE(), random_ratings)
    found = model.explain("u03", "i05")
    weights = model.factors.weights.toarray()[:, 5]
    rows = random_ratings.items.find(found.ratings.column("item"))
    assert found.ratings.column("share") == pytest.approx(weights[rows])
    assert found.terms == {}


def test_what_no_rating_carries_is_a_row_of_its_own(random_ratings: Ratings) -> None:
    model = train(BPR(4, n_epochs=20), random_ratings)
    stored, folded = model.explain("u03", "i05"), None
    own = random_ratings.matrix[[3]]
    ids = random_ratings.items.ids[own.indices]
    folded = model.explain_for(dict(zip(ids, own.data, strict=True)), "i05")
    assert NOT_ATTRIBUTABLE not in folded.terms
    difference = stored.score - folded.score
    assert stored.terms[NOT_ATTRIBUTABLE] == pytest.approx(difference, abs=1e-5)


def sentence_world() -> Recommender:
    """Two tastes: everybody rated the items of one side with 5 and of the other with 1."""
    rows = [
        (user, item, 5.0 if user % 2 == item % 2 else 1.0)
        for user in range(30)
        for item in range(10)
        if (user + item) % 7
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    table = pd.DataFrame({"item_id": range(10), "title": [f"Film {i}" for i in range(10)]})
    ratings = Ratings.from_frame(frame, items=table)
    return train(ExplicitALS(2, n_epochs=20, regularization=0.02), ratings)


def test_the_sentence_says_what_was_loved_and_what_was_not() -> None:
    model = sentence_world()
    liked = model.explain_for({2: 5, 4: 5, 3: 1}, 6)
    shares = dict(zip(liked.ratings.column("item"), liked.ratings.column("share"), strict=True))
    assert shares[2] > 0.1
    assert shares[4] > 0.1
    words = liked.sentence()
    # To have disliked the other side speaks for this one; a verb is said once for what follows.
    assert shares[3] > shares[2]
    assert words == (
        f"because you disliked Film 3 (+{shares[3]:.2f}), loved Film 2 (+{shares[2]:.2f}) and "
        f"Film 4 (+{shares[4]:.2f})"
    )
    against = model.explain_for({2: 1, 4: 1}, 6).sentence()
    assert against.startswith("though you disliked Film ")
    assert against.count("(−") == 2
    assert model.explain_for({}, 6).sentence() == "not because of anything you rated"


def test_ones_do_not_speak_of_stars(random_ratings: Ratings) -> None:
    model = train(ImplicitALS(4), random_ratings, feedback="ones")
    words = model.explain("u03", "i05").sentence()
    assert "rated Film" in words
    assert "loved" not in words


def test_what_if_solves_the_changed_row_exactly(random_ratings: Ratings) -> None:
    model = train(ImplicitALS(4, unobserved_weight=0.2), random_ratings)
    own = random_ratings.matrix[[3]]
    ids = random_ratings.items.ids[own.indices].tolist()
    ratings = dict(zip(ids, own.data.tolist(), strict=True))
    changes = {ids[0]: None, ids[1]: 1.0, "Film 1 (2000)": 5.0}
    changed = {item: value for item, value in ratings.items() if item != ids[0]}
    changed |= {ids[1]: 1.0, "i01": 5.0}
    pd.testing.assert_frame_equal(
        model.what_if("u03", changes, n=30), model.recommend_for(changed, n=30)
    )
    same = model.what_if("u03", {}, n=30)
    stored = model.recommend("u03", n=30)
    assert same["item"].tolist() == stored["item"].tolist()
    assert same["score"].to_numpy() == pytest.approx(stored["score"].to_numpy(), abs=1e-5)
    assert ids[0] in model.what_if("u03", {ids[0]: None}, n=30)["item"].tolist()


def test_what_if_says_where_it_is_approximate(random_ratings: Ratings) -> None:
    model = train(BPR(4, n_epochs=5), random_ratings)
    assert "bpr folds in approximately" in model.what_if("u03", {"i01": 5}).attrs["remark"]


def test_what_cannot_be_asked_is_named(random_ratings: Ratings) -> None:
    model = train(ImplicitALS(4), random_ratings)
    missing = next(i for i in range(25) if i not in random_ratings.matrix[[3]].indices)
    with pytest.raises(ArgumentError, match=f"no rating of item 'i{missing:02d}' to remove"):
        model.what_if("u03", {f"i{missing:02d}": None})
    with pytest.raises(UnknownIdError, match="user 'nobody' is not in the data"):
        model.explain("nobody", "i01")
    with pytest.raises(UnknownIdError, match="no item is called 'No film'"):
        model.explain("u03", "No film")
    bare = Recommender(model.factors, model.item_table)
    with pytest.raises(ModelError, match="saved without its history"):
        bare.explain("u03", "i01")


def test_popularity_has_nothing_of_the_user(random_ratings: Ratings) -> None:
    found = train(Popularity(), random_ratings).explain("u03", "i05")
    assert found.terms == {"item bias": pytest.approx(found.score)}
    assert found.sentence() == "not because of anything you rated"
