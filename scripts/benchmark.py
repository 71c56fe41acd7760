#!/usr/bin/env python3
"""Times the main jobs beside their peers, in one run and in alternation, and prints the ratios.

Every contender of a job runs once per round, in turn, so that a noisy machine disturbs all alike;
the table shows medians. Peers that are not installed are left out. The synthetic matrix has the
shape of MovieLens 20M: lognormal users, Zipf items, seeded.

    scripts/benchmark.py                      all jobs, a few minutes
    scripts/benchmark.py read start --rounds 5
    scripts/benchmark.py --size 0.1 --json benchmark.json
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

import recsys
from recsys import kernels, provenance
from recsys.evaluation.bench import make_bench
from recsys.evaluation.bench import measure as measure_model
from recsys.evaluation.scoring import FactorScorer
from recsys.ids import IdIndex
from recsys.models.spec import initial_factors
from recsys.ratings.ratings import Ratings

Contenders = dict[str, Callable[[], object]]

N_USERS, N_ITEMS, N_RATINGS = 138_000, 26_000, 11_000_000


def synthetic(size: float, seed: int = 0) -> sp.csr_matrix:
    """Ones where a user rated an item: about `size` × 11 million of them."""
    rng = np.random.default_rng(seed)
    n_users, n_items = int(N_USERS * size**0.5), int(N_ITEMS * size**0.5)
    activity = rng.lognormal(0, 1.2, n_users)
    # Some of the draws of an active user repeat; a quarter more make up for them.
    activity = np.maximum(1, activity / activity.sum() * N_RATINGS * size * 1.25).astype(int)
    popularity = np.cumsum(1 / np.arange(1, n_items + 1) ** 0.9)
    draws = np.searchsorted(popularity / popularity[-1], rng.random(activity.sum()))
    items = rng.permutation(n_items)[np.minimum(draws, n_items - 1)]
    users = np.repeat(np.arange(n_users), activity)
    matrix = sp.csr_matrix((np.ones(len(users), np.float32), (users, items)), (n_users, n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def as_ratings(matrix: sp.csr_matrix) -> Ratings:
    """The matrix as `Ratings`."""
    n_users, n_items = matrix.shape
    users, items = IdIndex(np.arange(n_users), "user"), IdIndex(np.arange(n_items), "item")
    return Ratings(users, items, matrix, None, pd.DataFrame(index=pd.RangeIndex(n_items)))


def job_read(size: float, folder: Path) -> Iterator[tuple[str, Contenders]]:
    """A CSV of 20 million ratings: to a matrix, against pandas' parse of its three columns."""
    matrix = synthetic(size * 20 / 11, seed=1)
    rng = np.random.default_rng(0)
    file = folder / "ratings.csv"
    frame = pd.DataFrame(
        {
            "userId": np.repeat(np.arange(1, matrix.shape[0] + 1), np.diff(matrix.indptr)),
            "movieId": matrix.indices * 5 + 1,
            "rating": rng.integers(1, 11, matrix.nnz) / 2,
            "timestamp": rng.integers(800_000_000, 1_500_000_000, matrix.nnz),
        }
    )
    import pyarrow as pa
    import pyarrow.csv

    pa.csv.write_csv(pa.Table.from_pandas(frame), file)
    columns = ["userId", "movieId", "rating"]
    yield (
        f"read {matrix.nnz / 1e6:.1f} M ratings from CSV",
        {
            "recsys": lambda: recsys.read_ratings(file),
            "pandas, parse only": lambda: pd.read_csv(file, usecols=columns),
        },
    )


def job_epoch(size: float, folder: Path) -> Iterator[tuple[str, Contenders]]:
    """An epoch of implicit ALS by conjugate gradients, at defaults that reach the same loss."""
    from implicit.cpu import _als

    matrix = synthetic(size)
    columns = matrix.T.tocsr()
    users, items = (IdIndex(np.arange(n), "row") for n in matrix.shape)
    for width in (64, 128, 256):
        rng = np.random.default_rng(0)
        x, y = (initial_factors(rng, n, width) for n in matrix.shape)

        def epoch(x=x, y=y) -> None:  # type: ignore[no-untyped-def]
            spec = recsys.ImplicitALS(len(x[0]))
            spec._half_step(columns, x, y, items, spec.cg_steps)
            spec._half_step(matrix, y, x, users, spec.cg_steps)

        theirs = x.copy(), y.copy()

        def peer_epoch(tables=theirs) -> None:  # type: ignore[no-untyped-def]
            threads = kernels.default_threads()
            for rows, own, other in ((columns, 1, 0), (matrix, 0, 1)):
                _als.least_squares_cg(
                    rows, tables[own], tables[other], 0.01, num_threads=threads, cg_steps=3
                )

        contenders: Contenders = {"recsys": epoch, "implicit": peer_epoch}
        yield f"implicit ALS epoch, CG, f = {width}", contenders


