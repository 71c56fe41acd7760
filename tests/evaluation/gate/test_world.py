from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import recsys
from recsys.errors import DataError, ModelError
from recsys.evaluation.gate.world import Found, history_in

PAIRS = [(1, 10), (1, 11), (2, 10), (2, 12), (3, 11)]


def ratings(pairs: list[tuple[int, int]], kind: type = int) -> recsys.Ratings:
    frame = pd.DataFrame(pairs, columns=["user_id", "item_id"]).astype(kind)
    return recsys.Ratings.from_frame(frame.assign(rating=1.0))


@pytest.fixture(scope="module")
def model() -> recsys.Recommender:
    return recsys.train(recsys.Popularity(), ratings(PAIRS))


@pytest.mark.parametrize("kind", [int, str])
def test_ratings_users_and_items_of_the_history_are_counted(
    model: recsys.Recommender, kind: type
) -> None:
    # 7 and "7" are one id, so the type of the ids decides nothing.
    data = ratings([(1, 10), (2, 12), (2, 11), (9, 12)], kind)
    assert history_in(model, [data]) == (
        Found("ratings", 2, 5), Found("users", 2, 3), Found("items", 3, 3)
    )  # fmt: skip


def test_parts_of_the_data_count_together(model: recsys.Recommender) -> None:
    found = history_in(model, [ratings(PAIRS[:3]), ratings(PAIRS[3:])])
    assert [one.share for one in found] == [1, 1, 1]


def test_a_share_is_never_rounded_up_to_the_limit() -> None:
    assert Found("ratings", 900, 1000).enough
    short = Found("ratings", 89_999, 100_000)
    assert not short.enough
    assert str(short) == "89,999 of the 100,000 ratings (89.9 %)"


def test_a_model_without_history_cannot_be_asked(model: recsys.Recommender) -> None:
    with pytest.raises(ModelError, match="without its history"):
        history_in(replace(model, history=None), [ratings(PAIRS)])
    empty = sp.csr_matrix(np.zeros(model.seen().shape, np.float32))
    with pytest.raises(DataError, match="is empty"):
        history_in(replace(model, history=empty), [ratings(PAIRS)])
