#!/usr/bin/env python3
"""Worker process of scripts/benchmark.py: runs one job of one library.

    benchmark_peer.py LIBRARY JOB SETTINGS

SETTINGS is JSON with the data files and the sizes. For each line `go` on standard input the worker
runs the job once and answers with JSON: seconds, peak memory in bytes since the start, and the
job's own numbers, if it has any. `save PATH` writes the factors. It runs in the environment of the
library, so it imports nothing but NumPy, SciPy and that library.
"""

import json
import re
import resource
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

UNOBSERVED_WEIGHT = 0.3  # suits matrices of ones; the default suits stars
REGULARIZATION = 0.01  # λ, in proportion to the number of ratings (ν = 1)

Job = Callable[[], dict[str, float] | None]


class Worker:
    """A job that runs once per `go`, and the factors it has made so far."""

    def __init__(self, job: Job, factors: Callable[[], tuple[Any, Any]] | None = None) -> None:
        self.job, self.factors = job, factors


def peak_memory() -> int:
    """Peak memory of this process in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would include the memory of the parent before exec
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if found:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def ratings_of(matrix: Any) -> Any:
    """The matrix as `recsys.Ratings`, with row and column numbers as ids."""
    import pandas as pd

    import recsys
    from recsys.ids import IdIndex

    users, items = (IdIndex(np.arange(n), "row") for n in matrix.shape)
    return recsys.Ratings(users, items, matrix, None, pd.DataFrame(index=range(matrix.shape[1])))


def train_recsys(settings: dict[str, Any]) -> Worker:
    """One epoch of implicit ALS."""
    import recsys

    ratings = ratings_of(sp.load_npz(settings["matrix"]))
    spec = recsys.ImplicitALS(
        settings["width"],
        REGULARIZATION,
        UNOBSERVED_WEIGHT,
        cg_steps=0 if settings["exact"] else recsys.ImplicitALS().cg_steps,
    )
    objective, state = spec.objective(ratings), spec.initial(ratings)
    done = 0

    def epoch() -> None:
        nonlocal done, state
        relaxation = spec.relaxation if done else 1.0
        for side in ("items", "users"):
            state, _ = objective.half_step(side, state, relaxation=relaxation)
        done += 1

    return Worker(epoch, lambda: (state.users, state.items))


def train_implicit(settings: dict[str, Any]) -> Worker:
    """One epoch of implicit ALS; the library's own objective."""
    from implicit.als import AlternatingLeastSquares
    from implicit.cpu import _als

    matrix: Any = sp.load_npz(settings["matrix"])
    width = settings["width"]
    solve = _als.least_squares if settings["exact"] else _als.least_squares_cg
    regularization = AlternatingLeastSquares(width, random_state=0).regularization
    rng = np.random.default_rng(0)
    x, y = (rng.random((n, width), np.float32) * 0.01 for n in matrix.shape)
    columns = matrix.T.tocsr()

    def epoch() -> None:
        for rows, solved, other in ((columns, y, x), (matrix, x, y)):
            solve(rows, solved, other, regularization, num_threads=settings["threads"])

    return Worker(epoch, lambda: (x, y))


def train_irspack(settings: dict[str, Any]) -> Worker:
    """One epoch of implicit ALS; our objective."""
    from irspack.recommenders.ials import IALSTrainer, LossType, SolverType

    solver = SolverType.CHOLESKY if settings["exact"] else SolverType.CG
    objective = (UNOBSERVED_WEIGHT, REGULARIZATION, 1.0)
    others = (0.1, solver, 3, 64, LossType.IALSPP, 0, settings["threads"], 5, 7)
    matrix: Any = sp.load_npz(settings["matrix"])
    trainer = IALSTrainer(matrix, settings["width"], *objective, *others)
    core = trainer.core_trainer
    return Worker(trainer.run_epoch, lambda: (core.user, core.item))


