"""`recsys explain` and `recommend --why`: the same sums as in Python."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from commands import RunCommand

import recsys
from recsys.ratings.account import Account, Kind, Taken


def test_a_table_ends_in_the_score(recsys_command: RunCommand, model_path: Path) -> None:
    model = recsys.load(model_path)
    item = model.recommend(7, 1)["item"][0]
    code, out, _ = recsys_command("explain", model_path, "--user", 7, "--item", item, "-n", 3)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == model.item_table["title"][item - 1]
    score = next(line for line in lines if line.startswith("score")).split()[-1]
    assert float(score) == pytest.approx(model.explain(7, item).score, abs=5e-5)
    assert sum(" other ratings" in line for line in lines) == 1
    shares = [line.split()[-1] for line in lines[3:] if line and line.split()[-1][-1].isdigit()]
    numbers = [float(share) for share in shares if "." in share]
    assert sum(numbers[: numbers.index(float(score))]) == pytest.approx(float(score), abs=5e-4)
    assert "because you" in out


@pytest.mark.parametrize(("kind", "noun"), [("seen", "value"), ("counts", "hours")])
def test_what_nobody_rated_is_not_called_rated(
    recsys_command: RunCommand, model_path: Path, tmp_path: Path, kind: Kind, noun: str
) -> None:
    model, path = recsys.load(model_path), tmp_path / "seen.safetensors"
    read = Account("plays.csv", "", {"rating": Taken("Hours", "2.5")}, kind=kind, low=1, high=5)
    recsys.save(replace(model, account=read.to_dict()), path)
    ask = ["explain", path, "--user", 7, "--item", 9, "-n", 3]
    _, out, _ = recsys_command(*ask)
    assert " other interactions" in out
    assert out.splitlines()[1].split() == ["because", "of", noun, "share"]
    assert not re.search(r"\brat(ed|ings?)\b", out)
    own, other = (json.loads(recsys_command(*ask, "--json")[1]) for ask[1] in (path, model_path))
    assert own["terms"] == other["terms"]  # names for programs are the same


def test_json_has_every_term(recsys_command: RunCommand, model_path: Path) -> None:
    model = recsys.load(model_path)
    _, out, _ = recsys_command("explain", model_path, "--rate", "3=5", "--item", "9", "--json")
    found = json.loads(out)
    expected = model.explain_for({3: 5}, 9)
    assert found["score"] == pytest.approx(expected.score)
    assert [row["source"] for row in found["terms"]] == ["rating"]
    assert found["sentence"] == expected.sentence()


def test_why_gives_a_reason_for_each_item(recsys_command: RunCommand, model_path: Path) -> None:
    model = recsys.load(model_path)
    ask = ["recommend", model_path, "--user", 7, "-n", 2, "--why"]
    _, out, _ = recsys_command(*ask)
    first = model.recommend(7, 2)["title"][0]
    assert f"1 {first}: because you" in " ".join(out.split())
    found = json.loads(recsys_command(*ask, "--json")[1])
    assert [one["item"] for one in found["why"]] == [row["item"] for row in found["rows"]]
    for one, row in zip(found["why"], found["rows"], strict=True):
        assert one["score"] == pytest.approx(row["score"], abs=1e-5)
        assert sum(term["share"] for term in one["terms"]) == pytest.approx(one["score"], abs=1e-5)


def test_what_if_changes_and_removes_ratings(recsys_command: RunCommand, model_path: Path) -> None:
    model = recsys.load(model_path)
    own = model.liked(7, 2)["item"].tolist()
    ask = ["recommend", model_path, "--user", 7, "--json", "-n", 5]
    _, out, _ = recsys_command(*ask, "--what-if", f"{own[0]}=none", "--what-if", f"{own[1]}=1")
    expected = model.what_if(7, {own[0]: None, own[1]: 1.0}, 5)
    assert [row["item"] for row in json.loads(out)["rows"]] == expected["item"].tolist()
    code, _, err = recsys_command(*ask, "--what-if", f"{own[0]}=often")
    assert code == 2
    assert "what-if must look like 'Toy Story (1995)=5'" in err


@pytest.mark.parametrize(
    "wrong", [[], ["--user", 7, "--rate", "3=5"], ["--user", "x"], ["--rate", "3"]]
)
def test_bad_requests_are_one_line(
    wrong: list[str], recsys_command: RunCommand, model_path: Path
) -> None:
    code, out, err = recsys_command("explain", model_path, "--item", 9, *wrong)
    assert code in (2, 3)
    assert out == ""
    assert err.startswith("recsys: ")


def test_without_an_item_the_option_is_named(recsys_command: RunCommand, model_path: Path) -> None:
    code, _, err = recsys_command("explain", model_path, "--user", 7)
    assert code == 2
    assert err == "recsys: Missing option '--item'. Try 'recsys explain --help'.\n"
