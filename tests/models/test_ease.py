from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import recsys
from recsys import Ratings
from recsys.errors import FitError
from recsys.evaluation.metrics.ndcg import ndcg
from recsys.evaluation.protocol.lists import contains
from recsys.evaluation.protocol.validation import validation_score
from recsys.models import ease
from recsys.recommend.ranking import FittedRanker


@pytest.mark.parametrize("more", ["users", "items"])
def test_ease_is_ridge_regression_of_each_item_on_the_others(
    more: str, random_ratings: recsys.Ratings
) -> None:
    """Column by column, by least squares without the item itself; from either side's equations."""
    x = (random_ratings.matrix.toarray() != 0).astype(float)
    x = x if more == "users" else x.T
    weights = recsys.EASE(2.5).fit(Ratings.from_matrix(sp.csr_matrix(x))).weights.toarray()
    for j in range(x.shape[1]):
        others = np.delete(x, j, axis=1)
        ridge = others.T @ others + 2.5 * np.eye(others.shape[1])
        expected = np.linalg.solve(ridge, others.T @ x[:, j])
        assert np.delete(weights[:, j], j) == pytest.approx(expected, abs=1e-5)
        assert weights[j, j] == 0


@pytest.mark.parametrize("more", ["users", "items"])
@pytest.mark.parametrize("block", [4, 256])
def test_amplified_scores_are_kernel_ridge_regressions_of_each_users_row(
    block: int, more: str, random_ratings: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Score by score, by the kernel of cosines to the power, without the item itself."""
    monkeypatch.setattr(ease, "_BLOCK", block)
    x = (random_ratings.matrix.toarray() != 0).astype(float)
    x = x if more == "users" else x.T
    x[:, 3] = 0  # an item without users has weights of 0
    fitted = recsys.EASE(2.5, amplification=1.7).fit(Ratings.from_matrix(sp.csr_matrix(x)))
    lengths = np.linalg.norm(x, axis=0)
    product = np.outer(lengths, lengths)
    cosines = np.divide(x.T @ x, product, out=np.zeros_like(product), where=product > 0)
    kernel = product * cosines**1.7
    scores = fitted.scores(fitted.fold_in_users(sp.csr_matrix(x)))
    for j in range(x.shape[1]):
        others = np.arange(x.shape[1]) != j
        ridge = kernel[np.ix_(others, others)] + 2.5 * np.eye(others.sum())
        expected = x[:, others] @ np.linalg.solve(ridge, kernel[others, j])
        assert scores[:, j] == pytest.approx(expected, abs=1e-5)
    assert not scores[:, 3].any()


@pytest.mark.parametrize("block", [4, 256])
def test_the_largest_weights_of_each_item_are_kept(
    block: int, random_ratings: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ease, "_BLOCK", block)
    whole = recsys.EASE(2.5).fit(random_ratings).weights.toarray()
    few = recsys.EASE(2.5, n_neighbours=3).fit(random_ratings).weights.toarray()
    for j in range(len(whole)):
        kept = np.argsort(-np.abs(whole[:, j]))[:3]
        assert np.flatnonzero(few[:, j]).tolist() == sorted(kept)
        assert np.array_equal(few[kept, j], whole[kept, j])
    all_of_them = recsys.EASE(2.5, n_neighbours=1000).fit(random_ratings).weights.toarray()
    assert np.array_equal(all_of_them, whole)


def scores(spec: recsys.EASE, ratings: recsys.Ratings) -> np.ndarray:
    fitted = spec.fit(ratings)
    return fitted.scores(fitted.fold_in_users(ratings.matrix))


def test_ease_counts_ones_whatever_the_values(random_ratings: recsys.Ratings) -> None:
    ones = recsys.feedback.ones(random_ratings)
    a, b = (scores(recsys.EASE(3.0), ratings) for ratings in (random_ratings, ones))
    assert np.array_equal(a, b)


def test_regularization_matters_and_is_checked(random_ratings: recsys.Ratings) -> None:
    a, b = (scores(recsys.EASE(strength), random_ratings) for strength in (1.0, 9.0))
    assert not np.allclose(a, b)
    with pytest.raises(ValueError, match="regularization must be a number above 0"):
        recsys.EASE(0)


@pytest.mark.data
@pytest.mark.slow
def test_ease_reaches_the_published_number(ml_1m: Path) -> None:
    """RecBole's ML-1M table: ratings of 3 and more, 10-core, each user's ratings split 80:10:10 at
    random, trained on the 80, ranked without the other 10: NDCG@10 0.2865."""
    ratings = recsys.feedback.at_least(recsys.read_ratings(ml_1m), 3).at_least_active(10, 10)
    rng = np.random.default_rng(0)
    part = np.zeros(ratings.n_ratings, int)
    for begin, end in zip(ratings.matrix.indptr[:-1], ratings.matrix.indptr[1:], strict=True):
        order, tenth = begin + rng.permutation(end - begin), (end - begin) // 10
        part[order[:tenth]], part[order[tenth : 2 * tenth]] = 2, 1
    train, known, test = ratings.select(part == 0), ratings.select(part < 2), part == 2
    test = ratings.select(test).matrix
    users = np.flatnonzero(np.diff(test.indptr))
    ranker = FittedRanker(recsys.EASE().fit(train))
    items = ranker.best(users, train.matrix[users], 10, known.matrix[users])
    relevant = test[users]
    found = ndcg(contains(relevant, items), np.diff(relevant.indptr)).mean()
    assert found == pytest.approx(0.2865, abs=0.01)


def test_ease_refuses_what_does_not_fit_into_memory(
    random_ratings: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ease, "free_memory", lambda: 5000)
    with pytest.raises(
        FitError, match=r"ease needs 0\.0 GB for 30 users and 25 items.*set n_neighbours"
    ):
        recsys.EASE().fit(random_ratings)
    monkeypatch.setattr(ease, "free_memory", lambda: None)
    recsys.EASE().fit(random_ratings)


def test_zeros_and_dislikes_are_no_feedback(random_ratings: recsys.Ratings) -> None:
    values = np.arange(random_ratings.n_ratings) % 3 - 1
    some = random_ratings.with_values(values)
    liked = some.select(values > 0)
    one, other = recsys.EASE().fit(some), recsys.EASE().fit(liked)
    assert np.array_equal(one.weights.toarray(), other.weights.toarray())
    ours, theirs = one.fold_in_users(some.matrix), one.fold_in_users(liked.matrix)
    assert np.array_equal(one.scores(ours), one.scores(theirs))


def test_items_that_cannot_be_told_apart_need_regularization() -> None:
    twins = recsys.Ratings.from_matrix(np.array([[1, 1, 0], [1, 1, 1], [1, 1, 0], [1, 1, 1.0]]))
    with pytest.raises(FitError, match=r"no unique solution; raise regularization \(now 1e-30\)"):
        recsys.EASE(1e-30).fit(twins)
    assert np.isfinite(recsys.EASE(1e-3).fit(twins).weights.data).all()


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "low"),
    [
        (recsys.EASE(), 0.344),
        (recsys.EASE(n_neighbours=200), 0.335),
        (recsys.EASE(250, amplification=1.5), 0.346),
    ],
    ids=["published", "200 neighbours", "amplified"],
)
def test_accuracy_band_on_ml_100k(spec: recsys.EASE, low: float, ml_100k: Path) -> None:
    split = recsys.splits.random(recsys.feedback.ones(recsys.read_ratings(ml_100k)), test=0.1)
    fitted = spec.fit(split.train)
    assert low < validation_score(fitted, split) < low + 0.012
