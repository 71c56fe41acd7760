import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recsys.errors import ArgumentError, DataError
from recsys.ratings.features import LEAST, Coding


def features(table: pd.DataFrame, names: list[str] | None = None) -> pd.DataFrame:
    coding = Coding.of(table, names)
    return pd.DataFrame(coding.coded(table).toarray(), columns=coding.features)


def test_genres_are_one_feature_each_and_their_pairs() -> None:
    table = pd.DataFrame({"genres": ["Comedy|Drama"] * LEAST + ["Drama"] * LEAST + [None]})
    found = features(table)
    assert found.columns.tolist() == [
        "genres=Comedy", "genres=Drama", "genres=Comedy & genres=Drama",
    ]  # fmt: skip
    assert found.to_numpy().tolist() == [[1, 1, 1]] * LEAST + [[0, 1, 0]] * LEAST + [[0, 0, 0]]


def test_a_number_lies_between_two_knots() -> None:
    years = [1980] * LEAST + [1985] * LEAST + [1990] * LEAST
    coding = Coding.of(pd.DataFrame({"year": years}))
    (column,) = coding.columns
    assert column.values == (1980, 1985, 1990)
    found = column.coded(pd.Series([1980, 1981, 1999, None])).toarray()
    expected = [[1, 0, 0, 0], [0.8, 0.2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert found == pytest.approx(np.array(expected))


def test_years_have_a_knot_per_decade_and_other_numbers_by_quantile() -> None:
    years, hours = np.arange(1960, 2000), np.arange(40) ** 2
    found = {
        column.name: column.values
        for column in Coding.of(pd.DataFrame({"year": years, "hours": hours})).columns
    }
    assert found["year"] == (1960, 1970, 1980, 1990, 2000)
    assert found["hours"] == pytest.approx(np.quantile(hours, [0, 0.2, 0.4, 0.6, 0.8, 1]))


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ([f"text {i}" for i in range(40)], "40 different values, most of them rare"),
        (["same"] * 40, "always the same"),
        ([7] * 40, "always the same"),
        ([None] * 40, "no values"),
    ],
)
def test_a_column_that_says_nothing_is_left_out_and_said(cells: list[Any], why: str) -> None:
    table = pd.DataFrame({"color": cells, "kind": ["a", "b"] * 20})
    coding = Coding.of(table)
    assert [column.name for column in coding.columns] == ["kind"]
    assert coding.described() == {"kind": "2 values", "color": f"left out: {why}"}
    with pytest.raises(DataError, match=f"column 'color' cannot be used: {why}"):
        Coding.of(table, ["color"])


def test_titles_ids_and_averages_of_opinions_are_used_only_where_they_are_named() -> None:
    values = [1, 2] * 20
    table = pd.DataFrame({"title": ["a", "b"] * 20, "imdbId": values, "item_rating": values})
    assert Coding.of(table).columns == ()
    assert [column.name for column in Coding.of(table, ["item_rating"]).columns] == ["item_rating"]


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    table = pd.DataFrame({"genres": ["a", "b"] * 20, "year": [1, 2] * 20})
    with pytest.raises(ArgumentError, match="no column 'genre'.*genres.*; there are genres, year"):
        Coding.of(table, ["genre"])


def test_values_are_split_at_commas_and_lists_are_sets() -> None:
    tags = ["red, round", "red", "round"] * LEAST
    assert features(pd.DataFrame({"genres": tags})).columns[0] == "genres=red"
    lists = [["red", "round"], ["red"], None] * LEAST
    assert features(pd.DataFrame({"tags": lists})).iloc[:3, :2].to_numpy().tolist() == [
        [1, 1], [1, 0], [0, 0],
    ]  # fmt: skip


def test_what_was_not_there_to_learn_from_is_zero() -> None:
    coding = Coding.of(pd.DataFrame({"genres": ["a", "b"] * LEAST, "year": [1, 2] * LEAST}))
    found = coding.coded(pd.DataFrame({"genres": ["new"]})).toarray()
    unknown = [0.0] * found.shape[1]
    unknown[coding.features.index("year unknown")] = 1
    assert found.tolist() == [unknown]


def test_a_coding_survives_json() -> None:
    table = pd.DataFrame({"genres": ["a|b", "b"] * LEAST, "year": [1990, 2001] * LEAST})
    coding = Coding.of(table)
    assert Coding.from_dict(json.loads(json.dumps(coding.to_dict()))) == coding


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": "no"}, "must have columns"),
        ({"columns": [{"name": "x"}]}, "must have name, kind, values"),
        ({"pairs": [[0, 99]]}, "must be two of"),
        ({"pairs": [[0]]}, "must be two of"),
    ],
)
def test_a_damaged_coding_is_refused(change: dict[str, Any], message: str) -> None:
    saved = Coding.of(pd.DataFrame({"genres": ["a", "b"] * LEAST})).to_dict()
    with pytest.raises(ValueError, match=message):
        Coding.from_dict(saved | change)


@pytest.mark.parametrize("values", [[1.0], [2.0, 1.0], ["a", "b"], [1.0, float("inf")]])
def test_damaged_knots_are_refused(values: list[Any]) -> None:
    column = {"name": "year", "kind": "number", "values": values, "separator": ""}
    with pytest.raises(ValueError, match="year"):
        Coding.from_dict({"columns": [column], "pairs": []})
