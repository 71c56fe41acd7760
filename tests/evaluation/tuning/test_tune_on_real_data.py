"""What tuning is worth on MovieLens 100K: ratings that it has not seen."""

from pathlib import Path
from typing import Any

import pytest

import recsys


@pytest.mark.data
@pytest.mark.long
@pytest.mark.slow
def test_a_tuned_implicit_als_is_far_better_than_its_defaults(ml_100k: Path) -> None:
    split = next(iter(recsys.splits.kfold(recsys.read_ratings(ml_100k), 5)))
    tuner = recsys.Tuner("implicit-als", trials=14)
    models: dict[str, Any] = {
        "tuned": tuner,
        "default": recsys.ImplicitALS(),
        "ease": recsys.EASE(),
    }
    result = recsys.evaluate(models, split)
    row = result.comparison("ndcg@10", "tuned", "default")
    assert row["low"] > 0.01
    assert result.of("tuned", "ndcg@10")["mean"] > 0.98 * result.of("ease", "ndcg@10")["mean"]
