"""Lists for everybody: whole files, equal to single answers, continued after a stop."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recsys import Popularity, Ratings, Recommender, load, save, train
from recsys.app import lists
from recsys.app.lists import write_lists
from recsys.app.recommend import RecommendRequest
from recsys.errors import ArgumentError, UnknownIdError


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(lists, "BLOCK", 64)
    return 64


def request(model: Path, out: Path, **how: Any) -> RecommendRequest:
    return RecommendRequest(model=str(model), out=str(out), **({"everybody": True} | how))


def rows_of(path: Path) -> pd.DataFrame:
    if path.suffix == ".jsonl":
        found = [json.loads(line) for line in path.read_text().splitlines()]
        rows = [
            {"user": one["user"], "remark": one.get("remark")} | item
            for one in found
            for item in one["items"]
        ]
        return pd.DataFrame(rows)
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_a_file_holds_the_answers_to_everybody(
    ending: str, model_path: Path, tmp_path: Path, small_blocks: int
) -> None:
    path, model = tmp_path / f"lists{ending}", load(model_path)
    how: dict[str, Any] = {"n": 4, "where": "year < 2000"}
    written = write_lists(request(model_path, path, **how), show=["title"])
    found, expected = rows_of(path), model.recommend_many(**how)
    assert written.n_users == len(model.factors.users) > 2 * small_blocks
    for name in ("user", "rank", "item"):
        assert found[name].tolist() == expected[name].tolist()
    np.testing.assert_allclose(found["score"], expected["score"], atol=1e-6)
    titles = dict(zip(model.factors.items.ids, model.item_table["title"], strict=True))
    assert found["title"].tolist() == [titles[item] for item in expected["item"]]
    assert found["remark"].isna().all()
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_run_that_was_stopped_goes_on(
    model_path: Path, tmp_path: Path, small_blocks: int
) -> None:
    path, whole = tmp_path / "lists.csv", tmp_path / "whole.csv"
    done: list[int] = []

    def stop(users: int, total: int) -> None:
        done.append(users)
        if users >= 2 * small_blocks:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lists(request(model_path, path), on_users=stop)
    assert not path.exists()
    half = next(tmp_path.glob(".lists.csv.parts")) / ".000002.csv.deadbeef.part"
    half.write_text("what a kill leaves")
    assert write_lists(request(model_path, path)).n_continued == 2 * small_blocks
    assert write_lists(request(model_path, whole)).n_continued == 0
    assert path.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("change", [{"n": 3}, {"where": "year < 1990"}, {"users": "1\n2\n3\n"}])
def test_a_run_goes_on_only_with_the_same_question(
    change: dict[str, Any], model_path: Path, tmp_path: Path, small_blocks: int
) -> None:
    path = tmp_path / "lists.csv"

    def stop(users: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lists(request(model_path, path), on_users=stop)
    if "users" in change:
        (tmp_path / "users.txt").write_text(change["users"])
        change = {"everybody": False, "users_file": str(tmp_path / "users.txt")}
    assert write_lists(request(model_path, path, **change)).n_continued == 0
    again = tmp_path / "again.csv"
    write_lists(request(model_path, again, **change))
    assert path.read_bytes() == again.read_bytes()


def test_some_users_come_in_the_order_of_their_file(model_path: Path, tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("7\n\n 3 \n")
    how = {"everybody": False, "users_file": str(tmp_path / "users.txt")}
    write_lists(request(model_path, tmp_path / "a.csv", **how))
    assert rows_of(tmp_path / "a.csv")["user"].unique().tolist() == [7, 3]
    (tmp_path / "users.txt").write_text("7\n\n99999\n")
    with pytest.raises(UnknownIdError, match=r"users\.txt, line 3: user 99999 is not in the data"):
        write_lists(request(model_path, tmp_path / "b.csv", **how))
    write_lists(request(model_path, tmp_path / "b.csv", unknown="popular", **how))
    found = rows_of(tmp_path / "b.csv")
    assert found[found["user"] == 99999]["remark"].unique().tolist() == ["popular: not in the data"]
    assert found[found["user"] == 99999]["score"].isna().all()
    (tmp_path / "users.txt").write_text("x\n")
    with pytest.raises(UnknownIdError, match="line 1: user 'x' is not in the data"):
        write_lists(request(model_path, tmp_path / "b.csv", **how))
    (tmp_path / "users.txt").write_text("\n")
    with pytest.raises(ArgumentError, match="has no users"):
        write_lists(request(model_path, tmp_path / "b.csv", **how))


def test_text_ids_and_popular_lists_in_one_block_only(
    random_ratings: Ratings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "BLOCK", 4)
    model: Recommender = train(Popularity(), random_ratings)
    save(model, tmp_path / "m.safetensors")
    (tmp_path / "users.txt").write_text("\n".join(["u03", "u04", "u05", "u06", "new one"]))
    how = {"everybody": False, "users_file": str(tmp_path / "users.txt"), "unknown": "popular"}
    for ending in ("parquet", "csv", "jsonl"):
        path = tmp_path / f"lists.{ending}"
        write_lists(request(tmp_path / "m.safetensors", path, **how))
        found = rows_of(path)
        assert found["user"].unique().tolist() == ["u03", "u04", "u05", "u06", "new one"]
        assert found.groupby("user", sort=False)["remark"].count().tolist() == [0, 0, 0, 0, 10]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"everybody": False}, "choose whom to recommend to with one of --user"),
        ({"user": "3"}, "choose whom to recommend to with one of --user"),
        ({"liked": 3}, "liked, why and what-if cannot be used with --all"),
        ({"out": None}, "need --out FILE"),
        ({"out": "lists.xls"}, "out must end in .parquet, .csv, .jsonl"),
    ],
)
def test_what_does_not_go_together_is_named(
    how: dict[str, Any], message: str, model_path: Path, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"model": str(model_path), "out": str(tmp_path / "a.csv")}
    given |= {"everybody": True} | how
    with pytest.raises(ArgumentError, match=message):
        write_lists(RecommendRequest(**given))


def test_a_column_that_is_not_there_is_named(model_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"a column of the items \(title, year, genres\)"):
        write_lists(request(model_path, tmp_path / "a.csv"), show=["colour"])
