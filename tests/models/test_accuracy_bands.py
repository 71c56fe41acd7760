"""Accuracy of every model on MovieLens 100K: one that gets worse, or suspiciously better, fails."""

from pathlib import Path

import pytest

import recsys
from recsys.evaluation.protocol.validation import validation_score
from recsys.models.registry import BUILT_IN, make_spec
from recsys.ratings.splits import Split

RMSE = {
    "explicit-als": (0.904, 0.913),
    "bayesian-mf": (0.872, 0.885),
    "biases": (0.938, 0.943),
}
NDCG = {
    "implicit-als": (0.320, 0.332),
    "pure-svd": (0.292, 0.302),
    "normalized-svd": (0.334, 0.346),
    "blend": (0.343, 0.356),
    "bpr": (0.225, 0.255),
    "logistic-mf": (0.258, 0.274),
    "popularity": (0.154, 0.160),
    "ease": (0.345, 0.354),
    "item-knn": (0.253, 0.262),
}
"""Model → least and greatest NDCG@10. The bands leave room for other seeds and other CPUs."""

SHORTER = {"bayesian-mf": {"n_factors": "10", "n_samples": "40", "thinning": "1"}}
"""Settings that differ from the defaults, for a test of seconds."""


@pytest.fixture(scope="module")
def split(ml_100k: Path) -> Split:
    return recsys.splits.random(recsys.read_ratings(ml_100k), test=0.1)


def test_every_model_has_a_band() -> None:
    assert RMSE.keys() | NDCG.keys() == BUILT_IN.keys()


@pytest.mark.data
@pytest.mark.parametrize("name", BUILT_IN)
def test_accuracy_on_ml_100k(name: str, split: Split) -> None:
    fitted = make_spec(name, SHORTER.get(name, {})).fit(split.train)
    metric, (low, high) = ("rmse", RMSE[name]) if name in RMSE else ("ndcg", NDCG[name])
    assert low < validation_score(fitted, split, metric=metric) < high
