"""`recsys recommend`: tables and JSON of the same answer."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from commands import RunCommand

import recsys


@pytest.mark.parametrize("width", ["40", "60", "80", "200"])
def test_tables_fit_the_terminal(
    width: str, recsys_command: RunCommand, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    _, out, _ = recsys_command("recommend", model_path, "--user", 1)
    rows = [line for line in out.splitlines() if "Simul" in line]
    assert len(rows) == 10
    assert max(map(len, out.splitlines())) <= int(width)
    assert ("…" in out) == (width in ("40", "60"))


@pytest.mark.parametrize(
    "question", [["recommend", "--user", "1"], ["similar", "--item", "1"], ["search", "Simul"]]
)
def test_csv_has_what_json_has(
    question: list[str], recsys_command: RunCommand, model_path: Path
) -> None:
    command, *rest = question
    _, out, _ = recsys_command(command, model_path, *rest, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    _, out, _ = recsys_command(command, model_path, *rest, "--json")
    expected = json.loads(out)["rows"]
    assert [row["title"] for row in rows] == [row["title"] for row in expected]
    assert list(rows[0]) == list(expected[0])
    code, _, err = recsys_command(command, model_path, *rest, "--json", "--csv")
    assert (code, err) == (2, "recsys: give either --json or --csv\n")


def test_a_group_gets_a_table(recsys_command: RunCommand, model_path: Path) -> None:
    code, out, err = recsys_command("recommend", model_path, "--group", "1,2", "-n", "3")
    assert code == 0, err
    title, heads, _, *rows = out.strip().splitlines()
    assert title == "For users 1, 2 together (average)"
    assert heads.split()[:5] == ["rank", "item", "score", "least", "most"]
    assert len(rows) == 3


def test_what_was_liked_is_called_by_its_kind(recsys_command: RunCommand, tmp_path: Path) -> None:
    rows = [f"u{u},g{i},{u + i}.5" for u in range(6) for i in range(6)]
    (tmp_path / "plays.csv").write_text("\n".join(["user,item,Hours", *rows]) + "\n")
    train = ["train", tmp_path / "plays.csv", "--model", "popularity", "--out", tmp_path / "m"]
    assert recsys_command(*train)[0] == 0
    ask = ["recommend", tmp_path / "m", "--user", "u1", "--liked", 2, "--include-seen"]
    code, out, err = recsys_command(*ask)
    assert code == 0, err
    assert out.splitlines()[1].split() == ["rank", "item", "hours"]
    liked = json.loads(recsys_command(*ask, "--json")[1])["liked"]
    assert liked[0]["rating"] == 6.5


def test_json_is_the_same_answer(recsys_command: RunCommand, model_path: Path) -> None:
    model = recsys.load(model_path)
    code, out, _ = recsys_command("recommend", model_path, "--user", 7, "--liked", 1, "--json")
    found = json.loads(out)
    assert code == 0
    assert [row["item"] for row in found["rows"]] == model.recommend(7)["item"].tolist()
    assert len(found["liked"]) == 1
    _, out, _ = recsys_command("recommend", model_path, "--rate", "3=5", "--rate", "9=4", "--json")
    new = model.recommend_for({3: 5, 9: 4})["item"].tolist()
    assert [row["item"] for row in json.loads(out)["rows"]] == new
    _, out, _ = recsys_command("recommend", model_path, "--user", 7, "-n", 500, "--json")
    assert "of the 500 requested" in json.loads(out)["shortfall"]


def test_the_title_says_what_was_rated(recsys_command: RunCommand, model_path: Path) -> None:
    _, out, _ = recsys_command("recommend", model_path, "--rate", "3=5")
    title = recsys.load(model_path).item_table["title"][2]
    assert out.startswith(f"For a new user who rated {title} 5\n")


def test_an_unknown_user_can_get_the_most_popular_items(
    recsys_command: RunCommand, model_path: Path
) -> None:
    code, _, err = recsys_command("recommend", model_path, "--user", 9999)
    assert (code, "user 9999 is not in the data" in err) == (3, True)
    asked = ("recommend", model_path, "--user", 9999, "--unknown", "popular")
    code, out, err = recsys_command(*asked)
    assert code == 0
    assert out.startswith("For user 9999\n")
    assert out.count("popular: not in the data") == 10
    assert "Note: user 9999 is not in the data: these are the most popular" in err
    found = json.loads(recsys_command(*asked, "--json")[1])
    assert found["remark"].startswith("user 9999 is not in the data")
    assert {row["score"] for row in found["rows"]} == {None}
    assert {row["remark"] for row in found["rows"]} == {"popular: not in the data"}
