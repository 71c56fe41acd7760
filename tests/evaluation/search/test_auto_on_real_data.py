"""The default on real data: accuracy bands, from stars that are dense to views that are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import recsys
from recsys.evaluation.protocol.validation import validation_score
from recsys.ratings.splits import Split


def split_of(path: Path) -> Split:
    return recsys.splits.random(recsys.read_ratings(path), 0.1)


def worth(model: Any, split: Split) -> float:
    """NDCG@10 on the test."""
    return validation_score(recsys.train(model, split.train).fitted, split)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.data
def test_stars_of_ml_100k(ml_100k: Path) -> None:
    split = split_of(ml_100k)
    assert 0.340 < worth(recsys.auto(), split) < 0.36
    assert worth(recsys.auto(budget=0), split) > 0.335


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.data
def test_stars_of_ml_latest_small(ml_latest_small: Path) -> None:
    split = split_of(ml_latest_small)
    assert 0.283 < worth(recsys.auto(), split) < 0.30


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("folder", "file", "least"),
    [
        ("steam", "purchase.parquet", 0.43),
        ("steam", "play.parquet", 0.33),
        ("retailrocket", "views.parquet", 0.14),
        ("book_crossing", "ratings.parquet", 0.068),
    ],
)
def test_sparse_data_with_a_long_tail(
    folder: str, file: str, least: float, request: pytest.FixtureRequest
) -> None:
    split = split_of(request.getfixturevalue(folder) / file)
    found = worth(recsys.auto(), split)
    assert found > least
    assert found > 1.2 * worth(recsys.Popularity(), split)
    assert found > 1.05 * worth(recsys.ImplicitALS(), split)
