"""Examples in the docs run and print what they show, and everything public is documented."""

import dataclasses
import io
import re
import shlex
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import recsys
from recsys.app.recipe import Recipe, read_recipe
from recsys.app.study import Study
from recsys.cli.main import run
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.protocol.grid import Grid
from recsys.models.registry import BUILT_IN, SPECS
from recsys.ratings.split_choice import SplitChoice


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def assert_alike(printed: str, written: str) -> None:
    """Equal, except for the last digits of fractions and losses, in which CPUs differ."""
    printed, written = (re.sub(r"(?m)(?<=^loss  ).*$", "", text) for text in (printed, written))
    # A zero has no sign.
    printed, written = (re.sub(r"-(?=0\.(0*)(\D|$))", " ", text) for text in (printed, written))
    fraction = r"-?\d+\.\d{2,}"
    assert re.sub(fraction, "#", printed) == re.sub(fraction, "#", written)
    for a, b in zip(re.findall(fraction, printed), re.findall(fraction, written), strict=True):
        assert float(a) == pytest.approx(float(b), rel=0.01, abs=0.0015)


def without_signs_of_zero(text: str) -> str:
    """The text without the signs of zeros in arrays, in which CPUs differ."""
    return re.sub(r"(?<=\[) +| +(?= )", "", re.sub(r"-0\.(?!\d)", "0.", text))


@pytest.fixture
def at_home(ml_100k: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with data/ml-100k and nothing else, like a fresh checkout after `recsys fetch`."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ml-100k").symlink_to(ml_100k)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "92")


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.usefixtures("at_home")
def test_readme_commands_print_what_it_shows(root: Path) -> None:
    console = blocks((root / "README.md").read_text(), "console")
    assert len(console) == 4
    for block in console:
        command, written = block.split("\n", 1)
        printed = io.StringIO()
        with redirect_stdout(printed), pytest.raises(SystemExit) as end:
            run(shlex.split(command.removeprefix("$ recsys ")))
        assert end.value.code == 0
        assert_alike(printed.getvalue().rstrip(), written.rstrip())


@pytest.mark.data
@pytest.mark.usefixtures("at_home")
def test_readme_python_prints_what_it_shows(root: Path) -> None:
    readme = (root / "README.md").read_text()
    code, written = blocks(readme, "python"), blocks(readme, "text")
    assert len(code) == len(written) == 1
    names: dict[str, Any] = {}
    for source, expected in zip(code, written, strict=True):
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(source, names)  # our own README
        assert_alike(printed.getvalue(), expected)


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.usefixtures("at_home")
def test_the_lesson_prints_what_it_shows(root: Path, tmp_path: Path) -> None:
    source = root / "data" / "worked-example.csv"
    (tmp_path / "data" / source.name).write_bytes(source.read_bytes())
    (tmp_path / "docs" / "pictures").mkdir(parents=True)
    lesson: dict[str, Any] = {"__name__": "lesson", "__file__": str(root / "scripts" / "lesson.py")}
    exec((root / "scripts" / "lesson.py").read_text(), lesson)  # our own script
    page = (root / "docs" / "linear-algebra.md").read_text()
    print_options = np.get_printoptions()
    made = lesson["run"](page)
    assert np.get_printoptions() == print_options  # other tests print arrays, too
    for printed, written in zip(blocks(made, "text"), blocks(page, "text"), strict=True):
        assert_alike(without_signs_of_zero(printed), without_signs_of_zero(written))
    pictures = set(re.findall(r"\]\((pictures/[^)]+)\)", page))
    assert {f"pictures/{file.name}" for file in (tmp_path / "docs/pictures").iterdir()} == pictures


def test_readme_names_the_two_commands_and_they_exist(root: Path) -> None:
    first = blocks((root / "README.md").read_text(), "sh")[0]
    for script in ("scripts/quickstart", "scripts/test"):
        assert script in first
        assert (root / script).stat().st_mode & 0o111


def test_model_file_recipe_runs(root: Path, sample: recsys.Ratings, tmp_path: Path) -> None:
    model = recsys.train(recsys.ImplicitALS(4), sample)
    names = {"path": recsys.save(model, tmp_path / "m")}
    source = blocks((root / "docs" / "model-file.md").read_text(), "python")[0]
    exec(source.replace("196", "42"), names)  # our own docs
    best = model.recommend(42, 1, exclude_seen=False)["title"][0]
    assert names["best"] == best


