"""`recsys train`: lines, JSON, recipes, the memory estimate."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
from commands import RunCommand

import recsys


def test_a_trained_model_answers(recsys_command: RunCommand, root: Path, tmp_path: Path) -> None:
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


def test_options_override_a_recipe(recsys_command: RunCommand, root: Path, tmp_path: Path) -> None:
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


def test_named_columns(recsys_command: RunCommand, tmp_path: Path) -> None:
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


def test_a_baseline_is_not_compared_with_itself(
    recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    for model in ("popularity", "biases"):
        code, out, _ = recsys_command(
            "train", root / "data/sample", "--model", model, "--test", 0.2, "-o", tmp_path / model
        )
        assert code == 0
        assert f"for {model.title()}" not in out
        assert not re.search(r"± 0\.?0*\s", out)  # a difference of nothing


def test_the_estimate_adds_up_and_trains_nothing(
    recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
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


def test_what_was_read_is_said_first(recsys_command: RunCommand, tmp_path: Path) -> None:
    file = tmp_path / "plays.csv"
    rows = [f"{u},{i},{(u * i) % 5 + 1},x" for u in range(12) for i in range(9) if (u + i) % 3]
    file.write_text("user,track,rating,shop\n" + "\n".join([*rows, "0,1,4,x"]) + "\n")
    command = ["train", file, "--column", "item=track", "-o", tmp_path / "m", "--model", "pure-svd",
               "--set", "n_factors=2"]  # fmt: skip
    for extra in ([], ["--estimate"]):
        code, _, err = recsys_command(*command, *extra)
        assert code == 0, err
        assert err.startswith("read     ")
        assert all(len(line) <= 80 for line in err.splitlines() if str(tmp_path) not in line)
        said = " ".join(err.split())
        assert "item = track (1), rating = rating (1.0); not used: shop" in said
        assert "1 row repeats an earlier user and item" in said
        code, out, err = recsys_command(*command, *extra, "--json")
        account = json.loads(out)["account"]
        assert (code, err) == (0, "")
        assert account["columns"]["item"] == {"name": "track", "example": "1"}
        assert (account["n_repeats"], account["unused"]) == (1, ["shop"])
    assert recsys.load(tmp_path / "m").account == account
    _, out, _ = recsys_command("inspect", tmp_path / "m")
    assert "not used: shop" in " ".join(out.split())
    assert json.loads(recsys_command("inspect", tmp_path / "m", "--json")[1])["account"] == account


def test_a_model_of_ratings_needs_ratings(recsys_command: RunCommand, tmp_path: Path) -> None:
    file = tmp_path / "seen.csv"
    rows = (f"{u},{i}\n" for u in range(20) for i in range(15) if (u * i) % 3)
    file.write_text("user,item\n" + "".join(rows))
    for model in ("explicit-als", "biases"):
        for extra in ([], ["--test", "0.2"]):
            code, out, err = recsys_command(
                "train", file, "--model", model, "-o", tmp_path / "m", *extra
            )
            assert (code, out) == (3, "")
            last = err.splitlines()[-1]
            assert last.startswith(
                f"recsys: {file}: {model} predicts ratings, but there is no rating column"
            )
    assert not (tmp_path / "m").exists()


def test_inspect_shows_an_account_of_another_program(
    recsys_command: RunCommand, sample: recsys.Ratings, tmp_path: Path
) -> None:
    model = recsys.train(recsys.PureSVD(2), sample)
    recsys.save(model, tmp_path / "m", account={"origin": "the shop's own export"})
    code, out, _ = recsys_command("inspect", tmp_path / "m")
    assert code == 0
    assert "the shop's own export" in out


def test_without_a_model_it_says_what_it_chose_and_how_to_get_the_same(
    recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    data, first, second = root / "data" / "sample", tmp_path / "first", tmp_path / "second"
    code, out, err = recsys_command("train", data, "--out", first, "--budget", "0.05")
    assert code == 0
    assert "implicit-als (n_factors=" in out
    words = " ".join(err.split())
    assert "NDCG@10 0." in words
    record = recsys.load(first).search
    assert record is not None
    line = record["recipe"]
    assert f"recsys train RATINGS {line}" in words
    assert recsys_command("train", data, "--out", second, *line.split())[0] == 0
    one, two = recsys.load(first), recsys.load(second)
    assert np.array_equal(one.factors.item_factors, two.factors.item_factors)
    assert one.feedback == two.feedback
    assert two.search is None
    assert line in " ".join(recsys_command("inspect", first)[1].split())
    _, out, _ = recsys_command("train", data, "--out", first, "--budget", "0.05", "--json")
    assert json.loads(out)["search"] == one.search
    _, out, _ = recsys_command("inspect", first, "--json")
    assert json.loads(out)["search"] == one.search


def test_hyperparameters_mean_what_they_say(
    recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    data, file = root / "data" / "sample", tmp_path / "m"
    assert recsys_command("train", data, "--out", file, "--set", "n_factors=5")[0] == 0
    assert recsys.load(file).factors.spec == recsys.ImplicitALS(5)
    assert recsys.load(file).search is None
    code, _, err = recsys_command("train", data, "--model", "auto", "--set", "n_factors=5")
    assert code == 2
    assert "auto has no setting 'n_factors'" in err


def test_a_collapsed_model_is_reported(recsys_command: RunCommand, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    items = (1000 * rng.random((1000, 5)) ** 3).astype(int)
    rows = {f"{user},{item}" for user in range(1000) for item in items[user]}
    file = tmp_path / "seen.csv"
    file.write_text("user,item\n" + "\n".join(sorted(rows)) + "\n")
    given = ("train", file, "--out", tmp_path / "m", "--model", "implicit-als")
    _, _, err = recsys_command(*given)
    assert "collapsed warning: the model explains" in " ".join(err.split())
    _, out, _ = recsys_command(*given, "--json")
    assert [one["code"] for one in json.loads(out)["findings"]] == ["collapsed"]
