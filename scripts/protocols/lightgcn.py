"""The protocol of LightGCN and NGCF: given lists of training and test items of each user."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from protocols import published
from protocols.files import existing, ratings_and_order, split_rows
from protocols.record import Contender, Material, Part, Procedure
from protocols.tasks import Lists
from recsys.evaluation.protocol.prepared import prepare
from recsys.evaluation.search.auto import auto
from recsys.models.svd import NormalizedSVD
from recsys.ratings.layouts.item_lists import pairs


def load(path: Path) -> Material:
    """train.txt and test.txt of a folder."""
    files = existing(path, "train.txt", "test.txt")
    found = [pairs(str(one)) for one in files]
    tables = [pd.DataFrame({"user": users, "item": items}) for users, items in found]
    rows = pd.concat(tables, ignore_index=True)
    is_test = np.repeat([False, True], [len(table) for table in tables])
    again = rows.duplicated().to_numpy()
    remarks = (
        [f"Pairs that are in the files again, and were dropped: {again.sum()}."]
        if again.any()
        else []
    )
    ratings, order = ratings_and_order(rows[~again])
    prepared = prepare(split_rows(ratings, order, is_test[~again], "given"), 20)
    counts = {
        "users": ratings.n_users, "items": ratings.n_items, "pairs": ratings.n_ratings,
        "test users": len(prepared.users),
    }  # fmt: skip
    return Material((Part("given", prepared),), counts, tuple(remarks))


_COUNTS = {
    "gowalla": {"users": 29_858, "items": 40_981, "pairs": 1_027_370},
    "yelp2018": {"users": 31_668, "items": 38_048, "pairs": 1_561_406},
    "amazon-book": {"users": 52_643, "items": 91_599, "pairs": 2_984_108},
}

PROCEDURES = tuple(
    Procedure(
        f"lightgcn-{name}", f"{name}, the split of NGCF and LightGCN",
        f"the folder with train.txt and test.txt (Data/{name} in "
        "https://github.com/kuandeng/LightGCN)",
        load, Lists((("Recall@20", "recall", 20), ("NDCG@20", "ndcg", 20))),
        (
            Contender("ImplicitALS, chosen by auto", auto()),
            Contender("NormalizedSVD", NormalizedSVD(256)),
        ),
        None, (), rows, _COUNTS[name],
        ("auto looks at nothing but the training part.",),
    )
    for name, rows in published.LIGHTGCN.items()
)  # fmt: skip
