"""Folders that Spark writes."""

import json
from pathlib import Path

import pandas as pd
import pytest

import recsys
from recsys.errors import DataError


def write(folder: Path, ending: str, parts: list[pd.DataFrame]) -> None:
    (folder / "_SUCCESS").touch()
    for n, part in enumerate(parts):
        file = folder / f"part-0000{n}{ending}"
        if "csv" in ending:
            part.to_csv(file, index=False)
        elif "json" in ending:
            part.to_json(file, orient="records", lines=True)
        else:
            part.to_parquet(file)
        (folder / f".{file.name}.crc").write_bytes(b"\0crc")


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".json", ".snappy.parquet"])
@pytest.mark.parametrize("late", [7, "x7"])
def test_parts_are_one_table(ending: str, late: int | str, tmp_path: Path) -> None:
    first = pd.DataFrame({"user": [1, 2], "item": [5, 5], "rating": [1.0, 2]})
    second = pd.DataFrame({"user": [3], "item": [late], "rating": [4.0]})
    if ending.endswith("parquet"):  # whose columns have one type in all parts
        first["item"], second["item"] = first["item"].astype(str), second["item"].astype(str)
    write(tmp_path, ending, [first, first[:0], second])
    if ending.endswith("json"):
        (tmp_path / "part-00001.json").write_text("")
    ratings = recsys.read_ratings(tmp_path)
    assert ratings.users.ids.tolist() == [1, 2, 3]
    assert ratings.items.ids.tolist() == ([5, 7] if late == 7 else ["5", "x7"])
    assert ratings.matrix.toarray().tolist() == [[1, 0], [2, 0], [0, 4]]


def test_parts_without_a_header_of_one_row_each(tmp_path: Path) -> None:
    for n, row in enumerate(("1,5,2", "2,6,3")):
        (tmp_path / f"part-0000{n}").write_text(row + "\n")
    assert recsys.read_ratings(tmp_path).matrix.toarray().tolist() == [[2, 0], [0, 3]]


def test_a_bad_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "part-00000.json").write_text(json.dumps({"user": 1, "item": 2, "rating": 3}))
    (tmp_path / "part-00001.json").write_text(json.dumps({"user": 1, "item": 2}))
    with pytest.raises(DataError, match="the parts have different columns"):
        recsys.read_ratings(tmp_path)
    (tmp_path / "part-00001.json").write_text("{")
    with pytest.raises(DataError, match=r"part-00001\.json, line 1"):
        recsys.read_ratings(tmp_path)