def tune_irspack(settings: dict[str, Any]) -> Worker:
    """Its own search for an implicit ALS, on a tenth of the ratings, and the final fit."""
    from irspack.evaluation import Evaluator
    from irspack.recommenders.ials import IALSRecommender

    matrix: Any = sp.load_npz(settings["matrix"])
    made: list[Any] = []

    def job() -> None:
        held = np.random.default_rng(0).random(matrix.nnz) < 0.1
        parts = []
        for keep in (~held, held):
            part = matrix.copy()
            part.data = part.data * keep
            part.eliminate_zeros()
            parts.append(part)
        evaluator = Evaluator(parts[1], cutoff=10, n_threads=settings["threads"])
        options = {"n_trials": settings["trials"], "tuning_random_seed": 0}
        threads = {"n_threads": settings["threads"]}
        with redirect_stdout(sys.stderr):  # its progress would be taken for answers
            best, _ = IALSRecommender.tune(parts[0], evaluator, **options, **threads)
            made[:] = [IALSRecommender(matrix, **best, **threads).learn()]

    def factors() -> tuple[Any, Any]:
        core = made[0].trainer.core_trainer
        return core.user, core.item

    return Worker(job, factors)


def fit_recsys(settings: dict[str, Any]) -> Worker:
    """A whole training, its peak memory, and the peak that was predicted beforehand."""
    import recsys
    from recsys.app.estimate import memory_of
    from recsys.memory import process_memory

    ratings = ratings_of(sp.load_npz(settings["matrix"]))
    spec = recsys.ImplicitALS(64)

    def job() -> dict[str, float]:
        needed = spec.training_memory(ratings.n_users, ratings.n_items, ratings.n_ratings)
        predicted = process_memory()[0] + needed
        recsys.train(spec, ratings)
        return {
            "GB": peak_memory() / 1e9,
            "GB predicted": predicted / 1e9,
            "GB of it ratings": memory_of(ratings) / 1e9,
        }

    return Worker(job)


def implicit_model(settings: dict[str, Any]) -> Any:
    """A model of `implicit` with the given factors."""
    from implicit.als import AlternatingLeastSquares

    factors = np.load(settings["factors"])
    model = AlternatingLeastSquares(factors["x"].shape[1], num_threads=settings["threads"])
    model.user_factors, model.item_factors = factors["x"], factors["y"]
    return model


def evaluate_implicit(settings: dict[str, Any]) -> Worker:
    """Ranking metrics at 10 for all users, from given factors and a given split."""
    from implicit.evaluation import ranking_metrics_at_k

    model = implicit_model(settings)
    seen, held_out = sp.load_npz(settings["train"]), sp.load_npz(settings["test"])
    options = {"K": 10, "show_progress": False, "num_threads": settings["threads"]}

    def job() -> dict[str, float]:
        return {"NDCG@10": ranking_metrics_at_k(model, seen, held_out, **options)["ndcg"]}

    return Worker(job)


def evaluate_irspack(settings: dict[str, Any]) -> Worker:
    """Ranking metrics at 10 for all users, from given factors and a given split."""
    from irspack.evaluation import Evaluator
    from irspack.recommenders.base import BaseRecommender

    factors = np.load(settings["factors"])
    x, y = factors["x"], factors["y"]

    class Given(BaseRecommender):  # type: ignore[misc]
        """A recommender with given factors."""

        def _learn(self) -> None:
            pass

        def get_score_block(self, begin: int, end: int) -> Any:
            return x[begin:end] @ y.T

        def get_score(self, users: Any) -> Any:
            return x[users] @ y.T

    held_out: Any = sp.load_npz(settings["test"])
    evaluator = Evaluator(held_out, cutoff=10, n_threads=settings["threads"])
    given = Given(sp.load_npz(settings["train"]))
    return Worker(lambda: {"NDCG@10": evaluator.get_scores(given, [10])["ndcg@10"]})


def rank_implicit(settings: dict[str, Any]) -> Worker:
    """The ten best unseen items of every user."""
    model = implicit_model(settings)
    seen: Any = sp.load_npz(settings["train"])
    users = np.arange(seen.shape[0])

    def job() -> None:
        for start in range(0, len(users), 4096):
            part = users[start : start + 4096]
            model.recommend(part, seen[part], N=10)

    return Worker(job)


class Stars:
    """Explicit ratings, of which some are held out."""

    def __init__(self, settings: dict[str, Any]) -> None:
        data = np.load(settings["ratings"])
        names = ("users", "items", "values")
        self.train = {name: data[name][~data["test"]] for name in names}
        self.test = {name: data[name][data["test"]] for name in names}

    def worker(self, fit: Callable[[], Callable[[], Any]]) -> Worker:
        """Times `fit`, which returns a function that predicts the test part; computes the RMSE."""
        mean = self.train["values"].mean()

        def job() -> dict[str, float]:
            started = time.perf_counter()
            predict = fit()
            seconds = time.perf_counter() - started
            predicted = predict()
            predicted = np.where(np.isfinite(predicted), predicted, mean)
            rmse = np.sqrt(np.mean((predicted - self.test["values"]) ** 2))
            return {"seconds": seconds, "RMSE": float(rmse)}

        return Worker(job)


