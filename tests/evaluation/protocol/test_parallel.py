"""Several processes find what one process finds, and end when they should."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from parallel_models import Odd

import recsys
from recsys.errors import ArgumentError, WorkerError
from recsys.models.bayesian_mf import BayesianMF
from recsys.store.checkpoint import Checkpoint

TABLES = "values", "summary", "comparisons", "curves", "segments", "by_rating"

MODELS: dict[str, Any] = {
    "als": recsys.ImplicitALS(8, n_epochs=4),
    "grid": recsys.Grid.over(recsys.ExplicitALS, {"n_factors": [2, 4]}),
    "bayes": BayesianMF(4, n_burn_in=2, n_samples=3),
    "blend": recsys.blend("normalized-svd", "pure-svd"),
    "broken": Odd("fails"),
}


class Killed(BaseException):
    pass


def assert_same(one: recsys.Evaluation, other: recsys.Evaluation) -> None:
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), check_exact=True)
    times = ["fit_seconds", "measure_seconds"]
    pd.testing.assert_frame_equal(
        one.runs.drop(columns=times), other.runs.drop(columns=times), check_exact=True
    )
    training = one.training.drop(columns="seconds"), other.training.drop(columns="seconds")
    pd.testing.assert_frame_equal(*training, check_exact=True)
    assert one.failures == other.failures
    assert one.findings == other.findings
    assert one.specs == other.specs


@pytest.fixture(scope="module")
def served(sample: recsys.Ratings) -> recsys.Recommender:
    return recsys.train(recsys.ImplicitALS(4, n_epochs=2), sample)


def test_they_find_the_same(sample: recsys.Ratings, served: recsys.Recommender) -> None:
    splits = list(recsys.splits.kfold(sample, 2))
    models = {**MODELS, "served": served}
    began: list[tuple[str, str]] = []
    epochs: list[Any] = []

    def on_model(model: str, split: str) -> Any:
        began.append((model, split))
        return epochs.append

    options: dict[str, Any] = {"seeds": [1, 2], "feedback": "ones", "on_model": on_model}
    serial = recsys.evaluate(models, splits, **options)
    told, n_epochs = sorted(began), len(epochs)
    began.clear()
    epochs.clear()
    several = recsys.evaluate(models, splits, processes=2, **options)
    assert_same(several, serial)
    assert serial.failures == {"broken": "no finite solution"}
    # The second seed of a model that fails may have begun already.
    assert set(began) == set(told)
    assert len(epochs) == n_epochs


def test_a_checkpoint_goes_on_with_any_number_of_processes(
    sample: recsys.Ratings, tmp_path: Path
) -> None:
    """Killed within a fit, while another is running; states, searches and results are kept."""
    split = recsys.splits.random(sample)
    models = {name: MODELS[name] for name in ("als", "bayes", "grid")}
    whole = recsys.evaluate(models, split)

    def evaluated(processes: int, on_model: Any) -> recsys.Evaluation | None:
        with suppress(Killed), Checkpoint(tmp_path / "c", {"of": "test"}, every=0) as checkpoint:
            return recsys.evaluate(
                models, split, on_model=on_model, kept=checkpoint, processes=processes
            )
        return None

    def killed_in(name: str, at: int) -> Any:
        def on_model(model: str, split: str) -> Any:
            began.append(model)

            def on_epoch(progress: Any) -> None:
                if model == name and progress.epoch == at:
                    raise Killed

            return on_epoch

        return on_model

    began: list[str] = []
    assert evaluated(2, killed_in("als", 3)) is None
    states = sorted((tmp_path / "c").glob("*.fit.checkpoint"))
    assert any("model-2" in file.name for file in states)  # of als, after two epochs
    assert evaluated(1, killed_in("bayes", 4)) is None
    began.clear()
    found = evaluated(2, killed_in("none", 0))
    assert found is not None
    assert_same(found, whole)
    assert not {"popularity", "biases", "als"} & set(began)
    assert not (tmp_path / "c").exists()


def test_a_process_that_is_killed_ends_the_evaluation(sample: recsys.Ratings) -> None:
    split = recsys.splits.random(sample)
    with pytest.raises(WorkerError) as error:
        recsys.evaluate({"heavy": Odd("is killed")}, split, processes=2)
    assert error.value.exit_code == 7
    said = str(error.value)
    assert said.startswith(
        "the process that worked on heavy was ended by SIGKILL, probably because"
    )
    assert "use fewer processes" in said


def test_bugs_and_warnings_come_through(sample: recsys.Ratings) -> None:
    split = recsys.splits.random(sample)
    with (
        pytest.raises(TypeError, match="a bug in this model") as error,
        pytest.warns(RuntimeWarning, match="slow data"),
    ):
        recsys.evaluate({"slow": Odd("warns"), "bad": Odd("is a bug")}, split, processes=2)
    assert "parallel_models.py" in "".join(error.value.__notes__)


def test_bad_numbers_are_refused(sample: recsys.Ratings) -> None:
    split = recsys.splits.random(sample)
    for number in (0, -1, 1.5, True):
        with pytest.raises(ArgumentError, match="processes must be a whole number of at least 1"):
            recsys.evaluate({"a": recsys.ImplicitALS()}, split, processes=number)  # type: ignore[arg-type]
