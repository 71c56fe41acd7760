import re
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import recsys
from recsys import Ratings, notebook
from recsys.app.recommend import RecommendRequest, recommend
from recsys.recommend import questions
from recsys.recommend.choice import Choice

EVIL = "<script>alert(1)</script> & 'co'"


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    frame = pd.DataFrame(
        {
            "user": [1, 1, 2, 2, 3, 3, 4],
            "item": [1, 2, 2, 3, 1, 4, 4],
            "rating": [5, 3, 4, 1, 2, 5, 3],
        }
    )
    titles = [EVIL, "Two", "Three", "Four"]
    items = pd.DataFrame({"item": [1, 2, 3, 4], "genres": "A|B", "year": 1990, "title": titles})
    return Ratings.from_frame(frame, user="user", item="item", rating="rating", items=items)


@pytest.fixture(scope="module")
def model(ratings: Ratings) -> recsys.Recommender:
    return recsys.train(recsys.ImplicitALS(n_factors=2, n_epochs=2), ratings)


def shown(value: Any) -> str:
    html: str = value._repr_html_()
    assert "<script" not in html
    assert not re.search(r"src=|href=|@import|url\(|class=", html)  # nothing but itself
    assert len(re.findall("<(?:table|div|p|tr|td|th|thead|tbody)[ >]", html)) == len(
        re.findall("</(?:table|div|p|tr|td|th|thead|tbody)>", html)
    )
    # The notebook says what is dark and what is light.
    assert set(re.findall(r"(?<![-\w])color:([^;']+)", html)) <= {"inherit"}
    assert set(re.findall(r"background:([^;']+)", html)) <= {"none"}
    return html


def test_ratings_say_sizes_range_and_repeats(ratings: Ratings) -> None:
    html = shown(ratings)
    assert "7 (43.75% of all pairs)" in html
    assert "1 to 5" in html
    twice = pd.DataFrame({"user": [1, 1, 2], "item": [1, 1, 2], "rating": [5, 4, 3]})
    again = Ratings.from_frame(twice, user="user", item="item", rating="rating")
    assert "1 row repeats an earlier user and item" in shown(again)


@pytest.mark.parametrize(
    "what",
    [
        lambda model: questions.recommend(model, 2, Choice(n=4)),
        lambda model: recommend(RecommendRequest(model="", user="2", n=4), model),
    ],
    ids=["table", "answer"],
)
def test_an_answer_is_a_table_with_its_remarks(
    model: recsys.Recommender, what: Callable[[recsys.Recommender], Any]
) -> None:
    html = shown(what(model))
    heads = re.findall(r"<th [^>]*>([^<]*)</th>", html)
    assert heads == ["rank", "item", "score", "title", "year", "genres"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#x27;co&#x27;" in html
    assert "A, B" in html
    assert "Only 2 of the 4 requested" in html
    aligned = dict(zip(heads, re.findall(r"<th [^>]*text-align:(\w+)", html), strict=True))
    assert {name for name, side in aligned.items() if side == "right"} == {
        "rank", "item", "score", "year",
    }  # fmt: skip


def test_a_model_says_what_it_is(model: recsys.Recommender, ratings: Ratings) -> None:
    for one in (model, model.factors):
        html = shown(one)
        assert "implicit-als (n_factors=2" in html
        assert "4 users, 4 items, 2 factors" in html
    assert "7 ratings" in shown(model)
    assert "ease (regularization=" in shown(recsys.EASE().fit(ratings))


def test_an_explanation_has_all_terms(model: recsys.Recommender) -> None:
    explanation = model.explain(1, 4)
    html = shown(explanation)
    assert f"Four: {explanation.score:.4f}" in html
    for share in explanation.frame()["share"]:
        assert f"{share:.4f}" in html


def test_a_long_explanation_says_what_it_leaves_out(sample: Ratings) -> None:
    model = recsys.train(recsys.ImplicitALS(n_factors=4, n_epochs=2), sample)
    busiest = sample.users.ids[sample.matrix.getnnz(axis=1).argmax()]
    explanation = model.explain(busiest, sample.items.ids[0])
    html = shown(explanation)
    n = len(explanation.frame())
    kept = len(re.findall("<tr", html)) - 1
    assert kept < n
    assert f"{n - kept} other ratings share " in html


def test_an_evaluation_shows_means_with_intervals(sample: Ratings) -> None:
    split = recsys.splits.random(sample, test=0.2)
    specs = {"<b>": recsys.ImplicitALS(n_factors=4, n_epochs=2), "popular": recsys.Popularity()}
    result = recsys.evaluate(specs, split, k=5)
    html = shown(result)
    row = result.of("popular", "ndcg@5")
    places = result.decimals("ndcg@5")
    assert f"{row['mean']:.{places}f} [{row['low']:.{places}f}, {row['high']:.{places}f}]" in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_missing_values_are_empty_and_numbers_on_the_right() -> None:
    html = notebook.table({"a": [1.5, None], "b": ["x", float("nan")]})
    assert ">1.5000<" in html
    assert html.count("></td>") == 2


def test_what_was_chosen_and_tuned(ratings: Ratings, sample: Ratings) -> None:
    chosen = recsys.auto(budget=0).choose(ratings)
    html = shown(chosen)
    assert "implicit-als" in html
    assert "budget 0" in html  # the remark
    assert f"recsys train {chosen.record['recipe']}" in html
    found = recsys.tune(sample, ("ease", "pure-svd"), trials=3, feedback="ones")
    html = shown(found)
    assert f"{found.best.model} is the best of 3 trials" in html
    assert html.count("<tr") == 2 + len(found.best_of_models)
    assert "popularity" in html