def explicit_recsys(settings: dict[str, Any]) -> Worker:
    """A fit of explicit ratings with 50 factors, and its error on those held out."""
    import pandas as pd

    import recsys

    stars = Stars(settings)
    names = {"users": "user_id", "items": "item_id", "values": "rating"}
    ratings = recsys.Ratings.from_frame(pd.DataFrame(stars.train).rename(columns=names))
    users, items = stars.test["users"], stars.test["items"]
    known = np.isin(items, ratings.items.ids) & np.isin(users, ratings.users.ids)

    def fit() -> Callable[[], Any]:
        factors = recsys.ExplicitALS(50, n_epochs=settings["epochs"]).fit(ratings)

        def predict() -> Any:
            predicted = np.full(len(known), np.nan)
            predicted[known] = factors.predict(users[known], items[known])
            return predicted

        return predict

    return stars.worker(fit)


def explicit_cmfrec(settings: dict[str, Any]) -> Worker:
    """A fit of explicit ratings with 50 factors, and its error on those held out."""
    import pandas as pd
    from cmfrec import CMF

    stars = Stars(settings)
    names = {"users": "UserId", "items": "ItemId", "values": "Rating"}
    frame = pd.DataFrame(stars.train).rename(columns=names)
    options = {
        "k": 50, "lambda_": 0.05, "scale_lam": True, "niter": 10, "nthreads": settings["threads"],
        "verbose": False, "random_state": 1, "precompute_for_predictions": False,
    }  # fmt: skip

    def fit() -> Callable[[], Any]:
        model = CMF(**options)
        model.fit(frame)
        return lambda: model.predict(stars.test["users"], stars.test["items"])

    return stars.worker(fit)


def explicit_surprise(settings: dict[str, Any]) -> Worker:
    """A fit of explicit ratings with 50 factors, and its error on those held out."""
    import pandas as pd
    from surprise import SVD, Dataset, Reader

    stars = Stars(settings)
    frame = pd.DataFrame(stars.train)[["users", "items", "values"]]
    whole = Dataset.load_from_df(frame, Reader()).build_full_trainset()
    pairs = list(zip(stars.test["users"].tolist(), stars.test["items"].tolist(), strict=True))

    def fit() -> Callable[[], Any]:
        model = SVD(n_factors=50, random_state=0)
        model.fit(whole)
        return lambda: np.array([model.predict(u, i).est for u, i in pairs])

    return stars.worker(fit)


WORKERS: dict[tuple[str, str], Callable[[dict[str, Any]], Worker]] = {
    ("train", "recsys"): train_recsys,
    ("train", "implicit"): train_implicit,
    ("train", "irspack"): train_irspack,
    ("tune", "irspack"): tune_irspack,
    ("fit", "recsys"): fit_recsys,
    ("evaluate", "implicit"): evaluate_implicit,
    ("evaluate", "irspack"): evaluate_irspack,
    ("rank", "implicit"): rank_implicit,
    ("explicit", "recsys"): explicit_recsys,
    ("explicit", "cmfrec"): explicit_cmfrec,
    ("explicit", "surprise"): explicit_surprise,
}
"""(job, library) → what prepares it."""


def serve(workers: dict[tuple[str, str], Callable[[dict[str, Any]], Worker]]) -> None:
    """Answers the lines of standard input until it ends.

    Args:
        workers: (job, library) → what prepares it.
    """
    library, job, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    worker = workers[job, library](settings)
    print("ready", flush=True)
    for line in sys.stdin:
        command, _, path = line.strip().partition(" ")
        if command == "save":
            assert worker.factors is not None
            x, y = worker.factors()
            np.savez(path, x=np.asarray(x, np.float32), y=np.asarray(y, np.float32))
            print("{}", flush=True)
            continue
        started = time.perf_counter()
        reached = worker.job() or {}
        answer = {"seconds": time.perf_counter() - started} | reached
        answer["peak"] = peak_memory()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(WORKERS)
