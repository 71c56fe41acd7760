"""The default on real data: accuracy bands, from stars that are dense to purchases that are not."""

from pathlib import Path

import pytest

import recsys
from recsys.evaluation.protocol.validation import validation_score


def worth(model: object, split: recsys.splits.Split) -> float:
    fitted = recsys.train(model, split.train).fitted  # type: ignore[arg-type]
    return validation_score(fitted, split)


@pytest.mark.slow
@pytest.mark.data
def test_stars_of_ml_100k(ml_100k: Path) -> None:
    split = recsys.splits.random(recsys.read_ratings(ml_100k), 0.1)
    assert 0.340 < worth(recsys.auto(), split) < 0.36
    assert worth(recsys.auto(budget=0), split) > 0.335


@pytest.mark.slow
@pytest.mark.data
def test_purchases_of_steam(steam: Path) -> None:
    """With the fixed weights the model is no better than popularity here."""
    split = recsys.splits.random(recsys.read_ratings(steam / "purchase.parquet"), 0.1)
    found = worth(recsys.auto(), split)
    assert found > 0.42
    assert found > 2 * worth(recsys.ImplicitALS(), split)
    assert found > 1.5 * worth(recsys.Popularity(), split)
