"""Features on the command line: training, answers, evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import genre_world
import pytest
from commands import RunCommand

import recsys
from recsys.evaluation.search.auto import Auto


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    frame = genre_world.world().to_frame()
    names = {"user": "userId", "item": "movieId"}
    frame.rename(columns=names).to_csv(tmp_path / "ratings.csv", index=False)
    n = genre_world.N_NEW
    items = genre_world.items(range(genre_world.N_ITEMS + n)).rename(columns=names)
    items.to_csv(tmp_path / "movies.csv", index=False)
    users = genre_world.users(range(genre_world.N_USERS + n)).rename(columns=names)
    users.to_csv(tmp_path / "people.csv", index=False)
    return tmp_path


def test_a_new_item_and_a_new_user_get_answers(recsys_command: RunCommand, folder: Path) -> None:
    model = folder / "m"
    code, out, _ = recsys_command(
        "train", folder / "ratings.csv", "--user-table", folder / "people.csv", "-o", model,
        "--set", "n_factors=4", "--features", "genres,gender",
    )  # fmt: skip
    assert code == 0
    lines = " ".join(out.split())
    assert "features of items genres (2 values, several in a row); 10 items without" in lines
    assert "features of users gender (2 values); 10 users without ratings use them" in lines
    code, out, _ = recsys_command("similar", model, "--item", genre_world.N_ITEMS, "-n", 3)
    assert code == 0
    code, out, _ = recsys_command(
        "recommend", model, "--user", genre_world.N_USERS, "-n", 5, "--json"
    )
    answer = json.loads(out)
    assert all(row["item"] % 2 == 0 for row in answer["rows"])
    assert "recommended by their features (gender)" in answer["remark"]


def test_all_columns_and_what_became_of_them_in_json(
    recsys_command: RunCommand, folder: Path
) -> None:
    code, out, _ = recsys_command(
        "train", folder / "ratings.csv", "-o", folder / "m", "--set", "n_factors=4",
        "--features", "all", "--json",
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)["features"]
    assert found == {
        "items": {"year": "a number, by 7 knots", "genres": "2 values, several in a row"}
    }
    assert recsys.load(folder / "m").features["items"].n == genre_world.N_ITEMS


@pytest.mark.parametrize("more", [(), ("--test", 0.2)])
def test_a_column_that_is_not_there_is_an_argument_error(
    more: tuple[object, ...],
    recsys_command: RunCommand,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before a search for a model, which may take minutes."""
    monkeypatch.setattr(Auto, "choose", lambda *_: pytest.fail("the search has begun"))
    code, _, err = recsys_command(
        "train", folder / "ratings.csv", "-o", folder / "m", "--features", "genre", *more
    )
    assert code == 2
    assert "no column 'genre'" in err
    assert "genres" in err


def test_held_out_items_are_evaluated_with_features(
    recsys_command: RunCommand, folder: Path
) -> None:
    report = folder / "r.json"
    code, out, _ = recsys_command(
        "evaluate", folder / "ratings.csv", "--split", "held-out-items", "--test", "0.25",
        "--models", "implicit-als", "--set", "implicit-als.n_factors=4", "-k", 3,
        "--report", report,
    )  # fmt: skip
    assert code == 0
    assert "implicit-als ranks best" in out
    code, plain, _ = recsys_command(
        "evaluate", folder / "ratings.csv", "--split", "held-out-items", "--test", "0.25",
        "--models", "implicit-als", "--set", "implicit-als.n_factors=4", "-k", 3,
        "--features", "year", "--json",
    )  # fmt: skip
    assert code == 0
    with_genres, by_year = json.loads(report.read_text()), json.loads(plain)
    means = [
        next(
            row["mean"]
            for row in one["summary"]
            if (row["model"], row["metric"]) == ("implicit-als", "ndcg@3")
        )
        for one in (with_genres, by_year)
    ]
    assert means[0] > means[1]
