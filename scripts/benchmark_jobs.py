"""The jobs of scripts/benchmark.py: what is timed, on which data, beside whom."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from benchmark_peer import REGULARIZATION, UNOBSERVED_WEIGHT
from threadpoolctl import threadpool_limits

import recsys
from recsys import kernels
from recsys.evaluation.protocol.measure import measure as measure_model
from recsys.evaluation.protocol.prepared import prepare
from recsys.evaluation.protocol.validation import validation_score
from recsys.ids import IdIndex
from recsys.models.alternating import random_table
from recsys.ratings.ratings import Ratings
from recsys.recommend.ranking import FittedRanker

ROOT = Path(__file__).resolve().parents[1]
PEERS = {
    "irspack": ["irspack"],
    "cmfrec": ["cmfrec", "threadpoolctl"],
    "surprise": ["scikit-surprise", "pandas"],
}
"""Libraries that get an environment of their own, and what is installed there."""

Answer = dict[str, float]
Contender = Callable[[], Answer | None]

N_USERS, N_ITEMS, N_RATINGS = 138_000, 26_000, 11_000_000
SETS = {"MovieLens 1M": ROOT / "data" / "ml-1m", "MovieLens 100K": ROOT / "data" / "ml-100k"}
"""Real data, where it is there."""

OBJECTIVES: dict[str, dict[str, Any]] = {
    "the default, stars as weights": {},
    "α₀ = 0.05, λ = 0.003": {"unobserved_weight": 0.05, "regularization": 0.003},
    "classic, alpha = 10, λ = 0.1": {
        "alpha": 10.0,
        "regularization": 0.1,
        "frequency_exponent": 0.0,
    },
    "classic, alpha = 40, λ = 1": {"alpha": 40.0, "regularization": 1.0, "frequency_exponent": 0.0},
}
"""Of ImplicitALS, from easy to hard for conjugate gradients."""


@dataclass
class Case:
    """One thing to time: this project first, then whom it stands beside."""

    title: str
    contenders: dict[str, Contender]
    asked: str = ""
    """What was promised of it."""
    shown: str = "seconds"
    """The number of the answers that is compared."""
    once: bool = False
    """Too long for several rounds."""
    rounds: int = 1
    """At least: the loss is compared after as many epochs."""
    detail: bool = False
    """Of interest beside the main table only."""
    add: Callable[[dict[str, Answer]], dict[str, Answer]] = field(default=lambda found: {})
    """What else follows from the medians of all contenders."""


@dataclass(frozen=True)
class Setting:
    """Where the jobs find their data."""

    folder: Path
    size: float
    threads: int

    def matrix(self, size: float | None = None) -> Path:
        """The file of the synthetic matrix, made once."""
        size = self.size if size is None else size
        path = self.folder / f"matrix-{size:.4f}.npz"
        if not path.exists():
            sp.save_npz(path, synthetic(size), compressed=False)
        return path

    def peer(
        self, library: str, job: str, settings: dict[str, Any], threads: int = 0
    ) -> dict[str, "Peer"]:
        """The worker of a library under its name, or nothing where it is not installed."""
        python = ROOT / ".peers" / library / "bin" / "python"
        if library not in PEERS:
            python = Path(sys.executable)
        elif not python.exists():
            return {}
        settings = {"threads": threads or self.threads} | settings
        return {library: Peer(python, library, job, settings)}


class Peer:
    """A library at work in its own process; see scripts/benchmark_peer.py."""

    def __init__(self, python: Path, library: str, job: str, settings: dict[str, Any]) -> None:
        script = str(Path(__file__).with_name("benchmark_peer.py"))
        threads = str(settings["threads"])
        alone = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        told = {"RECSYS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        self._process = subprocess.Popen(
            [str(python), script, library, job, json.dumps(settings, default=str)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent,
            env=os.environ | alone | told,
        )
        self._read("ready")

    def _read(self, expected: str = "{") -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(expected):
                return line
        raise RuntimeError(f"{' '.join(map(str, self._process.args))} ended early")  # type: ignore[arg-type]

    def _tell(self, line: str) -> Answer:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        answer: Answer = json.loads(self._read())
        return answer

    def __call__(self) -> Answer:
        """Has the job done once."""
        return self._tell("go")

    def factors(self, path: Path) -> tuple[Any, Any]:
        """User and item factors as they are now."""
        self._tell(f"save {path}")
        with np.load(path) as file:
            return file["x"], file["y"]

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()


def load(path: Path) -> Any:
    """A sparse matrix from its file."""
    return sp.load_npz(path)


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
    frame = pd.DataFrame(index=pd.RangeIndex(n_items))
    return replace(Ratings(users, items, matrix, None, frame), has_values=False)


def only_ticks(ratings: Ratings) -> Ratings:
    """The same with every rating a one."""
    ticks = ratings.matrix.copy()
    ticks.data = np.ones_like(ticks.data)
    return replace(ratings, matrix=ticks, has_values=False)


def made_up_factors(matrix: sp.csr_matrix, width: int = 64) -> tuple[Any, Any]:
    """User and item factors of the right shapes."""
    rng = np.random.default_rng(0)
    return random_table(rng, matrix.shape[0], width), random_table(rng, matrix.shape[1], width)


def timed(job: Callable[[], object]) -> Answer:
    """Runs the job: its seconds."""
    started = time.perf_counter()
    job()
    return {"seconds": time.perf_counter() - started}


def job_limits(setting: Setting) -> Iterator[Case]:
    """What the machine can do: products of matrices, and moving factors without arithmetic."""
    matrix = load(setting.matrix())
    columns = matrix.T.tocsr().indices.astype(np.intp)
    for width in (64, 128):
        table, _ = made_up_factors(matrix, width)

        def move(part: Any, table: Any = table) -> None:
            buffer = np.empty((4096, table.shape[1]), np.float32)  # stays in cache
            for start in range(0, len(part), len(buffer)):
                rows = part[start : start + len(buffer)]
                np.take(table, rows, 0, out=buffer[: len(rows)], mode="clip")

        def gather(move: Any = move, width: int = width) -> Answer:
            shares = np.array_split(columns, setting.threads)
            with ThreadPoolExecutor(setting.threads) as pool:
                answer = timed(lambda: list(pool.map(move, shares)))
            return answer | {"GB/s": len(columns) * width * 4 / answer["seconds"] / 1e9}

        contenders: dict[str, Contender] = {f"gather of {len(columns) / 1e6:.1f} M rows": gather}
        if width == 64:
            contenders = {"float32 matrix product": matrix_product(setting.threads)} | contenders
        yield Case(f"limits of the machine, f = {width}", contenders)


def matrix_product(threads: int) -> Contender:
    """Two square float32 matrices multiplied by the BLAS."""
    n = 4096
    a, b = (np.random.default_rng(s).random((n, n), np.float32) for s in (0, 1))

    def product() -> Answer:
        with threadpool_limits(threads, "blas"):
            answer = timed(lambda: a @ b)
        return answer | {"GF/s": 2 * n**3 / answer["seconds"] / 1e9}

    return product


def job_epoch(setting: Setting) -> Iterator[Case]:
    """An epoch of implicit ALS by conjugate gradients, at each library's own number of steps."""
    matrix = load(setting.matrix())
    table = setting.folder / "factors.npz"
    for width, asked in ((64, "3.5×"), (128, "3×"), (256, "3×")):
        # Three passes over all entries on both sides; both tables turned twice, two Gram matrices.
        flops = 24 * width * matrix.nnz + 10 * width**2 * sum(matrix.shape)
        contenders: dict[str, Contender] = {}
        for library in ("recsys", "implicit", "irspack"):
            of = {"matrix": setting.matrix(), "width": width, "exact": False}
            contenders |= setting.peer(library, "train", of)

        def rate(
            found: dict[str, Answer], flops: int = flops, contenders: Any = contenders
        ) -> dict[str, Answer]:
            # The loss after all the epochs of the measurement, where it is the same objective.
            more: dict[str, Answer] = {
                who: {"loss": loss(matrix, *contenders[who].factors(table))}
                for who in ("recsys", "irspack")
                if who in found
            }
            more["recsys"]["GF/s"] = flops / found["recsys"]["seconds"] / 1e9
            return more

        title = f"implicit ALS epoch, CG, f = {width}"
        yield Case(title, contenders, asked, rounds=4, add=rate)


