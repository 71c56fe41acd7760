from collections.abc import Iterator

import numpy as np
import pytest

import recsys
from recsys import Ratings
from recsys.diagnosis import health as diagnosis
from recsys.maps import Health, health
from recsys.maps.plots import pyplot
from recsys.recommend.recommender import Recommender


@pytest.fixture(scope="module")
def model(sample: Ratings) -> Recommender:
    return recsys.train(recsys.ImplicitALS(8, regularization=0.02), sample)


@pytest.fixture(autouse=True)
def close() -> Iterator[None]:
    yield
    pyplot().close("all")


def test_health_in_one_figure(model: Recommender) -> None:
    found = health(model)
    titles = [axes.get_title() for axes in found.plot().axes]
    assert titles[:3] == ["Singular values", "Condition of the normal matrices", "Loss by epoch"]
    assert len(titles) == 6
    assert f"{found.norm_correlation:.2f}" in found.plot_norms().axes[0].get_title()


def test_the_numbers_are_those_of_the_diagnosis(model: Recommender) -> None:
    found, expected = health(model, 3), diagnosis.health(model, 3)
    assert isinstance(found, Health)
    assert found.summary() == expected.summary()
    assert found.symptoms == expected.symptoms
    assert np.array_equal(found.factor_share, expected.factor_share)
