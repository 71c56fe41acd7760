"""A model that fails is a finding; the others are evaluated. A bug is neither."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.sparse.linalg as sparse_linalg

import recsys
from recsys.errors import FitError, ModelError, UnknownIdError
from recsys.evaluation.protocol.failures import failure
from recsys.ratings import splits


class ModelFitError(Exception):
    """What the library that trains a model may raise."""


@dataclass(frozen=True)
class Failing(recsys.PureSVD):
    """PureSVD whose fit raises what it is given."""

    name: ClassVar[str] = "failing"
    error: Any = None

    def _fit(self, *_: Any) -> Any:
        raise self.error


FAILURES: list[tuple[Exception, str]] = [
    (FitError("user 3 has no finite solution"), "user 3 has no finite solution"),
    (UnknownIdError("item 7 is not in the data"), "item 7 is not in the data"),
    (FloatingPointError("overflow"), "FloatingPointError: overflow"),
    (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero"),
    (np.linalg.LinAlgError("Singular matrix"), "LinAlgError: Singular matrix"),
    (sparse_linalg.ArpackError(-9999, {-9999: "no"}), "ArpackError: ARPACK error -9999: no"),
    (ModelFitError("NaN encountered\nin factors"), "ModelFitError: NaN encountered in factors"),
    (RuntimeError(), "RuntimeError"),
    (ValueError("a bad value"), "ValueError: a bad value"),
    (OSError("no space"), "OSError: no space"),
    (MemoryError(), "not enough memory"),
    (MemoryError("2 GB"), "not enough memory; 2 GB"),
]
BUGS: list[Exception] = [
    TypeError("int + str"), AttributeError("x"), AssertionError(), NameError("x"), KeyError("rmse"),
    IndexError("3"), NotImplementedError(), RecursionError(),
]  # fmt: skip


@pytest.mark.parametrize(("error", "said"), FAILURES, ids=lambda x: type(x).__name__)
def test_a_failure_is_one_line_of_the_report(
    sample: recsys.Ratings, error: Exception, said: str
) -> None:
    models = {"bad": Failing(4, error=error), "svd": recsys.PureSVD(4)}
    result = recsys.evaluate(models, splits.random(sample, 0.2), k=5)
    assert result.failures == {"bad": said}
    assert {"svd", "popularity", "biases"} == set(result.models)
    (found,) = (finding for finding in result.findings if finding.code == "R012")
    assert said in found.text
    assert result.to_dict()["failures"] == {"bad": said}


@pytest.mark.parametrize("error", BUGS, ids=lambda x: type(x).__name__)
def test_a_bug_is_no_failure_of_a_model(sample: recsys.Ratings, error: Exception) -> None:
    with pytest.raises(type(error)):
        failure(error)
    with pytest.raises(type(error)):
        recsys.evaluate({"bad": Failing(4, error=error)}, splits.random(sample, 0.2))
    grid = recsys.Grid((Failing(4, error=error), Failing(5, error=error)))
    with pytest.raises(type(error)):
        recsys.evaluate({"bad": grid}, splits.random(sample, 0.2))


def test_a_failing_candidate_of_a_grid_is_not_chosen(sample: recsys.Ratings) -> None:
    error = ModelFitError("NaN")
    split = splits.random(sample, 0.2)
    with pytest.raises(FitError, match="no candidate of the grid could be fitted: ModelFitError"):
        recsys.Grid((Failing(4, error=error), Failing(5, error=error))).fit(split.train)


def test_where_every_model_lacks_memory_so_does_the_whole(
    sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lack, split = MemoryError("2 GB"), splits.random(sample, 0.2)
    with pytest.raises(MemoryError, match="no candidate of the grid could be fitted.*2 GB"):
        recsys.Grid((Failing(4, error=lack), Failing(5, error=lack))).fit(split.train)
    monkeypatch.setattr("recsys.evaluation.protocol.evaluate.BASELINES", {})
    both = {"bad": Failing(4, error=ModelFitError("NaN")), "big": Failing(5, error=lack)}
    with pytest.raises(MemoryError, match="no model could be evaluated: bad: .*; big: not enough"):
        recsys.evaluate(both, split)
    with pytest.raises(ModelError, match="no model could be evaluated: bad: "):
        recsys.evaluate({"bad": both["bad"]}, split)


def test_a_model_that_fails_on_a_later_fold_has_failed(
    sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: Callable[..., Any] = recsys.PureSVD._fit
    calls = []

    def diverges(self: Any, ratings: recsys.Ratings, *rest: Any) -> Any:
        calls.append(ratings)
        if len(calls) > 1:
            raise FloatingPointError("overflow")
        return ended(self, ratings, *rest)

    monkeypatch.setattr(recsys.PureSVD, "_fit", diverges)
    folds = splits.kfold(sample, 2)
    result = recsys.evaluate({"svd": recsys.PureSVD(4), "als": recsys.ImplicitALS(4)}, folds)
    assert "svd" not in result.models
    assert result.failures == {"svd": "FloatingPointError: overflow"}
    assert len(result.runs[result.runs["model"] == "als"]) == 2


def test_nothing_to_evaluate_is_one_error(
    sample: recsys.Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise FitError("no")

    for spec in (recsys.Popularity, recsys.Biases):
        monkeypatch.setattr(spec, "_fit", broken)
    with pytest.raises(ModelError, match="no model could be evaluated: popularity: no; biases: no"):
        recsys.evaluate({"bad": Failing(4, error=RuntimeError("x"))}, splits.random(sample, 0.2))


def test_a_model_of_ratings_fails_where_there_are_none(sample: recsys.Ratings) -> None:
    ones = recsys.Ratings.from_frame(sample.to_frame(), "user", "item", rating=None)
    models = {"stars": recsys.ExplicitALS(4), "als": recsys.ImplicitALS(4)}
    result = recsys.evaluate(models, splits.random(ones, 0.2))
    assert set(result.failures) == {"stars"}
    assert (
        "explicit-als predicts ratings, but there is no rating column" in result.failures["stars"]
    )
    assert {"popularity", "biases", "als"} == set(result.models)
