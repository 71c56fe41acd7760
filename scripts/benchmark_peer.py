#!/usr/bin/env python3
"""One library at one job, in a process of its own: the worker that scripts/benchmark.py talks to.

    benchmark_peer.py LIBRARY JOB SETTINGS

SETTINGS is JSON: the files of the data and the sizes. For every line `go` on its input the worker
does the job once and answers with JSON: seconds, peak memory in bytes since the start, and what was
reached, if the job says. `save PATH` writes the factors. It runs in the library's own environment,
so it imports nothing but NumPy, SciPy and the library.
"""

import json
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

UNOBSERVED_WEIGHT = 0.3  # suits ticks, which all the matrices hold; the default suits stars
REGULARIZATION = 0.01  # λ, in proportion to the number of ratings (ν = 1)

Job = Callable[[], dict[str, float] | None]


def peak_memory() -> int:
    """Bytes this process held at most."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held before exec
        found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        if found:
            return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Worker:
    """What a library does once at every `go`, and the factors it made of it."""

    def __init__(self, job: Job, factors: Callable[[], tuple[Any, Any]] | None = None) -> None:
        self.job, self.factors = job, factors


def ratings_of(matrix: Any) -> Any:
    """A matrix as `recsys.Ratings`, its row and column numbers as ids."""
    import pandas as pd

    import recsys
    from recsys.ids import IdIndex

    users, items = (IdIndex(np.arange(n), "row") for n in matrix.shape)
    return recsys.Ratings(users, items, matrix, None, pd.DataFrame(index=range(matrix.shape[1])))


def train(library: str, settings: dict[str, Any]) -> Worker:
    """One epoch of implicit ALS at every `go`; all at the same objective where they share one."""
    matrix: Any = sp.load_npz(settings["matrix"])
    width, exact, threads = settings["width"], settings["exact"], settings["threads"]
    if library == "recsys":
        import recsys

        ratings = ratings_of(matrix)
        steps = 0 if exact else recsys.ImplicitALS().cg_steps
        spec = recsys.ImplicitALS(width, REGULARIZATION, UNOBSERVED_WEIGHT, cg_steps=steps)
        objective, state = spec.objective(ratings), spec.initial(ratings)
        done = 0

        def epoch() -> None:
            nonlocal done, state
            relaxation = spec.relaxation if done else 1.0
            for side in ("items", "users"):
                state, _ = objective.half_step(side, state, relaxation=relaxation)
            done += 1

        return Worker(epoch, lambda: (state.users, state.items))
    if library == "implicit":
        from implicit.als import AlternatingLeastSquares
        from implicit.cpu import _als

        solve = _als.least_squares if exact else _als.least_squares_cg
        own = AlternatingLeastSquares(width, random_state=0)
        rng = np.random.default_rng(0)
        x, y = (rng.random((n, width), np.float32) * 0.01 for n in matrix.shape)
        columns = matrix.T.tocsr()

        def epoch() -> None:
            for rows, solved, other in ((columns, y, x), (matrix, x, y)):
                solve(rows, solved, other, own.regularization, num_threads=threads)

        return Worker(epoch, lambda: (x, y))
    from irspack.recommenders.ials import IALSTrainer, LossType, SolverType

    solver = SolverType.CHOLESKY if exact else SolverType.CG
    shared = (UNOBSERVED_WEIGHT, REGULARIZATION, 1.0)  # our objective
    others = (0.1, solver, 3, 64, LossType.IALSPP, 0, threads, 5, 7)
    trainer = IALSTrainer(matrix, width, *shared, *others)
    core = trainer.core_trainer
    return Worker(trainer.run_epoch, lambda: (core.user, core.item))


def fit(library: str, settings: dict[str, Any]) -> Worker:
    """A whole training by `recsys`, with the peak of memory and what was told of it beforehand."""
    import recsys
    from recsys.app.estimate import memory_of
    from recsys.memory import process_memory

    ratings = ratings_of(sp.load_npz(settings["matrix"]))
    spec = recsys.ImplicitALS(64)

    def job() -> dict[str, float]:
        needed = spec.training_memory(ratings.n_users, ratings.n_items, ratings.n_ratings)
        told = process_memory()[0] + needed
        recsys.train(spec, ratings)
        return {
            "GB": peak_memory() / 1e9,
            "GB told": told / 1e9,
            "GB of it ratings": memory_of(ratings) / 1e9,
        }

    return Worker(job)


def evaluate(library: str, settings: dict[str, Any]) -> Worker:
    """Ranking metrics at 10 of all users, given factors and a split."""
    seen: Any = sp.load_npz(settings["train"])
    held_out: Any = sp.load_npz(settings["test"])
    factors = np.load(settings["factors"])
    x, y = factors["x"], factors["y"]
    if library == "implicit":
        from implicit.als import AlternatingLeastSquares
        from implicit.evaluation import ranking_metrics_at_k

        model = AlternatingLeastSquares(x.shape[1], num_threads=settings["threads"])
        model.user_factors, model.item_factors = x, y
        options: dict[str, Any] = {
            "K": 10,
            "show_progress": False,
            "num_threads": settings["threads"],
        }
        return Worker(
            lambda: {"NDCG@10": ranking_metrics_at_k(model, seen, held_out, **options)["ndcg"]}
        )
    from irspack.evaluation import Evaluator
    from irspack.recommenders.base import BaseRecommender

    class Given(BaseRecommender):  # type: ignore[misc]
        """A recommender whose factors are given."""

        def _learn(self) -> None:
            pass

        def get_score_block(self, begin: int, end: int) -> Any:
            return x[begin:end] @ y.T

        def get_score(self, users: Any) -> Any:
            return x[users] @ y.T

    evaluator = Evaluator(held_out, cutoff=10, n_threads=settings["threads"])
    given = Given(seen)
    return Worker(lambda: {"NDCG@10": evaluator.get_scores(given, [10])["ndcg@10"]})


def rank(library: str, settings: dict[str, Any]) -> Worker:
    """The ten best unseen items of every user, by `implicit`."""
    from implicit.als import AlternatingLeastSquares

    seen: Any = sp.load_npz(settings["train"])
    factors = np.load(settings["factors"])
    model = AlternatingLeastSquares(factors["x"].shape[1], num_threads=settings["threads"])
    model.user_factors, model.item_factors = factors["x"], factors["y"]
    users = np.arange(len(factors["x"]))

    def job() -> None:
        for start in range(0, len(users), 4096):
            part = users[start : start + 4096]
            model.recommend(part, seen[part], N=10)

    return Worker(job)


def explicit(library: str, settings: dict[str, Any]) -> Worker:
    """A fit of explicit ratings with 50 factors, and its error on those held out."""
    data = np.load(settings["ratings"])
    users, items, values, test = (data[name] for name in ("users", "items", "values", "test"))
    train_part, width, threads = ~test, 50, settings["threads"]

    def rmse(predicted: Any) -> dict[str, float]:
        predicted = np.where(np.isfinite(predicted), predicted, values[train_part].mean())
        return {"RMSE": float(np.sqrt(np.mean((predicted - values[test]) ** 2)))}

    fit: Callable[[], Callable[[], Any]]
    if library == "recsys":
        import pandas as pd

        import recsys

        frame = pd.DataFrame({"user_id": users, "item_id": items, "rating": values})
        ratings = recsys.Ratings.from_frame(frame[train_part])
        known = np.isin(items[test], ratings.items.ids) & np.isin(users[test], ratings.users.ids)

        def fit() -> Callable[[], Any]:
            factors = recsys.ExplicitALS(width, n_epochs=settings["epochs"]).fit(ratings)
            predicted = np.full(len(known), np.nan)

            def predict() -> Any:
                predicted[known] = factors.predict(users[test][known], items[test][known])
                return predicted

            return predict
    elif library == "cmfrec":
        import pandas as pd
        from cmfrec import CMF

        names = ("UserId", "ItemId", "Rating")
        columns = (users[train_part], items[train_part], values[train_part])
        frame = pd.DataFrame(dict(zip(names, columns, strict=True)))

        def fit() -> Callable[[], Any]:
            model = CMF(
                k=width, lambda_=0.05, scale_lam=True, niter=10, nthreads=threads, verbose=False,
                random_state=1, precompute_for_predictions=False,
            )  # fmt: skip
            model.fit(frame)
            return lambda: model.predict(users[test], items[test])
    else:
        import pandas as pd
        from surprise import SVD, Dataset, Reader

        three = {"u": users[train_part], "i": items[train_part], "r": values[train_part]}
        whole = Dataset.load_from_df(pd.DataFrame(three), Reader()).build_full_trainset()

        def fit() -> Callable[[], Any]:
            model = SVD(n_factors=width, random_state=0)
            model.fit(whole)
            pairs = list(zip(users[test].tolist(), items[test].tolist(), strict=True))
            return lambda: np.array([model.predict(u, i).est for u, i in pairs])

    def job() -> dict[str, float]:
        started = time.perf_counter()
        predict = fit()
        return {"seconds": time.perf_counter() - started} | rmse(predict())

    return Worker(job)


JOBS = {"train": train, "fit": fit, "evaluate": evaluate, "rank": rank, "explicit": explicit}


def main() -> None:
    """Answers the lines of the input until it ends."""
    library, job, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    worker = JOBS[job](library, settings)
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
    main()
