"""Hostile titles, genres, ids, names and arguments on a terminal."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from commands import RunCommand
from hostile import CONTROLS, MARKUP, OBEYED, SURROGATE, TEXTS, ratings

import recsys
from recsys.app.ask import Conversation
from recsys.cli.ask import _complete_titles
from recsys.cli.output import print_as
from recsys.cli.progress import training_progress
from recsys.recommend.choice import Choice

# Arguments cannot hold a NUL, and what begins with a dash is an option.
ARGUMENTS = [text.replace("\0", "") for text in (*TEXTS, SURROGATE) if not text.startswith("-")]
BY_NUMBER = pytest.mark.parametrize("text", ARGUMENTS, ids=range(len(ARGUMENTS)))


@pytest.fixture(scope="module")
def model() -> recsys.recommend.recommender.Recommender:
    return recsys.train(recsys.ImplicitALS(8), ratings())


@pytest.fixture(scope="module")
def hostile_model(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return recsys.save(model, tmp_path_factory.mktemp("hostile") / "m.safetensors")


def harmless(code: int, out: str, err: str) -> None:
    assert code in (0, 2, 3, 4)
    assert not OBEYED.search(out + err)
    if code:
        assert len(err.splitlines()) == 1


@BY_NUMBER
def test_questions_show_and_echo_no_control(
    text: str, hostile_model: Path, recsys_command: RunCommand
) -> None:
    user = text if text.strip() else f"{text}id"
    for question in (
        ["recommend", hostile_model, "--user", user, "-n", 50, "--show", MARKUP[0]],
        ["recommend", hostile_model, "--user", user, "--why"],
        ["recommend", hostile_model, f"--rate={text}=5"],
        ["recommend", hostile_model, "--user", user, f"--where={text}"],
        ["recommend", hostile_model, "--user", user, f"--genre={text}"],
        ["recommend", hostile_model, "--user", user, f"--show={text}"],
        ["similar", hostile_model, f"--item={text}", "--json"],
        ["similar", hostile_model, f"--item={text}", "-n", 50],
        ["search", hostile_model, text, "--json"],
        ["search", hostile_model, text],
        ["inspect", f"{text}.safetensors"],
        ["train", text, f"--column={text}=x"],
        [f"--{text}"],
    ):
        harmless(*recsys_command(*question))


def test_a_title_with_a_line_break_is_one_row(model: Any, capsys: Any) -> None:
    answer = recsys.app.search.search(
        recsys.app.search.SearchRequest(model="", words="a row", n=1), model
    )
    print_as(answer, (), json=False, csv=False)
    rows = capsys.readouterr().out.strip().splitlines()
    assert [row[:4] for row in rows[3:] if row[:4].strip()] == ["   1"]  # ids are wrapped
    assert "a row 2 99" in rows[3]


def test_json_and_csv_hold_the_data_as_they_are(
    model: Any, hostile_model: Path, recsys_command: RunCommand
) -> None:
    asked = ["recommend", hostile_model, "--user", MARKUP[0], "-n", 50]
    table = model.recommend(MARKUP[0], n=50)
    _, out, _ = recsys_command(*asked, "--json")
    assert not OBEYED.search(out)
    assert [one["item"] for one in json.loads(out)["rows"]] == table["item"].tolist()
    _, out, _ = recsys_command(*asked, "--csv")
    rows = list(csv.DictReader(io.StringIO(out, newline="")))
    assert [one["title"] for one in rows] == table["title"].tolist()


def test_a_csv_on_a_terminal_has_no_controls(
    model: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = recsys.app.search.search(
        recsys.app.search.SearchRequest(model="", words="cleared", n=1), model
    )
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_as(answer, (), json=False, csv=True)
    out = capsys.readouterr().out
    assert "\\x1b[2J" in out
    assert not OBEYED.search(out)


def test_completion_offers_no_controls(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    readline = pytest.importorskip("readline")
    given: list[Any] = []
    monkeypatch.setattr(readline, "set_completer", given.append)
    _complete_titles(Conversation(model, Choice()))
    found = [given[0]("", state) for state in range(len(TEXTS))]
    assert found[0]
    assert MARKUP[0] in found
    assert not any(text and OBEYED.search(text) for text in found)
    assert given[0]("bell", 0) is None


def test_a_name_is_no_markup_of_the_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")  # a dumb terminal gets no bar
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    with training_progress(quiet=False) as (_, on_stage, _):
        on_stage(f"[red]model[/red] {CONTROLS[3]}")
    said = capsys.readouterr().err
    assert "[red]model[/red]" in said
    assert "\\x1b]52" in said
    assert "\x07" not in said


@pytest.mark.parametrize(("where", "code"), [("items", 0), ("ratings", 3)])
def test_half_a_letter_in_json(
    where: str, code: int, tmp_path: Path, recsys_command: RunCommand
) -> None:
    broken = {"items": '"half \\ud83d"', "ratings": '"\\ud83d"'}
    item = broken["ratings"] if where == "ratings" else '"b"'
    rows = [
        f'{{"user_id": "u{u}", "item_id": {i}, "rating": 1}}'
        for u in range(9)
        for i in ('"a"', item)
    ]
    (tmp_path / "ratings.jsonl").write_text("\n".join(rows))
    (tmp_path / "items.jsonl").write_text(f'{{"item_id": "b", "title": {broken["items"]}}}\n')
    out = tmp_path / "m.safetensors"
    ended, _, said = recsys_command("train", tmp_path, "--set", "n_factors=2", "--out", out)
    assert ended == code, said
    if code:
        assert "ratings.jsonl, line 2: 'item_id' has half of a surrogate pair" in said
    else:
        assert "half \ufffd" in (recsys.load(out).items.titles or [])
