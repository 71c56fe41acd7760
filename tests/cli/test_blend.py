"""`--model blend` in training, evaluation, recipes and model files."""

from __future__ import annotations

import json
from pathlib import Path

from commands import RunCommand

import recsys
from recsys.models.blend import Blend

MEMBERS = (
    "--set", "of=implicit-als,normalized-svd", "--set", "implicit-als.n_epochs=3",
    "--set", "implicit-als.n_factors=8", "--set", "normalized-svd.n_factors=8",
)  # fmt: skip


def test_weights_are_chosen_and_the_choice_is_kept(
    recsys_command: RunCommand, root: Path, tmp_path: Path
) -> None:
    path = tmp_path / "blend.model"
    code, out, err = recsys_command(
        "train", root / "data/sample", "--model", "blend", *MEMBERS, "-o", path
    )
    assert code == 0
    assert "trials; NDCG@10" in err
    assert "--set 1.n_epochs=3" in " ".join(err.split())
    spec = recsys.load(path).factors.spec
    assert isinstance(spec, Blend)
    assert "blend (" in out
    assert "implicit-als (n_factors=8" in out
    code, out, _ = recsys_command("inspect", path)
    assert code == 0
    assert f"{spec.to_dict()['weights'][0]:g} implicit-als" in " ".join(out.split())
    for question in ("recommend", path, "--user", 5), ("similar", path, "--item", 7):
        assert recsys_command(*question)[0] == 0


def test_given_weights_are_taken(recsys_command: RunCommand, root: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'ratings = "{root}/data/sample"\nmodel = "blend"\nout = "{tmp_path}/m"\nseed = 3\n'
        "[hyperparameters]\nweights = [0.7, 0.3]\n"
        '[[hyperparameters.of]]\nmodel = "implicit-als"\nn_factors = 6\nn_epochs = 2\n'
        '[[hyperparameters.of]]\nmodel = "pure-svd"\nn_factors = 5\n'
    )
    code, out, _ = recsys_command("train", "--config", recipe, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["search"] is None
    assert found["spec"]["weights"] == [0.7, 0.3]
    assert [one["n_factors"] for one in found["spec"]["of"]] == [6, 5]
    assert found["spec"]["of"][0]["seed"] == 3
    code, out, _ = recsys_command("train", "--config", recipe, "--set", "1.n_epochs=4", "--json")
    assert json.loads(out)["spec"]["of"][0]["n_epochs"] == 4


def test_blends_are_evaluated(recsys_command: RunCommand, root: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    code, out, _ = recsys_command(
        "evaluate", root / "data/sample", "--models", "blend,pure-svd", "--report", report,
        "--set", "blend.of=pure-svd,biases", "--set", "blend.1.n_factors=4",
        "--set", "pure-svd.n_factors=6",
    )  # fmt: skip
    assert code == 0
    assert "blend" in out
    specs = json.loads(report.read_text())["specs"]
    assert [one["model"] for one in specs["blend"]["of"]] == ["pure-svd", "biases"]
    assert specs["blend"]["of"][0]["n_factors"] == 4
    assert specs["pure-svd"]["n_factors"] == 6


def test_what_cannot_be_blended_is_named(recsys_command: RunCommand, root: Path) -> None:
    for settings, said in (
        (("--set", "of=ease,biases"), "of must name factorizations, and ease is not one"),
        (("--set", "of=biases"), "of must name at least two models, not 1"),
        (("--set", "bpr.seed=3"), "the blend has no member 'bpr'; it has "),
        (("--set", "weights=0.5"), "weights must be 2 numbers, one per member of the blend"),
    ):
        code, _, err = recsys_command("train", root / "data/sample", "--model", "blend", *settings)
        assert code == 2
        assert said in " ".join(err.split())


def test_the_memory_of_a_blend_is_estimated(recsys_command: RunCommand, root: Path) -> None:
    code, out, _ = recsys_command(
        "train", root / "data/sample", "--model", "blend", "--estimate", *MEMBERS
    )
    assert code == 0
    assert "while training" in out
