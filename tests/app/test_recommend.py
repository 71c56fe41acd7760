"""Recommendations as a use case: a request in, an answer out."""

from __future__ import annotations

from pathlib import Path

import pytest

import recsys
from recsys.app.recommend import RecommendRequest, recommend
from recsys.errors import ArgumentError, UnknownIdError


def items(answer: dict[str, list[dict[str, object]]]) -> list[object]:
    return [row["item"] for row in answer["rows"]]


def test_a_user_gets_what_the_model_recommends(model: recsys.Recommender, model_path: Path) -> None:
    request = RecommendRequest(model=str(model_path), user="7", n=5, liked=3)
    found = recommend(request)
    assert found.title == "For user 7"
    assert items(found.to_dict()) == model.recommend(7, 5)["item"].tolist()
    assert len(found.to_dict()["liked"]) == 3
    assert recommend(request, model).to_dict() == found.to_dict()


def test_every_part_of_the_choice_counts(model: recsys.Recommender) -> None:
    def best(**settings: object) -> list[object]:
        asked = {"model": "unused", "user": "7", "n": 3} | settings
        return items(recommend(RecommendRequest(**asked), model).to_dict())  # type: ignore[arg-type]

    first = best()
    assert first[0] not in best(exclude=[str(first[0])])
    assert best(among=[str(first[2]), str(first[1])]) == first[1:]
    assert best(exclude_seen=False) == model.recommend(7, 3, exclude_seen=False)["item"].tolist()


def test_a_new_person_is_named_by_what_they_rated(model: recsys.Recommender) -> None:
    request = RecommendRequest(model="unused", rate=["3=5", "9=4"], n=4)
    found = recommend(request, model)
    assert items(found.to_dict()) == model.recommend_for({3: 5, 9: 4}, 4)["item"].tolist()
    title = model.item_table["title"][2]
    assert found.title.startswith(f"For somebody who gave {title} 5, ")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "say for whom: one of --user ID"),
        ({"user": "1", "rate": ["3=5"]}, "say for whom"),
        ({"rate": ["3=5"], "liked": 1}, "do not go with --rate"),
        ({"rate": ["3=5"], "exclude_seen": False}, "do not go with --rate"),
        ({"rate": ["3=5"], "unknown": "popular"}, "do not go with --rate"),
        ({"user": "1", "unknown": "guess"}, "unknown must be one of raise, popular"),
        ({"user": "1", "n": 0}, "n must be a whole number of at least 1"),
        ({"user": "1", "liked": -1}, "liked must be"),
    ],
)
def test_bad_requests_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        RecommendRequest(model="m", **settings)  # type: ignore[arg-type]


def test_an_unknown_item_to_leave_out_is_named(model: recsys.Recommender) -> None:
    with pytest.raises(UnknownIdError, match="item 9999"):
        recommend(RecommendRequest(model="m", user="1", exclude=["9999"]), model)
