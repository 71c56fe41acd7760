"""Gibbs sampling: every conditional against its closed form, then the whole model."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import recsys
from recsys.errors import ArgumentError
from recsys.models import gibbs
from recsys.models.gibbs import GibbsSide, Links, Prior, links_of
from recsys.ratings import splits

N_DRAWS, N_COPIES = 200, 1000
"""How often the small side is drawn, and how many copies of it at once: rows are independent."""
QUICK = recsys.BayesianMF(3, n_burn_in=10, n_samples=10)


SMALL = sp.csr_matrix(np.array([[1, 0, 2, 0, 3], [0, 1, 0, 0, 0], [0] * 5, [2, 2, 2, 2, 2.0]]))


def small_side(linked: bool, n_copies: int = 1) -> tuple[GibbsSide, np.random.Generator]:
    """Four rows with two factors and a bias, against five others; or copies of these rows."""
    rng = np.random.default_rng(3)
    side = GibbsSide(sp.vstack([SMALL] * n_copies, "csr"), 2, linked, rng)
    root = rng.standard_normal((3, 3))
    links = rng.standard_normal((5, 3)).astype(np.float32) if linked else None
    side.prior = Prior(rng.standard_normal(3), root @ root.T + np.eye(3), links, 1.5)
    return side, rng


def assert_moments(draws: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> None:
    """Mean and covariance of draws (n, d), within five standard errors."""
    variances = np.diag(covariance)
    error = np.sqrt(variances / len(draws))
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * error + 1e-4).all()
    error = np.sqrt((np.outer(variances, variances) + covariance**2) / len(draws))
    assert (np.abs(np.cov(draws.T) - covariance) < 5 * error + 1e-4).all()


@pytest.mark.parametrize("linked", [False, True])
def test_rows_are_drawn_from_their_posterior(linked: bool) -> None:
    side, rng = small_side(linked, N_COPIES)
    other = rng.standard_normal((5, 3)).astype(np.float32)
    other[:, -1] = 1
    targets = rng.standard_normal(SMALL.nnz).astype(np.float32)
    noise, prior = 0.7, side.prior
    parts = []
    for _ in range(N_DRAWS):
        side.draw_rows(np.tile(targets, N_COPIES), other, noise, rng)
        parts.append(side.x.reshape(N_COPIES, 4, 3))
    draws = np.concatenate(parts, dtype=np.float64)
    for row in range(4):
        part = slice(*SMALL.indptr[row : row + 2])
        y = other[SMALL.indices[part]].astype(np.float64)
        expected = prior.mean.copy()
        if prior.links is not None and len(y):
            expected += prior.links[SMALL.indices[part]].sum(axis=0) / np.sqrt(len(y))
        a = prior.precision + y.T @ y / noise**2
        b = prior.precision @ expected + y.T @ targets[part] / noise**2
        assert_moments(draws[:, row], np.linalg.solve(a, b), np.linalg.inv(a))


def test_links_are_drawn_from_their_posterior(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gibbs, "_CLOSE", 1e-12)
    side, rng = small_side(linked=True)
    prior, links = side.prior, links_of(side.matrix)
    sampler = Links(sp.csr_matrix(sp.block_diag([links] * N_COPIES)))
    x = np.tile(side.x, (N_COPIES, 1))
    draws = np.array([sampler.draw(x, prior, rng) for _ in range(N_DRAWS)], np.float64)
    s = links.toarray().astype(np.float64)
    inverse = np.linalg.inv(s.T @ s + prior.strength * np.eye(5))
    mean = inverse @ s.T @ (side.x - prior.mean)
    # Rows by `inverse`, columns by Λ⁻¹.
    covariance = np.kron(inverse, np.linalg.inv(prior.precision))
    assert_moments(draws.reshape(N_DRAWS * N_COPIES, -1), mean.ravel(), covariance)


def test_priors_are_drawn_from_the_normal_wishart() -> None:
    side, rng = small_side(linked=False)
    side.x = rng.standard_normal((4, 3)).astype(np.float32)
    n_draws = 20_000
    priors = [side.drawn_prior(rng) for _ in range(n_draws)]
    x, n = side.x.astype(np.float64), 4
    middle = x.mean(axis=0)
    scatter = (
        np.eye(3)
        + (x - middle).T @ (x - middle)
        + 2 * n / (2 + n) * np.outer(middle, middle)
    )  # fmt: skip
    degrees, scale = 3 + n, np.linalg.inv(scatter)
    precisions = np.array([prior.precision for prior in priors])
    variance = degrees * (scale**2 + np.outer(np.diag(scale), np.diag(scale)))
    error = np.sqrt(variance / n_draws)
    assert (np.abs(precisions.mean(axis=0) - degrees * scale) < 5 * error).all()
    means = np.array([prior.mean for prior in priors])
    # Given Λ, m is normal around n x̄ / (2 + n); over Λ it has the covariance V / ((2 + n)(ν − 4)).
    covariance = scatter / ((2 + n) * (degrees - 4))
    error = np.sqrt(np.diag(covariance) / n_draws)
    assert (np.abs(means.mean(axis=0) - n / (2 + n) * middle) < 5 * error).all()
    assert np.allclose(np.diag(np.cov(means.T)), np.diag(covariance), rtol=0.15)


def test_a_prediction_is_the_mean_over_the_samples(random_ratings: recsys.Ratings) -> None:
    factors = QUICK.fit(random_ratings)
    n, width, scale = QUICK.n_samples, QUICK.n_factors, float(factors.state["scale"][0])
    y = factors.item_factors.reshape(-1, n, width) * np.sqrt(n / scale)
    x = factors.state["user_draws"]
    rows, columns = np.array([0, 1, 5, 5]), np.array([2, 2, 0, 7])
    scores = np.einsum("nkf,nkf->nk", x[rows][:, :, :-1], y[columns])
    scores = scale * (scores + x[rows][:, :, -1] + factors.state["item_biases"][columns])
    noise = scale**2 * np.square(factors.state["noise"]).mean()
    expected = np.sqrt(scores.var(axis=1) + noise)
    assert np.allclose(QUICK.deviations(factors, rows, columns), expected, rtol=1e-4)
    # The users' means say the same as their draws, with less noise.
    apart = np.abs(factors.predict_rows(rows, columns) - factors.mean - scores.mean(axis=1))
    assert (apart < 5 * scores.std(axis=1) / np.sqrt(n)).all()


def test_the_loss_is_the_squared_error_of_the_last_draw(random_ratings: recsys.Ratings) -> None:
    spec = dataclasses.replace(QUICK, n_samples=1)
    factors = spec.fit(random_ratings)
    pairs = random_ratings.matrix.tocoo()
    # With one sample, the item factors are its draw, and the state has the draw of the users.
    x, scale = factors.state["user_draws"][:, 0], factors.state["scale"][0]
    y = factors.item_factors * np.sqrt(1 / scale)
    scores = np.einsum("nf,nf->n", x[pairs.row, :-1], y[pairs.col]) + x[pairs.row, -1]
    scores += factors.state["item_biases"][pairs.col, 0]
    loss = np.square(factors.mean + scale * scores - pairs.data).mean()
    assert factors.log[-1].loss == pytest.approx(loss, rel=1e-4)


def test_predict_gives_deviations_where_the_model_knows_them(sample: recsys.Ratings) -> None:
    model = recsys.train(QUICK, sample)
    users, items = [1, 2, 999], [3, 4, 5]
    scores, deviations = model.predict(users, items, unknown="nan", deviation=True)
    assert np.array_equal(scores, model.predict(users, items, unknown="nan"), equal_nan=True)
    rows = model.fitted.users.rows([1, 2]), model.fitted.items.rows([3, 4])
    assert np.array_equal(deviations[:2], QUICK.deviations(model.factors, *rows))
    assert np.isnan(deviations[2])
    for spec in (recsys.ExplicitALS(2, n_epochs=1), recsys.EASE()):
        with pytest.raises(ArgumentError, match=f"{spec.name} has no standard deviations"):
            recsys.train(spec, sample).predict(1, 3, deviation=True)


def test_a_state_of_another_shape_is_refused(random_ratings: recsys.Ratings) -> None:
    factors = QUICK.fit(random_ratings)
    for name, array in factors.state.items():
        for other in (array[:, :-1] if array.ndim > 1 else array[:-1], array[None]):
            if name[:5] in ("user_", "item_") and len(other) != len(array):
                continue
            state = dict(factors.state) | {name: other.copy()}
            with pytest.raises(ArgumentError, match=f"state {name} must be"):
                dataclasses.replace(factors, state=state)
    spec = dataclasses.replace(QUICK, n_factors=2)
    with pytest.raises(ArgumentError, match="needs factors of width 20, not 30"):
        dataclasses.replace(factors, spec=spec)


def test_predictions_and_deviations_follow_the_unit(sample: recsys.Ratings) -> None:
    other = sample.with_values(100 * sample.matrix.data + 7)
    one, two = QUICK.fit(sample), QUICK.fit(other)
    rows, columns = np.arange(50), np.arange(50)
    predicted = one.predict_rows(rows, columns)
    assert np.allclose(two.predict_rows(rows, columns), 100 * predicted + 7, rtol=1e-2)
    deviations = QUICK.deviations(one, rows, columns)
    assert np.allclose(QUICK.deviations(two, rows, columns), 100 * deviations, rtol=2e-2)


def test_a_row_without_ratings_has_the_mean_of_its_prior(random_ratings: recsys.Ratings) -> None:
    factors = QUICK.fit(random_ratings)
    nothing = sp.csr_matrix(np.zeros((1, random_ratings.n_items), np.float32))
    nobody = factors.fold_in_users(nothing)
    scale = float(factors.state["scale"][0])
    expected = factors.state["prior_user_mean"]
    assert np.allclose(nobody.bias, scale * expected[:, -1].mean(), atol=1e-4)
    width = np.sqrt(scale / QUICK.n_samples)
    assert np.allclose(nobody.factors[0], width * expected[:, :-1].ravel(), atol=1e-4)


def test_intervals_cover_what_was_held_out() -> None:
    """On ratings that were drawn from the model."""
    rng = np.random.default_rng(0)
    x, y = 0.7 * rng.standard_normal((300, 3)), rng.standard_normal((80, 3))
    users, items = np.nonzero(rng.random((300, 80)) < 0.3)
    values = 3 + np.einsum("nf,nf->n", x[users], y[items]) + 0.5 * rng.standard_normal(len(users))
    frame = pd.DataFrame({"user": users, "item": items, "rating": values})
    split = splits.random(recsys.read_ratings(frame), 0.2)
    spec = recsys.BayesianMF(3, n_burn_in=40, n_samples=60, thinning=1)
    factors = spec.fit(split.train)
    test = split.test.matrix.tocoo()
    errors = np.abs(factors.predict_rows(test.row, test.col) - test.data)
    deviations = spec.deviations(factors, test.row, test.col)
    assert np.sqrt(np.mean(errors**2)) < 0.62  # noise alone is 0.5
    assert 0.87 < np.mean(errors < 1.645 * deviations) < 0.93


@pytest.mark.data
def test_accuracy_on_the_first_fold_of_movielens_100k(ml_100k: Path) -> None:
    """RMSE 0.8896 for a factorization machine with the same features (myFM, 512 sweeps)."""
    columns = ["user", "item", "rating", "timestamp"]
    parts = [
        pd.read_csv(ml_100k / f"u1.{end}", sep="\t", names=columns) for end in ("base", "test")
    ]
    split = splits.given(*map(recsys.read_ratings, parts))
    test = split.test.matrix.tocoo()
    found = {}
    for features in (True, False):
        spec = recsys.BayesianMF(implicit_features=features)
        factors = spec.fit(split.train)
        errors = factors.predict_rows(test.row, test.col) - test.data
        found[features] = np.sqrt(np.mean(errors**2))
        deviations = spec.deviations(factors, test.row, test.col)
        assert 0.88 < np.mean(np.abs(errors) < 1.645 * deviations) < 0.92
        # Where it says that it is less sure, it is.
        order = np.argsort(deviations)
        tenths = [np.sqrt(np.mean(part**2)) for part in np.array_split(errors[order], 10)]
        assert np.corrcoef(tenths, np.arange(10))[0, 1] > 0.9
    assert found[True] < 0.893
    assert found[False] < 0.911
