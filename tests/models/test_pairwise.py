import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.errors import DataError, FitError

SPECS = [recsys.BPR(16, n_epochs=80), recsys.LogisticMF(16, n_epochs=30)]


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_scores_are_those_of_implicit(
    spec: recsys.BPR | recsys.LogisticMF, sample: recsys.Ratings
) -> None:
    """Taking the bias columns apart changes nothing."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking
    from implicit.cpu.lmf import LogisticMatrixFactorization

    trainer = (
        BayesianPersonalizedRanking if isinstance(spec, recsys.BPR) else LogisticMatrixFactorization
    )
    peer = trainer(
        spec.n_factors,
        learning_rate=spec.learning_rate,
        regularization=spec.regularization,
        iterations=spec.n_epochs,
        num_threads=1,
        random_state=0,
    )
    ones = recsys.feedback.ones(sample)
    peer.fit(ones.matrix.copy(), show_progress=False)
    factors = spec.fit(ones)
    ours = factors.user_bias[:, None] + factors.item_bias
    ours = ours + factors.user_factors @ factors.item_factors.T
    assert np.allclose(ours, peer.user_factors @ peer.item_factors.T, atol=1e-4)


@pytest.mark.parametrize("spec", SPECS, ids=lambda s: s.name)
def test_fold_in_approximates_the_training(
    spec: recsys.BPR | recsys.LogisticMF, sample: recsys.Ratings
) -> None:
    """A folded-in training user points in the direction of their stored factors."""
    factors = spec.fit(sample)
    folded = factors.fold_in_users(sample.matrix).factors
    stored = factors.user_factors
    unit = [t / np.linalg.norm(t, axis=1, keepdims=True) for t in (folded, stored)]
    cosines = unit[0] @ unit[1].T
    own = np.diag(cosines)
    assert own.mean() > 0.6
    assert (own[:, None] >= cosines).mean() > 0.9
    assert np.linalg.norm(folded, axis=1) == pytest.approx(
        np.linalg.norm(stored, axis=1).mean(), rel=1e-4
    )


def test_divergence_is_named_with_its_remedy() -> None:
    """cases/scripts/13"""
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((40, 25)) < 0.35)
    frame = pd.DataFrame({"user_id": users, "item_id": items})
    split = recsys.splits.random(recsys.Ratings.from_frame(frame, rating=None), 0.2)
    spec = recsys.BPR(learning_rate=10.0)
    with pytest.raises(FitError, match=r"bpr diverged .*lower the learning rate \(now 10\)"):
        spec.fit(split.train)
    found = recsys.evaluate({"bpr": spec, "als": recsys.ImplicitALS(n_factors=4)}, split)
    assert "diverged" in found.failures["bpr"]
    assert "als" in found.models


def test_values_of_zero_or_less_are_not_seen_pairs(random_ratings: recsys.Ratings) -> None:
    values = np.arange(random_ratings.n_ratings) % 3 - 1
    some = random_ratings.with_values(values)
    spec = recsys.BPR(4, n_epochs=2)
    one, other = spec.fit(some), spec.fit(some.select(values > 0))
    assert np.array_equal(one.item_factors, other.item_factors)
    with pytest.raises(DataError, match="bpr needs values above 0"):
        spec.fit(random_ratings.with_values(-np.ones(random_ratings.n_ratings)))
