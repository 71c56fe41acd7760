from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reference import spectral_filter_scores

import recsys
from recsys.errors import FitError
from recsys.evaluation.protocol.validation import validation_score
from recsys.models.factors import Factors


def test_scores_are_the_best_approximation_of_their_rank(random_ratings: recsys.Ratings) -> None:
    factors = recsys.PureSVD(5).fit(random_ratings)
    u, s, vt = np.linalg.svd(random_ratings.matrix.toarray().astype(np.float64))
    best = u[:, :5] * s[:5] @ vt[:5]
    assert np.allclose(factors.user_factors @ factors.item_factors.T, best, atol=1e-4)
    assert factors.log[-1].loss == pytest.approx(np.sum(s[5:] ** 2), rel=1e-4)


def test_equals_scikit_learn(sample: recsys.Ratings) -> None:
    from sklearn.decomposition import TruncatedSVD

    factors = recsys.PureSVD(6).fit(sample)
    peer = TruncatedSVD(6, algorithm="arpack", random_state=0).fit(sample.matrix)
    ours, theirs = factors.item_factors.T, peer.components_
    assert np.allclose(np.abs(ours @ theirs.T), np.eye(6), atol=1e-4)
    assert np.allclose(
        np.linalg.norm(factors.user_factors, axis=0), peer.singular_values_, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("power", "exponent", "low_pass", "cut"),
    [(0.5, 0.25, 0.0, 1), (0.0, 0.5, 0.0, 1), (2.0, 0.0, 0.0, 1), (2.0, 0.3, 0.7, 2)],
)
def test_normalized_svd_filters_the_normalized_matrix(
    power: float, exponent: float, low_pass: float, cut: int, random_ratings: recsys.Ratings
) -> None:
    spec = recsys.NormalizedSVD(
        4, power=power, item_exponent=exponent, low_pass=low_pass, low_pass_factors=cut
    )
    r = random_ratings.matrix.toarray().astype(np.float64)
    expected = spectral_filter_scores(r, 4, power, exponent, low_pass, cut)
    factors = spec.fit(random_ratings)
    assert np.allclose(factors.user_factors @ factors.item_factors.T, expected, atol=1e-4)


def test_with_all_factors_the_filters_are_those_of_gf_cf(random_ratings: recsys.Ratings) -> None:
    r = random_ratings.matrix.toarray().astype(np.float64)
    normalized = r / np.sqrt(np.outer(r.sum(axis=1), r.sum(axis=0)))
    linear = recsys.NormalizedSVD(25, power=2, item_exponent=0).fit(random_ratings)
    found = linear.user_factors @ linear.item_factors.T * np.sqrt(r.sum(axis=1))[:, None]
    assert np.allclose(found, r @ normalized.T @ normalized, atol=1e-4)
    low = recsys.NormalizedSVD(5, power=0, item_exponent=0.5).fit(random_ratings)
    found = low.user_factors @ low.item_factors.T * np.sqrt(r.sum(axis=1))[:, None]
    v = np.linalg.svd(normalized)[2][:5].T
    root = np.sqrt(r.sum(axis=0))
    assert np.allclose(found, r / root @ v @ v.T * root, atol=1e-4)


def test_a_model_of_version_0_1_folds_in_as_it_did(random_ratings: recsys.Ratings) -> None:
    """Its users are R̃V, its items V, and its state has neither a filter nor a basis."""
    r = random_ratings.matrix.toarray().astype(np.float64)
    roots = [1 / np.sqrt(r.sum(axis=axis)) for axis in (1, 0)]
    v = np.linalg.svd(r * np.outer(*roots))[2][:4].T
    old = Factors.of(
        recsys.NormalizedSVD(4),
        random_ratings,
        r * np.outer(*roots) @ v,
        v,
        state={"user_scale": roots[0].astype("f"), "item_scale": roots[1].astype("f")},
    )
    assert np.allclose(old.fold_in_users(random_ratings.matrix).factors, old.user_factors)
    items = old.fold_in_items(random_ratings.matrix.T.tocsr())
    assert np.allclose(items.factors, v, atol=1e-4)


