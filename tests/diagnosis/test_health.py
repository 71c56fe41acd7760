"""Each symptom is found in a model that has it, and not in a healthy one."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

import recsys
from recsys import Ratings
from recsys.diagnosis.health import Health, health
from recsys.errors import ModelError
from recsys.recommend.recommender import Recommender

HEALTHY = recsys.ImplicitALS(6, regularization=0.02, n_epochs=80)


def codes(found: Health) -> set[str]:
    return {symptom.code for symptom in found.symptoms}


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return recsys.train(HEALTHY, sample)


@pytest.fixture(scope="module")
def found(model: Recommender) -> Health:
    return health(model, 5)


def test_a_healthy_model_has_no_symptom_of_its_equations(found: Health) -> None:
    assert not codes(found) & {
        "ill-conditioned", "unsolved", "dead-factors", "idle-factors", "unfinished", "rising",
        "spike", "no-history",
    }  # fmt: skip


def test_spectra_are_those_of_the_dense_matrices(model: Recommender, found: Health) -> None:
    factors = model.factors
    scores = factors.user_factors.astype(float) @ factors.item_factors.T.astype(float)
    expected = np.linalg.svd(scores, compute_uv=False)[:6]
    assert found.predictions_spectrum == pytest.approx(expected, rel=1e-5)
    assert model.history is not None
    expected = np.linalg.svd(model.history.toarray().astype(float), compute_uv=False)
    assert found.ratings_spectrum == pytest.approx(expected[:64], rel=1e-5)
    shares = found.predictions_spectrum**2 / (found.predictions_spectrum**2).sum()
    assert found.effective_rank == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_the_parts_of_the_loss_add_up(sample: Ratings) -> None:
    from reference import implicit_loss

    factors = HEALTHY.fit(sample)
    for progress in factors.log:
        assert sum(progress.parts.values()) == pytest.approx(progress.loss)
    x, y = factors.user_factors.astype(float), factors.item_factors.astype(float)
    last = factors.log[-1]
    assert last.parts["unobserved"] == pytest.approx(((x @ y.T) ** 2).sum(), rel=1e-4)
    free = implicit_loss(sample.matrix, x, y, replace(HEALTHY, regularization=0.0))
    assert last.loss - last.parts["regularization"] == pytest.approx(free, rel=1e-4)
    explicit = recsys.ExplicitALS(4).fit(sample).log[-1]
    assert explicit.parts["fit"] + explicit.parts["regularization"] == pytest.approx(explicit.loss)


def test_ill_conditioned(sample: Ratings) -> None:
    sick = recsys.ImplicitALS(64, regularization=1e-5, unobserved_weight=1e-5, n_epochs=2)
    found = health(recsys.train(sick, sample))
    symptom = next(s for s in found.symptoms if s.code == "ill-conditioned")
    assert "condition numbers above 1e+06" in symptom.text
    assert symptom.remedy == "raise regularization"
    worst = found.worst(3)
    assert worst["condition"].is_monotonic_decreasing
    assert worst["name"][0] in " ".join(s.text for s in found.symptoms)


def test_unsolved_and_unfinished(sample: Ratings) -> None:
    found = health(recsys.train(recsys.ImplicitALS(8, n_epochs=2, regularization=0.001), sample))
    assert {"unsolved", "unfinished"} <= codes(found)
    assert any("train longer" in s.remedy for s in found.symptoms)


def test_dead_factors(model: Recommender) -> None:
    factors = model.factors
    x, y = factors.user_factors.copy(), factors.item_factors.copy()
    x[:, 2] = y[:, 2] = 0
    found = health(replace(model, factors=replace(factors, user_factors=x, item_factors=y)))
    assert "one factor is dead" in next(s for s in found.symptoms if s.code == "dead-factors").text


def test_idle_factors(model: Recommender) -> None:
    factors = model.factors
    u, s, vt = np.linalg.svd(factors.item_factors.astype(float), full_matrices=False)
    s[2:] *= 1e-3  # two directions carry everything, and no coordinate lies along them
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=vt.shape))[0]
    thin = np.ascontiguousarray((u * s) @ vt @ axes, dtype=np.float32)
    users = np.ascontiguousarray(factors.user_factors @ axes, dtype=np.float32)
    found = health(replace(model, factors=replace(factors, user_factors=users, item_factors=thin)))
    symptom = next(s for s in found.symptoms if s.code == "idle-factors")
    kept = int(symptom.remedy.split()[0])
    assert kept <= 3
    assert f"components {kept + 1}–6 carry" in symptom.text


def test_norms_that_follow_popularity(model: Recommender) -> None:
    assert model.history is not None
    counts = np.bincount(model.history.indices, minlength=len(model.factors.items))
    unit = model.factors.item_factors / np.linalg.norm(model.factors.item_factors, axis=1)[:, None]
    grown = np.ascontiguousarray(unit * np.sqrt(counts)[:, None], dtype=np.float32)
    flat = np.ascontiguousarray(unit, dtype=np.float32)
    for table, sick in ((grown, True), (flat, False)):
        found = health(replace(model, factors=replace(model.factors, item_factors=table)))
        assert ("norms-are-popularity" in codes(found)) == sick
    assert found.norms["norm"].to_numpy() == pytest.approx(1)


def test_the_correlation_of_norms_is_spearmans(model: Recommender, found: Health) -> None:
    norms = np.linalg.norm(model.factors.item_factors.astype(float), axis=1)
    assert model.history is not None
    counts = np.bincount(model.history.indices, minlength=len(norms))
    expected = spearmanr(norms, counts).statistic
    assert found.norm_correlation == pytest.approx(expected)


def test_a_spike(model: Recommender) -> None:
    factors = model.factors
    bias = factors.item_bias.copy()
    bias[:2] = 100  # two of two hundred items for everybody
    found = health(replace(model, factors=replace(factors, item_bias=bias)), k=2)
    assert "are the same 2 items" in next(s for s in found.symptoms if s.code == "spike").text
    shown = found.recommended.set_index("item")["recommended"]
    assert model.history is not None
    everyone = model.history.shape[0]
    assert shown.sum() == 2 * everyone
    seen = (model.history[:, :2].toarray() != 0).sum(axis=0)
    assert shown.iloc[:2].tolist() == (everyone - seen).tolist()


def test_a_loss_that_rises(model: Recommender) -> None:
    log = model.factors.log
    rising = (*log[:-1], replace(log[-1], loss=log[-2].loss * 1.1))
    assert "rising" in codes(health(replace(model, factors=replace(model.factors, log=rising))))


def test_without_history_there_is_a_remark(model: Recommender) -> None:
    found = health(replace(model, history=None))
    assert "no-history" in codes(found)
    assert not len(found.conditions)
    assert not len(found.ratings_spectrum)


def test_models_that_are_not_least_squares_have_no_conditions(sample: Ratings) -> None:
    found = health(recsys.train(recsys.PureSVD(4), sample))
    assert not len(found.conditions)
    assert len(found.predictions_spectrum) == 4


def test_bad_arguments(model: Recommender, sample: Ratings) -> None:
    with pytest.raises(ModelError, match="no factors to examine"):
        health(recsys.train(recsys.Biases(), sample))
    with pytest.raises(ValueError, match="k must be a whole number"):
        health(model, 0)


def test_every_symptom_has_a_level(sample: Ratings) -> None:
    spec = recsys.ImplicitALS(8, n_epochs=2, regularization=0.001)
    frame = health(recsys.train(spec, sample)).frame()
    assert list(frame.columns) == ["code", "level", "text", "remedy"]
    levels = frame.set_index("code")["level"]
    assert levels["unsolved"] == "warning"
    assert levels["unfinished"] == "note"


def test_items_that_are_all_alike_leave_nothing_to_examine(model: Recommender) -> None:
    same = np.ones_like(model.factors.item_factors)
    with pytest.raises(ModelError, match="all items have the same factors"):
        health(replace(model, factors=replace(model.factors, item_factors=same)))
