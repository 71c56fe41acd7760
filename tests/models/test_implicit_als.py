import dataclasses
import itertools
from pathlib import Path

import implicit
import numpy as np
import pandas as pd
import pytest
import reference
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

import recsys
from recsys.evaluation.protocol.validation import validation_score
from recsys.ratings import splits

FORMS = [
    recsys.ImplicitALS(6, unobserved_weight=0.4, regularization=0.02, n_epochs=12),
    recsys.ImplicitALS(6, unobserved_weight=0.4, frequency_exponent=0.5, n_epochs=12),
    recsys.ImplicitALS(6, alpha=3.0, frequency_exponent=0, regularization=0.5, n_epochs=12),
    recsys.ImplicitALS(6, alpha=3.0, unobserved_weight=0.5, cg_steps=0, n_epochs=12),
    recsys.ImplicitALS(6, unobserved_weight=0.4, popularity_exponent=0.8, n_epochs=12),
    recsys.ImplicitALS(6, unobserved_weight=0.4, popularity_exponent=-0.5, n_epochs=12),
    recsys.ImplicitALS(6, alpha=3.0, unobserved_weight=0.5, popularity_exponent=1, n_epochs=12),
]


@pytest.mark.parametrize("spec", FORMS)
def test_the_reported_loss_is_the_formula(
    spec: recsys.ImplicitALS, random_ratings: recsys.Ratings
) -> None:
    factors = spec.fit(random_ratings)
    loss = reference.implicit_loss(
        random_ratings.matrix, factors.user_factors, factors.item_factors, spec
    )
    assert factors.log[-1].loss == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("spec", FORMS)
def test_loss_never_rises(spec: recsys.ImplicitALS, sample: recsys.Ratings) -> None:
    losses = [p.loss for p in spec.fit(sample).log]
    assert all(b <= a * (1 + 1e-6) for a, b in itertools.pairwise(losses))


WIDE_FORMS = [
    recsys.ImplicitALS(200, unobserved_weight=0.4, regularization=0.02, n_epochs=8),
    recsys.ImplicitALS(256, alpha=3.0, frequency_exponent=0, regularization=0.5, n_epochs=8),
    recsys.ImplicitALS(200, unobserved_weight=0.4, popularity_exponent=0.8, n_epochs=8),
]
"""So wide that factors are read in 16 bits, in large tables."""

LARGE = "recsys.models.implicit_objective.LARGE"


@pytest.mark.parametrize("spec", WIDE_FORMS)
def test_the_loss_of_a_wide_training_is_that_of_its_rounded_tables(
    spec: recsys.ImplicitALS, sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LARGE, 0)
    objective, state = spec.objective(sample), spec.initial(sample)
    errors = []
    for _ in range(6):
        state, _ = objective.half_step("items", state, relaxation=1.2)
        state, step = objective.half_step("users", state, relaxation=1.2)
        loss = reference.implicit_loss(sample.matrix, state.users, state.items, spec)
        errors.append(objective.loss(state, step)[0] / loss - 1)
    # The base of a rounded table is not quite diagonal. With that of the exact one, it is 7e-5.
    assert np.abs(errors).mean() < 5e-5


