import json
import os
import signal
import subprocess
import sys
import time

import pytest

import recsys
from recsys.cli.main import run


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
