"""An evaluation that was stopped goes on with the model, fold and seed where it was."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import recsys
from recsys.errors import CheckpointError, FitError
from recsys.evaluation.protocol.reranked import with_rerankings
from recsys.models.bayesian_mf import BayesianMF
from recsys.recommend.rerank.ways import parse
from recsys.store.checkpoint import Checkpoint

TABLES = "values", "summary", "comparisons", "curves", "segments", "by_rating"


class Killed(BaseException):
    pass


def kept(
    folder: Path, models: Any, splits: Any, on_model: Callable[..., Any], **more: Any
) -> recsys.Evaluation | None:
    """What an evaluation finds with a checkpoint; None where it was killed."""
    with suppress(Killed), Checkpoint(folder, {"of": "test"}, every=0) as checkpoint:
        found: recsys.Evaluation = recsys.evaluate(
            models, splits, on_model=on_model, kept=checkpoint.part("split-0"), **more
        )
        return found
    return None


def assert_same(one: recsys.Evaluation, other: recsys.Evaluation) -> None:
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name))
    times = ["fit_seconds", "measure_seconds"]
    pd.testing.assert_frame_equal(one.runs.drop(columns=times), other.runs.drop(columns=times))
    training = one.training.drop(columns="seconds"), other.training.drop(columns="seconds")
    pd.testing.assert_frame_equal(*training)
    assert one.failures == other.failures
    assert one.findings == other.findings


class Broken:
    """A model that cannot be fitted."""

    name, predicts_ratings = "broken", False

    def to_dict(self) -> dict[str, Any]:
        return {"model": self.name}

    def fit(self, ratings: recsys.Ratings, on_epoch: object = None) -> recsys.Factors:
        raise FitError("no finite solution")


MODELS: dict[str, Any] = {
    "als": recsys.ImplicitALS(8, n_epochs=3),
    "bayes": BayesianMF(4, n_burn_in=2, n_samples=3),
    "blend": recsys.blend("normalized-svd", "pure-svd"),
    "broken": Broken(),
}


def test_it_goes_on_where_it_was_and_finds_the_same(sample: recsys.Ratings, tmp_path: Path) -> None:
    splits = list(recsys.splits.kfold(sample, 2))
    options: dict[str, Any] = {"seeds": [1, 2], "sampled_negatives": 20}
    with pytest.warns(UserWarning, match="sampled"):
        whole = recsys.evaluate(MODELS, splits, **options)
    count = 0
    began: list[tuple[str, str]] = []

    def on_model(model: str, split: str) -> None:
        nonlocal count
        count += 1
        if count in (3, 8, 15):
            raise Killed
        began.append((model, split))

    found = None
    while found is None:
        with pytest.warns(UserWarning, match="sampled"):
            found = kept(tmp_path, MODELS, splits, on_model, **options)
    assert_same(found, whole)
    # Each of popularity, biases and the models once a fold, and a seed where it has any; only what
    # fails is tried again in the next process.
    fits = [one for one in began if one[0] != "broken"]
    n_fits = 2 * (2 + 2 + 2 + (2 if hasattr(MODELS["blend"], "with_seed") else 1))
    assert len(fits) == n_fits


def test_trials_and_epochs_of_a_model_are_kept(
    sample: recsys.Ratings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {"auto": recsys.auto(budget=0.1)}
    split = recsys.splits.random(sample, test=0.2)
    whole = recsys.evaluate(models, split)
    dies: list[int] = [3, 9, 4]  # at a trial, at another, at an epoch
    n_trials = 0

    def on_search(searching: Any) -> None:
        nonlocal n_trials
        n_trials = searching.n_trials
        if dies[:1] == [n_trials] and len(dies) > 1:
            dies.pop(0)
            raise Killed

    epochs: list[int] = []

    def on_epoch(progress: recsys.Progress) -> None:
        if len(dies) == 1 and progress.epoch == dies[0]:
            dies.clear()
            raise Killed
        epochs.append(progress.epoch)

    def on_model(model: str, how: str) -> Any:
        return on_epoch if model == "auto" else None

    found = None
    while found is None:
        found = kept(tmp_path, models, split, on_model, on_search=on_search)
    assert not dies
    assert_same(found, whole)
    assert epochs == sorted(set(epochs))  # none was done twice


def test_reranked_lists_are_kept_too(sample: recsys.Ratings, tmp_path: Path) -> None:
    split = recsys.splits.random(sample, test=0.2)

    def models() -> Any:
        return with_rerankings({"svd": recsys.PureSVD(8)}, [parse("mmr=0.3")])

    whole, count = recsys.evaluate(models(), split), 0

    def on_model(model: str, how: str) -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise Killed

    assert kept(tmp_path, models(), split, on_model) is None
    found = kept(tmp_path, models(), split, on_model)
    assert found is not None
    assert_same(found, whole)


def test_what_was_measured_on_other_ratings_is_measured_again(
    sample: recsys.Ratings, tmp_path: Path
) -> None:
    def dies(model: str, how: str) -> None:
        if model == "svd":
            raise Killed

    models = {"svd": recsys.PureSVD(8)}
    first, second = (recsys.splits.random(sample, test=0.2, seed=seed) for seed in (0, 1))
    assert kept(tmp_path, models, first, dies) is None
    found = kept(tmp_path, models, second, lambda model, how: None)
    assert found is not None
    assert_same(found, recsys.evaluate(models, second))


@pytest.mark.parametrize("what", ["result", "fit"])
def test_a_damaged_checkpoint_is_no_failure_of_a_model(
    what: str, sample: recsys.Ratings, tmp_path: Path
) -> None:
    models = {"als": recsys.ImplicitALS(8, n_epochs=3), "svd": recsys.PureSVD(8)}
    split = recsys.splits.random(sample, test=0.2)

    def on_model(model: str, how: str) -> Any:
        def on_epoch(progress: recsys.Progress) -> None:
            if what == "fit" and progress.epoch == 3:
                raise Killed

        if model == "svd":
            raise Killed
        return on_epoch if model == "als" else None

    assert kept(tmp_path, models, split, on_model) is None
    (file,) = tmp_path.glob(f"*model-2*{what}.checkpoint")
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    with pytest.raises(CheckpointError, match="altered since it was saved"):
        kept(tmp_path, models, split, on_model)