def job_exact(setting: Setting) -> Iterator[Case]:
    """An epoch of implicit ALS, every row solved exactly."""
    matrix = load(setting.matrix())
    table = setting.folder / "factors.npz"
    for width in (64, 128):
        # Upper triangles of the sums of outer products, factorizations, two substitutions.
        flops = 2 * matrix.nnz * width * (width + 1)
        flops += sum(matrix.shape) * (width**3 / 3 + 4 * width**2)
        contenders: dict[str, Contender] = {}
        for library in ("recsys", "irspack"):
            of = {"matrix": setting.matrix(), "width": width, "exact": True}
            contenders |= setting.peer(library, "train", of)

        def rate(
            found: dict[str, Answer], flops: float = flops, contenders: Any = contenders
        ) -> dict[str, Answer]:
            return {
                who: {
                    "loss": loss(matrix, *contenders[who].factors(table)),
                    "GF/s of Cholesky": flops / found[who]["seconds"] / 1e9,
                }
                for who in found
            }

        title = f"implicit ALS epoch, exact, f = {width}"
        yield Case(title, contenders, "2.5×", rounds=4, add=rate)


def loss(matrix: sp.csr_matrix, x: Any, y: Any) -> float:
    """L of `ImplicitALS` on ticks, by its formula, at what all contenders are given."""
    columns = matrix.indices
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    fit = 0.0
    for start in range(0, matrix.nnz, 1 << 18):
        part = slice(start, start + (1 << 18))
        scores = np.einsum("nf,nf->n", x[rows[part]], y[columns[part]])
        fit += float(np.square(scores - 1, dtype=np.float64).sum())
    unobserved = float(np.vdot(kernels.gramian(x), kernels.gramian(y)))
    penalty = 0.0
    for table, other, counts in (
        (x, y, np.diff(matrix.indptr)),
        (y, x, np.bincount(columns, minlength=matrix.shape[1])),
    ):
        ridge = REGULARIZATION * (counts + UNOBSERVED_WEIGHT * len(other))
        penalty += float(kernels.sums_of_squares(table, ridge.astype(np.float32))[0].sum())
    return fit + UNOBSERVED_WEIGHT * unobserved + penalty


