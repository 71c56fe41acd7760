"""Similar items and users as a use case."""

from __future__ import annotations

import pytest

import recsys
from recsys.app.similar import SimilarRequest, similar
from recsys.errors import ArgumentError


@pytest.mark.parametrize("metric", ["cosine", "dot", "damped", "euclidean"])
def test_items_and_users_like_one(model: recsys.Recommender, metric: str) -> None:
    found = similar(SimilarRequest(model="m", item="3", n=4, metric=metric), model)
    expected = model.similar_items(3, 4, metric=metric)  # type: ignore[arg-type]
    assert [row["item"] for row in found.to_dict()["rows"]] == expected["item"].tolist()
    assert found.title == f"Like {model.item_table['title'][2]}"
    found = similar(SimilarRequest(model="m", user="5", n=4, metric=metric), model)
    expected = model.similar_users(5, 4, metric=metric)  # type: ignore[arg-type]
    assert [row["user"] for row in found.to_dict()["rows"]] == expected["user"].tolist()
    assert found.to_dict() | {"user": "5", "item": None, "metric": metric} == found.to_dict()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "give either --item TITLE or --user ID"),
        ({"item": "3", "user": "3"}, "give either"),
        ({"item": "3", "metric": "cosinus"}, "did you mean 'cosine'"),
        ({"item": "3", "alpha": 2.0}, "alpha must be"),
    ],
)
def test_bad_requests_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        SimilarRequest(model="m", **settings)  # type: ignore[arg-type]
