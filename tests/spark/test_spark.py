"""Spark trains, ranks and evaluates: the same factors, lists and numbers as without it."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import recsys
from recsys.app.lists import write_lists
from recsys.app.recommend import RecommendRequest
from recsys.models.spark_als import SparkALS

pytestmark = [
    pytest.mark.spark,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]

SPECS = [
    recsys.SparkImplicitALS(n_factors=8, regularization=0.05, n_epochs=20, alpha=2),
    recsys.SparkExplicitALS(n_factors=8, regularization=0.05, n_epochs=20),
]
each = pytest.mark.parametrize("spec", SPECS, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def ratings(root: Path) -> recsys.Ratings:
    return recsys.read_ratings(root / "data" / "sample")


@pytest.fixture(scope="module")
def trained(spark: Any, ratings: recsys.Ratings) -> dict[str, recsys.Recommender]:
    from recsys.spark.training import on_spark

    return {spec.name: recsys.train(on_spark(spec, spark), ratings) for spec in SPECS}


def loss(
    spec: SparkALS, ratings: recsys.Ratings, x: npt.NDArray[Any], y: npt.NDArray[Any]
) -> float:
    # As the docstrings of both specs write it.
    matrix = ratings.matrix
    r, seen = matrix.toarray(), matrix.copy()
    seen.data[:] = 1
    observed, scores = seen.toarray(), x.astype(np.float64) @ y.T
    if isinstance(spec, recsys.SparkImplicitALS):
        counted = r > 0
        errors = (1 + spec.alpha * np.abs(r)) * (scores - counted) ** 2
    else:
        counted = observed > 0
        errors = observed * (r - scores) ** 2
    ridge = counted.sum(1) @ (x**2).sum(1) + counted.sum(0) @ (y**2).sum(1)
    return float(errors.sum() + spec.regularization * ridge)


def by_our_row_problem(spec: SparkALS, ratings: recsys.Ratings) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    x = rng.normal(0, 0.1, (ratings.n_users, spec.n_factors)).astype(np.float32)
    transposed = ratings.matrix.T.tocsr()
    for _ in range(spec.n_epochs):
        y, _ = spec.problem(x, transposed).solve()
        x, _ = spec.problem(y, ratings.matrix).solve()
    return x, y


@each
def test_it_reaches_the_loss_of_our_row_problem(
    spec: SparkALS, trained: dict[str, recsys.Recommender], ratings: recsys.Ratings
) -> None:
    factors: Any = trained[spec.name].factors
    ours = loss(spec, ratings, *by_our_row_problem(spec, ratings))
    its = loss(spec, ratings, factors.user_factors, factors.item_factors)
    assert its == pytest.approx(ours, rel=0.005)


@each
def test_spark_solves_the_row_problem_that_folds_people_in(
    spec: SparkALS, spark: Any, ratings: recsys.Ratings
) -> None:
    # After its last half step, Spark's own users are the solutions for its items: a difference
    # in objective would show here at once.
    from pyspark.ml.recommendation import ALS

    from recsys.spark.training import frame_of

    implicit = isinstance(spec, recsys.SparkImplicitALS)
    als = ALS(rank=8, maxIter=3, regParam=0.05, implicitPrefs=implicit, alpha=2.0, seed=1)
    model = als.fit(frame_of(ratings, spark))
    tables = {}
    for side, n in (("user", ratings.n_users), ("item", ratings.n_items)):
        rows = getattr(model, f"{side}Factors").collect()
        table = np.zeros((n, 8), np.float32)
        table[[row["id"] for row in rows]] = [row["features"] for row in rows]
        tables[side] = table
    x, _ = spec.problem(tables["item"], ratings.matrix).solve()
    y, _ = spec.problem(tables["user"], ratings.matrix.T.tocsr()).solve()
    gaps = [np.abs(x - tables["user"]).max(), np.abs(y - tables["item"]).max()]
    assert min(gaps) < 1e-3 * np.abs(tables["user"]).max()  # the side that was solved last


@each
def test_folding_in_gives_back_the_stored_factors(
    spec: SparkALS, trained: dict[str, recsys.Recommender]
) -> None:
    model = trained[spec.name]
    factors: Any = model.factors
    again = factors.fold_in_users(model.feedback.of(model.seen()))
    assert np.abs(again.factors - factors.user_factors).max() < 1e-6
    assert factors.spec == spec


WITHOUT = """
import sys
sys.modules["pyspark"] = None
import recsys
model = recsys.load(sys.argv[1])
user = int(model.factors.users.ids[3])
best = model.recommend(user, n=3)
why = model.explain(user, best["item"][0])
assert abs(why.frame()["share"].sum() - why.score) < 1e-5
print(model.factors.spec.name, len(best))
"""


@each
def test_the_model_file_needs_no_spark(
    spec: SparkALS, trained: dict[str, recsys.Recommender], tmp_path: Path
) -> None:
    path = recsys.save(trained[spec.name], tmp_path / "m.safetensors")
    done = subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT, str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == [spec.name, "3"], done.stderr


def test_everybody_is_ranked_as_without_it(
    spark: Any, trained: dict[str, recsys.Recommender], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from recsys.spark.ranking import ranked

    monkeypatch.setattr("recsys.app.lists.BLOCK", 64)
    path = recsys.save(trained[SPECS[0].name], tmp_path / "m.safetensors")
    asked: dict[str, Any] = {"model": str(path), "everybody": True, "n": 4, "where": "year > 1980"}
    for ending in ("parquet", "jsonl"):
        out = [tmp_path / f"{name}.{ending}" for name in ("here", "there")]
        write_lists(RecommendRequest(**asked, out=str(out[0])), ["title"])
        monkeypatch.setattr(
            "recsys.app.lists._made",
            lambda request, lists, model, wanted: ranked(
                spark, request.model, lists.content, wanted
            ),
        )
        write_lists(RecommendRequest(**asked, out=str(out[1])), ["title"])
        monkeypatch.undo()
        monkeypatch.setattr("recsys.app.lists.BLOCK", 64)
        assert out[0].read_bytes() == out[1].read_bytes()


def test_an_evaluation_has_the_numbers_of_one_machine(spark: Any, ratings: recsys.Ratings) -> None:
    from functools import partial

    from recsys.evaluation.protocol.evaluate import evaluate
    from recsys.spark.evaluating import outcomes

    models = {"als": recsys.ImplicitALS(4), "ease": recsys.EASE()}
    folds = list(recsys.splits.kfold(ratings, 2))
    here = evaluate(models, folds, k=5)
    there = evaluate(models, folds, k=5, elsewhere=partial(outcomes, session=spark))
    assert there.per_user.equals(here.per_user)
    assert there.summary.equals(here.summary)


def executors() -> list[int]:
    found = subprocess.run(
        ["pgrep", "-f", "CoarseGrainedExecutorBackend"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    own = [int(pid) for pid in found.stdout.split()]
    return [pid for pid in own if Path(f"/proc/{pid}/exe").resolve().name == "java"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker in /proc")
def test_a_worker_that_is_lost_only_costs_time(spark: Any, ratings: recsys.Ratings) -> None:
    from recsys.spark.training import on_spark

    spec = recsys.SparkImplicitALS(n_factors=8, n_epochs=15)
    whole = on_spark(spec, spark).fit(ratings)
    before = executors()
    assert len(before) == 2
    fitting = threading.Event()

    def kill() -> None:
        while not spark.sparkContext.statusTracker().getActiveStageIds():
            time.sleep(0.01)
        assert fitting.is_set()
        os.kill(before[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    fitting.set()
    killer.start()
    again = on_spark(spec, spark).fit(ratings)
    fitting.clear()
    killer.join()
    assert before[0] not in executors()
    assert np.abs(again.item_factors - whole.item_factors).max() < 1e-3


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    # In a process of its own: one process has one Spark.
    return subprocess.run(
        [sys.executable, "-P", "-m", "recsys", *map(str, arguments)],
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--engine", "spark", "--model", "ease"), "engine spark trains implicit-als"),
        (("--master", "yarn"), "master is for --engine spark"),
        (("--engine", "spark", "--checkpoint", "c"), "checkpoint cannot be used with engine spark"),
    ],
)
def test_what_does_not_go_together(given: tuple[str, ...], said: str, root: Path) -> None:
    done = command("train", root / "data" / "sample", *given)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_without_java(root: Path) -> None:
    given = "train", root / "data" / "sample", "--engine", "spark"
    done = command(*given, PATH="", JAVA_HOME="")
    assert done.returncode == 2
    assert "needs Java 17" in done.stderr


def test_from_a_file_to_a_model(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.safetensors"
    given = ["--set", "n_factors=4", "--set", "n_epochs=2", "--out", out]
    done = command(
        "train", root / "data" / "sample", "--engine", "spark", "--master", "local[1]", *given
    )
    assert done.returncode == 0, done.stderr
    assert "spark-implicit-als (n_factors=4" in done.stdout
    assert "WARN" not in done.stderr
    assert recsys.load(out).factors.spec.name == "spark-implicit-als"


def processes(mark: str) -> list[int]:
    """Those of Java with a text on their command line."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            said = place.read_bytes()
            if mark.encode() in said and b"SparkSubmit" in said:
                found.append(int(place.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds Java in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_spark_starts_leaves_no_java(
    number: signal.Signals, root: Path, tmp_path: Path
) -> None:
    mark = f"recsys-{tmp_path.name}"
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "recsys", "train", root / "data" / "sample", "--engine",
         "spark", "--out", tmp_path / "model"],
        stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYSPARK_SUBMIT_ARGS": f"--name {mark} pyspark-shell"},
    )  # fmt: skip
    until = time.monotonic() + 60
    while not processes(mark) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert processes(mark), "Java has not started"
    process.send_signal(number)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 128 + number
    assert len(error.strip().splitlines()[-1:]) == 1
    assert "Traceback" not in error
    while processes(mark) and time.monotonic() < until + 60:
        time.sleep(0.1)
    assert processes(mark) == []
    assert list(tmp_path.iterdir()) == []
