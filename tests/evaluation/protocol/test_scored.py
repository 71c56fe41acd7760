import numpy as np
import pytest

import recsys
from recsys.evaluation.protocol import scored
from recsys.evaluation.protocol.measure import measure
from recsys.evaluation.protocol.prepared import prepare
from recsys.evaluation.protocol.scored import sampled_values, score_values
from recsys.ratings import splits
from recsys.ratings.ratings import Ratings
from recsys.recommend.ranking import FittedRanker, Ranker

GOOD = recsys.ImplicitALS(8, regularization=0.1)


def test_sampled_metrics_by_drawing_one_user_at_a_time(sample: recsys.Ratings) -> None:
    """With enough draws, the share of draws that beat an item gives its true rank."""
    split = splits.random(sample, 0.2, seed=0)
    prepared = prepare(split, 5)
    factors = GOOD.fit(split.train)
    ranker = FittedRanker(factors)
    found = sampled_values(ranker, prepared, 1, seed=0)["sampled_hit_rate@5"]
    assert (found[~np.isnan(found)] == 1).all()  # among two, everything is in the first five
    runs = [sampled_values(ranker, prepared, 9, seed=s)["sampled_hit_rate@5"] for s in range(60)]
    user = prepared.users[0]
    scores = ranker.scores(np.array([user]), prepared.history[[user]])[0]
    relevant = split.test.matrix[user].indices
    rated = np.union1d(split.train.matrix[user].indices, relevant)
    others = np.setdiff1d(np.arange(sample.n_items), rated)
    above = (scores[others][:, None] > scores[relevant]).mean(axis=0)
    # At most four of nine independent draws may be above.
    from scipy.stats import binom

    assert np.mean(runs, axis=0)[0] == pytest.approx(binom.cdf(4, 9, above).mean(), abs=0.08)


def test_auc_of_many_users_looks_at_the_same_draw_for_every_model(
    sample: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = splits.random(sample, 0.3, seed=1)
    prepared = prepare(split, 5)
    monkeypatch.setattr(scored, "AUC_USERS", 50)
    models = GOOD, recsys.Popularity()
    a, b = (score_values(FittedRanker(m.fit(split.train)), prepared)["auc"] for m in models)
    assert (~np.isnan(a)).sum() == 50
    assert (np.isnan(a) == np.isnan(b)).all()


class OnlyLists:
    """A ranker without scores, such as an approximate index."""

    def __init__(self, ranker: Ranker) -> None:
        self.best = ranker.best


def test_a_ranker_without_scores_has_every_metric_of_its_lists(sample: Ratings) -> None:
    split = splits.random(sample, 0.3, seed=1)
    prepared = prepare(split, 5)
    ranker = FittedRanker(GOOD.fit(split.train))
    whole, part = measure(ranker, prepared), measure(OnlyLists(ranker), prepared)
    assert list(part.values) == [name for name in whole.values if name != "auc"]
    assert part.values.equals(whole.values.drop(columns="auc"))
    assert not sampled_values(OnlyLists(ranker), prepared, 5)
