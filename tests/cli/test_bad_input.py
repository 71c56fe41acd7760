"""Bad input of every command: one line and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import RunCommand

BAD = [
    # what is called, exit code, what the one line says
    (["train"], 2, "RATINGS is missing"),
    (["train", "{sample}", "--modle", "x"], 2, "No such option: --modle"),
    (["train", "{sample}", "--model", "als"], 2, "model must be one of"),
    (["train", "{sample}", "--set", "n_factors"], 2, "--set must look like NAME=VALUE"),
    (["train", "{sample}", "--set", "n_factors=0"], 2, "n_factors must be a whole number"),
    (["train", "{sample}", "--set", "factors=8"], 2, "did you mean 'n_factors'"),
    (["train", "{sample}", "--column", "film=x"], 2, "columns are user, item"),
    (["train", "{sample}", "--feedback", "x"], 2, "feedback must be"),
    (["train", "{sample}", "--test", "1"], 2, "test must be at least 0 and below 1"),
    (["train", "{sample}", "--seed", "-1"], 2, "seed must be a whole number"),
    (["train", "{sample}", "--seed", "x"], 2, "--seed"),
    (["train", "{sample}", "--set", "x=1", "--set", "x=2"], 2, "--set sets x twice"),
    (
        ["train", "{own}", "--column", "user=a", "--column", "user=b"],
        2,
        "--column sets user twice",
    ),
    (["train", "{sample}", "--seed", "1", "--seed=1"], 2, "--seed is given twice"),
    (["train", "{own}", "--header", "--no-header"], 2, "--header is given twice"),
    (["similar", "{model}", "--item", "3", "--item", "4"], 2, "--item is given twice"),
    (
        ["recommend", "{model}", "-n", "3", "--count", "4", "--user", "1"],
        2,
        "--count is given twice",
    ),
    (["train", "{sample}", "--config", "none.toml"], 2, "config none.toml: No such file"),
    (["train", "{sample}", "-o", "{empty}/m"], 2, "out must be in a folder"),
    (["train", "{sample}", "-o", "/dev/null"], 2, "out must be a regular file"),
    (["train", "{sample}", "--set", "n_factors=999", "--model", "pure-svd"], 2, "at most 200"),
    (["train", "none.csv"], 3, "none.csv: no such file"),
    (["train", "{empty}"], 3, "the file is empty"),
    (["train", "{sample}", "--feedback", "at-least=9"], 3, "the highest is 5"),
    (["recommend", "{model}"], 2, "choose whom to recommend to with one of --user ID"),
    (["recommend", "{model}", "--user", "1", "--rate", "3=4"], 2, "choose whom to recommend to"),
    (["recommend", "{model}", "--user", "1", "-n", "0"], 2, "n must be a whole number"),
    (["recommend", "{model}", "--user", "1", "--liked", "-1"], 2, "liked must be"),
    (["recommend", "{model}", "--rate", "3"], 2, "rate must look like"),
    (["recommend", "{model}", "--rate", "3=5", "--rate", "3=1"], 2, "rate names '3' twice"),
    (["recommend", "{model}", "--rate", "3=5", "--liked", "3"], 2, "cannot be used with --rate"),
    (["recommend", "{model}", "--rate", "3=50"], 2, "must be on the scale"),
    (["recommend", "{model}", "--rate", "3=-5"], 2, "on the scale of the training ratings"),
    (["recommend", "{model}", "--rate", "3=1e39"], 2, "must be between -1,000,000 and 1,000,000"),
    (["recommend", "{model}", "--user", "99999999999999999999999"], 3, "is not in the data"),
    (["recommend", "{model}", "--user", "1_0"], 3, "user '1_0' is not in the data"),
    (["similar", "{model}", "--item", "²"], 3, "no item is called '²'"),
    (["similar", "{model}", "--item=--5"], 3, "no item is called '--5'"),
    (["train", "{sample}", "-o", "{tmp}"], 2, "out must be a file name"),
    (["train", "{sample}", "-o", ""], 2, "out must be a file name"),
    (["train", "{own}", "-o", "{own}"], 2, "which is not a model file; choose another name"),
    (["train", "{own}", "--column", "user=what", "--column", "item=what"], 2, "column of its own"),
    (["train", "{own}", "--separator", ";"], 3, "has no separator ';' in it"),
    (["train", "{own}", "--encoding", "klingon"], 2, "encoding 'klingon' is unknown"),
    (
        ["train", "{own}", "--column", "item=what", "--duplicates", "x"],
        2,
        "duplicates must be one of",
    ),
    (["train", "{sample}", "--model", "popularity", "--seed", "-1"], 2, "seed must be"),
    (["train", "{sample}", "--feedback", "at-least=nan"], 2, "feedback must be"),
    (["recommend", "{model}", "--user", "999"], 3, "user 999 is not in the data"),
    (["recommend", "{model}", "--user", "me"], 3, "user 'me' is not in the data"),
    (["recommend", "{model}", "--rate", "Nothing=3"], 3, "no item is called 'Nothing'"),
    (["recommend", "{model}", "--rate", "9999=3"], 3, "item 9999 is not in the data"),
    (["recommend", "none", "--user", "1"], 4, "none: no such model file"),
    (["recommend", "{empty}", "--user", "1"], 4, "not a recsys model file"),
    (["similar", "{model}"], 2, "give either --item TITLE or --user ID"),
    (["similar", "{model}", "--item", "3", "--metric", "x"], 2, "metric must be one of"),
    (["evaluate", "{sample}", "--models", "als"], 2, "models must be one of"),
    (["evaluate", "{sample}", "--models", ","], 2, "models must name at least one of"),
    (["evaluate", "{sample}", "--split", "fair"], 2, "split must be one of random, leave-last"),
    (["evaluate", "{sample}", "--test", "2"], 2, "test must be a number above 0"),
    (["evaluate", "{sample}", "--folds", "0"], 2, "folds must be a whole number"),
    (["evaluate", "{sample}", "--seed", "-1"], 2, "seed must be"),
    (["evaluate", "{sample}", "-k", "0"], 2, "k must be a whole number"),
    (["evaluate", "{sample}", "--report", "r.doc"], 2, "report must end in .html, .md, .json"),
    (
        ["evaluate", "{sample}", "--split", "by-time", "--folds", "3"],
        2,
        "folds must be 1 for the split",
    ),
    (["evaluate", "{sample}", "--split", "given"], 2, "held_out and the split given need each"),
    (["evaluate", "{own}", "--held-out", "{own}", "--column", "item=what"], 3, "are in both parts"),
    (["evaluate", "{sample}", "--seeds", "a,b"], 2, "seeds must be whole numbers"),
    (["evaluate", "{sample}", "--seeds", "1,1"], 2, "seeds must differ"),
    (["evaluate", "{sample}", "--set", "ease.x=1"], 2, "--set must look like MODEL.NAME=VALUE"),
    (["evaluate", "{sample}", "--models", "ease", "--set", "ease.x=1"], 2, "ease has no hyperpar"),
    (["evaluate", "{sample}", "--gate", "ndcg@10"], 2, "gate needs one model and, with against"),
    (
        ["evaluate", "{sample}", "--against", "{model}", "--gate", "ndcg"],
        2,
        "gate must be a metric",
    ),
    (["evaluate", "{sample}", "--per-user", "9999"], 3, "no ratings are left with at least 9999"),
    (["evaluate", "{sample}", "--per-user", "-1"], 2, "per_user must be a whole number"),
    (
        ["evaluate", "{sample}", "--against", "none.safetensors"],
        4,
        "no such model file",
    ),
    (["evaluate"], 2, "RATINGS is missing"),
    (["compare", "a.json", "b.json"], 3, "a.json: No such file"),
    (["evaluate", "none.csv"], 3, "none.csv: no such file"),
    (["map", "{model}", "--out", "m.doc"], 2, "out must end in .html, .png, .svg, .pdf"),
    (["map", "{model}", "--out", "{empty}/m.html"], 2, "out must be in a folder"),
    (["map", "{model}", "--out", "{tmp}/m.html", "--variant", "x"], 2, "variant must be one of"),
    (["map", "{model}", "--out", "{tmp}/m.html", "--user", "9999"], 3, "9999"),
    (["map", "{model}", "--out", "{tmp}/m.png", "--components", "1"], 2, "components must be two"),
    (["map", "{model}", "--out", "{tmp}/m.png", "--components", "1,99"], 2, "between 1 and 8"),
    (["inspect", "{model}", "--figure", "h.png"], 2, "figure needs --health"),
    (
        ["inspect", "{model}", "--health", "--figure", "h.doc"],
        2,
        "figure must end in .png, .svg, .pdf",
    ),
    (["similar", "{model}", "--item", "3", "--metric", "damped", "--alpha", "3"], 2, "alpha must"),
    (["inspect", "{empty}"], 4, "not a recsys model file"),
    (["fetch", "ml-2m"], 2, "name must be one of ml-100k"),
    (["fetch", "ml-1m", "--timeout", "0"], 2, "timeout must be a number above 0"),
    (["dance"], 2, "No such command 'dance'"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), BAD, ids=lambda v: str(v)[:60])
def test_bad_input_gets_one_line_and_an_exit_code(
    arguments: list[str],
    code: int,
    said: str,
    recsys_command: RunCommand,
    root: Path,
    tmp_path: Path,
    model_path: Path,
) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "own.csv").write_text("user,what,rating\n1,2,3\n2,3,4\n")
    places = {
        "sample": root / "data/sample", "model": model_path, "tmp": tmp_path,
        "empty": tmp_path / "empty", "own": tmp_path / "own.csv",
    }  # fmt: skip
    found, out, err = recsys_command(*(a.format(**places) for a in arguments))
    assert (found, out) == (code, "")
    assert said in err
    # What was read comes first where the ratings are fine; then one line says what is not.
    lines = [line for line in err.splitlines() if line]
    assert [line for line in lines if line.startswith("recsys: ")] == lines[-1:]
    assert len(lines) == 1 or lines[0].startswith("read ")
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ratings = 3", "ratings must be text, not 3"),
        ("modle = 'x'", "no setting 'modle' (did you mean 'model'?)"),
        ("model = ", "not TOML"),
        (
            "ratings = 'x'\n[columns]\nfilm = 'x'",
            "columns are user, item, rating, timestamp, not",
        ),
    ],
)
def test_bad_recipes_are_named(
    text: str, said: str, recsys_command: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "r.toml").write_text(text)
    code, _, err = recsys_command("train", "--config", tmp_path / "r.toml")
    assert code == 2
    assert said in err
