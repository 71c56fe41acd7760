"""Jobs about everything after training: ranking, evaluation, queries, and reading files."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

import recsys
from benchmark_jobs.case import Case, Contender, Setting, timed
from benchmark_jobs.data import as_ratings, factors_of, load, random_factors, synthetic
from benchmark_jobs.peer import Answer
from recsys import kernels
from recsys.csr import entry_rows
from recsys.evaluation.protocol.measure import measure
from recsys.evaluation.protocol.prepared import prepare
from recsys.ratings.splits import Split
from recsys.recommend.ranking import FittedRanker


def split_files(setting: Setting) -> tuple[Split, dict[str, Path]]:
    """A split of the synthetic matrix, and its parts and random factors as files for the peers."""
    split = recsys.splits.random(as_ratings(load(setting.matrix())), 0.1)
    x, y = random_factors(split.train.matrix)
    files = {name: setting.folder / f"{name}.npz" for name in ("train", "test", "factors")}
    sp.save_npz(files["train"], split.train.matrix, compressed=False)
    sp.save_npz(files["test"], split.test.matrix, compressed=False)
    np.savez(files["factors"], x=x, y=y)
    return split, files


def job_top_k(setting: Setting) -> Iterator[Case]:
    """Ten unseen items for every user at f = 64, against the bare matrix product."""
    split, files = split_files(setting)
    seen = split.train.matrix.indptr, split.train.matrix.indices

    def product(x: Any, y: Any) -> None:
        with threadpool_limits(setting.threads, "blas"):
            for start in range(0, len(x), 4096):
                x[start : start + 4096] @ y.T

    for kind in ("random", "trained"):
        x, y = random_factors(split.train.matrix)
        if kind == "trained":  # of unequal lengths, so that many scores need not be computed
            trained = recsys.ImplicitALS(64, n_epochs=3).fit(split.train)
            x, y = trained.user_factors, trained.item_factors
            np.savez(files["factors"], x=x, y=y)
        contenders: dict[str, Contender] = {
            "recsys": partial(timed, partial(kernels.top_k, x, y, 10, excluded=seen)),
            "bare matrix product": partial(timed, partial(product, x, y)),
        }
        contenders |= setting.peers(("implicit",), "rank", **files)
        yield Case(f"top 10 for all users, f = 64, {kind} factors", contenders, "product ≥ 0.77×")


def job_evaluate(setting: Setting) -> Iterator[Case]:
    """All our metrics for all users at f = 64; the peers compute theirs at 10."""
    split, files = split_files(setting)
    ranker = FittedRanker(factors_of(split.train, *random_factors(split.train.matrix)))
    prepared = prepare(split, 10)
    contenders: dict[str, Contender] = {"recsys": lambda: timed(lambda: measure(ranker, prepared))}
    contenders |= setting.peers(("implicit", "irspack"), "evaluate", **files)
    yield Case("every metric of all users, f = 64", contenders, "3×")


def job_query(setting: Setting) -> Iterator[Case]:
    """One user's top 10 of 26,000 items from a loaded model, for a thousand users."""
    model = recsys.train(recsys.ImplicitALS(64, n_epochs=1), as_ratings(load(setting.matrix())))
    model = recsys.load(recsys.save(model, setting.folder / "query"))
    users = np.random.default_rng(0).choice(model.factors.users.ids, 1000).tolist()

    def queries() -> Answer:
        seconds = [timed(partial(model.recommend, user, n=10))["seconds"] for user in users]
        p50, p99 = np.percentile(seconds, [50, 99])
        return {"seconds": float(p99), "p50 ms": float(p50) * 1e3, "p99 ms": float(p99) * 1e3}

    yield Case("one user's top 10, 99th percentile", {"recsys": queries}, "2 ms")


def job_read(setting: Setting) -> Iterator[Case]:
    """A CSV file of 20 million ratings to a matrix; pandas only parses its three columns."""
    matrix = synthetic(setting.size * 20 / 11, seed=1)
    frame, file = as_csv_columns(matrix), setting.folder / "ratings.csv"
    columns = ["userId", "movieId", "rating"]
    for order in ("sorted by user", "shuffled"):
        if order == "shuffled":
            frame = frame.sample(frac=1, random_state=0)
        pyarrow.csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), file)
        contenders: dict[str, Contender] = {
            "recsys": lambda: timed(lambda: recsys.read_ratings(file)),
            "pandas, parse only": lambda: timed(lambda: pd.read_csv(file, usecols=columns)),
        }
        title = f"read {matrix.nnz / 1e6:.1f} M ratings from CSV, {order}"
        yield Case(title, contenders, "pandas ≥ 0.83×")


def as_csv_columns(matrix: sp.csr_matrix) -> pd.DataFrame:
    """A MovieLens table with the entries of the matrix, and random ratings and times."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "userId": entry_rows(matrix) + 1,
            "movieId": matrix.indices * 5 + 1,
            "rating": rng.integers(1, 11, matrix.nnz) / 2,
            "timestamp": rng.integers(800_000_000, 1_500_000_000, matrix.nnz),
        }
    )


def job_start(setting: Setting) -> Iterator[Case]:
    """A cold `recsys recommend` on a model in the shape of MovieLens 1M, and `recsys --help`."""
    model = recsys.train(recsys.ImplicitALS(64, n_epochs=2), as_ratings(synthetic(0.09)))
    path = recsys.save(model, setting.folder / "m")
    command = str(Path(sys.executable).with_name("recsys"))

    def run(*line: str) -> Contender:
        return lambda: timed(lambda: subprocess.run(line, stdout=subprocess.DEVNULL, check=True))

    contenders = {
        "recsys recommend": run(command, "recommend", str(path), "--user", "196"),
        "recsys --help": run(command, "--help"),
        "import pandas, scipy.sparse": run(sys.executable, "-c", "import pandas, scipy.sparse"),
    }
    yield Case("cold start", contenders)
