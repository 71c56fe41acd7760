"""What is searched of each model."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp

import recsys
from recsys import Ratings
from recsys.errors import ArgumentError
from recsys.evaluation.search.rule import EPOCHS, RULE, WIDTH, Shape
from recsys.evaluation.tuning.spaces import FEEDBACK, Dimension, Space, space_of
from recsys.models.registry import SPECS


def dimension(space: Space, name: str) -> Dimension:
    return next(one for one in space.dimensions if one.name == name)


@pytest.mark.parametrize("model", SPECS)
def test_every_model_starts_with_its_published_defaults(model: str, sample: Ratings) -> None:
    space = space_of(model, sample, seed=3)
    spec = space.spec(space.starts[int(model in ("implicit-als", "ease"))])
    drawn = "seed", "n_factors", "of"  # the members of a blend take its seed, too
    own = {k: v for k, v in SPECS[model]().values().items() if k not in drawn}
    assert spec.values() | own == spec.values()
    assert getattr(spec, "seed", 3) == 3
    for start in space.starts:
        assert set(start) == {one.name for one in space.dimensions}
        assert all(one.within(start[one.name]) == start[one.name] for one in space.dimensions)


def test_implicit_als_starts_with_the_rule(sample: Ratings) -> None:
    space = space_of("implicit-als", sample)
    counted = recsys.Feedback(centered=True).apply(sample)
    assert space.spec(space.starts[0]) == Shape.of(counted).spec(RULE, WIDTH, EPOCHS)
    assert str(space.feedback(space.starts[0])) == "centered"
    rule = space.spec(space.starts[0])  # then come points around it
    for start in space.starts[2:]:
        ratio = start["unobserved_weight"] / rule.values()["unobserved_weight"]
        assert 1 / 8.1 < ratio < 8.1
        assert space.spec(start).values()["regularization"] == start["regularization"]
    assert [start["n_factors"] for start in space.starts[2:]] == [64, 32] * 4


def test_a_range_is_the_typical_one_or_a_decade_around_the_starts(sample: Ratings) -> None:
    space = space_of("implicit-als", sample)
    rule = space.spec(space.starts[0])
    assert isinstance(rule, recsys.ImplicitALS)
    weight = dimension(space, "unobserved_weight")
    widest = max(start["unobserved_weight"] for start in space.starts[2:])
    high = max(10 * rule.unobserved_weight, widest)
    assert (weight.low, weight.high, weight.log) == (0.01, high, True)
    assert dimension(space, "regularization").low <= 0.001
    exponent = dimension(space, "frequency_exponent")
    steepest = max(start["frequency_exponent"] for start in space.starts)
    assert (exponent.low, exponent.high, exponent.log) == (0, max(1, steepest), False)
    space = space_of("ease", sample)
    # Half the square of √(ratings per user) + √(ratings per item), in three digits.
    noise = math.sqrt(8848 / 300) + math.sqrt(8848 / 200)
    ruled, published = space.starts
    assert ruled["regularization"] == float(f"{0.5 * noise**2:.3g}")
    assert (ruled["amplification"], published["amplification"]) == (1.5, 1)
    assert published["regularization"] == 500
    ease = dimension(space, "regularization")
    assert (ease.low, ease.high) == (ruled["regularization"] / 10, 5000)


def test_factors_are_narrower_than_the_data(sample: Ratings) -> None:
    assert dimension(space_of("pure-svd", sample), "n_factors").high == 199  # of 200 items
    tiny = Ratings.from_matrix(sp.csr_matrix(np.ones((4, 3))))
    for start in space_of("implicit-als", tiny).starts:
        assert start["n_factors"] == 2


def test_what_trades_time_for_precision_is_not_searched(sample: Ratings) -> None:
    names = {one.name for one in space_of("implicit-als", sample).dimensions}
    assert names == {
        "n_factors", "regularization", "unobserved_weight", "frequency_exponent", "n_epochs",
        "popularity_exponent", FEEDBACK,
    }  # fmt: skip
    names = {one.name for one in space_of("bayesian-mf", sample).dimensions}
    assert names == {"n_factors", "implicit_features"}


@pytest.mark.parametrize(
    ("model", "kinds"),
    [
        ("implicit-als", ["centered", "ones", "at-least=4", "values"]),
        ("ease", ["centered", "ones", "at-least=4"]),  # it ignores the values
        ("explicit-als", ["values"]),
    ],
)
def test_how_ratings_enter_is_searched_where_it_matters(
    model: str, kinds: list[str], sample: Ratings
) -> None:
    space = space_of(model, sample)
    assert [str(kind) for kind in space.kinds] == kinds
    assert (FEEDBACK in {one.name for one in space.dimensions}) == (len(kinds) > 1)
    given = space_of(model, sample, recsys.Feedback(ones=True, threshold=3))
    assert FEEDBACK not in {one.name for one in given.dimensions}
    expected = "values" if model == "explicit-als" else "at-least=3"
    assert str(given.feedback(given.starts[0])) == expected


def test_hyperparameters_are_fixed_or_have_a_range_of_their_own(sample: Ratings) -> None:
    given = {"n_factors": "32:128", "n_epochs": "7", "unobserved_weight": "0:1", "seed": 5}
    space = space_of("implicit-als", sample, given=given)
    width, weight = dimension(space, "n_factors"), dimension(space, "unobserved_weight")
    assert (width.kind, width.low, width.high, width.log) == (int, 32, 128, True)
    assert (weight.low, weight.high, weight.log) == (0, 1, False)  # no logarithm of zero
    spec = space.spec(space.starts[0])
    assert isinstance(spec, recsys.ImplicitALS)
    assert (spec.n_epochs, spec.seed) == (7, 5)
    assert [start["n_factors"] for start in space.starts[:3]] == [128, 64, 64]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_factor": 3}, r"ease has no hyperparameter 'n_factor'.*; it has regularization"),
        ({"regularization": 0}, "regularization must be a number above 0, not 0"),
        ({"regularization": "9:1"}, "regularization must be a range LOW:HIGH, not '9:1'"),
        ({"regularization": "0:1"}, "regularization must be a number above 0, not 0"),
        ({"regularization": "a:1"}, "regularization must be a number, not 'a'"),
    ],
)
def test_a_bad_setting_is_named(given: dict[str, object], message: str, sample: Ratings) -> None:
    with pytest.raises(ArgumentError, match=message):
        space_of("ease", sample, given=given)
