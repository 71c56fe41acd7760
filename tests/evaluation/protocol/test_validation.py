import numpy as np
import pytest

import recsys
from recsys.errors import ArgumentError
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.metrics.inputs import GradedLists, Lists, RatingErrors
from recsys.evaluation.protocol.measure import measure_all
from recsys.evaluation.protocol.validation import validation_score
from recsys.ratings import splits
from recsys.ratings.ratings import Ratings


def test_every_metric_of_lists_and_errors_is_that_of_the_evaluation(sample: Ratings) -> None:
    split = splits.random(sample, 0.2, seed=0)
    fitted = recsys.ExplicitALS(4).fit(split.train)
    means = measure_all({"stars": fitted}, split, 5)["stars"].means
    for metric in METRICS.values():
        if metric.inputs in (Lists, GradedLists, RatingErrors):
            assert validation_score(fitted, split, 5, metric.name) == means[metric.column(5)]


def test_users_who_were_not_in_training_are_folded_in(sample: Ratings) -> None:
    split = splits.held_out_users(sample, 60, 0.3, seed=0)
    fitted = recsys.ImplicitALS(8).fit(split.train)
    means = measure_all({"als": fitted}, split, 10)["als"].means
    assert validation_score(fitted, split) == means["ndcg@10"]


@pytest.mark.parametrize("name", ["auc", "coverage", "ndgc"])
def test_other_metrics_are_refused(sample: Ratings, name: str) -> None:
    split = splits.random(sample, 0.2, seed=0)
    fitted = recsys.Popularity().fit(split.train)
    with pytest.raises(ArgumentError, match=f"metric must be one of ndcg, .*, not '{name}'"):
        validation_score(fitted, split, metric=name)
    assert np.isfinite(validation_score(fitted, split))
