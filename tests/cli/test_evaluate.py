"""`recsys evaluate`: tables, reports, studies and the gate."""

from __future__ import annotations

import json
import shlex
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import RunCommand
from markupsafe import escape

import recsys

SPLITS: dict[str, list[object]] = {
    "random": [],
    "random, folds": ["--split", "random", "--folds", 2],
    "leave-last": ["--split", "leave-last", "--last", 2],
    "by-time": ["--split", "by-time", "--test", 0.2],
    "given": ["--held-out", "{test}"],
    "held-out-users": ["--split", "held-out-users", "--users", 60, "--test", 0.3],
}


@pytest.mark.parametrize("split", SPLITS)
def test_evaluate_prints_and_reports(
    split: str, recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    parts = recsys.splits.random(recsys.read_ratings(root / "data/sample"), 0.2)
    files = {}
    for name in ("train", "test"):
        files[name] = tmp_path / f"{name}.csv"
        getattr(parts, name).to_frame().to_csv(files[name], index=False)
    source = files["train"] if split == "given" else root / "data/sample"
    options = [str(option).format(**files) for option in SPLITS[split]]
    command = ["evaluate", source, "--models", "pure-svd,ease", *options]
    command += ["--set", "pure-svd.n_factors=4", "-k", 5]
    code, out, err = recsys_command(*command, "--report", tmp_path / "r.md")
    assert code == 0
    for model in ("popularity", "biases", "pure-svd", "ease"):
        assert model in out
    assert max(map(len, out.splitlines())) <= 80
    assert err.count("split: ") == 1
    assert ("and 1 more like it" in err) == ("folds" in split)
    report = (tmp_path / "r.md").read_text()
    assert "| ndcg@5 | " in report
    for line in textwrap.wrap(report.splitlines()[2], 80):
        assert line in out
    code, out, _ = recsys_command(*command, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["k"] == 5
    assert found["specs"]["pure-svd"]["n_factors"] == 4


def test_sampled_metrics_come_with_their_warning_once(
    recsys_command: RunCommand, root: Path
) -> None:
    command = ["evaluate", root / "data/sample", "--models", "ease", "--sampled-negatives", 20]
    code, out, err = recsys_command(*command)
    assert code == 0
    assert "R008 warning" in out
    assert "UserWarning" not in err


def test_reports_in_every_form(recsys_command: RunCommand, root: Path, tmp_path: Path) -> None:
    command = ["evaluate", root / "data/sample", "--models", "ease", "-k", 5, "--report"]
    for ending, begins in (("html", "<!doctype html>"), ("md", ""), ("json", "{")):
        code, _, err = recsys_command(*command, tmp_path / f"r.{ending}")
        assert code == 0
        assert (tmp_path / f"r.{ending}").read_text().startswith(begins)
        assert f"r.{ending}" in err


def test_reports_have_the_command_that_made_them(
    recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    for ending in ("html", "md", "json"):
        report = tmp_path / f"my report.{ending}"
        command = [
            "evaluate",
            root / "data/sample",
            "--models",
            "ease",
            "-k",
            5,
            "--report",
            report,
        ]
        code, _, err = recsys_command(*command)
        assert code == 0, err
        typed = shlex.join(["recsys", *map(str, command)])
        text = report.read_text()
        if ending == "json":
            found = json.loads(text)
            assert found["about"]["command"] == typed
        else:
            assert (str(escape(typed)) if ending == "html" else typed) in text
    # What is printed has the decimals of the report, and fits a narrow terminal.
    code, out, _ = recsys_command(*command)
    low, high = next((r["low"], r["high"]) for r in found["summary"] if r["model"] == "ease")
    row = next(line.split() for line in out.splitlines() if line.startswith("ease  "))
    assert row[2:4] == [f"{low:.3f}", f"{high:.3f}"]


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_what_is_printed_fits_the_terminal(
    columns: int, recsys_command: RunCommand, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    command = ["evaluate", root / "data/sample", "--models", "explicit-als", "-k", 5]
    code, out, err = recsys_command(*command)
    assert code == 0, err
    assert max(map(len, out.splitlines())) <= columns
    assert "explicit-als" in out


def test_a_split_of_any_name_is_valid_json(
    recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "study.toml"
    lines = [f'ratings = "{root / "data/sample"}"', "k = 5", "[models.ease]"]
    recipe.write_text("\n".join([*lines, '[splits."a: b"]', "test = 0.2"]))
    code, out, err = recsys_command("evaluate", "--config", recipe, "--json")
    assert code == 0, err
    assert json.loads(out)["k"] == 5
    recipe.write_text(recipe.read_text() + '\n[splits."c\\"d"]\ntest = 0.2\n')
    code, out, _ = recsys_command("evaluate", "--config", recipe, "--json")
    assert set(json.loads(out)) == {"a: b", 'c"d'}


def test_a_study_names_models_grids_and_splits(
    recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "study.toml"
    recipe.write_text(
        f"""
        ratings = "{root / "data/sample"}"
        k = 5
        feedback = "at-least=3"
        seeds = [0, 1]
        per_user = 8
        report = "{tmp_path / "r.html"}"
        [splits.chance]
        how = "random"
        folds = 2
        [splits.future]
        how = "by-time"
        test = 0.2
        [models.tuned]
        model = "implicit-als"
        n_epochs = 3
        grid.n_factors = [2, 8]
        [models.als]
        model = "implicit-als"
        n_factors = 4
        n_epochs = 3
        [models.ease]
        """
    )
    code, out, err = recsys_command("evaluate", "--config", recipe)
    assert code == 0, err
    assert out.index("Split chance") < out.index("Split future")
    for name in ("chance", "future"):
        page = (tmp_path / f"r-{name}.html").read_text()
        assert "users with fewer than 8" in page
        assert "Chosen in each training part" in page
    code, out, _ = recsys_command("evaluate", "--config", recipe, "--json", "-k", 3)
    found = json.loads(out)
    assert set(found) == {"chance", "future"}
    runs = [(r["fold"], r["seed"]) for r in found["chance"]["runs"] if r["model"] == "als"]
    assert runs == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert found["future"]["k"] == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[split]\nhow = 'fair'", "split must be one of random"),
        ("[split]\nfold = 3", "no setting 'fold' (did you mean 'folds'?)"),
        ("[models.als]", "model must be one of"),
        ("[models.ease]\nridge = 3", "ease has no hyperparameter 'ridge'"),
        ("[models]\nease = 3", "models: ease must be a table"),
        ("[models.ease]\ngrid.regularization = 3", "regularization must be a list of values"),
        ("[models.ease]\ngrid.ridge = [3]", "ease has no hyperparameter 'ridge'"),
        ("[split]\n[splits.a]\nhow = 'random'\n[split.x]", "split"),
        ("model = 'ease'", "no setting 'model' (did you mean 'models'?)"),
        ("seeds = [0.5]", "seeds must be whole numbers"),
        ("k = 'ten'", "k must be a whole number"),
    ],
)
def test_bad_studies_are_named(
    text: str, said: str, recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "study.toml"
    recipe.write_text(f"ratings = '{root / 'data/sample'}'\n{text}\n")
    code, _, err = recsys_command("evaluate", "--config", recipe)
    assert code == 2, err
    assert said in err
    assert err.count("\n") == 1


def test_the_gate_has_exit_codes_of_its_own(
    recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    sample = root / "data/sample"
    ratings = recsys.read_ratings(sample)
    past = recsys.splits.by_time(ratings, 0.2).train
    good = recsys.ImplicitALS(8, regularization=0.1)
    current = recsys.save(recsys.train(good, past), tmp_path / "now.safetensors")
    command = ["evaluate", sample, "--models", "implicit-als", "--split", "by-time", "--test", 0.2]
    command += ["--against", current, "--gate", "ndcg@10", "--set", "implicit-als.n_factors=8"]
    command += ["--report", tmp_path / "r.json"]
    bad = ["--set", "implicit-als.regularization=0.3"]
    # Significantly worse, but perhaps by less than the margin.
    code, _, err = recsys_command(*command, *bad)
    assert code == 6, err
    in_html = [tmp_path / "r.html" if one == tmp_path / "r.json" else one for one in command]
    recsys_command(*in_html, *bad)
    assert "gate undecided: implicit-als may be worse" in (tmp_path / "r.html").read_text()
    code, out, err = recsys_command(*command, *bad, "--margin", "0")
    assert code == 5, err
    assert "implicit-als is worse than current: NDCG@10" in err
    assert "as it is served" in err
    assert "current" in out
    report = json.loads((tmp_path / "r.json").read_text())  # the report is there to say why
    assert report["gate"]["decision"] == "closed"
    code, _, err = recsys_command(*command, "--set", "implicit-als.regularization=0.1")
    assert code == 0, err
    assert "gate open: implicit-als is not worse than current" in " ".join(err.split())
    # A model that was trained on everything cannot be compared, and its spec is no substitute.
    leaky = recsys.save(recsys.train(good, ratings), tmp_path / "leaky.safetensors")
    command[command.index(current)] = leaky
    for options in (bad, ["--set", "implicit-als.regularization=0.1"]):
        code, _, err = recsys_command(*command, *options)
        assert code == 6
        assert "the model in service was trained on all of the" in err


def test_the_gate_does_not_open_because_ids_are_written_differently(
    recsys_command: RunCommand, tmp_path: Path
) -> None:
    # A model in service whose ids match nothing was ranked as one that knows no item: NDCG 0.0000.
    rng = np.random.default_rng(0)
    rows = [
        (u, i, 5.0, (u * 31 + i * 17) % 1000)
        for u in range(1, 121) for i in range(1, 41)
        if (u % 2 == i % 2 and rng.random() < 0.6) or rng.random() < 0.03
    ]  # fmt: skip
    data = pd.DataFrame(rows, columns=["user", "item", "rating", "timestamp"])
    data.to_csv(tmp_path / "r.csv", index=False)
    train = data[data.timestamp <= data.timestamp.quantile(0.8)]
    codes = {}
    for name, ids in {
        "numbers": train,
        "texts": train.astype({"user": str, "item": str}),
        "coded": train.assign(item="m" + train["item"].astype(str)),
    }.items():
        model = recsys.train(recsys.ImplicitALS(n_factors=4), recsys.read_ratings(ids))
        path = recsys.save(model, tmp_path / name)
        code, _, err = recsys_command(
            "evaluate", tmp_path / "r.csv", "--models", "popularity", "--split", "by-time",
            "--test", "0.2", "--against", path, "--gate", "ndcg@10",
        )  # fmt: skip
        codes[name] = code, err.splitlines()[-1]
    assert codes["numbers"][0] == 5
    # Texts that are the same numbers are matched, or refused; never ranked as knowing nothing.
    assert codes["texts"][0] in (3, 5)
    assert codes["coded"][0] == 3
    assert "item ids are text ('m1', " in codes["coded"][1]
    assert "and whole numbers (1, 2, 3, ...) in the ratings" in codes["coded"][1]


def test_both_files_of_a_given_split_are_accounted_for(
    recsys_command: RunCommand, sample: recsys.Ratings, tmp_path: Path
) -> None:
    split = recsys.splits.random(sample, 0.2)
    for name, part in (("train", split.train), ("test", split.test)):
        part.to_frame().to_csv(tmp_path / f"{name}.csv", index=False)
    command = ["evaluate", tmp_path / "train.csv", "--held-out", tmp_path / "test.csv",
               "--models", "pure-svd"]  # fmt: skip
    code, _, err = recsys_command(*command)
    assert code == 0, err
    read = [line for line in err.splitlines() if line.startswith("read ")]
    assert len(read) == 2
    assert read[0].split()[1].endswith("train.csv")
    assert read[1].split()[1].endswith("test.csv")
    found = json.loads(recsys_command(*command, "--json")[1])
    assert found["account"]["n_rows"] == split.train.n_ratings
    assert found["held_out_account"]["n_rows"] == split.test.n_ratings
    report = tmp_path / "report.md"
    assert recsys_command(*command, "--report", report)[0] == 0
    assert report.read_text().count("- read: ") == 2


def test_a_report_in_json_has_the_account(
    recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    report = tmp_path / "r.json"
    code, _, err = recsys_command(
        "evaluate", root / "data/sample", "--models", "pure-svd", "--report", report
    )
    assert code == 0, err
    account = json.loads(report.read_text())["account"]
    assert account["n_titles"] == 200
    assert account["kind"] == "ratings"


def test_a_diverging_model_is_a_finding_and_the_others_are_reported(
    recsys_command: RunCommand, root: Path
) -> None:
    command = ["evaluate", root / "data/sample", "--set", "bpr.learning_rate=10", "--models"]
    code, out, err = recsys_command(*command, "implicit-als,bpr,pure-svd,ease")
    assert code == 0, err
    table = out[: out.index("R0")]
    for model in ("implicit-als", "pure-svd", "ease"):
        assert f"\n{model} " in table
    assert "\nbpr " not in table
    assert "R012 error: bpr failed: bpr diverged" in out
    code, out, _ = recsys_command(*command, "implicit-als,bpr,pure-svd,ease", "--json")
    assert code == 0
    assert set(json.loads(out)["failures"]) == {"bpr"}
    # Where nothing that was asked for is left, the command fails.
    code, out, err = recsys_command(*command, "bpr")
    assert code == 4
    assert err.count("recsys: ") == 1
    assert "recsys: bpr failed: bpr diverged" in err
    assert "popularity" in out


def test_a_gate_needs_its_models(recsys_command: RunCommand, root: Path, model_path: Path) -> None:
    code, _, err = recsys_command(
        "evaluate", root / "data/sample", "--models", "bpr", "--set", "bpr.learning_rate=10",
        "--against", model_path, "--gate", "ndcg@10",
    )  # fmt: skip
    assert code == 4
    assert "recsys: gate: bpr failed: bpr diverged" in err


@pytest.mark.parametrize("command", [["train", "--test", 0.1, "--model"], ["evaluate", "--models"]])
def test_a_model_of_ratings_needs_ratings(
    command: list[object], recsys_command: RunCommand, sample: recsys.Ratings, tmp_path: Path
) -> None:
    seen = tmp_path / "seen.csv"
    sample.to_frame()[["user", "item"]].to_csv(seen, index=False)
    name, *options = command
    code, _, err = recsys_command(name, seen, *options, "explicit-als", *(
        ["-o", tmp_path / "m"] if name == "train" else []))  # fmt: skip
    assert code in (3, 4)
    assert err.count("recsys: ") == 1
    assert "explicit-als predicts ratings, but there is no rating column" in err
