"""Whether the standard deviations of `BayesianMF` are true: no published table has this."""

from __future__ import annotations

from pathlib import Path

import recsys
from protocols.movielens import BAYES_1M, BAYES_100K
from protocols.record import Contender, Material, Part, Procedure
from protocols.tasks import Intervals
from recsys.evaluation.protocol.prepared import prepare
from recsys.models.bayesian_mf import BayesianMF
from recsys.ratings import splits


def load(path: Path) -> Material:
    """A random tenth of any ratings that recsys reads."""
    ratings = recsys.read_ratings(path)
    part = Part("random", prepare(splits.random(ratings, 0.1), 10))
    counts = {"users": ratings.n_users, "items": ratings.n_items, "ratings": ratings.n_ratings}
    return Material((part,), counts)


PROCEDURES = tuple(
    Procedure(
        f"intervals-{name}",
        f"{title}, a random tenth: coverage of 90 % intervals, and RMSE by tenths of the deviation",
        "ratings in any layout that recsys reads", load, Intervals(),
        (Contender("BayesianMF", model),), dataset,
        remarks=("90 % should be within; the error should rise from tenth to tenth.",),
    )
    for name, title, model, dataset in (
        ("ml-100k", "MovieLens 100K", BAYES_100K, "ml-100k"),
        ("ml-1m", "MovieLens 1M", BAYES_1M, "ml-1m"),
        ("anime", "Anime (MyAnimeList), ratings from 1 to 10", BayesianMF(), None),
    )
)  # fmt: skip
