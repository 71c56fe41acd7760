"""scripts/reproduce.py as a command: on small data of the published formats."""

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import benchmark_tables
import numpy as np
import pandas as pd
import pytest
import reproduce
from protocols import PROCEDURES, movielens, ncf, peers, published, tables
from protocols.record import Contender, Measure, Peer, Procedure
from protocols.run import Options, Row, missing_peers, run
from protocols.summary import Run, difference

import recsys

Command = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the script with these arguments: exit code, output and messages."""

    def call(*arguments: str | Path) -> tuple[int | str | None, str, str]:
        try:
            code: int | str | None = reproduce.main(list(map(str, arguments)))
        except SystemExit as end:  # of argparse
            code = end.code
        return code, *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like ml-100k of 40 users and 30 items whose ratings are a sum of two biases."""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((40, 30)) < 0.6)
    rows = pd.DataFrame({"user": users + 1, "item": items + 1})
    rows["rating"] = 3 + rng.normal(0, 0.5, 40)[users] + rng.normal(0, 0.5, 30)[items]
    rows["timestamp"] = np.arange(len(rows))
    rows = rows.sample(frac=1, random_state=0)
    folder = tmp_path_factory.mktemp("ml-100k")
    rows.to_csv(folder / "u.data", sep="\t", header=False, index=False)
    return folder


def quiet(row: Row) -> None:
    """Says nothing of a run."""


def small(name: str, *contenders: Contender, **changes: object) -> Procedure:
    """A protocol with other contenders."""
    return dataclasses.replace(PROCEDURES[name], contenders=contenders, **changes)  # type: ignore[arg-type]