def job_converge(setting: Setting) -> Iterator[Case]:
    """Training time until NDCG@10 on MovieLens is within 0.1 % of its last."""
    for name, folder in SETS.items():
        if folder.exists():
            yield from convergence(setting, name, recsys.read_ratings(folder))


def convergence(setting: Setting, name: str, ratings: Ratings) -> Iterator[Case]:
    """The same on one of the sets, at two widths."""
    split = recsys.splits.random(ratings, 0.1)
    split = recsys.splits.given(*(only_ticks(part) for part in (split.train, split.test)))
    train = split.train
    path = setting.folder / f"{name}.npz"
    sp.save_npz(path, train.matrix, compressed=False)
    zeros = [np.zeros(n, np.float32) for n in train.matrix.shape]
    spec = recsys.ImplicitALS()

    def ndcg(x: Any, y: Any) -> float:
        factors = recsys.Factors(train.users, train.items, 0.0, zeros[0], zeros[1], x, y, spec)
        return validation_score(factors, split)

    for width in (64, 128):
        curves: dict[str, tuple[Any, Any]] = {}

        def contender(
            library: str, width: int = width, curves: Any = curves
        ) -> dict[str, Contender]:
            of = {"matrix": path, "width": width, "exact": False}

            def curve() -> Answer:
                # A process for every curve: training starts afresh.
                peer = setting.peer(library, "train", of)[library]
                seconds, reached = [], []
                for _ in range(20):
                    seconds.append(peer()["seconds"])
                    reached.append(ndcg(*peer.factors(setting.folder / "factors.npz")))
                peer.close()
                curves[library] = np.cumsum(seconds), np.array(reached)
                near = int(np.argmax(curves[library][1] >= 0.999 * reached[-1]))
                return {
                    "seconds": curves[library][0][near],
                    "epochs": near + 1,
                    "NDCG@10": reached[-1],
                }

            first = setting.peer(library, "train", of)
            for peer in first.values():
                peer.close()
            return {library: curve} if first else {}

        def overtakes(found: dict[str, Answer], curves: Any = curves) -> dict[str, Answer]:
            # In the last round, when we rank as well as another does at last.
            seconds, reached = curves["recsys"]
            return {
                who: {"recsys gets there in s": seconds[np.argmax(reached >= other["NDCG@10"])]}
                for who, other in found.items()
                if who != "recsys" and (reached >= other["NDCG@10"]).any()
            }

        contenders = contender("recsys") | contender("implicit") | contender("irspack")
        title = f"{name} to 0.1 % of the last NDCG@10, f = {width}"
        main = name == "MovieLens 1M"
        asked = "4×" if main else ""
        yield Case(title, contenders, asked, add=overtakes, detail=not main)


