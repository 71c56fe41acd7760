import numpy as np
import pytest
from matrices import random_csr

import recsys
from recsys.errors import FitError
from recsys.models import truncated_svd as decomposition
from recsys.models.truncated_svd import truncated_svd


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


def test_normalized_svd_is_that_of_the_normalized_matrix(random_ratings: recsys.Ratings) -> None:
    r = random_ratings.matrix.toarray().astype(np.float64)
    normalized = r / np.sqrt(np.outer(r.sum(axis=1), r.sum(axis=0)))
    u, s, vt = np.linalg.svd(normalized)
    factors = recsys.NormalizedSVD(4).fit(random_ratings)
    best = u[:, :4] * s[:4] @ vt[:4]
    assert np.allclose(factors.user_factors @ factors.item_factors.T, best, atol=1e-5)
    # The leading value of a normalized adjacency matrix is 1.
    assert s[0] == pytest.approx(1)


@pytest.mark.parametrize("spec", [recsys.PureSVD(5), recsys.NormalizedSVD(5)], ids=lambda s: s.name)
def test_folding_in_a_training_item_returns_its_factors(
    spec: recsys.PureSVD | recsys.NormalizedSVD, random_ratings: recsys.Ratings
) -> None:
    factors = spec.fit(random_ratings)
    side = factors.fold_in_items(random_ratings.matrix.T.tocsr())
    assert np.allclose(side.factors, factors.item_factors, atol=1e-4)


def test_large_matrices_go_through_arpack_to_the_same_answer() -> None:
    rng = np.random.default_rng(0)
    matrix = random_csr(1500, 900, 0.02, rng)
    v, values = truncated_svd(matrix, 5)
    direct = np.linalg.svd(matrix.toarray().astype(np.float64), compute_uv=False)
    assert np.allclose(values, direct[:5], rtol=1e-5)
    assert np.array_equal(v, truncated_svd(matrix, 5)[0])
    assert np.allclose(matrix.T @ (matrix @ v), v * values**2, atol=1e-3)


def test_signs_are_fixed(random_ratings: recsys.Ratings) -> None:
    v = recsys.PureSVD(5).fit(random_ratings).item_factors
    assert (v[np.abs(v).argmax(axis=0), range(5)] > 0).all()


def test_rank_above_the_smaller_side_is_a_bad_argument(random_ratings: recsys.Ratings) -> None:
    with pytest.raises(ValueError, match="n_factors must be at most 25"):
        recsys.PureSVD(26).fit(random_ratings)
    assert recsys.PureSVD(25).fit(random_ratings).log[-1].loss < 1e-3


def test_normalized_svd_refuses_negative_ratings(random_ratings: recsys.Ratings) -> None:
    values = random_ratings.matrix.data - 3
    with pytest.raises(recsys.errors.DataError, match="negative"):
        recsys.NormalizedSVD(3).fit(random_ratings.with_values(values))


@pytest.mark.parametrize("dense", [True, False])
def test_ratings_beyond_float32_have_no_decomposition(
    random_ratings: recsys.Ratings, dense: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not dense:
        monkeypatch.setattr(decomposition, "_LAPACK_BELOW", 0)
    infinite = random_ratings.with_values(np.full(random_ratings.n_ratings, np.inf))
    with pytest.raises(FitError, match="the decomposition failed"):
        recsys.PureSVD(3).fit(infinite)
