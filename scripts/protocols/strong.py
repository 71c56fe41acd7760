"""The protocol of Liang et al. 2018: users are held out, and folded in from most of their items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from protocols import published
from protocols.files import movielens_rows, ratings_and_order
from protocols.record import Contender, Material, Part, Procedure
from protocols.tasks import Lists
from recsys.errors import DataError
from recsys.evaluation.protocol.prepared import prepare
from recsys.models.ease import EASE
from recsys.models.implicit_als import ImplicitALS
from recsys.ratings.feedback import Feedback
from recsys.ratings.splits import Split

SEED = 98765
"""Of the published code."""
TRAIN, KNOWN, TEST, DROPPED = range(4)


@dataclass(frozen=True)
class HeldOut:
    """Who is held out, and what is kept."""

    users: int
    """Held out for the test; as many more for validation, whose ratings are not used."""
    per_user: int
    per_item: int
    share: float = 0.2

    def kept(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows of items with enough users, and of those the ones of users with enough items."""
        for column, least in (("item", self.per_item), ("user", self.per_user)):
            counts = rows[column].map(rows[column].value_counts())
            rows = rows[counts >= least]
        return rows

    def labels(self, rows: pd.DataFrame) -> npt.NDArray[np.int64]:
        """What each row is (n,): TRAIN, KNOWN, TEST or DROPPED, drawn as in the published code.

        Raises:
            DataError: there are too few users.
        """
        users, ids = pd.factorize(rows["user"], sort=True)
        n_train = len(ids) - 2 * self.users
        if n_train < 1:
            raise DataError(f"{len(ids)} users are too few to hold out twice {self.users}")
        permutation = np.random.RandomState(SEED).permutation(len(ids))
        group = np.full(len(ids), TRAIN)
        group[permutation[n_train:]] = DROPPED
        group[permutation[n_train + self.users :]] = KNOWN
        labels = group[users]
        trained = rows["item"].isin(rows["item"][labels == TRAIN]).to_numpy()
        labels[~trained] = DROPPED
        self._draw_test(labels, users)
        return labels

    def _draw_test(self, labels: npt.NDArray[np.int64], users: npt.NDArray[np.int64]) -> None:
        # In the order of the users, and within a user in the order of the file.
        rng = np.random.RandomState(SEED)
        at = np.flatnonzero(labels == KNOWN)
        at = at[np.argsort(users[at], kind="stable")]
        for own in np.split(at, np.flatnonzero(np.diff(users[at])) + 1):
            if len(own) >= 5:
                chosen = rng.choice(len(own), size=int(self.share * len(own)), replace=False)
                labels[own[chosen]] = TEST


def loader(held_out: HeldOut, read: Callable[[Path], pd.DataFrame]) -> Callable[[Path], Material]:
    """Reads the events of a set and splits them."""

    def load(path: Path) -> Material:
        rows = held_out.kept(read(path))
        counts = {
            "events": len(rows),
            "users": rows["user"].nunique(),
            "items": rows["item"].nunique(),
        }
        labels = held_out.labels(rows)
        rows, labels = rows[labels != DROPPED], labels[labels != DROPPED]
        ratings, order = ratings_and_order(rows[["user", "item"]])
        train, known, test = (
            ratings.select(labels[order] == part) for part in (TRAIN, KNOWN, TEST)
        )
        counts["training items"] = ratings.n_items
        split = Split(train, test, f"{held_out.users} users held out", known)
        part = Part("held-out users", prepare(split, 100, Feedback.parse("ones")))
        return Material((part,), counts)

    return load


def at_least_four_stars(path: Path) -> pd.DataFrame:
    """The ratings of a MovieLens folder of more than 3.5 stars."""
    rows = movielens_rows(path)
    return rows[rows["rating"] > 3.5]


def play_counts(path: Path) -> pd.DataFrame:
    """The Taste Profile subset: user, song and count of each line of train_triplets.txt."""
    file = path / "train_triplets.txt" if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"{file} is not there; give the folder of train_triplets.txt, or the file")
    return pd.read_csv(file, sep="\t", header=None, names=["user", "item", "rating"])


_LISTS = Lists(
    (
        ("Recall@20", "capped_recall", 20),
        ("Recall@50", "capped_recall", 50),
        ("NDCG@100", "ndcg", 100),
    )
)
_RECALL = "Recall divides by the smaller of k and the held-out items, as Liang et al. do."
_SETTINGS = (
    "ImplicitALS has 256 factors and the settings of the example in "
    "https://github.com/google-research/google-research/tree/master/ials; the best results of its "
    "authors are of 2,048 factors for MovieLens 20M and 8,192 for the Million Song Dataset."
)

PROCEDURES = (
    Procedure(
        "ials-ml-20m", "MovieLens 20M, 10,000 users held out",
        "the folder of the set, or its ratings.csv",
        loader(HeldOut(10_000, 5, 0), at_least_four_stars), _LISTS,
        (
            Contender("ImplicitALS", ImplicitALS(256, 0.003, 0.1)),
            Contender("EASE", EASE(500.0)),
        ),
        "ml-20m", (), published.IALS_ML_20M,
        {"events": 9_990_682, "users": 136_677, "items": 20_720, "training items": 20_108},
        (_RECALL, _SETTINGS),
    ),
    Procedure(
        "ials-msd", "Million Song Dataset, 50,000 users held out",
        "train_triplets.txt of the Taste Profile subset "
        "(http://millionsongdataset.com/tasteprofile), or its folder",
        loader(HeldOut(50_000, 20, 200), play_counts), _LISTS,
        (Contender("ImplicitALS", ImplicitALS(256, 0.002, 0.02)),),
        None, (), published.IALS_MSD,
        {"users": 571_355, "items": 41_140},
        (
            _RECALL,
            _SETTINGS,
            "EASE is not run: its matrix of 41,140 × 41,140 items would take 13.5 GB.",
        ),
    ),
)  # fmt: skip