def job_steps(setting: Setting) -> Iterator[Case]:
    """16 epochs of MovieLens 1M by one, two and three steps, and how far above exact ones."""
    if not SETS["MovieLens 1M"].exists():
        return
    train = recsys.splits.random(recsys.read_ratings(SETS["MovieLens 1M"]), 0.1).train
    for name, options in OBJECTIVES.items():
        contenders: dict[str, Contender] = {}
        for steps in (2, 1, 3, 0):
            spec = recsys.ImplicitALS(64, cg_steps=steps, **options)
            who = f"{steps} steps" if steps > 1 else "1 step" if steps else "exact"
            contenders[who] = partial(losses, spec, train)

        def above(found: dict[str, Answer]) -> dict[str, Answer]:
            exact = found["exact"]["loss"]
            return {who: {"% above": 100 * (found[who]["loss"] / exact - 1)} for who in found}

        yield Case(f"16 epochs, {name}", contenders, add=above, detail=True)


def losses(spec: recsys.ImplicitALS, train: Ratings) -> Answer:
    """A fit: its seconds and its loss."""
    log = spec.fit(train).log
    return {"seconds": log[-1].seconds, "loss": log[-1].loss}


def job_relaxation(setting: Setting) -> Iterator[Case]:
    """Epochs of MovieLens 1M to the loss that 16 epochs reach without over-relaxation."""
    if not SETS["MovieLens 1M"].exists():
        return
    train = recsys.splits.random(recsys.read_ratings(SETS["MovieLens 1M"]), 0.1).train
    for name, options in OBJECTIVES.items():
        logs: dict[str, list[float]] = {}

        def epochs(spec: recsys.ImplicitALS, who: str, logs: Any = logs) -> Answer:
            logs[who] = [progress.loss for progress in spec.fit(train).log]
            enough = [loss <= logs["ω = 1"][15] for loss in logs[who]]
            return {"epochs": enough.index(True) + 1 if any(enough) else np.nan}

        contenders: dict[str, Contender] = {}
        for relaxation in (1.0, 1.2, 1.4, 1.5, 1.6):
            spec = recsys.ImplicitALS(64, n_epochs=17, relaxation=relaxation, **options)
            who = f"ω = {relaxation:g}"
            contenders[who] = partial(epochs, spec, who)
        title = f"epochs to the loss of 16 at ω = 1, {name}"
        yield Case(title, contenders, shown="epochs", once=True, detail=True)


def job_explicit(setting: Setting) -> Iterator[Case]:
    """A fit of MovieLens with 50 factors, to the error that cmfrec reaches."""
    for name, folder in SETS.items():
        if not folder.exists():
            continue
        ratings = recsys.read_ratings(folder)
        path = setting.folder / "explicit.npz"
        users = ratings.users.ids[
            np.repeat(np.arange(ratings.n_users), np.diff(ratings.matrix.indptr))
        ]
        test = np.random.default_rng(0).random(ratings.n_ratings) < 0.1
        arrays: dict[str, Any] = {
            "users": users,
            "items": ratings.items.ids[ratings.matrix.indices],
            "values": ratings.matrix.data,
        }
        np.savez(path, test=test, **arrays)
        contenders: dict[str, Contender] = {}
        for library in ("recsys", "cmfrec", "surprise"):
            contenders |= setting.peer(library, "explicit", {"ratings": path, "epochs": 5})
        main = name == "MovieLens 1M"
        title = f"explicit ALS, {name}, f = 50"
        yield Case(title, contenders, "5×" if main else "", detail=not main)


def split_files(setting: Setting) -> tuple[Any, Path, Path, Path]:
    """A split of the synthetic matrix and made-up factors, also as files for the peers."""
    split = recsys.splits.random(as_ratings(load(setting.matrix())), 0.1)
    x, y = made_up_factors(split.train.matrix)
    paths = [setting.folder / f"{name}.npz" for name in ("train", "test", "made-up")]
    sp.save_npz(paths[0], split.train.matrix, compressed=False)
    sp.save_npz(paths[1], split.test.matrix, compressed=False)
    np.savez(paths[2], x=x, y=y)
    return split, paths[0], paths[1], paths[2]


