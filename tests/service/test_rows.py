"""Rows are encoded as `Table.to_dict` has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

import recsys
from recsys.ids import IdIndex
from recsys.recommend.answer import Table
from recsys.service.calls import rows_in_json
from recsys.service.snapshot import Snapshot

NAMES: dict[str, list[Any]] = {
    "as they are": [],
    "none": ["title", "genres"],
    "like one of the answer": ["score"],
    "with a percent sign and quotes": ['100 % "sure"'],
}


@pytest.mark.parametrize("columns", NAMES)
@pytest.mark.parametrize("n", [0, 1, 7])
def test_rows_are_those_of_the_table(model: recsys.Recommender, columns: str, n: int) -> None:
    frame = model.item_table.copy()
    for name in NAMES[columns]:
        if name in frame:
            frame = frame.drop(columns=name)
        else:
            frame[name] = [f"{i}, {name}" for i in range(len(frame))]
    large = IdIndex(np.arange(len(frame)) + 2**53 - 4, "item")  # some are text in JSON
    mine = replace(model, item_table=frame, factors=replace(model.factors, items=large))
    rows = np.arange(3, 3 + n)
    scores = np.linspace(-1e-7, 1e7, n).astype(np.float32)
    if n > 1:
        scores[1] = np.nan
    answer: dict[str, Any] = {"rank": rows - 2, "item": large.ids[rows], "score": scores}
    answer["remark"] = np.array([None, "a, b"] * n, object)[:n]
    table = Table(answer, mine.items, rows)
    expected = orjson.loads(orjson.dumps(table.to_dict()["rows"]))
    snapshot = Snapshot(mine, mine, "m", 1)
    for _ in range(2):  # the second time what is known of the items was kept
        found = orjson.loads(rows_in_json(table, snapshot))
        assert found == expected
        assert [list(row) for row in found] == [list(row) for row in expected]
