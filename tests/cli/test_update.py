"""`recsys update`: new ratings for a model file."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from commands import RunCommand

import recsys

OLD = [(user, item, 1 + (user + item) % 5) for user in range(1, 13) for item in range(1, 12)]
NEW = [(1, 20, 5), (2, 20, 4), (30, 1, 5), (30, 2, 3), (30, 20, 4), (1, 1, 5)]


def csv(path: Path, rows: list[tuple[int, int, int]]) -> Path:
    pd.DataFrame(rows, columns=["user", "item", "rating"]).to_csv(path, index=False)
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A model, and new ratings of the new user 30 and of the new item 20."""
    ratings = recsys.read_ratings(csv(tmp_path / "old.csv", OLD))
    model = recsys.train(recsys.ImplicitALS(4), ratings)
    path = recsys.save(model, tmp_path / "model", measured={"metric": "ndcg@10"})
    return path, csv(tmp_path / "new.csv", NEW)


def test_a_model_is_replaced_by_itself_with_the_new_ratings(
    files: tuple[Path, Path], recsys_command: RunCommand
) -> None:
    code, out, error = recsys_command("update", *files)
    assert code == 0, error
    assert "values   ratings (the name 'rating'), 3 to 5" in error
    assert out.startswith("added        5 ratings, 1 user, 1 item\nrated again  1 rating\n")
    assert "retrain at 10 %" in out
    model = recsys.load(files[0])
    assert (model.drift.trained, model.drift.added, model.drift.changed) == (132, 5, 1)
    assert model.seen()[0, 0] == 5
    assert not {1, 2, 20} & set(model.recommend(30, 20)["item"])
    assert model.recommend(3, 1)["item"].tolist() == [20]
    code, out, _ = recsys_command("inspect", files[0])
    said = " ".join(out.split())
    assert "drift 4.5 % of the ratings are newer than the model (1 user, 1 item, 1" in said
    assert json.loads(recsys_command("inspect", files[0], "--json")[1])["measured"] == {
        "metric": "ndcg@10"
    }


def test_the_counter_adds_up_and_the_limit_is_said(
    files: tuple[Path, Path], recsys_command: RunCommand, tmp_path: Path
) -> None:
    out = tmp_path / "folder" / "other"
    _, first, _ = recsys_command("update", *files, "--out", out, "--json")
    more = csv(tmp_path / "more.csv", [(31, item, 5) for item in range(1, 12)])
    code, second, error = recsys_command("update", out, more, "-o", out, "--json")
    assert code == 0, error
    found = json.loads(second)
    assert json.loads(first)["added"] == {"ratings": 5, "users": 1, "items": 1}
    assert found["added"] == {"ratings": 11, "users": 1, "items": 0}
    counters = {"trained": 132, "added": 16, "changed": 1, "users": 2, "items": 1, "updates": 2}
    assert counters.items() <= found["drift"].items()
    assert found["drift"]["due"]
    assert found["remarks"] == [
        "13 % of the ratings are newer than the model, and the limit is 10 %: retrain it on all "
        "ratings"
    ]
    assert recsys.load(files[0]).drift.updates == 0  # it was not written to
    _, _, error = recsys_command("update", out, more)
    assert "retrain it on all ratings" in " ".join(error.split())


def test_counts_are_added_up_as_in_the_training(tmp_path: Path, recsys_command: RunCommand) -> None:
    for name, plays in (("old", [3, 90, 1, 2]), ("new", [4, 1, 1, 1])):
        frame = pd.DataFrame({"user": [1, 1, 2, 3], "item": [1, 2, 1, 2], "plays": plays})
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    model = tmp_path / "model"
    recsys_command("train", tmp_path / "old.csv", "--model", "popularity", "--out", model)
    code, _, error = recsys_command("update", model, tmp_path / "new.csv")
    assert code == 0, error
    assert recsys.load(model).seen().toarray().tolist() == [[7, 91], [2, 0], [0, 3]]


@pytest.mark.parametrize(
    ("rows", "code", "message"),
    [
        ([("u1", 1, 5)], 2, "user ids of this model are whole numbers, not 'u1'"),
        ([(1, 1, 50)], 3, "user 1 gave item 1 50; the scale of the training ratings is 1 to 5"),
    ],
)
def test_bad_ratings_leave_the_model_as_it_is(
    files: tuple[Path, Path],
    recsys_command: RunCommand,
    tmp_path: Path,
    rows: list[tuple[int, int, int]],
    code: int,
    message: str,
) -> None:
    before = files[0].read_bytes()
    found, _, error = recsys_command("update", files[0], csv(tmp_path / "bad.csv", rows))
    assert found == code
    assert error.splitlines()[-1] == f"recsys: {message}"
    assert files[0].read_bytes() == before


def test_a_model_without_its_history_is_refused(
    files: tuple[Path, Path], recsys_command: RunCommand
) -> None:
    recsys.save(recsys.load(files[0]), files[0], history=False)
    code, _, error = recsys_command("update", *files)
    assert code == 4
    assert error == (
        "recsys: this model was saved without its history, which an update adds to; train it "
        "again, or save it with its history\n"
    )


def test_a_file_that_is_no_model_is_not_replaced(
    files: tuple[Path, Path], recsys_command: RunCommand
) -> None:
    code, _, error = recsys_command("update", *files, "--out", files[1])
    assert code == 2
    assert "which is not a model file" in error


def test_a_damaged_model_is_an_error_of_the_model_and_stays(
    files: tuple[Path, Path], recsys_command: RunCommand
) -> None:
    files[0].write_bytes(files[0].read_bytes()[:3000])
    code, _, error = recsys_command("update", *files)
    assert code == 4
    assert "cut off within its header" in error
    assert files[0].stat().st_size == 3000
