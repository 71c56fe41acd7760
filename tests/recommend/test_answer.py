"""Answers as tables: the same content as rows for JSON and as a DataFrame."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import recsys
from recsys.recommend.answer import Table
from recsys.recommend.items import ItemTable

FRAME = pd.DataFrame(
    {
        "title": pd.Series(["Alien", None, "Brazil"]),
        "year": pd.array([1979, 1985, None], dtype="Int64"),
        "price": [1.25, float("nan"), 3.0],
    }
)


@pytest.fixture(params=["frame", "arrow"])
def items(request: pytest.FixtureRequest) -> ItemTable:
    if request.param == "frame":
        return ItemTable.of(FRAME)
    return ItemTable(3, arrow=pa.Table.from_pandas(FRAME, preserve_index=False))


def test_a_table_is_the_same_in_rows_and_in_pandas(items: ItemTable) -> None:
    rows = np.array([2, 0])
    answer = {"rank": np.array([1, 2]), "score": np.array([0.1234567, np.nan], np.float32)}
    table = Table(answer, items, rows, {"shortfall": "2 of the 3 requested"})
    assert table.columns == ["rank", "score", "title", "year", "price"]
    assert len(table) == 2
    assert table.to_dict() == {
        "rows": [
            {"rank": 1, "score": 0.123457, "title": "Brazil", "year": None, "price": 3.0},
            {"rank": 2, "score": None, "title": "Alien", "year": 1979, "price": 1.25},
        ],
        "shortfall": "2 of the 3 requested",
    }
    frame = table.frame()
    assert frame.attrs["shortfall"] == "2 of the 3 requested"
    pd.testing.assert_frame_equal(
        frame[["title", "year", "price"]], FRAME.iloc[rows].reset_index(drop=True)
    )
    assert frame["score"].dtype == np.float32


def test_a_column_of_the_answer_hides_one_of_the_item_table() -> None:
    items = ItemTable.of(pd.DataFrame({"rank": ["x"], "title": ["Alien"]}))
    table = Table({"rank": np.array([1])}, items, np.array([0]))
    assert table.columns == ["rank", "title"]
    assert table.frame()["rank"].tolist() == [1]
    with pytest.raises(KeyError):
        table.column("nothing")


def test_titles_are_texts_or_nothing(items: ItemTable) -> None:
    assert items.titles == ["Alien", None, "Brazil"]
    assert ItemTable.of(pd.DataFrame({"title": [1984, "Brazil"]})).titles == [None, "Brazil"]
    assert ItemTable.of(pd.DataFrame(index=range(2))).titles is None
    assert len(ItemTable.of(pd.DataFrame(index=range(2)))) == 2


def test_both_kinds_of_item_table_become_each_other(items: ItemTable) -> None:
    pd.testing.assert_frame_equal(items.frame, FRAME)
    assert items.arrow.column_names == list(FRAME.columns)


def test_a_question_to_a_loaded_model_needs_no_pandas(root: Path, tmp_path: Path) -> None:
    model = recsys.train(
        recsys.ImplicitALS(4, n_epochs=2), recsys.read_ratings(root / "data/sample")
    )
    path = recsys.save(model, tmp_path / "m")
    code = (
        "import sys, recsys; from recsys.recommend import questions, similar; "
        "from recsys import Choice; "
        f"model = recsys.load({str(path)!r}); "
        "print(len(questions.recommend(model, 1, Choice(n=3)).to_dict()['rows']), "
        "len(similar.similar_items(model, 3, 2).to_dict()['rows']), 'pandas' in sys.modules)"
    )
    # Not in the checkout, whose kernels need not be compiled.
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == ["3", "2", "False"]
