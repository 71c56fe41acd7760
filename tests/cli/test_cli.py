import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

import recsys
from recsys.cli.main import run


@pytest.fixture(scope="module")
def model_path(root, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "sample.safetensors"
    model = recsys.train(recsys.ImplicitALS(8), recsys.read_ratings(root / "data" / "sample"))
    return recsys.save(model, path)


@pytest.fixture
def recsys_command(capsys, monkeypatch):
    """Runs the command in this process: (exit code, standard output, standard error)."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            run([str(a) for a in arguments])
        return end.value.code, *capsys.readouterr()

    return call


def test_train_recommend_similar_inspect(recsys_command, root, tmp_path):
    path = tmp_path / "m.safetensors"
    code, out, _ = recsys_command(
        "train", root / "data/sample", "-o", path, "--test", "0.2", "--set", "n_factors=8"
    )
    assert code == 0
    assert "300 users, 200 items" in out
    assert "n_factors=8" in out
    assert ", Popularity 0." in out
    assert recsys.load(path).factors.n_factors == 8
    code, out, _ = recsys_command("recommend", path, "--user", "5", "-n", 3, "--liked", 2)
    assert code == 0
    assert out.count("Simulated") == 5
    assert recsys.load(path).recommend(5, 1)["title"][0][:30] in out
    code, out, _ = recsys_command("similar", path, "--item", "Simulated Action Romance 002 (2014)")
    assert code == 0
    assert "Like Simulated Action Romance 002" in out
    code, out, _ = recsys_command("similar", path, "--user", "5", "-n", 4)
    assert code == 0
    assert "n_ratings" in out
    code, out, _ = recsys_command("inspect", path)
    assert code == 0
    assert "implicit-als" in out
    assert "200 (title, year, genres)" in out


@pytest.mark.parametrize("width", ["40", "60", "80", "200"])
def test_tables_fit_the_terminal(width, recsys_command, model_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", width)
    _, out, _ = recsys_command("recommend", model_path, "--user", 1)
    rows = [line for line in out.splitlines() if "Simul" in line]
    assert len(rows) == 10
    if width != "40":  # below that there is no room for what cannot be shortened
        assert max(map(len, out.splitlines())) <= int(width)
    assert ("…" in out) == (width in ("40", "60"))


def test_json_is_the_same_answer(recsys_command, model_path):
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
    assert "of the 500 asked for" in json.loads(out)["shortfall"]
    _, out, _ = recsys_command("similar", model_path, "--item", 3, "--json")
    assert [r["item"] for r in json.loads(out)["rows"]] == model.similar_items(3)["item"].tolist()
    _, out, _ = recsys_command("inspect", model_path, "--json")
    assert json.loads(out)["spec"] == model.factors.spec.to_dict()


def test_a_recipe_and_options_that_go_before_it(recsys_command, root, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'ratings = "{root}/data/sample"\nmodel = "explicit-als"\nout = "{tmp_path}/m"\nseed = 3\n'
        "test = 0.1\n[hyperparameters]\nn_factors = 5\nn_epochs = 2\n"
    )
    code, out, _ = recsys_command("train", "--config", recipe, "--set", "n_epochs=4", "--json")
    found = json.loads(out)
    assert code == 0
    spec = found["spec"]
    assert (spec["n_factors"], spec["n_epochs"], spec["seed"]) == (5, 4, 3)
    assert [a["metric"] for a in found["accuracy"]] == ["RMSE", "NDCG@10"]
    code, out, _ = recsys_command("train", "--config", recipe, "--model", "pure-svd", "--json")
    assert json.loads(out)["spec"] == {"model": "pure-svd", "n_factors": 50}


def test_named_columns(recsys_command, tmp_path):
    file = tmp_path / "r.csv"
    file.write_text("who,what\n" + "\n".join(f"p{u},f{i}" for u in range(9) for i in range(u + 1)))
    code, _, _ = recsys_command(
        "train", file, "--column", "user=who", "--column", "item=what",
        "--set", "n_factors=2", "-o", tmp_path / "m",
    )  # fmt: skip
    assert code == 0
    code, out, _ = recsys_command("recommend", tmp_path / "m", "--user", "p3")
    assert code == 0
    assert "f4" in out


BAD = [
    # what is called, exit code, what the one line says
    (["train"], 2, "RATINGS is missing"),
    (["train", "{sample}", "--modle", "x"], 2, "No such option: --modle"),
    (["train", "{sample}", "--model", "als"], 2, "model must be one of"),
    (["train", "{sample}", "--set", "n_factors"], 2, "--set must look like NAME=VALUE"),
    (["train", "{sample}", "--set", "n_factors=0"], 2, "n_factors must be a whole number"),
    (["train", "{sample}", "--set", "factors=8"], 2, "did you mean 'n_factors'"),
    (["train", "{sample}", "--column", "film=x"], 2, "--column names one of user, item"),
    (["train", "{sample}", "--feedback", "x"], 2, "feedback must be"),
    (["train", "{sample}", "--test", "1"], 2, "test must be at least 0 and below 1"),
    (["train", "{sample}", "--seed", "-1"], 2, "seed must be a whole number"),
    (["train", "{sample}", "--seed", "x"], 2, "--seed"),
    (["train", "{sample}", "--config", "none.toml"], 2, "config none.toml: No such file"),
    (["train", "{sample}", "-o", "{tmp}/none/m"], 4, "does not exist; make it first"),
    (["train", "{sample}", "--set", "n_factors=999", "--model", "pure-svd"], 2, "at most 200"),
    (["train", "none.csv"], 3, "none.csv: no such file"),
    (["train", "{empty}"], 3, "the file is empty"),
    (["train", "{sample}", "--feedback", "at-least=9"], 3, "the highest is 5"),
    (["recommend", "{model}"], 2, "give either --user ID or --rate"),
    (["recommend", "{model}", "--user", "1", "--rate", "3=4"], 2, "give either"),
    (["recommend", "{model}", "--user", "1", "-n", "0"], 2, "n must be a whole number"),
    (["recommend", "{model}", "--user", "1", "--liked", "-1"], 2, "liked must be"),
    (["recommend", "{model}", "--rate", "3"], 2, "rate must look like"),
    (["recommend", "{model}", "--rate", "3=5", "--rate", "3=1"], 2, "rate names '3' twice"),
    (["recommend", "{model}", "--rate", "3=5", "--liked", "3"], 2, "go with --user"),
    (["recommend", "{model}", "--rate", "3=0"], 2, "nothing that counts for this model"),
    (["recommend", "{model}", "--rate", "3=-5"], 3, "cannot be negative, but a rating is -5"),
    (["recommend", "{model}", "--rate", "3=1e39"], 2, "must be finite and sensible"),
    (["recommend", "{model}", "--user", "99999999999999999999999"], 3, "is not in the data"),
    (["recommend", "{model}", "--user", "1_0"], 3, "user '1_0' is not in the data"),
    (["similar", "{model}", "--item", "²"], 3, "no item is called '²'"),
    (["similar", "{model}", "--item=--5"], 3, "no item is called '--5'"),
    (["train", "{sample}", "-o", "{tmp}"], 2, "out must be a file name"),
    (["train", "{sample}", "-o", ""], 2, "out must be a file name"),
    (["train", "{own}", "-o", "{own}"], 2, "which is no model file; choose another name"),
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
    (["evaluate", "{sample}", "--models", "als"], 2, "model must be one of"),
    (["evaluate", "{sample}", "--models", ","], 2, "models must name at least one of"),
    (["evaluate", "{sample}", "--split", "fair"], 2, "split must be one of random, leave-last"),
    (["evaluate", "{sample}", "--test", "2"], 2, "test must lie strictly between 0 and 1"),
    (["evaluate", "{sample}", "--folds", "0"], 2, "folds must lie between 2"),
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
    (["map", "{model}", "--out", "/nowhere/m.html"], 2, "out must lie in a folder"),
    (["map", "{model}", "--out", "{tmp}/m.html", "--variant", "x"], 2, "variant must be one of"),
    (["map", "{model}", "--out", "{tmp}/m.html", "--user", "9999"], 3, "9999"),
    (["map", "{model}", "--out", "{tmp}/m.png", "--components", "1"], 2, "components must be two"),
    (["map", "{model}", "--out", "{tmp}/m.png", "--components", "1,99"], 2, "between 1 and 8"),
    (["inspect", "{model}", "--figure", "h.png"], 2, "figure goes with --health"),
    (
        ["inspect", "{model}", "--health", "--figure", "h.doc"],
        2,
        "out must end in .png, .svg, .pdf",
    ),
    (["similar", "{model}", "--item", "3", "--metric", "damped", "--alpha", "3"], 2, "alpha must"),
    (["inspect", "{empty}"], 4, "not a recsys model file"),
    (["fetch", "ml-2m"], 2, "data set must be one of"),
    (["fetch", "ml-1m", "--timeout", "0"], 2, "timeout must be above 0"),
    (["dance"], 2, "No such command 'dance'"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), BAD, ids=lambda v: str(v)[:60])
def test_bad_input_gets_one_line_and_its_exit_code(
    arguments, code, said, recsys_command, root, tmp_path, model_path
):
    (tmp_path / "empty").write_text("")
    (tmp_path / "own.csv").write_text("user,what,rating\n1,2,3\n2,3,4\n")
    places = {
        "sample": root / "data/sample", "model": model_path, "tmp": tmp_path,
        "empty": tmp_path / "empty", "own": tmp_path / "own.csv",
    }  # fmt: skip
    found, out, err = recsys_command(*(a.format(**places) for a in arguments))
    assert (found, out) == (code, "")
    assert said in err
    lines = [line for line in err.splitlines() if line]
    assert len(lines) == 1
    assert lines[0].startswith("recsys: ")
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ratings = 3", "ratings cannot be 3"),
        ("modle = 'x'", "no setting 'modle'; did you mean 'model'?"),
        ("model = ", "not TOML"),
        ("[columns]\nfilm = 'x'", "columns are user, item, rating, timestamp, not 'film'"),
    ],
)
def test_bad_recipes_are_named(text, said, recsys_command, tmp_path):
    (tmp_path / "r.toml").write_text(text)
    code, _, err = recsys_command("train", "--config", tmp_path / "r.toml")
    assert code == 2
    assert said in err


def test_a_bug_is_not_hidden(model_path, monkeypatch):
    """Exit code 1 with a traceback: the exception leaves `run`."""

    def broken(_):
        return int("this is a bug")

    monkeypatch.setattr("recsys.app.queries.load", broken)
    with pytest.raises(ValueError, match="invalid literal"):
        run(["recommend", str(model_path), "--user", "1"])


def test_fetch_says_where_and_under_what_licence(recsys_command, tmp_path, monkeypatch):
    monkeypatch.setenv("RECSYS_GROUPLENS_URL", "http://127.0.0.1:9")
    code, _, err = recsys_command("fetch", "ml-1m", "--to", tmp_path)
    assert code == 3
    assert "cannot be reached" in err
    (tmp_path / "ml-1m").mkdir()
    code, out, err = recsys_command("fetch", "ml-1m", "--to", tmp_path)
    assert code == 0
    assert out == f"{tmp_path}/ml-1m\n"
    assert "Harper" in err
    code, out, _ = recsys_command("fetch", "ml-1m", "--to", tmp_path, "--json")
    assert json.loads(out)["source"] == "already there"


def test_help_names_every_command_and_version(recsys_command):
    code, out, _ = recsys_command("--help")
    assert code == 0
    for command in (
        "fetch",
        "train",
        "evaluate",
        "compare",
        "recommend",
        "similar",
        "map",
        "inspect",
    ):
        assert command in out
        assert recsys_command(command, "--help")[0] == 0
    assert recsys_command()[1] == out
    assert recsys_command("--version")[1] == f"recsys-mf {recsys.__version__}\n"


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_leaves_nothing_broken(root, tmp_path):
    out = tmp_path / "m"
    process = subprocess.Popen(
        [sys.executable, "-m", "recsys.cli.main", "train", root / "data/sample", "-o", out,
         "--set", "n_epochs=10000000"],
        stderr=subprocess.PIPE, text=True, cwd=root / "tests",
    )  # fmt: skip
    time.sleep(3)  # long enough to be training; earlier, the same must hold
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []


def test_thin_scripts_are_the_same_doors(root, model_path):
    done = subprocess.run(
        [sys.executable, root / "scripts/recommend.py", model_path, "--user", "3", "--json"],
        capture_output=True, text=True, check=True, cwd=root / "tests",
    )  # fmt: skip
    found = [row["item"] for row in json.loads(done.stdout)["rows"]]
    assert found == recsys.load(model_path).recommend(3)["item"].tolist()
    done = subprocess.run(
        [sys.executable, root / "scripts/train.py", "--help"], capture_output=True, check=False
    )
    assert done.returncode == 0


def test_import_is_light(root):
    """The command line starts at once: nothing heavy is imported for --help."""
    code = (
        "import sys, recsys, recsys.cli.main\n"
        "heavy = {'numpy', 'scipy', 'pandas', 'pyarrow', 'implicit'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "missing = [n for n in recsys.__all__ if not hasattr(recsys, n)]\n"
        "assert not missing, missing\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root / "tests")
    assert set(dir(recsys)) == set(recsys.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = recsys.nonsense


def test_a_full_disk_behind_a_pipe_is_one_line(model_path, root):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    command = [sys.executable, "-m", "recsys.cli.main", "recommend", model_path, "--user", "1"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=root / "tests"
        )
    assert done.returncode == 1
    assert done.stderr == "recsys: cannot write or read: No space left on device\n"


def test_a_reader_that_goes_away_is_no_error(model_path, root):
    command = f"{sys.executable} -m recsys.cli.main recommend {model_path} --user 1 -n 9000"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} | head -1"],
        capture_output=True, text=True, check=False, cwd=root / "tests",
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("For user 1")


def test_a_baseline_is_not_compared_with_itself(recsys_command, root, tmp_path):
    for model in ("popularity", "biases"):
        code, out, _ = recsys_command(
            "train", root / "data/sample", "--model", model, "--test", 0.2, "-o", tmp_path / model
        )
        assert code == 0
        assert f"for {model.title()}" not in out
        assert "± 0.0000" not in out


def test_titles_that_are_meant_are_said(recsys_command, model_path):
    _, out, _ = recsys_command("recommend", model_path, "--rate", "3=5")
    title = recsys.load(model_path).item_table["title"][2]
    assert out.startswith(f"For somebody who gave {title} 5\n")


SPLITS = {
    "random": [],
    "random, folds": ["--split", "random", "--folds", 2],
    "leave-last": ["--split", "leave-last", "--last", 2],
    "by-time": ["--split", "by-time", "--test", 0.2],
    "given": ["--held-out", "{test}"],
    "held-out-users": ["--split", "held-out-users", "--users", 60, "--test", 0.3],
}


@pytest.mark.parametrize("split", SPLITS)
def test_evaluate_prints_and_reports(split, recsys_command, root, tmp_path):
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
    for line in textwrap.wrap(report.splitlines()[0], 80):
        assert line in out
    code, out, _ = recsys_command(*command, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["k"] == 5
    assert found["specs"]["pure-svd"]["n_factors"] == 4


def test_sampled_metrics_come_with_their_warning_once(recsys_command, root):
    command = ["evaluate", root / "data/sample", "--models", "ease", "--sampled-negatives", 20]
    code, out, err = recsys_command(*command)
    assert code == 0
    assert "R008 warning" in out
    assert "UserWarning" not in err


def test_reports_in_every_form(recsys_command, root, tmp_path):
    command = ["evaluate", root / "data/sample", "--models", "ease", "-k", 5, "--report"]
    for ending, begins in (("html", "<!doctype html>"), ("md", ""), ("json", "{")):
        code, _, err = recsys_command(*command, tmp_path / f"r.{ending}")
        assert code == 0
        assert (tmp_path / f"r.{ending}").read_text().startswith(begins)
        assert f"r.{ending}" in err
    a = tmp_path / "r.json"
    recsys_command(*command, tmp_path / "s.json", "--set", "ease.regularization=5")
    code, out, err = recsys_command("compare", a, tmp_path / "s.json")
    assert code == 0
    assert "ease" in out
    assert "ease has other settings: regularization 500.0 → 5.0" in err
    code, out, _ = recsys_command("compare", a, a, "--metric", "recall@5", "--json")
    assert {row["metric"] for row in json.loads(out)["rows"]} == {"recall@5"}
    code, _, err = recsys_command("compare", a, a, "--metric", "fun")
    assert code == 2
    assert "metric must be one of" in err


def test_a_study_names_models_grids_and_splits(recsys_command, root, tmp_path):
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
        assert "Chosen from the grids" in page
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
        ("[split]\nfold = 3", "no setting 'fold'; did you mean 'folds'?"),
        ("[models.als]", "model must be one of"),
        ("[models.ease]\nridge = 3", "ease has no hyperparameter 'ridge'"),
        ("[models]\nease = 3", "models: ease must be a table"),
        ("[models.ease]\ngrid.regularization = 3", "regularization must be a list of values"),
        ("[models.ease]\ngrid.ridge = [3]", "ease has no hyperparameter 'ridge'"),
        ("[split]\n[splits.a]\nhow = 'random'\n[split.x]", "split"),
        ("model = 'ease'", "no setting 'model'; did you mean 'models'?"),
        ("seeds = [0.5]", "seeds must be whole numbers"),
        ("k = 'ten'", "k cannot be 'ten'"),
    ],
)
def test_bad_studies_are_named(text, said, recsys_command, root, tmp_path):
    recipe = tmp_path / "study.toml"
    recipe.write_text(f"ratings = '{root / 'data/sample'}'\n{text}\n")
    code, _, err = recsys_command("evaluate", "--config", recipe)
    assert code == 2, err
    assert said in err
    assert err.count("\n") == 1


def test_the_gate_closes_with_exit_code_5(recsys_command, root, tmp_path):
    sample = root / "data/sample"
    ratings = recsys.read_ratings(sample)
    past = recsys.splits.by_time(ratings, 0.2).train
    good = recsys.ImplicitALS(8, regularization=0.1)
    current = recsys.save(recsys.train(good, past), tmp_path / "now.safetensors")
    command = ["evaluate", sample, "--models", "implicit-als", "--split", "by-time", "--test", 0.2]
    command += ["--against", current, "--gate", "ndcg@10", "--set", "implicit-als.n_factors=8"]
    command += ["--report", tmp_path / "r.json"]
    bad = ["--set", "implicit-als.unobserved_weight=0", "--set", "implicit-als.regularization=3"]
    code, out, err = recsys_command(*command, *bad)
    assert code == 5, err
    assert "implicit-als is significantly worse than current: NDCG@10" in err
    assert "as it is served" in err
    assert "current" in out
    assert (tmp_path / "r.json").exists()  # the report is there to say why
    code, _, err = recsys_command(*command, "--set", "implicit-als.regularization=0.1")
    assert code == 0, err
    assert "gate: implicit-als is not significantly worse" in err
    # A model that was trained on everything is trained again.
    leaky = recsys.save(recsys.train(good, ratings), tmp_path / "leaky.safetensors")
    command[command.index(current)] = leaky
    code, _, err = recsys_command(*command, *bad)
    assert code == 5
    assert "trained again on the training part: it was trained on" in err


def test_map_and_health(recsys_command, model_path, tmp_path):
    for ending in ("html", "png"):
        code, out, err = recsys_command("map", model_path, "--out", tmp_path / f"m.{ending}")
        assert code == 0, err
        assert "of the variance of the item" in out
        assert (tmp_path / f"m.{ending}").stat().st_size > 10_000
        assert max(map(len, out.splitlines())) <= 80
    code, out, _ = recsys_command("map", model_path, "--out", tmp_path / "m.html", "--json")
    assert json.loads(out)["path"].endswith("m.html")
    code, out, err = recsys_command(
        "inspect", model_path, "--health", "--figure", tmp_path / "h.svg"
    )
    assert code == 0, err
    assert "condition, users" in out
    assert "effective rank" in out
    assert (tmp_path / "h.svg").exists()
    _, out, _ = recsys_command("inspect", model_path, "--health", "--json")
    found = json.loads(out)
    assert found["width"] == 8
    assert found["worst conditioned"][0]["condition"] == pytest.approx(
        max(found["condition, users"][2], found["condition, items"][2]), rel=1e-4
    )
    _, out, _ = recsys_command("similar", model_path, "--item", 3, "--metric", "euclidean")
    assert "-0." in out


def test_the_estimate_adds_up_and_trains_nothing(recsys_command, root, tmp_path):
    out = tmp_path / "model.safetensors"
    command = ["train", root / "data/sample", "--out", out, "--estimate", "--set", "n_factors=8"]
    code, text, err = recsys_command(*command)
    assert code == 0, err
    assert not out.exists()
    assert "while training: program" in text
    code, text, err = recsys_command(*command, "--json")
    memory = json.loads(text)["memory"]
    assert memory["total"] == memory["program"] + memory["ratings"] + memory["training"]
    assert memory["reading"] > memory["ratings"]