@pytest.mark.parametrize("spec", WIDE_FORMS)
def test_a_wide_training_ends_where_float32_does(
    spec: recsys.ImplicitALS, sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    single = spec.fit(sample)  # small tables are read as they are
    monkeypatch.setattr(LARGE, 0)
    factors = spec.fit(sample)
    losses = [p.loss for p in factors.log]
    assert all(b <= a * (1 + 1e-5) for a, b in itertools.pairwise(losses))
    # The last half step is exact, from items that were not rounded.
    folded = spec.fold_in_users(factors, sample.matrix).factors
    assert np.array_equal(folded, factors.user_factors)
    assert losses[-1] == pytest.approx(single.log[-1].loss, rel=1e-3)
    assert not np.array_equal(single.item_factors, factors.item_factors)


@pytest.mark.parametrize("spec", FORMS)
def test_no_small_step_of_a_user_lowers_the_loss(
    spec: recsys.ImplicitALS, random_ratings: recsys.Ratings
) -> None:
    factors = spec.fit(random_ratings)
    rng = np.random.default_rng(0)
    best = reference.implicit_loss(
        random_ratings.matrix, factors.user_factors, factors.item_factors, spec
    )
    for _ in range(20):
        step = 0.05 * rng.standard_normal(factors.user_factors.shape)
        moved = factors.user_factors + step
        assert (
            reference.implicit_loss(random_ratings.matrix, moved, factors.item_factors, spec) > best
        )


@pytest.mark.parametrize("spec", FORMS)
def test_the_loss_is_flat_where_items_are_folded_in(
    spec: recsys.ImplicitALS, random_ratings: recsys.Ratings
) -> None:
    """As far up on one side as on the other: items weigh what they weighed in the training."""
    factors, rng = spec.fit(random_ratings), np.random.default_rng(0)
    matrix, x = random_ratings.matrix, factors.user_factors
    by_item = matrix.T.tocsr()
    found = factors.fold_in_items(by_item).factors
    assert np.array_equal(factors.fold_in_items(by_item[2:5]).factors, found[2:5])
    y = found.astype(np.float64)
    best = reference.implicit_loss(matrix, x, y, spec)
    assert best < factors.log[-1].loss
    for _ in range(20):
        step = 0.05 * rng.standard_normal(y.shape)
        up, down = (reference.implicit_loss(matrix, x, y + s, spec) - best for s in (step, -step))
        assert min(up, down) > 0
        assert up == pytest.approx(down, rel=1e-3)


@pytest.mark.parametrize("spec", FORMS)
def test_gradient_of_every_user_is_zero(spec: recsys.ImplicitALS, sample: recsys.Ratings) -> None:
    assert normal_equation_residual(spec, sample) < 1e-5


def normal_equation_residual(spec: recsys.ImplicitALS, ratings: recsys.Ratings) -> float:
    """Largest ‖A x − b‖ / ‖b‖ over users, in float64."""
    factors = spec.fit(ratings)
    y = factors.item_factors.astype(np.float64)
    popularity = np.bincount(ratings.matrix.indices, minlength=ratings.n_items)
    unobserved = np.maximum(popularity, 1.0) ** spec.popularity_exponent
    unobserved *= spec.unobserved_weight / unobserved.mean()
    gram = y.T @ (unobserved[:, None] * y)
    worst = 0.0
    for u in range(ratings.n_users):
        row = ratings.matrix[u]
        yu, r = y[row.indices], row.data.astype(np.float64)
        w, t = (r, r) if spec.alpha is None else (
            spec.alpha * r, unobserved[row.indices] + spec.alpha * r
        )  # fmt: skip
        count = len(r) + spec.unobserved_weight * ratings.n_items
        ridge = spec.regularization * count**spec.frequency_exponent
        x = factors.user_factors[u].astype(np.float64)
        residual = gram @ x + yu.T @ (w * (yu @ x)) + ridge * x - yu.T @ t
        worst = max(worst, float(np.linalg.norm(residual) / np.linalg.norm(yu.T @ t)))
    return worst


def test_more_steps_come_closer_to_the_exact_half_steps(sample: recsys.Ratings) -> None:
    exact = recsys.ImplicitALS(8, cg_steps=0, n_epochs=5).fit(sample).log[-1].loss
    gaps = [
        abs(recsys.ImplicitALS(8, cg_steps=s, n_epochs=5).fit(sample).log[-1].loss - exact)
        for s in (1, 3, 30)
    ]
    assert gaps[2] < 1e-5 * exact
    assert gaps[2] < gaps[0]


def test_ones_are_confidence_one(random_ratings: recsys.Ratings) -> None:
    ones = recsys.feedback.ones(random_ratings)
    spec = FORMS[0]
    doubled = ones.with_values(np.full(ones.n_ratings, 2.0))
    assert not np.array_equal(spec.fit(ones).item_factors, spec.fit(doubled).item_factors)


def test_tolerance_stops_early_and_still_folds_in(sample: recsys.Ratings) -> None:
    spec = recsys.ImplicitALS(8, n_epochs=100, tolerance=0.01)
    factors = spec.fit(sample)
    assert 1 < len(factors.log) < 100
    last, before = factors.log[-1].loss, factors.log[-2].loss
    assert before - last < 0.01 * before
    earlier = [p.loss for p in factors.log[:-1]]
    assert all(a - b >= 0.01 * a for a, b in itertools.pairwise(earlier))
    folded = factors.fold_in_users(sample.matrix)
    assert np.abs(folded.factors - factors.user_factors).max() < 1e-6


@pytest.fixture
def disliking(random_ratings: recsys.Ratings) -> recsys.Ratings:
    """The same pairs with values from −3 to 3, zeros among them."""
    rng = np.random.default_rng(3)
    return random_ratings.with_values(rng.integers(-3, 4, random_ratings.n_ratings))


@pytest.mark.parametrize("spec", FORMS)
def test_dislikes_and_zeros_enter_as_the_formula_says(
    spec: recsys.ImplicitALS, disliking: recsys.Ratings
) -> None:
    """The loss reported is the formula's, no small step lowers it, and fold-in gives it back."""
    factors = spec.fit(disliking)
    x, y = factors.user_factors, factors.item_factors
    best = reference.implicit_loss(disliking.matrix, x, y, spec)
    assert factors.log[-1].loss == pytest.approx(best, rel=1e-5)
    rng = np.random.default_rng(0)
    for _ in range(20):
        moved = x + 0.05 * rng.standard_normal(x.shape)
        assert reference.implicit_loss(disliking.matrix, moved, y, spec) > best
    assert np.array_equal(factors.fold_in_users(disliking.matrix).factors, x)
    losses = [p.loss for p in factors.log]
    assert all(b <= a * (1 + 1e-6) for a, b in itertools.pairwise(losses))


def test_a_stored_zero_is_preference_zero_in_the_classic_form() -> None:
    """cases/scripts/07: α₀ = 1 and no regularization by frequency make it equal to no entry."""
    rng = np.random.default_rng(0)
    draw = rng.random((30, 20))
    users, items = np.nonzero(draw < 0.6)
    values = np.where(draw < 0.4, 1 + (np.arange(600).reshape(30, 20) % 5), 0)[users, items]
    frame = pd.DataFrame({"user_id": users, "item_id": items, "rating": values})
    spec = recsys.ImplicitALS(
        5, alpha=2, frequency_exponent=0, regularization=0.1, cg_steps=0, n_epochs=100
    )
    stored = recsys.Ratings.from_frame(frame)
    zeros = stored.matrix.data == 0
    assert zeros.any()
    with_zeros, without = spec.fit(stored), spec.fit(stored.select(~zeros))
    ours, right = (f.user_factors @ f.item_factors.T for f in (with_zeros, without))
    assert np.allclose(ours, right, atol=1e-3)


@pytest.mark.parametrize("alpha", [None, 2.0])
def test_a_dislike_lowers_what_is_recommended(alpha: float | None, sample: recsys.Ratings) -> None:
    factors = recsys.ImplicitALS(8, alpha=alpha, unobserved_weight=0.1).fit(sample)
    likes = np.flatnonzero(sample.matrix[3].toarray()[0])
    rows = np.zeros((3, sample.n_items), np.float32)
    rows[:, likes[:5]] = 1
    rows[1, likes[5]], rows[2, likes[5]] = 5, -5
    scores = factors.scores(factors.fold_in_users(sp.csr_matrix(rows)))[:, likes[5]]
    assert scores[2] < scores[0] < scores[1]


def test_dislikes_are_those_of_implicit(disliking: recsys.Ratings) -> None:
    """One half step of the users on the same item factors, with values −1 − alpha·|r|."""
    spec = recsys.ImplicitALS(6, alpha=3.0, frequency_exponent=0, regularization=0.5)
    factors = spec.fit(disliking)
    confidence = disliking.matrix.copy()
    confidence.data = np.where(confidence.data > 0, 1, -1) + 3 * confidence.data
    with threadpool_limits(1, "blas"):
        theirs = implicit.als.AlternatingLeastSquares(
            factors=6, regularization=0.5, use_gpu=False, use_cg=False, num_threads=1
        )
        theirs.item_factors = factors.item_factors.copy()
        for user in range(disliking.n_users):
            expected = theirs.recalculate_user(user, confidence[user])
            assert np.allclose(factors.user_factors[user], expected, atol=1e-4)


def test_a_fit_without_a_finite_solution_names_side_and_remedy(
    random_ratings: recsys.Ratings,
) -> None:
    values = np.full(random_ratings.n_ratings, 1e38)
    with pytest.raises(recsys.errors.FitError, match=r"(user|item) '.*regularization"):
        dataclasses.replace(FORMS[0], regularization=0.0).fit(random_ratings.with_values(values))


@pytest.mark.data
@pytest.mark.slow
def test_reaches_the_loss_of_implicit_on_its_own_objective(ml_100k: Path) -> None:
    ratings = recsys.read_ratings(ml_100k)
    ones = recsys.feedback.ones(ratings)
    spec = recsys.ImplicitALS(
        32, alpha=10.0, unobserved_weight=1.0, frequency_exponent=0, regularization=5.0, n_epochs=80
    )
    ours = spec.fit(ones)
    with threadpool_limits(1, "blas"):
        theirs = implicit.als.AlternatingLeastSquares(
            factors=32, regularization=5.0, iterations=80, random_state=0, use_gpu=False
        )
        theirs.fit(ones.matrix * 11, show_progress=False)  # confidence 1 + alpha
    loss = reference.implicit_loss(ones.matrix, ours.user_factors, ours.item_factors, spec)
    peer = reference.implicit_loss(ones.matrix, theirs.user_factors, theirs.item_factors, spec)
    assert ours.log[-1].loss == pytest.approx(loss, rel=1e-5)
    assert loss == pytest.approx(peer, rel=0.005)


@pytest.mark.data
@pytest.mark.slow
def test_normal_equations_hold_on_real_data(ml_100k: Path) -> None:
    ratings = recsys.read_ratings(ml_100k)
    assert normal_equation_residual(recsys.ImplicitALS(), ratings) < 1e-4
    classic = recsys.ImplicitALS(alpha=40.0, frequency_exponent=0, regularization=0.01)
    assert normal_equation_residual(classic, ratings) < 1e-4


@pytest.mark.data
@pytest.mark.slow
def test_accuracy_band_on_ml_1m(ml_1m: Path) -> None:
    split = splits.random(recsys.read_ratings(ml_1m), test=0.1, seed=0)
    ours = validation_score(recsys.ImplicitALS().fit(split.train), split)
    popular = validation_score(recsys.Popularity().fit(split.train), split)
    assert ours > 1.5 * popular
    assert 0.305 < ours < 0.33
    assert 0.12 < popular < 0.14


def base_of(factors: recsys.Factors, ratings: recsys.Ratings) -> np.ndarray:
    """The part of the users' equations that is the same for all of them."""
    problem = factors.spec.problem_of(factors, ratings.matrix, "users")
    assert problem is not None
    assert problem.base is not None
    return np.asarray(problem.base)


def test_trained_item_factors_lie_along_the_axes_of_their_gram_matrix(
    sample: recsys.Ratings,
) -> None:
    factors = recsys.ImplicitALS(8, unobserved_weight=0.3).fit(sample)
    gram = factors.item_factors.T.astype(float) @ factors.item_factors
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-6 * gram.max()
    assert base_of(factors, sample).ndim == 1
    # In other axes the equations are the same, and so are the scores of folded-in users.
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0].astype(np.float32)
    turned = dataclasses.replace(factors, item_factors=factors.item_factors @ axes)
    assert base_of(turned, sample).ndim == 2
    ours, theirs = (
        f.fold_in_users(sample.matrix).factors @ f.item_factors.T for f in (factors, turned)
    )
    assert np.allclose(ours, theirs, atol=1e-5)
    assert np.array_equal(
        factors.spec.fold_in_users(factors, sample.matrix).factors, factors.user_factors
    )


def test_over_relaxation_halves_the_epochs(sample: recsys.Ratings) -> None:
    plain = recsys.ImplicitALS(16, relaxation=1.0, n_epochs=16).fit(sample).log
    beyond = recsys.ImplicitALS(16, n_epochs=9).fit(sample).log
    assert beyond[-1].loss < plain[-1].loss


def test_what_every_fold_in_shares_is_computed_once(
    sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    factors = recsys.ImplicitALS(4).fit(sample)
    row = sample.matrix[[3]]
    first = factors.fold_in_users(row).factors
    monkeypatch.setattr("recsys.kernels.gramian", lambda table: pytest.fail("computed again"))
    assert np.array_equal(factors.fold_in_users(row).factors, first)
    monkeypatch.undo()
    doubled = dataclasses.replace(factors, item_factors=2 * factors.item_factors)
    assert not np.array_equal(doubled.fold_in_users(row).factors, first)
