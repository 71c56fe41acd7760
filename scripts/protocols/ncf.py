"""The protocol of "Neural Collaborative Filtering": one item of each user among 99 random ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from protocols import published
from protocols.files import (
    Flags,
    existing,
    movielens_rows,
    ratings_and_order,
    split_rows,
    with_tables,
)
from protocols.record import Contender, Material, Part, Peer, Procedure, Rows
from protocols.tasks import AmongRandom
from recsys.errors import DataError
from recsys.evaluation.protocol.prepared import PreparedSplit, prepare
from recsys.models.blend import Blend
from recsys.models.ease import EASE
from recsys.models.implicit_als import ImplicitALS
from recsys.models.svd import NormalizedSVD
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.ratings.readers import read_ratings

N_NEGATIVES = 99
THE_FILES = ("ml-1m.train.rating", "ml-1m.test.rating", "ml-1m.test.negative")

_COLUMNS = ["user", "item", "rating", "timestamp"]


def last_of_each(rows: pd.DataFrame) -> Flags:
    """The last row of each user by time; of several at that time, the last in the file."""
    order = np.lexsort((rows["timestamp"], rows["user"]))
    users = rows["user"].to_numpy()[order]
    is_last = np.zeros(len(rows), bool)
    is_last[order[np.append(users[1:] != users[:-1], True)]] = True
    return is_last


def one_of_each(rows: pd.DataFrame, seed: int = 0) -> Flags:
    """A random row of each user."""
    drawn = rows.assign(timestamp=np.random.default_rng(seed).random(len(rows)))
    return last_of_each(drawn)


def drawn_negatives(prepared: PreparedSplit, n: int = N_NEGATIVES, seed: int = 0) -> Rows:
    """(n_test_users, n) different items that each test user has not rated at all.

    Raises:
        DataError: a user has fewer of them.
    """
    rng = np.random.default_rng(seed)
    rated = prepared.split.train.matrix + prepared.split.test.matrix
    drawn = np.empty((len(prepared.users), n), np.int64)
    everything = np.arange(rated.shape[1])
    for at, user in enumerate(prepared.users):
        own = rated.indices[rated.indptr[user] : rated.indptr[user + 1]]
        others = np.setdiff1d(everything, own)
        if len(others) < n:
            name = prepared.split.test.users.name(user)
            raise DataError(f"user {name} has {len(others)} unrated items, and {n} are needed")
        drawn[at] = rng.choice(others, n, replace=False)
    return drawn


def load(path: Path) -> Material:
    """The published files where the folder has them, or the ratings of a MovieLens folder."""
    if path.is_dir() and (path / THE_FILES[0]).is_file():
        return _published_split(path)
    rows = movielens_rows(path)
    timed = "timestamp" in rows
    how = "the last of each user's ratings" if timed else "a random rating of each user"
    is_test = last_of_each(rows) if timed else one_of_each(rows)
    prepared = _prepared(rows, is_test, how, read_ratings(path))
    remarks = [f"The test part is {how}, and the 99 others are drawn here with seed 0."]
    if not timed:
        remarks.append(
            "The file has no times, so this is not the published split: a random rating is easier "
            "to find than the last, and the published rows are no comparison."
        )
    return _material(prepared, drawn_negatives(prepared), remarks)


def _published_split(path: Path) -> Material:
    files = existing(path, *THE_FILES)
    tables = [pd.read_csv(file, sep="\t", header=None, names=_COLUMNS) for file in files[:2]]
    is_test = np.repeat([False, True], [len(table) for table in tables])
    prepared = _prepared(pd.concat(tables, ignore_index=True), is_test, "given")
    return _material(prepared, _given_negatives(files[2], tables[1], prepared), [])


def _given_negatives(file: Path, test: pd.DataFrame, prepared: PreparedSplit) -> Rows:
    # Each line: "(user,item)", then the other items; in the order of the test file.
    ids = pd.read_csv(file, sep="\t", header=None).iloc[:, 1:].to_numpy()
    split = prepared.split
    order = np.argsort(split.test.users.rows(test["user"]))
    return split.test.items.rows(ids[order].ravel()).reshape(ids.shape)


def _prepared(
    rows: pd.DataFrame, is_test: Flags, how: str, known: Ratings | None = None
) -> PreparedSplit:
    ratings, order = ratings_and_order(rows)
    if known is not None:
        ratings = with_tables(ratings, known)
    split = split_rows(ratings, order, is_test, how)
    return prepare(split, 10, Feedback.parse("ones"))


def _material(prepared: PreparedSplit, negatives: Rows, remarks: list[str]) -> Material:
    train = prepared.split.train
    counts = {
        "users": train.n_users, "items": train.n_items, "training ratings": train.n_ratings,
        "test ratings": prepared.split.test.n_ratings,
    }  # fmt: skip
    return Material((Part("one of each", prepared, negatives),), counts, tuple(remarks))


# Chosen on one more rating of each user.
WITH_FEATURES = ImplicitALS(
    192, 0.008, 0.225, popularity_exponent=0.15, feature_weight=6.0, n_epochs=12
)
PROCEDURE = Procedure(
    "ncf-ml-1m", "MovieLens 1M, one item of each user left out, ranked among 99 random ones",
    "the folder with ml-1m.train.rating, ml-1m.test.rating and ml-1m.test.negative (Data/ in "
    "https://github.com/hexiangnan/neural_collaborative_filtering), or that of MovieLens 1M",
    load, AmongRandom(10),
    (
        Contender("ImplicitALS", ImplicitALS(192, 0.007, 0.3, n_epochs=12)),
        Contender("EASE", EASE(300.0)),
        Contender("ImplicitALS, features", WITH_FEATURES),
        Contender(
            "Blend, features",
            Blend(
                (WITH_FEATURES, replace(WITH_FEATURES, n_factors=128, regularization=0.007),
                 NormalizedSVD(256)),
                (1, 0.3, 0.2),
            ),
        ),
    ),
    "ml-1m",
    (
        Peer(
            "irspack iALS", "irspack",
            {"n_components": 192, "alpha0": 0.3, "reg": 0.007, "nu": 1.0, "epochs": 12},
        ),
    ),
    published.NCF_ML_1M,
    {"users": 6040, "items": 3706, "training ratings": 994_169, "test ratings": 6040},
    ("Metrics among random items may order models differently from those of full ranking.",),
)  # fmt: skip
