"""`recsys similar`: tables of items and users."""

from __future__ import annotations

import json
from pathlib import Path

from commands import RunCommand

import recsys


def test_similar_items_and_users(recsys_command: RunCommand, model_path: Path) -> None:
    title = recsys.load(model_path).item_table["title"][2]
    code, out, _ = recsys_command("similar", model_path, "--item", title)
    assert code == 0
    assert out.startswith(f"Like {title}\n")
    code, out, _ = recsys_command("similar", model_path, "--user", 5, "-n", 4)
    assert code == 0
    assert out.startswith("Like user 5\n")
    assert "n_ratings" in out
    _, out, _ = recsys_command("similar", model_path, "--item", 3, "--metric", "euclidean")
    assert "-0." in out  # a distance with a minus


def test_json_is_the_same_answer(recsys_command: RunCommand, model_path: Path) -> None:
    _, out, _ = recsys_command("similar", model_path, "--item", 3, "--json")
    found = json.loads(out)
    expected = recsys.load(model_path).similar_items(3)["item"].tolist()
    assert [row["item"] for row in found["rows"]] == expected
    assert (found["item"], found["user"], found["metric"]) == ("3", None, "cosine")
