#!/usr/bin/env python3
"""Worker process of scripts/reproduce.py: fits a model of another library and scores given pairs.

    reproduce_peer.py LIBRARY predict SETTINGS

It is spoken to like scripts/benchmark_peer.py, and runs in the environment of the library.
SETTINGS has `data` (a file with the training ratings, and the pairs to score), `scores` (the file
to write), `seed`, `threads`, and `model`, the settings of the library's model.
"""

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from benchmark_peer import Worker, serve

Predict = Callable[[], Any]


class Data:
    """Training ratings by row numbers, and pairs to score."""

    def __init__(self, settings: dict[str, Any]) -> None:
        with np.load(settings["data"]) as file:
            self.users, self.items, self.values = (file[n] for n in ("users", "items", "values"))
            self.test_users, self.test_items = file["test_users"], file["test_items"]
            self.n_users, self.n_items = (int(n) for n in file["shape"])

    def matrix(self, values: Any) -> Any:
        """(n_users, n_items) CSR of these values."""
        shape = self.n_users, self.n_items
        return sp.csr_matrix((values, (self.users, self.items)), shape)


def worker(settings: dict[str, Any], fit: Callable[[Data], Predict]) -> Worker:
    """Times `fit`, which returns a function that scores the pairs, and writes the scores."""
    data = Data(settings)

    def job() -> dict[str, float]:
        started = time.perf_counter()
        predict = fit(data)
        seconds = time.perf_counter() - started
        scores = np.asarray(predict(), np.float64)
        # A library without an answer for a new item gets the mean.
        np.save(settings["scores"], np.where(np.isfinite(scores), scores, data.values.mean()))
        return {"seconds": seconds}

    return Worker(job)


def myfm(settings: dict[str, Any]) -> Worker:
    """A Bayesian factorization machine of user and item, optionally with who rated what.

    With these implicit features it is what the documentation of myFM calls "SVD++ flipped".
    """
    os.environ["TQDM_DISABLE"] = "1"
    from myfm import MyFMRegressor, RelationBlock

    model = dict(settings["model"])
    rank, with_features = model.pop("rank"), model.pop("implicit features", False)

    def fit(data: Data) -> Predict:
        seen = data.matrix(np.ones(len(data.users)))
        users, items = _blocks(seen, with_features), _blocks(seen.T.tocsr(), with_features)
        groups = [data.n_users, data.n_items]
        if with_features:  # of users: their own ids, those of items; then of items likewise
            groups = [*groups, *reversed(groups)]
        machine = MyFMRegressor(rank=rank, random_seed=settings["seed"])
        blocks = [RelationBlock(data.users, users), RelationBlock(data.items, items)]
        machine.fit(None, data.values, X_rel=blocks, group_shapes=groups, **model)
        test = [RelationBlock(data.test_users, users), RelationBlock(data.test_items, items)]
        return lambda: machine.predict(None, test)

    return worker(settings, fit)


def _blocks(seen: Any, with_features: bool) -> Any:
    # A row per user (or item): its own id, and those it was seen with, each 1/√n.
    own = sp.eye(seen.shape[0], format="csr")
    if not with_features:
        return own
    scale = sp.diags(1 / np.sqrt(np.maximum(seen.getnnz(1), 1)))
    return sp.hstack([own, scale @ seen]).tocsr()


def cmfrec(settings: dict[str, Any]) -> Worker:
    """A matrix factorization with biases by alternating least squares."""
    import pandas as pd
    from cmfrec import CMF

    model = dict(settings["model"])
    options = {
        "add_implicit_features": model.pop("implicit features", False), "verbose": False,
        "nthreads": settings["threads"], "random_state": settings["seed"] + 1,
        "precompute_for_predictions": False,
    }  # fmt: skip

    def fit(data: Data) -> Predict:
        columns = {"UserId": data.users, "ItemId": data.items, "Rating": data.values}
        machine = CMF(**model, **options)
        machine.fit(pd.DataFrame(columns))
        return lambda: machine.predict(data.test_users, data.test_items)

    return worker(settings, fit)


def surprise(settings: dict[str, Any]) -> Worker:
    """Surprise's SVD with its defaults."""
    import pandas as pd
    from surprise import SVD, Dataset, Reader

    def fit(data: Data) -> Predict:
        columns = {"user": data.users, "item": data.items, "rating": data.values}
        scale = float(data.values.min()), float(data.values.max())
        whole = Dataset.load_from_df(pd.DataFrame(columns), Reader(rating_scale=scale))
        machine = SVD(random_state=settings["seed"], **settings["model"])
        machine.fit(whole.build_full_trainset())
        pairs = list(zip(data.test_users.tolist(), data.test_items.tolist(), strict=True))
        return lambda: [machine.predict(user, item).est for user, item in pairs]

    return worker(settings, fit)


def irspack(settings: dict[str, Any]) -> Worker:
    """The iALS of irspack on ones, with every row solved exactly."""
    from irspack.recommenders.ials import IALSTrainer, LossType, SolverType

    model = settings["model"]
    objective = model["alpha0"], model["reg"], model["nu"]
    others = (0.1, SolverType.CHOLESKY, 3, 64, LossType.IALSPP, settings["seed"])

    def fit(data: Data) -> Predict:
        matrix = data.matrix(np.ones(len(data.users), np.float32))
        size = model["n_components"], *objective
        trainer = IALSTrainer(matrix, *size, *others, settings["threads"], 5, 7)
        for _ in range(model["epochs"]):
            trainer.run_epoch()
        core = trainer.core_trainer
        x, y = core.user, core.item
        return lambda: np.einsum("nf,nf->n", x[data.test_users], y[data.test_items])

    return worker(settings, fit)


if __name__ == "__main__":
    serve({("predict", one.__name__): one for one in (myfm, cmfrec, surprise, irspack)})