def test_ours_stand_next_to_the_published(planted: Path, tmp_path: Path, root: Path) -> None:
    file = tmp_path / "found.json"
    line: list[str | Path] = [sys.executable, root / "scripts" / "reproduce.py"]
    line += ["surprise-ml-100k", planted, "--seeds", "0,1", "--models", "ExplicitALS"]
    done = subprocess.run([*line, "--json", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ExplicitALS, fold 5, seed 1: " in done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert re.search(r"^\| \*\*ExplicitALS\*\* \| 0\.\d{4} \[0\.\d{4}, 0\.\d{4}\] ± 0\.", table[1])
    assert "| SVD++ | 0.919 | 0.721 |  | README of Surprise 1.1 |" in table
    assert "differ from the published: 40 users, not 943." in done.stdout
    found = json.loads(file.read_text())
    ours = found["rows"][0]
    assert ours["kind"] == "ours"
    assert ours["values"]["RMSE"]["mean"] < 0.15  # where the ratings deviate by 0.7
    assert len(ours["values"]["RMSE"]["by_seed"]) == 2
    assert len(ours["values"]["RMSE"]["by_part"]) == 5
    assert "n_factors=50" in ours["settings"]
    assert [row["name"] for row in found["rows"] if row["kind"] == "published"] == [
        row.name for row in published.SURPRISE_ML_100K
    ]
    assert found["machine"]["threads"] >= 1


def test_what_is_missing_is_named_with_what_is_needed(
    command: Command, planted: Path, tmp_path: Path
) -> None:
    for arguments, code, message in (
        (["lightgcn-gowalla"], 2, "lightgcn-gowalla needs a path: the folder with train.txt"),
        (["ials-ml-20m", tmp_path / "no"], 2, "is not there; ials-ml-20m needs the folder of the"),
        (["ml-100k-official", tmp_path], 3, "u1.base is not there; the folder must hold u1.base"),
        (
            ["surprise-ml-100k", planted, "--models", "Bogus"], 2,
            "models must be among BayesianMF, BayesianMF without features, ExplicitALS, not Bogus",
        ),
        (["bogus"], 2, "invalid choice: 'bogus'"),
        (["ncf-ml-1m", "--seeds", "0,0"], 2, "must be different whole numbers of at least 0"),
        (["ncf-ml-1m", "--seeds", "x"], 2, "invalid _seeds value: 'x'"),
        ([], 2, "PROTOCOL must be one of surprise-ml-100k"),
    ):  # fmt: skip
        done = command(*arguments)
        assert done[0] == code, arguments
        assert message in done[2]


def test_every_protocol_is_listed_with_its_files(command: Command) -> None:
    _, listed, _ = command("--list")
    for one in PROCEDURES.values():
        assert f"{one.name}\n    {one.title}\n    files: {one.needs}" in listed


def test_the_page_has_a_place_for_every_protocol(root: Path) -> None:
    page = (root / "docs" / "reproduce.md").read_text()
    for name in PROCEDURES:
        assert page.count(f"<!-- {name} -->\n") == page.count(f"<!-- /{name} -->\n") == 1, name
        assert f"`{name}`" in page, name


def test_every_published_row_has_known_measures_and_a_source() -> None:
    for one in PROCEDURES.values():
        measures = {measure.name for measure in one.task.measures}
        for row in one.published:
            assert set(row.values) <= measures, row
            assert row.source
            assert all(0 < value < 2 for value in row.values.values())


def test_models_that_draw_nothing_run_once_a_part(planted: Path) -> None:
    procedure = small(
        "surprise-ml-100k",
        Contender("biases", recsys.Biases()),
        Contender("als", recsys.ExplicitALS(2, n_epochs=2)),
    )
    names: list[str] = []
    material = procedure.load(planted)
    rows = run(procedure, material, Options((3, 4)), lambda row: names.append(row.name))
    assert [run.seed for run in rows[0].runs] == [None] * 5
    assert [run.seed for run in rows[1].runs] == [3, 4] * 5
    assert names[:3] == ["biases", "als", "als"]
    quick = run(procedure, material, Options((3, 4), quick=True), quiet)
    assert [len(row.runs) for row in quick] == [1, 1]


def test_communities_are_found_in_lists_of_lightgcn(tmp_path: Path) -> None:
    """Even users have even items, odd users odd ones; one item each is held out."""
    train, test = [], []
    for user in range(40):
        own = [item for item in range(24) if item % 2 == user % 2]
        left_out = own.pop(user // 2 % len(own))
        train.append(" ".join(map(str, [user, *own])))
        test.append(f"{user} {left_out}")
    for name, lines in (("train.txt", train), ("test.txt", test)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    procedure = small(
        "lightgcn-gowalla",
        Contender("ItemKNN", recsys.ItemKNN()),
        Contender("Popularity", recsys.Popularity()),
    )
    knn, popular = run(procedure, procedure.load(tmp_path), Options((0,)), quiet)
    assert knn.values["NDCG@20"].mean == pytest.approx(1)
    assert popular.values["NDCG@20"].mean < 0.7


@pytest.mark.long
@pytest.mark.slow
def test_auto_takes_part_in_lists_of_lightgcn(
    command: Command, tmp_path: Path, sample: recsys.Ratings
) -> None:
    rows = sample.to_frame()
    is_test = np.random.default_rng(0).random(len(rows)) < 0.2
    for name, part in (("train.txt", rows[~is_test]), ("test.txt", rows[is_test])):
        lines = [f"{user} " + " ".join(map(str, own)) for user, own in part.groupby("user")["item"]]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    code, printed, _ = command("lightgcn-yelp2018", tmp_path, "--models", "auto", "--quick")
    assert code == 0
    assert "**ImplicitALS, chosen by auto**" in printed
    assert "| LightGCN | 0.0649 | 0.053 |" in printed
    assert "A quick run: the first part and the first seed only." in printed


FAKE_CMFREC = """
import numpy as np


class CMF:
    def __init__(self, **settings):
        self.settings = settings

    def fit(self, frame):
        assert self.settings["random_state"] >= 1
        self.means = frame.groupby("ItemId")["Rating"].mean()

    def predict(self, users, items):
        return self.means.reindex(items).to_numpy()
"""


def test_other_libraries_run_in_their_own_process(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for cmfrec that predicts the mean of the item."""
    (tmp_path / "cmfrec.py").write_text(FAKE_CMFREC)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(peers, "peer_python", lambda name: Path(sys.executable))
    means = recsys.Biases(user_regularization=1e9, item_regularization=0.0, n_epochs=1)
    procedure = small(
        "surprise-ml-100k",
        Contender("item means", means),
        peers=(Peer("cmfrec", "cmfrec", {"k": 3, "implicit features": True}),),
    )
    ours, theirs = run(procedure, procedure.load(planted), Options((0,), peers=True), quiet)
    assert theirs.is_peer
    assert [one.part for one in theirs.runs] == [f"fold {n}" for n in range(1, 6)]
    for name in ("RMSE", "MAE"):
        expected = ours.values[name].mean
        assert theirs.values[name].mean == pytest.approx(expected, rel=1e-4)
    assert theirs.settings == "k=3, implicit features=True"
    heads, _, line = tables.differences(procedure.task.measures, [ours, theirs]).splitlines()
    assert heads == "| less cmfrec | RMSE | MAE |"
    assert re.fullmatch(
        r"\| \*\*item means\*\* \|( [+-]0\.000\d \([+-]0\.0 %\) \[.*\] \|){2}", line
    )
    assert not missing_peers(procedure)
    # Without --peers they do not run.
    assert len(run(procedure, procedure.load(planted), Options((0,)), quiet)) == 1


def test_a_library_that_is_not_installed_is_left_out_and_named(
    planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "peer_python", lambda name: None)
    procedure = small("surprise-ml-100k", Contender("biases", recsys.Biases()))
    rows = run(procedure, procedure.load(planted), Options((0,), peers=True), quiet)
    assert [row.name for row in rows] == ["biases"]
    assert missing_peers(procedure) == ["surprise"]


def test_tenths_of_the_deviation_have_no_interval(sample: recsys.Ratings, root: Path) -> None:
    model = recsys.BayesianMF(2, n_burn_in=5, n_samples=5)
    procedure = small("intervals-anime", Contender("BayesianMF", model))
    material = procedure.load(root / "data" / "sample")
    rows = run(procedure, material, Options((0,)), quiet)
    line = tables.table(procedure, rows).splitlines()[2].split("|")
    assert re.fullmatch(r" 0\.\d{4} \[0\.\d{4}, 0\.\d{4}\] ", line[2])
    assert all(re.fullmatch(r" \d\.\d{3} ", cell) for cell in line[4:14])


def test_one_that_fails_does_not_end_the_others(
    command: Command, planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    procedure = small(
        "surprise-ml-100k",
        Contender("wide", recsys.PureSVD(500)),
        Contender("biases", recsys.Biases()),
    )
    monkeypatch.setitem(PROCEDURES, procedure.name, procedure)
    code, printed, _ = command(procedure.name, planted)
    assert code == 0
    assert "| **biases** | " in printed
    assert "**wide**" not in printed
    assert re.search(r"^- wide failed: .*n_factors", printed, re.M)
    code, _, message = command(procedure.name, planted, "--models", "wide")
    assert code == 3
    assert message.startswith("error: wide failed: ")


def with_errors(name: str, is_peer: bool, errors: list[float]) -> Row:
    """A row of one run, with a squared error of each user."""
    squares = np.square(errors)
    sums = {"RMSE": (squares, np.ones(len(squares)))}
    found = Row(name, "", is_peer, False, (Measure("RMSE", 2, is_error=True),), quiet)  # type: ignore[arg-type]
    found.runs.append(Run("all", None, 1.0, sums))
    return found


def test_ours_are_compared_with_the_best_of_the_others_user_by_user() -> None:
    errors = np.random.default_rng(0).uniform(0.5, 1.5, 400)
    ours = with_errors("ours", False, list(0.9 * errors))
    good, bad = (
        with_errors(name, True, list(by * errors)) for name, by in (("good", 1), ("bad", 2))
    )
    table = tables.differences(ours.measures, [ours, bad, good]).splitlines()
    assert table[0] == "| less good | RMSE |"
    # Every user's error is a tenth smaller, so the difference hardly depends on who is drawn.
    found = difference(ours.measures[0], ours.runs, good.runs)
    root = np.sqrt(np.mean(errors**2))
    assert found.mean == pytest.approx(-0.1 * root)
    assert found.share == pytest.approx(-0.1)
    assert found.low == pytest.approx(-0.1 * root, rel=0.1)
    assert found.high == pytest.approx(-0.1 * root, rel=0.1)
    assert ours.values["RMSE"].high - ours.values["RMSE"].low > 3 * (found.high - found.low)
    assert tables.differences(ours.measures, [ours]) == ""


@pytest.mark.data
@pytest.mark.slow
def test_counts_are_the_published_ones(ml_100k: Path, ml_1m: Path) -> None:
    for name, material in (
        ("ml-100k-official", movielens.official_folds(ml_100k)),
        ("ncf-ml-1m", ncf.load(ml_1m)),
    ):
        expected = PROCEDURES[name].counts
        assert expected is not None
        assert {key: material.counts[key] for key in expected} == dict(expected), name


def test_a_table_goes_between_its_marks(
    command: Command, planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "reproduce.md"
    empty = "before\n<!-- surprise-ml-100k -->\nearlier table\n<!-- /surprise-ml-100k -->\nafter\n"
    page.write_text(empty)
    monkeypatch.setattr(benchmark_tables, "ROOT", tmp_path)
    file = tmp_path / "found.json"
    few = ["surprise-ml-100k", planted, "--models", "explicit", "--quick"]
    assert command(*few, "--write", "--json", file)[0] == 0
    written = page.read_text()
    assert written.startswith("before\n<!-- surprise-ml-100k -->\nMovieLens 100K, the folds")
    assert written.endswith("<!-- /surprise-ml-100k -->\nafter\n")
    assert "earlier table" not in written
    assert "| **ExplicitALS** | " in written
    # The same from the file, without measuring anything again.
    page.write_text(empty)
    assert command("--page", file)[0] == 0
    assert page.read_text() == written
    (tmp_path / "other.json").write_text("{}")
    code, _, message = command("--page", tmp_path / "other.json")
    assert code == 2
    assert "other.json is not a file that --json wrote" in message
