"""`validation_score`: one metric of one fitted model, for choosing hyperparameters."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys.arguments import require, said
from recsys.errors import ArgumentError
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.metrics.inputs import GradedLists, Lists, RatingErrors
from recsys.evaluation.metrics.record import Metric
from recsys.evaluation.protocol.lists import ranked_lists
from recsys.evaluation.protocol.measure import list_values, rating_errors
from recsys.evaluation.protocol.prepared import PreparedSplit, prepare
from recsys.evaluation.result.summary import run_means
from recsys.models.spec import Fitted
from recsys.ratings.splits import Split
from recsys.recommend.ranking import FittedRanker
from recsys.settings import Setting, near


def validation_score(fitted: Fitted, split: Split, k: int = 10, metric: str = "ndcg") -> float:
    """The mean of one metric over the test users, or over the test ratings where it is pooled.

    Computes nothing else, so that it is cheap enough to be called for every candidate. NaN where
    no user has a value.

    Args:
        fitted: what `fit` returned on `split.train`.
        split: its test part is what to validate on.
        k: length of the lists.
        metric: name of a metric of lists or of predicted ratings, without the @k: `ndcg`, `rmse`.

    Raises:
        ArgumentError: there is no such metric, or another argument is of the wrong kind.
    """
    if not hasattr(fitted, "spec") or isinstance(fitted, type):
        raise ArgumentError(
            f"fitted must be the result of fit, or the factors of a Recommender, not {said(fitted)}"
        )
    require("split", split, Split, "a Split, such as splits.random(ratings)")
    asked = validation_metric(metric)
    prepared = prepare(split, Setting("k", int, False, 10, "", low=1).checked(k))
    return mean_value(prepared.ranker(fitted), prepared, asked)


def validation_metric(name: str) -> Metric:
    """The metric of lists or of predicted ratings that is called `name`, without the @k.

    Raises:
        ArgumentError: there is none.
    """
    known = [m.name for m in METRICS.values() if m.inputs in (Lists, GradedLists, RatingErrors)]
    if not isinstance(name, str) or name not in known:
        raise ArgumentError(
            f"metric must be one of {', '.join(known)}, not {said(name)}{near(name, known)}"
        )
    return METRICS[name]


def mean_value(ranker: FittedRanker, prepared: PreparedSplit, metric: Metric) -> float:
    """The mean of a metric over the test users, or over the test ratings where it is pooled."""
    if metric.inputs is RatingErrors:
        values = metric.value(rating_errors(ranker, prepared))
    else:
        values = np.full(len(prepared.users), np.nan)
        for lists in ranked_lists(ranker, prepared, prepared.k):
            for part in list_values(lists, [metric]).values():
                values[lists.positions] = part
    column = metric.column(prepared.k)
    counts = np.diff(prepared.split.test.matrix.indptr)[prepared.users]
    table = {"user": prepared.users, column: values, "n_ratings": counts.astype(np.float64)}
    return run_means(pd.DataFrame(table)).get(column, float("nan"))
