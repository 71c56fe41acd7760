"""The list of data sets."""

from __future__ import annotations

from recsys.app.datasets import listed
from recsys.ratings.datasets import DATASETS


def test_every_data_set_has_a_row_with_the_same_columns() -> None:
    rows = listed()
    assert [row["name"] for row in rows] == list(DATASETS)
    assert {tuple(row) for row in rows} == {("name", "ratings", "licence")}
