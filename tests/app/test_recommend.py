"""Recommendations as a use case: a request in, an answer out."""

from __future__ import annotations

from pathlib import Path

import pytest

import recsys
from recsys.app.recommend import RecommendRequest, recommend
from recsys.errors import ArgumentError, DataError, UnknownIdError


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
    assert found.title.startswith(f"For a new user who rated {title} 5, ")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "choose whom to recommend to with one of --user ID"),
        ({"user": "1", "rate": ["3=5"]}, "choose whom to recommend to"),
        ({"rate": ["3=5"], "liked": 1}, "cannot be used with --rate"),
        ({"rate": ["3=5"], "exclude_seen": False}, "cannot be used with --rate"),
        ({"rate": ["3=5"], "unknown": "popular"}, "cannot be used with --rate"),
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


def test_ratings_of_a_new_person_come_from_a_file(
    model: recsys.Recommender, tmp_path: Path
) -> None:
    title = model.item_table["title"][2]
    expected = model.recommend_for({3: 5, 9: 1}, 4)["item"].tolist()
    texts = {
        "asked.csv": f'item,rating\n"{title}",5\n9,1\n',  # as `recsys ask --save` writes it
        "plain.csv": f"{title},5\n9,1\n",
        "named.tsv": f"stars\tmovie title\n5\t{title}\n1\t9\n",
        "whole.csv": "user_id,item_id,rating,timestamp\n8,3,5,0\n8,9,1,0\n",
        "more.csv": "title,year,rating\n3,1995,5\n9,1994,1\n",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text)
        request = RecommendRequest(model="unused", ratings=str(path), n=4)
        assert items(recommend(request, model).to_dict()) == expected, name
    both = RecommendRequest(
        model="unused", ratings=str(tmp_path / "asked.csv"), rate=["4=2"], n=4, why=True
    )
    found = recommend(both, model)
    assert items(found.to_dict()) == model.recommend_for({3: 5, 9: 1, 4: 2}, 4)["item"].tolist()
    assert len(found.to_dict()["why"]) == 4


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("user_id,item_id,rating\n1,3,5\n2,9,4\n", ArgumentError, "not 2 users"),
        ("item,rating\n3,good\n", DataError, "row 1: rating 'good' is not a number"),
        ("item,rating\n,5\n", DataError, "row 1: the item is missing"),
        ("item,rating\n3,5\n3,4\n", ArgumentError, "rate names '3' twice"),
        ("item,rating\nToy Storm,5\n", UnknownIdError, "Toy Storm"),
        ("title,year,genre\n3,5,4\n", DataError, "no rating column"),
        ("item,rating\n3,50\n", ArgumentError, "must be on the scale"),
    ],
)
def test_bad_files_of_ratings_are_refused(
    text: str, error: type[Exception], said: str, model: recsys.Recommender, tmp_path: Path
) -> None:
    (tmp_path / "own.csv").write_text(text)
    request = RecommendRequest(model="unused", ratings=str(tmp_path / "own.csv"))
    with pytest.raises(error, match=said):
        recommend(request, model)


def test_a_file_of_ratings_must_be_there(model: recsys.Recommender) -> None:
    with pytest.raises(ArgumentError, match="no such file"):
        recommend(RecommendRequest(model="unused", ratings="nowhere.csv"), model)
    with pytest.raises(ArgumentError, match="choose whom to recommend to"):
        RecommendRequest(model="unused", ratings="own.csv", user="1")


def test_every_setting_of_a_choice_reaches_the_model(model: recsys.Recommender) -> None:
    request = RecommendRequest(model="unused", user="7", n=6, rerank="mmr=0.9")
    expected = model.recommend(7, 6, rerank="mmr=0.9")["item"].tolist()
    assert items(recommend(request, model).to_dict()) == expected
    assert expected != model.recommend(7, 6)["item"].tolist()
    with pytest.raises(ArgumentError, match="has no standard deviations; use bayesian-mf"):
        recommend(RecommendRequest(model="unused", user="7", risk="lower"), model)