def job_top_k(setting: Setting) -> Iterator[Case]:
    """Ten unseen items for every user at f = 64, against the bare matrix product."""
    split, train, _, path = split_files(setting)
    seen = split.train.matrix.indptr, split.train.matrix.indices

    def product(x: Any, y: Any) -> None:
        with threadpool_limits(setting.threads, "blas"):
            for start in range(0, len(x), 4096):
                x[start : start + 4096] @ y.T

    for kind in ("made-up", "trained"):
        x, y = made_up_factors(split.train.matrix)
        if kind == "trained":  # of unequal lengths, which spares many scores
            trained = recsys.ImplicitALS(64, n_epochs=3).fit(split.train)
            x, y = trained.user_factors, trained.item_factors
            np.savez(path, x=x, y=y)

        contenders: dict[str, Contender] = {
            "recsys": partial(timed, partial(kernels.top_k, x, y, 10, excluded=seen)),
            "bare matrix product": partial(timed, partial(product, x, y)),
        }
        contenders |= setting.peer("implicit", "rank", {"train": train, "factors": path})
        yield Case(f"top 10 for all users, f = 64, {kind} factors", contenders, "product ≥ 0.77×")


def job_evaluate(setting: Setting) -> Iterator[Case]:
    """All our metrics of a model of width 64 for all users; the peers compute theirs at 10."""
    split, train, test, path = split_files(setting)
    x, y = made_up_factors(split.train.matrix)
    zeros = [np.zeros(n, np.float32) for n in split.train.matrix.shape]
    index, spec = split.train, recsys.ImplicitALS(64)
    factors = recsys.Factors(index.users, index.items, 0.0, zeros[0], zeros[1], x, y, spec)
    prepared, ranker = prepare(split, 10), FittedRanker(factors)
    contenders: dict[str, Contender] = {
        "recsys": lambda: timed(lambda: measure_model(ranker, prepared))
    }
    for library in ("implicit", "irspack"):
        files = {"train": train, "test": test, "factors": path}
        contenders |= setting.peer(library, "evaluate", files)
    yield Case("every metric of all users, f = 64", contenders, "3×")


def job_query(setting: Setting) -> Iterator[Case]:
    """One user's ten best of 26,000 items from a loaded model, a thousand users in turn."""
    model = recsys.train(recsys.ImplicitALS(64, n_epochs=1), as_ratings(load(setting.matrix())))
    model = recsys.load(recsys.save(model, setting.folder / "query"))
    users = np.random.default_rng(0).choice(model.factors.users.ids, 1000).tolist()

    def queries() -> Answer:
        took = [timed(partial(model.recommend, user, n=10))["seconds"] for user in users]
        p50, p99 = np.percentile(took, [50, 99])
        return {"seconds": float(p99), "p50 ms": float(p50) * 1e3, "p99 ms": float(p99) * 1e3}

    yield Case("one user's top 10, 99th percentile", {"recsys": queries}, "2 ms")


def job_read(setting: Setting) -> Iterator[Case]:
    """A CSV of 20 million ratings: to a matrix, against pandas' parse of its three columns."""
    matrix = synthetic(setting.size * 20 / 11, seed=1)
    rng = np.random.default_rng(0)
    file = setting.folder / "ratings.csv"
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

    columns = ["userId", "movieId", "rating"]
    for order in ("sorted by user", "shuffled"):
        if order == "shuffled":
            frame = frame.sample(frac=1, random_state=0)
        pa.csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), file)
        contenders: dict[str, Contender] = {
            "recsys": lambda: timed(lambda: recsys.read_ratings(file)),
            "pandas, parse only": lambda: timed(lambda: pd.read_csv(file, usecols=columns)),
        }
        title = f"read {matrix.nnz / 1e6:.1f} M ratings from CSV, {order}"
        yield Case(title, contenders, "pandas ≥ 0.83×")


