"""Answers: a table with its remarks, in words and as JSON."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from recsys.app.answer import Answer, rows_of
from recsys.recommend.answer import Table


def test_an_answer_has_request_rows_and_notes() -> None:
    table = Table({"rank": np.array([1]), "item": np.array(["a"])}).noting(
        shortfall="1 of the 2 requested: there are no more items", remark="all scores are equal"
    )
    past = Table({"item": np.array(["b"]), "rating": np.array([4.5])})
    found = Answer("For user 7", {"user": "7"}, table, past)
    assert json.loads(json.dumps(found.to_dict())) == {
        "user": "7",
        "rows": [{"rank": 1, "item": "a"}],
        "shortfall": "1 of the 2 requested: there are no more items",
        "remark": "all scores are equal",
        "liked": [{"item": "b", "rating": 4.5}],
    }
    assert found.remarks == [
        "Only 1 of the 2 requested: there are no more items.",
        "Note: all scores are equal.",
    ]


def test_missing_values_of_a_frame_are_none() -> None:
    frame = pd.DataFrame({"p": [0.123456789, float("nan")], "model": ["a", None]})
    assert rows_of(frame) == [{"p": 0.123457, "model": "a"}, {"p": None, "model": None}]
