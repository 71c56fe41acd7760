"""`train`: a fit and everything needed to serve it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import recsys
from recsys.models.bayesian_mf import BayesianMF


def test_feedback_counts_in_training_and_fold_in_but_not_for_what_was_seen(
    sample: recsys.Ratings,
) -> None:
    feedback = recsys.Feedback.parse("at-least=4")
    model = recsys.train(recsys.ImplicitALS(16), sample, feedback=feedback)
    user = 5
    row = sample.matrix[user - 1]
    disliked = sample.items.ids[row.indices[row.data < 4]]
    assert len(disliked)
    assert not set(disliked) & set(model.recommend(user, 200)["item"])
    ratings = dict(zip(sample.items.ids[row.indices].tolist(), row.data.tolist(), strict=True))
    pd.testing.assert_frame_equal(model.recommend_for(ratings), model.recommend(user))


def test_misuse_of_train_is_one_line(sample: recsys.Ratings) -> None:
    with pytest.raises(ValueError, match="spec must be a model"):
        recsys.train(recsys.ImplicitALS, sample)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ratings must be Ratings"):
        recsys.train(recsys.ImplicitALS(), sample.to_frame())  # type: ignore[arg-type]


class Killed(Exception):
    pass


def interrupted(
    spec: Any, ratings: recsys.Ratings, folder: Path, moments: Iterable[int]
) -> tuple[recsys.Recommender, int]:
    """The model of a training that dies at some of its epochs and trials, counted over all of its
    processes, and goes on each time; and the number of trials and epochs in all."""
    moments, count = set(moments), 0

    def on_step(progress: object) -> None:
        nonlocal count
        count += 1
        if count in moments:
            raise Killed

    while True:
        try:
            model = recsys.train(
                spec, ratings, on_epoch=on_step, on_search=on_step, checkpoint=folder, every=0
            )
            return model, count
        except Killed:
            continue


ENDING = [
    recsys.ImplicitALS(8, n_epochs=6),
    recsys.ExplicitALS(8, n_epochs=6),
    recsys.ExplicitALS(8, n_epochs=50, tolerance=1e-3),
    BayesianMF(4, n_burn_in=2, n_samples=3, thinning=2),
    BayesianMF(4, n_burn_in=2, n_samples=3, implicit_features=False),
]


@pytest.mark.parametrize("spec", ENDING, ids=str)
def test_a_training_that_dies_again_and_again_ends_with_the_same_bits(
    spec: Any, sample: recsys.Ratings, tmp_path: Path
) -> None:
    whole = recsys.train(spec, sample)
    again, _ = interrupted(spec, sample, tmp_path, [1, 3, 4, 8])
    assert_same(again, whole)


SEARCHES = [
    recsys.auto(budget=0.1),
    recsys.blend(recsys.auto(budget=0.1), recsys.NormalizedSVD(8)),
    recsys.Grid.over(recsys.ImplicitALS, {"regularization": [0.01, 0.1, 1.0]}),
]


@pytest.mark.parametrize("spec", SEARCHES, ids=lambda spec: spec.name)
def test_a_search_goes_on_trial_by_trial(
    spec: Any, sample: recsys.Ratings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits: list[str] = []
    fit = recsys.ImplicitALS.fit

    def counted(self: recsys.ImplicitALS, *given: Any, **more: Any) -> Any:
        fits.append(self.name)
        return fit(self, *given, **more)

    monkeypatch.setattr(recsys.ImplicitALS, "fit", counted)
    whole, n = interrupted(spec, sample, tmp_path / "whole", [])
    undisturbed = len(fits)
    again, _ = interrupted(spec, sample, tmp_path / "ck", [2, n // 2])
    assert_same(again, whole)
    assert again.search == whole.search
    # Three runs, and no trial was made twice; only the trial or fit that was disturbed.
    assert len(fits) - undisturbed <= undisturbed + 4


def test_the_folder_keeps_a_finished_training_until_the_next(
    sample: recsys.Ratings, tmp_path: Path
) -> None:
    spec = recsys.ImplicitALS(8, n_epochs=5)
    epochs: list[int] = []

    def on_epoch(progress: recsys.Progress) -> None:
        epochs.append(progress.epoch)

    first = recsys.train(spec, sample, checkpoint=tmp_path, every=0)
    second = recsys.train(spec, sample, checkpoint=tmp_path, on_epoch=on_epoch)
    assert epochs == [5]
    assert_same(second, first)
    other = recsys.train(recsys.ImplicitALS(4, n_epochs=5), sample, checkpoint=tmp_path)
    assert other.factors.n_factors == 4


def test_a_checkpoint_of_another_training_is_refused(
    sample: recsys.Ratings, random_ratings: recsys.Ratings, tmp_path: Path
) -> None:
    spec = recsys.ImplicitALS(8, n_epochs=5)

    def die(progress: recsys.Progress) -> None:
        if progress.epoch == 3:
            raise Killed

    with pytest.raises(Killed):
        recsys.train(spec, sample, checkpoint=tmp_path, every=0, on_epoch=die)
    for given, said in (
        ((recsys.ImplicitALS(8, n_epochs=6), sample), "n_epochs was 5 and is now 6"),
        ((spec, random_ratings), "other ratings"),
        ((recsys.EASE(), sample), "model was implicit-als and is now ease"),
    ):
        with pytest.raises(ValueError, match=said):
            recsys.train(*given, checkpoint=tmp_path)
    with pytest.raises(ValueError, match="feedback was nothing|ones was nothing"):
        recsys.train(spec, sample, feedback="ones", checkpoint=tmp_path)
    with pytest.raises(ValueError, match="a checkpoint cannot be combined with on_state"):
        recsys.train(spec, sample, checkpoint=tmp_path, on_state=print)


def assert_same(one: recsys.Recommender, other: recsys.Recommender) -> None:
    """Bit by bit."""
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        assert np.array_equal(getattr(one.factors, name), getattr(other.factors, name)), name
    assert one.factors.mean == other.factors.mean
    assert set(one.factors.state) == set(other.factors.state)
    for name, array in one.factors.state.items():
        assert np.array_equal(array, other.factors.state[name]), name
    assert one.factors.spec == other.factors.spec
    assert one.feedback == other.feedback