@pytest.mark.parametrize("spec", [recsys.PureSVD(5), recsys.NormalizedSVD(5)], ids=lambda s: s.name)
def test_folding_in_a_training_item_returns_its_factors(
    spec: recsys.PureSVD | recsys.NormalizedSVD, random_ratings: recsys.Ratings
) -> None:
    factors = spec.fit(random_ratings)
    side = factors.fold_in_items(random_ratings.matrix.T.tocsr())
    assert np.allclose(side.factors, factors.item_factors, atol=1e-4)


def test_signs_are_fixed(random_ratings: recsys.Ratings) -> None:
    v = recsys.PureSVD(5).fit(random_ratings).item_factors
    assert (v[np.abs(v).argmax(axis=0), range(5)] > 0).all()


def test_rank_above_the_smaller_side_is_a_bad_argument(random_ratings: recsys.Ratings) -> None:
    with pytest.raises(ValueError, match="n_factors must be at most 25"):
        recsys.PureSVD(26).fit(random_ratings)
    assert recsys.PureSVD(25).fit(random_ratings).log[-1].loss < 1e-3


def test_a_filter_of_more_factors_than_there_are_passes_them_all(
    random_ratings: recsys.Ratings,
) -> None:
    every, more = (recsys.NormalizedSVD(f).fit(random_ratings) for f in (25, 26))
    assert every.n_factors == more.n_factors == 25
    assert np.array_equal(every.user_factors, more.user_factors)


def test_dislikes_are_no_edges_of_the_graph(random_ratings: recsys.Ratings) -> None:
    values = random_ratings.matrix.data - 3
    spec = recsys.NormalizedSVD(4)
    found = spec.fit(random_ratings.with_values(values))
    same = spec.fit(random_ratings.with_values(np.maximum(values, 0)))
    assert np.array_equal(found.user_factors, same.user_factors)
    rows = random_ratings.with_values(values).matrix
    assert np.allclose(found.fold_in_users(rows).factors, found.user_factors, atol=1e-5)
    shares = found.shares(rows[3], np.arange(5))
    assert (shares[rows[3].data < 0] == 0).all()
    assert shares.any()


def test_ratings_beyond_float32_have_no_decomposition(random_ratings: recsys.Ratings) -> None:
    infinite = random_ratings.with_values(np.full(random_ratings.n_ratings, np.inf))
    with pytest.raises(FitError, match="the decomposition failed"):
        recsys.PureSVD(3).fit(infinite)


@pytest.mark.data
@pytest.mark.parametrize(
    ("settings", "low", "high"),
    [
        ({}, 0.330, 0.344),
        ({"low_pass": 1.0}, 0.331, 0.346),
        ({"power": 0.0, "item_exponent": 0.5}, 0.287, 0.301),  # GF-CF's ideal low-pass
        ({"n_factors": 943, "power": 2.0, "item_exponent": 0.0}, 0.22, 0.30),  # its linear filter
    ],
)
def test_accuracy_bands_on_ml_100k(
    settings: dict[str, Any], low: float, high: float, ml_100k: Path
) -> None:
    """Popularity has an NDCG@10 of 0.157 on this split, EASE 0.350."""
    split = recsys.splits.random(recsys.feedback.ones(recsys.read_ratings(ml_100k)), test=0.1)
    fitted = recsys.NormalizedSVD(**settings).fit(split.train)
    assert low < validation_score(fitted, split) < high


@pytest.mark.data
@pytest.mark.slow
def test_accuracy_band_on_steam(steam: Path) -> None:
    """Popularity has 0.199; with γ = 0 on one side and ½ on the other, as it was once, 0.22."""
    split = recsys.splits.random(recsys.read_ratings(steam / "purchase.parquet"), test=0.1)
    fitted = recsys.NormalizedSVD().fit(recsys.feedback.ones(split.train))
    assert 0.315 < validation_score(fitted, split) < 0.335
