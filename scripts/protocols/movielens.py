"""Predicted ratings of MovieLens: cross-validation as Surprise does it, the published folds of
ML-100K, and random splits of ML-1M and ML-10M.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from protocols import published
from protocols.files import Flags, existing, movielens_rows, ratings_and_order, split_rows
from protocols.record import Contender, Material, Part, Peer, Procedure
from protocols.tasks import RatingErrors
from recsys.evaluation.protocol.prepared import prepare
from recsys.models.bayesian_mf import BayesianMF
from recsys.models.explicit_als import ExplicitALS
from recsys.ratings.splits import Split

BAYES_100K = BayesianMF(n_factors=10, n_burn_in=30, n_samples=60, thinning=2)
BAYES_1M = BayesianMF(n_factors=20, n_burn_in=15, n_samples=50, thinning=1)
ALS = ExplicitALS(n_factors=50, n_epochs=5)

_NEEDS = "the folder of the set, or its ratings file (u.data, ratings.dat, .csv or .parquet)"


def surprise_folds(n: int, folds: int = 5, seed: int = 0) -> Iterator[npt.NDArray[np.int64]]:
    """The test rows of each fold of Surprise's `KFold(folds, random_state=seed)`.

    >>> [fold.tolist() for fold in surprise_folds(7, 3)]
    [[6, 2, 1], [3, 0], [5, 4]]
    """
    rows = np.arange(n)
    # The legacy generator, because it is the one that Surprise uses.
    np.random.RandomState(seed).shuffle(rows)
    return iter(np.array_split(rows, folds))


def random_tenth(n: int) -> Flags:
    """The rows for which `numpy.random.default_rng(0).random(n) < 0.1`."""
    return np.random.default_rng(0).random(n) < 0.1


def sklearn_fifth(n: int) -> Flags:
    """The test rows of scikit-learn's `train_test_split(..., test_size=0.2, random_state=1)`."""
    is_test = np.zeros(n, bool)
    is_test[np.random.RandomState(1).permutation(n)[: int(np.ceil(0.2 * n))]] = True
    return is_test


def _part(name: str, split: Split) -> Part:
    return Part(name, prepare(split, 10))


def _counts(parts: tuple[Part, ...]) -> dict[str, int]:
    first = parts[0].prepared.split
    sizes = [part.prepared.split.test.n_ratings for part in parts]
    return {
        "users": first.train.n_users,
        "items": first.train.n_items,
        "ratings": first.train.n_ratings + first.test.n_ratings,
        "test ratings": sum(sizes),
    }


def cross_validation(path: Path) -> Material:
    """Five random folds, as Surprise makes them."""
    rows = movielens_rows(path)
    ratings, order = ratings_and_order(rows)
    parts = []
    for number, test in enumerate(surprise_folds(len(rows)), 1):
        is_test = np.zeros(len(rows), bool)
        is_test[test] = True
        name = f"fold {number}"
        parts.append(_part(name, split_rows(ratings, order, is_test, name)))
    return Material(tuple(parts), _counts(tuple(parts)))


def official_folds(path: Path) -> Material:
    """The folds u1 to u5 that ML-100K is published with."""
    parts = []
    for name in (f"u{number}" for number in range(1, 6)):
        files = existing(path, f"{name}.base", f"{name}.test")
        names = ["user", "item", "rating", "timestamp"]
        tables = [pd.read_csv(file, sep="\t", header=None, names=names) for file in files]
        is_test = np.repeat([False, True], [len(table) for table in tables])
        ratings, order = ratings_and_order(pd.concat(tables, ignore_index=True))
        parts.append(_part(name, split_rows(ratings, order, is_test, name)))
    return Material(tuple(parts), _counts(tuple(parts)))


def one_split(
    is_test_of: Callable[[int], Flags], *, known_only: bool
) -> Callable[[Path], Material]:
    """A loader of a split that is drawn over the rows of the file.

    Args:
        is_test_of: number of rows → which are test ratings.
        known_only: leaves out test ratings of users and items without training ratings.
    """

    def load(path: Path) -> Material:
        rows = movielens_rows(path)
        is_test = is_test_of(len(rows))
        if known_only:
            train = rows[~is_test]
            known = rows["user"].isin(train["user"]) & rows["item"].isin(train["item"])
            keep = ~is_test | known.to_numpy()
            rows, is_test = rows[keep], is_test[keep]
        ratings, order = ratings_and_order(rows)
        parts = (_part("random", split_rows(ratings, order, is_test, "random")),)
        return Material(parts, _counts(parts))

    return load