def job_memory(setting: Setting) -> Iterator[Case]:
    """Peak memory of a process that trains, f = 64: with it the libraries and the matrix."""
    contenders: dict[str, Contender] = {}
    for library in ("recsys", "implicit", "irspack"):
        of = {"matrix": setting.matrix(), "width": 64, "exact": False}
        for name, peer in setting.peer(library, "train", of).items():
            contenders[name] = partial(peak, peer)
    yield Case("peak memory of training, f = 64, GB", contenders, "below every peer", "GB")


def peak(peer: Peer) -> Answer:
    """Has the job done: the peak memory of the process so far."""
    return {"GB": peer()["peak"] / 1e9}


def job_threads(setting: Setting) -> Iterator[Case]:
    """The same epoch with all threads and with one, and what the machine makes of more of them."""
    names = {setting.threads: f"{setting.threads} threads", 1: "1 thread"}
    of = {"matrix": setting.matrix(), "width": 64, "exact": False}
    epochs: dict[str, Contender] = {
        name: setting.peer("recsys", "train", of, threads)["recsys"]
        for threads, name in names.items()
    }
    title = "implicit ALS epoch, CG, f = 64, threads"
    yield Case(title, epochs, "1.85× of two", rounds=8)
    products = {name: matrix_product(threads) for threads, name in names.items()}
    yield Case("float32 matrix product, threads", products, rounds=8)


def job_growth(setting: Setting) -> Iterator[Case]:
    """The same epoch on ever larger matrices: the exponent of time in the number of entries."""
    contenders: dict[str, Contender] = {}
    entries: dict[str, int] = {}
    for share in (1 / 11, 3 / 11, 1.0):
        path = setting.matrix(setting.size * share)
        nnz = load(path).nnz
        name = f"{nnz / 1e6:.1f} M entries"
        entries[name] = nnz
        of = {"matrix": path, "width": 64, "exact": False}
        contenders[name] = setting.peer("recsys", "train", of)["recsys"]

    def exponent(found: dict[str, Answer]) -> dict[str, Answer]:
        sizes = np.log([entries[who] for who in found])
        seconds = np.log([found[who]["seconds"] for who in found])
        return {list(found)[-1]: {"exponent": float(np.polyfit(sizes, seconds, 1)[0])}}

    yield Case(
        "implicit ALS epoch, CG, f = 64, growth", contenders, "exponent ≤ 1.05", add=exponent
    )


def job_large(setting: Setting) -> Iterator[Case]:
    """A whole training on nine such matrices under each other, and the memory told beforehand."""
    path = setting.folder / "large.npz"
    nine = sp.vstack([synthetic(setting.size, seed) for seed in range(9)], "csr")
    n_entries = nine.nnz
    sp.save_npz(path, nine, compressed=False)
    del nine
    title = f"training on {n_entries / 1e6:.1f} M ratings, 16 epochs, f = 64"
    contenders: dict[str, Contender] = {**setting.peer("recsys", "fit", {"matrix": path})}
    yield Case(title, contenders, "24 GB", once=True)
    path.unlink()


def job_start(setting: Setting) -> Iterator[Case]:
    """A cold `recsys recommend` on a model of MovieLens 1M's shape, and `recsys --help`."""
    model = recsys.train(recsys.ImplicitALS(64, n_epochs=2), as_ratings(synthetic(0.09)))
    path = recsys.save(model, setting.folder / "m")
    command = str(Path(sys.executable).with_name("recsys"))

    def run(*arguments: str) -> Contender:
        line = [*arguments]
        return lambda: timed(lambda: subprocess.run(line, stdout=subprocess.DEVNULL, check=True))

    contenders = {
        "recsys recommend": run(command, "recommend", str(path), "--user", "196"),
        "recsys --help": run(command, "--help"),
        "import pandas, scipy.sparse": run(sys.executable, "-c", "import pandas, scipy.sparse"),
    }
    yield Case("cold start", contenders)


JOBS: dict[str, Callable[[Setting], Iterator[Case]]] = {
    "limits": job_limits, "epoch": job_epoch, "exact": job_exact, "converge": job_converge,
    "steps": job_steps, "relaxation": job_relaxation, "explicit": job_explicit,
    "top-k": job_top_k, "evaluate": job_evaluate, "query": job_query, "read": job_read,
    "memory": job_memory, "threads": job_threads, "growth": job_growth, "start": job_start,
    "large": job_large,
}  # fmt: skip
