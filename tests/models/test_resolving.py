"""What models keep of rows besides factors, when these are solved again."""

from typing import get_args

import contract
import numpy as np
import pytest

import recsys
from recsys.models.common import Side
from recsys.models.factors import Factorization

SPECS: list[Factorization] = [
    recsys.ImplicitALS(4, popularity_exponent=0.4),
    recsys.NormalizedSVD(4),
    recsys.Biases(),
    recsys.Blend([recsys.ImplicitALS(4, popularity_exponent=0.4), recsys.NormalizedSVD(4)]),
    recsys.Blend([recsys.NormalizedSVD(3), recsys.Popularity()]),
]


@pytest.mark.parametrize("spec", SPECS, ids=lambda one: one.name)
@pytest.mark.parametrize("side", get_args(Side))
def test_rows_of_the_training_have_the_state_of_the_training(
    spec: Factorization, side: Side, sample: recsys.Ratings
) -> None:
    factors = spec.fit(sample)
    matrix = sample.matrix if side == "users" else sample.matrix.T.tocsr()
    found = spec.solved(factors, matrix, side)
    rows = {name: array for name, array in factors.state.items() if name.startswith(side[:-1])}
    assert found.state.keys() == rows.keys()
    for name, array in rows.items():
        # Items of least-squares models had their last half step before the users.
        if not (side == "items" and "bias" in name):
            assert found.state[name].dtype == array.dtype
            assert np.allclose(found.state[name], array, atol=1e-4, rtol=1e-3), name


def test_links_of_a_converged_training_stay(sample: recsys.Ratings) -> None:
    spec = recsys.ExplicitALS(3, implicit_weight=0.5, regularization=0.3, n_epochs=200)
    factors = spec.fit(sample)
    for side, matrix in (("user", sample.matrix), ("item", sample.matrix.T.tocsr())):
        which: Side = "users" if side == "user" else "items"
        found = spec.solved(factors, matrix, which).state
        stored = factors.state[f"{side}_links"]
        assert list(found) == [f"{side}_links"]
        difference = np.abs(found[f"{side}_links"] - stored).max()
        assert difference < 0.02 * np.abs(stored).max()


def test_an_item_of_a_bayesian_model_joins_with_biases(sample: recsys.Ratings) -> None:
    spec = recsys.BayesianMF(**contract.QUICK["bayesian-mf"])
    factors = spec.fit(sample)
    found = spec.solved(factors, sample.matrix.T.tocsr()[:5], "items").state
    assert list(found) == ["item_biases"]
    near = np.corrcoef(found["item_biases"].mean(1), factors.state["item_biases"][:5].mean(1))
    assert near[0, 1] > 0.8


def test_old_normalized_svd_takes_updates_without_what_it_lacks(sample: recsys.Ratings) -> None:
    spec = recsys.NormalizedSVD(4)
    factors = spec.fit(sample)
    old = {n: a for n, a in factors.state.items() if n in ("user_scale", "item_scale")}
    found = spec.solved(
        recsys.Factors.of(
            spec, sample, factors.user_factors, factors.item_factors, state=old
        ),
        sample.matrix,
        "users",
    )  # fmt: skip
    assert list(found.state) == ["user_scale"]
