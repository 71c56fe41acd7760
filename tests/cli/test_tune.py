"""`recsys tune`: tables, files, resuming, Ctrl-C."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from commands import RunCommand

import recsys
from recsys.evaluation.tuning.objective import Bench

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def test_the_best_is_shown_written_saved_and_trained_again(
    recsys_command: RunCommand, tmp_path: Path
) -> None:
    out, saved = tmp_path / "out", tmp_path / "best.safetensors"
    asked: Any = ("tune", SAMPLE, "--models", "ease,pure-svd", "--trials", 5, "--out", out)
    code, printed, said = recsys_command(*asked, "--save", saved, "--feedback", "ones")
    assert code == 0
    assert sorted(file.name for file in out.iterdir()) == ["best.toml", "report.html", "study.db"]
    tables = printed.split("Best trials")
    assert [line.split()[0] for line in tables[0].splitlines()[3:6]] == [
        "ease", "pure-svd", "popularity",
    ]  # fmt: skip
    assert "NDCG@10" in printed
    assert str(saved) in printed
    assert "best after trial 1: NDCG@10 0." in said
    model = recsys.load(saved)
    assert isinstance(model.factors, recsys.ItemWeights)
    assert model.search is not None
    assert model.search["searched"]["models"] == ["ease", "pure-svd"]
    code, described, _ = recsys_command("inspect", saved)
    assert "5 trials; NDCG@10 0." in described

    recipe = out / "best.toml"
    assert tomllib.loads(recipe.read_text())["ratings"] == str(SAMPLE)
    again = tmp_path / "again.safetensors"
    code, printed, _ = recsys_command("train", "--config", recipe, "--out", again)
    assert code == 0
    same = recsys.load(again)
    assert same.factors.spec == model.factors.spec
    assert same.feedback == model.feedback == recsys.Feedback(ones=True)
    assert same.fingerprint == model.fingerprint

    code, printed, _ = recsys_command(*asked, "--metric", "recall@5", "--feedback", "ones")
    assert code == 2
    report = out / "report.html"
    report.unlink()
    code, printed, _ = recsys_command(*asked, "--feedback", "ones", "--json")  # nothing is left
    found = json.loads(printed)
    assert code == 0
    assert len(found["trials"]) == 5
    assert report.exists()


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(
    recsys_command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = Bench.value, []

    def value(*arguments: Any) -> float:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(Bench, "value", value)
    out = tmp_path / "out"
    asked: Any = ("tune", SAMPLE, "--models", "ease", "--trials", 4, "-o", out)
    code, printed, said = recsys_command(*asked, "--save", tmp_path / "model")
    assert code == 130
    assert "run the same command again to resume" in " ".join(said.split())
    assert "Best trials" in printed
    assert (out / "report.html").exists()
    assert (out / "best.toml").exists()
    assert not (tmp_path / "model").exists()
    code, printed, _ = recsys_command(*asked, "--json")
    assert code == 0
    assert [trial["trial"] for trial in json.loads(printed)["trials"]] == [0, 1, 2, 3]

    calls.clear()
    monkeypatch.setattr(Bench, "value", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
    code, printed, _ = recsys_command("tune", SAMPLE, "-o", tmp_path / "empty")
    assert (code, printed) == (130, "")  # there is no trial to show


def test_predicted_ratings_are_chosen_by_their_error(
    recsys_command: RunCommand, tmp_path: Path
) -> None:
    code, printed, _ = recsys_command(
        "tune", SAMPLE, "--models", "biases,explicit-als", "--metric", "rmse", "--trials", 6,
        "--set", "explicit-als.n_factors=2:8", "-o", tmp_path, "--json",
    )  # fmt: skip
    found = json.loads(printed)
    assert code == 0
    values = [trial["value"] for trial in found["trials"] if trial["state"] == "complete"]
    assert found["validation"] == min(values)
    assert found["baseline"] == "biases"
    assert 0.5 < found["validation"] <= found["biases"] < 2
    widths = [one["n_factors"] for one in found["trials"] if one["model"] == "explicit-als"]
    assert all(2 <= width <= 8 for width in widths)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "easy"], "models must be one of"),
        (["--models", ""], "models must name at least one of"),
        (["--metric", "ndcg"], "metric must look like ndcg@10, not 'ndcg'"),
        (["--metric", "rmse"], "rmse is for models that predict ratings, which implicit-als does"),
        (["--budget", "soon"], "budget must be a time such as 90s, 10m or 2h, not 'soon'"),
        (["--trials", "0"], "trials must be a whole number of at least 1, not 0"),
        (["--set", "n_factors=3"], "must look like MODEL.NAME=VALUE with a model of implicit-als"),
        (["--set", "implicit-als.width=3"], "implicit-als has no hyperparameter 'width'"),
        (["--feedback", "stars"], "feedback must be values, ones, log, centered, at-least=NUMBER"),
        (["--save", "."], "save must be a file name"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, recsys_command: RunCommand, tmp_path: Path
) -> None:
    code, out, said = recsys_command("tune", SAMPLE, "-o", tmp_path / "out", *arguments)
    assert (code, out) == (2, "")
    assert message in said.splitlines()[-1]
    assert not (tmp_path / "out" / "report.html").exists()


def test_files_that_no_study_made_are_not_replaced(
    recsys_command: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "report.html").write_text("mine")
    code, _, said = recsys_command("tune", SAMPLE, "-o", tmp_path)
    assert code == 2
    assert f"out would replace {tmp_path}/report.html, which was not written by a study" in said
    assert (tmp_path / "report.html").read_text() == "mine"
    code, _, said = recsys_command("tune", SAMPLE, "-o", tmp_path / "report.html")
    assert code == 2
    assert "out must be a folder" in said


def test_without_optuna_one_line_names_the_extra(
    recsys_command: RunCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "optuna"]:
        monkeypatch.delitem(sys.modules, name)

    class Missing:
        def find_spec(self, name: str, *_: object) -> None:
            if name.partition(".")[0] == "optuna":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    code, _, said = recsys_command("tune", SAMPLE, "-o", tmp_path)
    assert code == 2
    assert said.splitlines()[-1] == (
        "recsys: tuning needs optuna; install it with pip install 'recsys-mf[tune]'"
    )
