"""Arguments of the wrong kind are named, whatever they are and whichever function they go to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys import Ratings, Recommender, maps, splits
from recsys.arguments import require_flag, said
from recsys.errors import ArgumentError, RecsysError
from recsys.evaluation.protocol.validation import validation_score

SPEC = recsys.ImplicitALS(2, n_epochs=1)
TABLE = pd.DataFrame({"user": [1, 2], "item": [1, 2]})
WRONG: Mapping[str, Any] = {
    "none": None, "number": 5, "negative": -1, "fraction": 1.5, "nan": float("nan"),
    "numpy": np.float32(2.5), "integer": np.int64(3), "flag": True, "numpy-flag": np.bool_(True),
    "text": "x", "empty-text": "", "bytes": b"x", "table": TABLE, "column": TABLE["user"],
    "array": np.array([1, 2]), "square": np.eye(2), "list": [], "nested": [[1]], "nones": [None],
    "mapping": {"n": 3}, "tuple": (1, 2), "set": {1}, "object": object(), "class": recsys.EASE,
    "spec": SPEC, "complex": 1 + 2j, "huge": 10**30, "function": lambda *_: None,
}  # fmt: skip

Call = Callable[[Recommender, Ratings, Any], Any]

# Each takes a value that is of the wrong kind, whatever it is, but for those named.
NEVER: Mapping[str, Call] = {
    "splits.random": lambda m, r, v: splits.random(v),
    "splits.kfold": lambda m, r, v: splits.kfold(v),
    "splits.kfold unseen_items": lambda m, r, v: splits.kfold(r, unseen_items=v),
    "splits.leave_last": lambda m, r, v: splits.leave_last(v),
    "splits.by_time": lambda m, r, v: splits.by_time(v),
    "splits.held_out_users": lambda m, r, v: splits.held_out_users(v),
    "splits.held_out_items": lambda m, r, v: splits.held_out_items(v),
    "splits.given train": lambda m, r, v: splits.given(v, r),
    "splits.given test": lambda m, r, v: splits.given(r, v),
    "random unseen_items": lambda m, r, v: splits.random(r, unseen_items=v),
    "feedback.ones": lambda m, r, v: recsys.feedback.ones(v),
    "fit": lambda m, r, v: SPEC.fit(v),
    "train ratings": lambda m, r, v: recsys.train(SPEC, v),
    "recommend unknown": lambda m, r, v: m.recommend(1, unknown=v),
    "similar_items metric": lambda m, r, v: m.similar_items(m.factors.items.ids[0], metric=v),
    "similar_users metric": lambda m, r, v: m.similar_users(m.factors.users.ids[0], metric=v),
    "predict unknown": lambda m, r, v: m.predict(1, 1, unknown=v),
    "validation_score fitted": lambda m, r, v: validation_score(v, splits.random(r)),
    "validation_score split": lambda m, r, v: validation_score(m.factors, v),
    "validation_score metric": lambda m, r, v: validation_score(
        m.factors, splits.random(r), metric=v
    ),
    "Grid": lambda m, r, v: recsys.Grid(v),
    "evaluate splits": lambda m, r, v: recsys.evaluate({"a": SPEC}, v),
    "evaluate kept": lambda m, r, v: recsys.evaluate({"a": SPEC}, splits.random(r), kept=v),
    "save": lambda m, r, v: recsys.save(v, "no.safetensors"),
    "save_index": lambda m, r, v: recsys.save_index(v, "no.index"),
    "maps.health": lambda m, r, v: maps.health(v),
    "maps.project": lambda m, r, v: maps.project(v),
}


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"user": rng.integers(0, 20, 300), "item": rng.integers(0, 30, 300)})
    table = table.drop_duplicates().assign(rating=4.0)
    table["time"] = np.arange(len(table))
    return Ratings.from_frame(table, user="user", item="item", rating="rating", timestamp="time")


@pytest.fixture(scope="module")
def model(ratings: Ratings) -> Recommender:
    return recsys.train(SPEC, ratings)


def one_line(error: RecsysError) -> bool:
    return "\n" not in str(error) and len(str(error)) < 400


@pytest.mark.parametrize("name", NEVER)
def test_no_value_of_another_kind_is_taken(name: str, model: Recommender, ratings: Ratings) -> None:
    for value in WRONG.values():
        with pytest.raises(ArgumentError) as found:
            NEVER[name](model, ratings, value)
        assert one_line(found.value)


# What may be given is not all wrong here: whatever is refused is refused with an error of ours.
SOMETIMES: Mapping[str, Call] = {
    "train spec": lambda m, r, v: recsys.train(v, r),
    "train feedback": lambda m, r, v: recsys.train(SPEC, r, feedback=v),
    "auto feedback": lambda m, r, v: recsys.train(recsys.auto(budget=0), r, feedback=v),
    "train on_epoch": lambda m, r, v: recsys.train(SPEC, r, on_epoch=None if callable(v) else v),
    "train start": lambda m, r, v: recsys.train(SPEC, r, start=v),
    "train warm": lambda m, r, v: recsys.train(SPEC, r, warm=v),
    "train features": lambda m, r, v: recsys.train(SPEC, r, features=v),
    "auto budget": lambda m, r, v: recsys.auto(v),
    "evaluate feedback": lambda m, r, v: recsys.evaluate(
        {"popularity": recsys.Popularity()}, splits.random(r), feedback=v
    ),
    "evaluate models": lambda m, r, v: recsys.evaluate({"a": v}, splits.random(r)),
    "Tuner models": lambda m, r, v: recsys.Tuner([v]),
    "Feedback threshold": lambda m, r, v: recsys.Feedback(threshold=v),
    "Feedback half_life": lambda m, r, v: recsys.Feedback(half_life=v),
    "Feedback ones": lambda m, r, v: recsys.Feedback(ones=v),
    "recommend user": lambda m, r, v: m.recommend(v),
    "recommend choice": lambda m, r, v: m.recommend(1, choice=v),
    "recommend among": lambda m, r, v: m.recommend(1, among=v),
    "recommend exclude": lambda m, r, v: m.recommend(1, exclude=v),
    "recommend risk": lambda m, r, v: m.recommend(1, risk=v),
    "recommend_many": lambda m, r, v: m.recommend_many(v),
    "recommend_many choice": lambda m, r, v: m.recommend_many([1], choice=v),
    "recommend_many among": lambda m, r, v: m.recommend_many([1], among=v),
    "recommend_for": lambda m, r, v: m.recommend_for(v),
    "recommend_for choice": lambda m, r, v: m.recommend_for({1: 4}, choice=v),
    "recommend_for rating": lambda m, r, v: m.recommend_for({1: v}),
    "recommend_group how": lambda m, r, v: m.recommend_group([1, 2], how=v),
    "what_if ratings": lambda m, r, v: m.what_if(1, v),
    "onboard answered": lambda m, r, v: m.onboard(2, answered=v),
    "similar_items": lambda m, r, v: m.similar_items(v),
    "similar_items opposite": lambda m, r, v: m.similar_items(1, opposite=v),
    "explain": lambda m, r, v: m.explain(1, v),
    "explain_for": lambda m, r, v: m.explain_for(v, 1),
    "held_out_users": lambda m, r, v: splits.held_out_users(r, users=v),
    "from_frame": lambda m, r, v: Ratings.from_frame(TABLE, user=v, item="item"),
    "read_ratings": lambda m, r, v: recsys.read_ratings(TABLE, user=v),
    "from_matrix": lambda m, r, v: Ratings.from_matrix(v),
    "compare_items": lambda m, r, v: maps.compare_items(m, v),
    "load": lambda m, r, v: recsys.load(v),
}


@pytest.mark.parametrize("name", SOMETIMES)
def test_what_is_refused_is_refused_with_one_line(
    name: str, model: Recommender, ratings: Ratings
) -> None:
    for value in WRONG.values():
        try:
            SOMETIMES[name](model, ratings, value)
        except RecsysError as error:
            said_of = error
        else:
            continue
        assert one_line(said_of)


def test_the_message_has_the_argument_the_value_and_the_remedy(
    model: Recommender, ratings: Ratings, tmp_path: Path
) -> None:
    said_of: list[tuple[Callable[[], Any], str]] = [
        (
            lambda: splits.random(TABLE),  # type: ignore[arg-type]
            r"ratings must be Ratings \(.*from_frame.*\), not DataFrame",
        ),
        (
            lambda: model.recommend(1, choice={"n": 3}),  # type: ignore[arg-type]
            r"choice must be a Choice.*, not \{'n': 3\}",
        ),
        (lambda: model.recommend(1, among=[[1]]), r"among must .* \[1\] is not one"),
        (
            lambda: splits.kfold(ratings, unseen_items="x"),  # type: ignore[arg-type]
            "unseen_items must be one of drop, keep, not 'x'",
        ),
        (
            lambda: validation_score(model, splits.random(ratings)),  # type: ignore[arg-type]
            "fitted must be the result of fit, or the factors of a Recommender, not Recommender",
        ),
        (
            lambda: recsys.train(SPEC, ratings, feedback=5),  # type: ignore[arg-type]
            "feedback must be a Feedback or a text .*, not 5",
        ),
        (
            lambda: recsys.train(SPEC, ratings, checkpoint=5),  # type: ignore[arg-type]
            "checkpoint must be a folder, not 5",
        ),
        (
            lambda: recsys.tune(ratings, out=5),  # type: ignore[arg-type]
            "out must be a folder or None, not 5",
        ),
    ]
    for call, expected in said_of:
        with pytest.raises(ArgumentError, match=expected):
            call()


def test_scalars_are_said_and_tables_are_named() -> None:
    assert said(np.float32(2.5)) == "np.float32(2.5)"
    assert said(TABLE) == "DataFrame"
    require_flag("x", np.bool_(True))
    with pytest.raises(ArgumentError, match="x must be true or false, not DataFrame"):
        require_flag("x", TABLE)
