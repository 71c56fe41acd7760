"""The job about tuning: how good a model is found, and how long that takes."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import scipy.sparse as sp

import recsys
from benchmark_jobs.case import Case, Contender, Setting, timed
from benchmark_jobs.data import factors_of, movielens, without_values
from benchmark_jobs.peer import Answer, Peer
from recsys.evaluation.protocol.validation import validation_score
from recsys.models.spec import Fitted
from recsys.ratings.splits import Split

BUDGET = "25s"
"""Of our search with Optuna: with the final fit, about a tenth of what irspack takes."""
TRIALS = 40
"""Of irspack's search."""


def job_tune(setting: Setting) -> Iterator[Case]:
    """The search for an implicit ALS, its final fit included, and its NDCG@10 on a test part."""
    for name, ratings in movielens("MovieLens 1M"):
        split = recsys.splits.random(ratings, 0.1)
        split = recsys.splits.given(without_values(split.train), without_values(split.test))
        path = setting.folder / f"tune-{name}.npz"
        sp.save_npz(path, split.train.matrix, compressed=False)
        tuner = recsys.Tuner("implicit-als", budget=BUDGET, trials=1000)
        contenders: dict[str, Contender] = {
            "recsys": partial(searched, recsys.auto(), split),
            f"recsys tune, {BUDGET}": partial(searched, tuner, split),
        }
        of = {"matrix": path, "trials": TRIALS}
        for library, peer in setting.peer("irspack", "tune", of).items():
            contenders[f"{library}, {TRIALS} trials"] = partial(
                of_peer, peer, split, setting.folder
            )
        yield Case(f"{name}: an implicit ALS is chosen and trained", contenders, "10×", once=True)


def searched(chooser: recsys.Auto | recsys.Tuner, split: Split) -> Answer:
    """Seconds of a search and its final fit, and the NDCG@10 of what it found."""
    found: list[Fitted] = []
    answer = timed(lambda: found.append(recsys.train(chooser, split.train).fitted))
    return answer | {"NDCG@10": validation_score(found[0], split)}


def of_peer(peer: Peer, split: Split, folder: Path) -> Answer:
    """The same of a library in a process of its own."""
    answer = peer()
    fitted = factors_of(split.train, *peer.factors(folder / "factors.npz"))
    return answer | {"NDCG@10": validation_score(fitted, split)}