def job_top_k(size: float, folder: Path) -> Iterator[tuple[str, Contenders]]:
    """Ten unseen items for every user at f = 64, against the bare matrix product."""
    matrix = synthetic(size)
    rng = np.random.default_rng(0)
    x, y = (initial_factors(rng, n, 64) for n in matrix.shape)

    def product() -> None:
        with threadpool_limits(kernels.default_threads(), "blas"):
            for start in range(0, len(x), 4096):
                x[start : start + 4096] @ y.T

    yield (
        "top 10 for all users, f = 64",
        {
            "recsys": lambda: kernels.top_k(x, y, 10, excluded=(matrix.indptr, matrix.indices)),
            "bare matrix product": product,
        },
    )


def job_evaluate(size: float, folder: Path) -> Iterator[tuple[str, Contenders]]:
    """All metrics of a model of width 64 for all users, against ranking them alone."""
    ratings = replace(as_ratings(synthetic(size)), has_values=False)
    split = recsys.splits.random(ratings, 0.1)
    rng = np.random.default_rng(0)
    x, y = (initial_factors(rng, n, 64) for n in ratings.matrix.shape)
    bias_x, bias_y = (np.zeros(len(table), np.float32) for table in (x, y))
    spec = recsys.ImplicitALS(64)
    factors = recsys.Factors(ratings.users, ratings.items, 0.0, bias_x, bias_y, x, y, spec)
    bench, scorer = make_bench(split, 10, recsys.Feedback()), FactorScorer(factors)
    seen = split.train.matrix.indptr, split.train.matrix.indices
    yield (
        "every metric of all users, f = 64",
        {
            "recsys": lambda: measure_model(scorer, bench),
            "top 10 alone": lambda: kernels.top_k(x, y, 10, excluded=seen),
        },
    )


def job_start(size: float, folder: Path) -> Iterator[tuple[str, Contenders]]:
    """A cold `recsys recommend` on a model of MovieLens 1M's shape, and `recsys --help`."""
    matrix = synthetic(0.09)
    model = recsys.train(recsys.ImplicitALS(64, n_epochs=2), as_ratings(matrix))
    path = recsys.save(model, folder / "m")
    command = str(Path(sys.executable).with_name("recsys"))

    def run(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run([command, *arguments], stdout=subprocess.DEVNULL, check=True)

    bare = [sys.executable, "-c", "import pandas, scipy.sparse"]
    yield (
        "cold start",
        {
            "recsys recommend": run("recommend", str(path), "--user", "196"),
            "recsys --help": run("--help"),
            "import pandas, scipy.sparse": lambda: subprocess.run(bare, check=True),
        },
    )


JOBS = {
    "read": job_read, "epoch": job_epoch, "top-k": job_top_k, "evaluate": job_evaluate,
    "start": job_start,
}  # fmt: skip


def measure(contenders: Contenders, rounds: int) -> dict[str, list[float]]:
    """Seconds of each contender, round by round, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for counted in [False] + [True] * rounds:
        for name, job in contenders.items():
            started = time.perf_counter()
            job()
            if counted:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def about() -> dict[str, object]:
    """What the numbers were measured on."""
    kernel = {
        "threads": kernels.default_threads(),
        "instruction set": os.environ.get("RECSYS_ISA", kernels.INSTRUCTION_SETS[0]),
    }
    return (
        provenance.machine()
        | kernel
        | {
            "versions": provenance.versions(),
            "commit": provenance.commit(),
        }
    )


def main() -> None:
    """Runs the jobs asked for and prints a Markdown table."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("jobs", nargs="*", help=f"of {', '.join(JOBS)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=5, help="how often each contender runs")
    parser.add_argument("--size", type=float, default=1.0, help="share of the full matrix")
    parser.add_argument("--json", type=Path, help="file for all seconds, machine and versions")
    options = parser.parse_args()
    unknown = set(options.jobs) - set(JOBS)
    if unknown or options.rounds < 1 or options.size <= 0:
        parser.error(f"jobs are {', '.join(JOBS)}; rounds at least 1, size above 0")
    results: dict[str, dict[str, list[float]]] = {}
    print("| job | contender | seconds, median | times recsys |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1, "blas"):
        for name in options.jobs or JOBS:
            for title, contenders in JOBS[name](options.size, Path(folder)):
                found = results[title] = measure(contenders, options.rounds)
                ours = median(next(iter(found.values())))
                for who, seconds in found.items():
                    took = median(seconds)
                    print(f"| {title} | {who} | {took:.3g} | {took / ours:.2f} |", flush=True)
    made_with = about()
    print("\n" + ", ".join(f"{k} {v}" for k, v in made_with.items() if k != "versions"))
    if options.json:
        options.json.write_text(json.dumps({"machine": made_with, "seconds": results}, indent=2))


if __name__ == "__main__":
    main()
