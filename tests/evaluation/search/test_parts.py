"""Validation parts: ten tenths without a rating in common."""

from __future__ import annotations

import numpy as np
import pytest

import recsys
from recsys import Ratings
from recsys.evaluation.search import validation
from recsys.evaluation.search.validation import N_PARTS, carve
from recsys.models.baselines import Popularity


def carved(ratings: Ratings) -> list[validation.Part]:
    liked = np.ones(ratings.n_ratings, bool)
    parts = [carve(ratings, liked, 0, i) for i in range(N_PARTS)]
    return [part for part in parts if part is not None]


def test_ten_parts_hold_out_every_rating_once(sample: Ratings) -> None:
    parts = carved(sample)
    assert len(parts) == N_PARTS
    held = [sample.matrix.astype(bool).astype(int) - part.train.matrix.astype(bool).astype(int)
            for part in parts]  # fmt: skip
    total = sum(held[1:], held[0])
    assert (total.data[total.data != 0] == 1).all()
    assert total.sum() == sample.n_ratings
    for own in held:
        assert own.sum() == pytest.approx(sample.n_ratings / N_PARTS, rel=0.25)


def test_what_is_relevant_was_held_out(sample: Ratings) -> None:
    for part in carved(sample)[:3]:
        assert part.relevant.multiply(part.train.matrix[part.users]).nnz == 0
        assert (part.relevant.multiply(sample.matrix[part.users] > 0)).nnz == part.relevant.nnz


def test_of_many_users_other_ones_are_ranked_in_each_part(
    sample: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "MOST_USERS", 10)
    parts = carved(sample)
    assert all(0 < len(part.users) <= 10 for part in parts)
    assert len(set(np.concatenate([part.users for part in parts[:3]]))) > 20


def test_the_worth_of_a_fit_is_that_of_an_evaluation(sample: Ratings) -> None:
    part = carved(sample)[0]
    held = np.ones(sample.n_ratings, bool)
    held[np.isin(_keys(sample), _keys(part.train))] = False
    split = recsys.splits.given(part.train, sample.select(held))
    result = recsys.evaluate({"p": Popularity()}, split, k=10)
    own = part.ndcg(Popularity().fit(part.train))
    # Held-out items that nobody else has rated cannot be found; `carve` leaves them out.
    assert own.mean() == pytest.approx(result.of("p", "ndcg@10")["mean"], rel=0.05)


def _keys(ratings: Ratings) -> np.ndarray:
    rows = np.repeat(np.arange(ratings.n_users), np.diff(ratings.matrix.indptr))
    return rows * ratings.n_items + ratings.matrix.indices