_CMFREC = {"k": 50, "lambda_": 0.05, "scale_lam": True, "niter": 15, "use_cg": False}
"""Of cmfrec's own benchmark."""


def _ours(bayes: BayesianMF) -> tuple[Contender, ...]:
    return (
        Contender("BayesianMF", bayes),
        Contender("BayesianMF without features", replace(bayes, implicit_features=False)),
        Contender("ExplicitALS", ALS),
    )


def _peers(cmfrec_factors: int, cmfrec_ridge: float) -> tuple[Peer, ...]:
    # The ridge of cmfrec is that of its benchmark for ML-1M, and the best of 0.05, 0.1, 0.15 and
    # 0.2 on the test part u1 for ML-100K, where 0.05 is too little.
    myfm = {"rank": 10, "n_iter": 200, "n_kept_samples": 150}
    cmfrec = _CMFREC | {"k": cmfrec_factors, "lambda_": cmfrec_ridge}
    features = {"implicit features": True}
    return (
        Peer("myFM", "myfm", myfm),
        Peer("myFM with implicit features", "myfm", myfm | features),
        Peer("cmfrec", "cmfrec", cmfrec),
        Peer("cmfrec with implicit features", "cmfrec", cmfrec | features),
        Peer("Surprise SVD", "surprise", {}),
    )


_FOLDS = "RMSE is the mean of the folds' RMSE, as in Surprise, not that of all ratings at once."

PROCEDURES = (
    Procedure(
        "surprise-ml-100k",
        "MovieLens 100K, the folds of Surprise's 5-fold cross-validation with seed 0",
        _NEEDS, cross_validation, RatingErrors(clipped=True),
        _ours(BAYES_100K), "ml-100k",
        (Peer("Surprise SVD", "surprise", {}),), published.SURPRISE_ML_100K,
        {"users": 943, "items": 1682, "ratings": 100_000}, (_FOLDS,),
    ),
    Procedure(
        "surprise-ml-1m",
        "MovieLens 1M, the folds of Surprise's 5-fold cross-validation with seed 0",
        _NEEDS, cross_validation, RatingErrors(clipped=True),
        _ours(BAYES_1M), "ml-1m",
        (Peer("Surprise SVD", "surprise", {}),), published.SURPRISE_ML_1M,
        {"users": 6040, "items": 3706, "ratings": 1_000_209}, (_FOLDS,),
    ),
    Procedure(
        "ml-100k-official", "MovieLens 100K, the five published folds u1 to u5",
        "the folder of the set with u1.base, u1.test, ..., u5.test", official_folds,
        RatingErrors(), _ours(BAYES_100K), "ml-100k", _peers(40, 0.1),
        published.OFFICIAL_ML_100K, {"users": 943, "items": 1682, "ratings": 100_000},
        ("No published table has the mean over the five folds from ratings alone; see --peers.",),
    ),
    Procedure(
        "ml-1m-90-10",
        "MovieLens 1M, a random tenth: `numpy.random.default_rng(0).random(n) < 0.1`",
        _NEEDS, one_split(random_tenth, known_only=False), RatingErrors(),
        _ours(BAYES_1M), "ml-1m", _peers(50, 0.05),
        published.ML_1M_90_10, {"users": 6040, "items": 3706, "ratings": 1_000_209},
        ("The published rows are of other random tenths; the rows of --peers are of this one.",),
    ),
    Procedure(
        "cmfrec-ml-10m",
        "MovieLens 10M, cmfrec's benchmark: scikit-learn's train_test_split, a fifth, seed 1",
        _NEEDS, one_split(sklearn_fifth, known_only=True), RatingErrors(),
        _ours(BAYES_1M), "ml-10m",
        (
            Peer("cmfrec", "cmfrec", _CMFREC),
            Peer("cmfrec with implicit features", "cmfrec", _CMFREC | {"implicit features": True}),
        ),
        published.CMFREC_ML_10M,
        {"users": 69_878, "items": 10_649, "test ratings": 1_999_975},
    ),
)  # fmt: skip