def test_model_file_page_names_every_tensor_and_key(
    root: Path, sample: recsys.Ratings, tmp_path: Path
) -> None:
    import json
    import struct

    page = (root / "docs" / "model-file.md").read_text()
    for spec in (recsys.NormalizedSVD(4), recsys.ItemKNN(4)):
        raw = recsys.save(recsys.train(spec, sample), tmp_path / "m").read_bytes()
        header = json.loads(raw[8 : 8 + struct.unpack("<Q", raw[:8])[0]])
        metadata = header.pop("__metadata__")
        for name in (*header, *metadata, *json.loads(metadata["recsys"])):
            assert f"`{name}`" in page, name


def test_notation_has_every_model_with_its_declared_hyperparameters(root: Path) -> None:
    page = (root / "docs" / "notation.md").read_text()
    for name in BUILT_IN:
        assert f"\n## {SPECS[name].__name__}\n" in page
    script: list[str | Path] = [sys.executable, root / "scripts" / "notation.py", "--check"]
    assert subprocess.run(script, check=False).returncode == 0, "run scripts/notation.py"


def test_reference_has_every_command_setting_and_public_name(root: Path) -> None:
    page = (root / "docs" / "reference.md").read_text()
    for command in (
        "fetch",
        "train",
        "tune",
        "evaluate",
        "compare",
        "recommend",
        "similar",
        "map",
        "inspect",
        "doctor",
    ):
        assert f"### recsys {command}" in page
    recipe = blocks(page, "toml")[0]
    for field in dataclasses.fields(Recipe):
        assert re.search(rf"^\[?{field.name}\b", recipe, re.M), field.name
    for name in set(recsys.__all__) - {"__version__"}:
        assert f"recsys.{name}" in page, name


def test_evaluation_page_has_every_metric_split_and_setting(root: Path) -> None:
    page = (root / "docs" / "evaluation.md").read_text()
    for name, metric in METRICS.items():
        assert f"`{name}{'@k' if metric.at_k else ''}`" in page, name
    for name in ("random", "kfold", "leave_last", "by_time", "held_out_users", "given"):
        assert f"| `{name}`" in page
    recipe = blocks(page, "toml")[0]
    for field in dataclasses.fields(Study):
        assert re.search(rf"\b{field.name}\b", page if field.name == "splits" else recipe), (
            field.name
        )
    for field in dataclasses.fields(SplitChoice):
        assert re.search(rf"^(# )?{field.name} =", recipe, re.M), field.name


def test_reference_has_every_symptom(root: Path) -> None:
    page = (root / "docs" / "reference.md").read_text()
    source = (root / "recsys" / "diagnosis" / "symptoms.py").read_text()
    codes = set(re.findall(r"Finding\(\s*\"([a-z-]+)\"", source))
    assert len(codes) == 10
    for code in codes:
        assert f"`{code}`" in page, code


def test_reference_has_every_code_of_the_doctor(root: Path) -> None:
    page = (root / "docs" / "reference.md").read_text()
    source = (root / "recsys" / "ratings" / "doctor.py").read_text()
    codes = set(re.findall(r'"(D\d{3})"', source))
    assert codes == {f"D{n:03}" for n in range(1, 18)}
    for code in codes:
        assert f"`{code}`" in page, code
        assert f"| {code} |" in source, code


def test_evaluation_recipe_is_one(root: Path, sample: recsys.Ratings, tmp_path: Path) -> None:
    recipe = tmp_path / "study.toml"
    recipe.write_text(blocks((root / "docs" / "evaluation.md").read_text(), "toml")[0])
    study = Study(**read_recipe(recipe, Study))
    tuned = study.named_models()["tuned"]
    assert isinstance(tuned, Grid)
    assert len(tuned.candidates) == 4
    assert study.named_splits()["random"].folds == 5


@pytest.mark.slow
def test_evaluation_example_runs(
    root: Path, sample: recsys.Ratings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"recsys": recsys, "ratings": sample}
    exec(blocks((root / "docs" / "evaluation.md").read_text(), "python")[0], names)  # our own docs
    assert set(names["result"].models) == {"popularity", "biases", "tuned", "ease"}
    assert (tmp_path / "report.html").exists()


@pytest.mark.slow
def test_tuning_examples_run(
    root: Path, sample: recsys.Ratings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"ratings": sample}
    page = (root / "docs" / "tuning.md").read_text()
    assert page.count("trials=10") == 2
    for block in blocks(page.replace("trials=10", "trials=3"), "python"):
        exec(block, names)  # our own docs
    assert names["found"].spec.name in ("ease", "pure-svd")
    assert (tmp_path / "tuning" / "report.html").exists()


def test_the_changelog_knows_the_version(root: Path) -> None:
    assert f"\n## {recsys.__version__}\n" in (root / "docs" / "changelog.md").read_text()


def test_links_between_the_docs_lead_somewhere(root: Path) -> None:
    for page in (*root.glob("*.md"), *(root / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_readme_is_short(root: Path) -> None:
    assert len((root / "README.md").read_text().splitlines()) <= 200
