"""`train`: from a spec and ratings to a `Recommender`, with a checkpoint where one is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import Any

import numpy as np

from recsys.arguments import require_function, said
from recsys.errors import ArgumentError
from recsys.models.common import OnEpoch, Side
from recsys.models.from_features import (
    FeatureWeights,
    Names,
    as_names,
    codings_of,
    fit_with_features,
)
from recsys.models.kept import EVERY, NOTHING, Kept
from recsys.models.spec import Spec
from recsys.ratings.feedback import Feedback, as_feedback
from recsys.ratings.ratings import Ratings
from recsys.ratings.required import require_ratings
from recsys.recommend.chosen import Chooser, OnSearch, choose
from recsys.recommend.recommender import Recommender


def train(
    spec: Spec | Chooser,
    ratings: Ratings,
    *,
    feedback: Feedback | str | None = None,
    features: Names | None = None,
    on_epoch: OnEpoch | None = None,
    on_search: OnSearch | None = None,
    checkpoint: str | os.PathLike[str] | Kept | None = None,
    every: float = EVERY,
    **start: Any,
) -> Recommender:
    """Fits `spec` to `ratings` and returns the recommender.

    With a checkpoint, the same call goes on where a process that was killed had last saved, and
    returns the same to the bit. The folder keeps what the last call has done, also when it is
    finished: a process that is killed before it has saved the model need not train again. Another
    training may then use the folder.

    Args:
        spec: the model, or `recsys.auto()`, which chooses one for these ratings.
        ratings: all of them count as seen, also those that do not count as feedback.
        feedback: how rating values enter the training; None for as they are, or for what `auto`
            chooses.
        features: columns of the item and user tables, or True for all that are of use. Items and
            users without ratings then get factors from them, also those that are only in the
            tables. The others are as without features.
        on_epoch: called with the `Progress` after each epoch.
        on_search: called with `Searching` after each trial of a search.
        checkpoint: folder to save the trials of the search and the state of the training in.
        every: seconds from one save to the next; 0 saves after each epoch.
        start: `start`, `warm` and `on_state` of models that train by alternation; see
            `Factorization.fit`. A checkpoint starts by itself.

    Raises:
        ArgumentError: an argument is of the wrong kind, or the checkpoint is of another training.
        DataError: the ratings do not suit the model.
        FitError: there is no finite solution.
        CheckpointError: the checkpoint is damaged.
        ModelFileError: its folder cannot be written to.
    """
    _check_kinds(spec, ratings)
    require_function("on_epoch", on_epoch)
    require_function("on_search", on_search)
    feedback, features = as_feedback(feedback), as_names(features)
    if checkpoint is not None and start:
        raise ArgumentError(
            f"a checkpoint cannot be combined with {', '.join(start)}: it sets the start by itself"
        )
    if isinstance(checkpoint, str | os.PathLike):
        from recsys.store.checkpoint import Checkpoint

        about = training_of(spec, ratings, feedback, features)
        opened: AbstractContextManager[Kept] = Checkpoint(checkpoint, about, every, keep=True)
    else:
        if checkpoint is not None and not hasattr(checkpoint, "fitting"):
            raise ArgumentError(f"checkpoint must be a folder, not {said(checkpoint)}")
        opened = nullcontext(NOTHING if checkpoint is None else checkpoint)
    with opened as kept:
        return _trained(spec, ratings, feedback, features, (on_epoch, on_search), kept, start)


def _check_kinds(spec: object, ratings: object) -> None:
    # NumPy's arrays have a method `choose`, too.
    array = isinstance(spec, np.ndarray | np.generic)
    if array or isinstance(spec, type) or not isinstance(spec, Spec | Chooser):
        raise ArgumentError(f"spec must be a model such as ImplicitALS(), not {said(spec)}")
    require_ratings("ratings", ratings)


def training_of(
    spec: Spec | Chooser, ratings: Ratings, feedback: Feedback | None, features: Names | None
) -> dict[str, Any]:
    """What a training depends on, as a checkpoint compares it."""
    from recsys.store.checkpoint import about_ratings

    return {
        "of": "train",
        "spec": spec.to_dict() if hasattr(spec, "to_dict") else repr(spec),
        "feedback": None if feedback is None else asdict(feedback),
        "features": features if features is None or isinstance(features, bool) else list(features),
        **about_ratings(ratings),
    }


def _trained(
    spec: Spec | Chooser,
    ratings: Ratings,
    feedback: Feedback | None,
    features: Names | None,
    calls: tuple[OnEpoch | None, OnSearch | None],
    kept: Kept,
    start: Mapping[str, Any],
) -> Recommender:
    search = None
    if isinstance(spec, Chooser):
        check_features(ratings, features)
        chosen = choose(spec, ratings, feedback, calls[1], kept.part("search"))
        spec, feedback, search = chosen.spec, chosen.feedback, chosen.record
    feedback = (feedback or Feedback()).fitted(ratings)
    _check_feedback(spec, feedback)
    whole = ratings.with_unrated() if features else ratings
    with kept.fitting("fit", spec) as going_on:
        given = {**start, **going_on}
        fitted, worth = _fitted(spec, feedback.apply(whole), features, calls[0], given)
    return Recommender(
        factors=fitted,
        item_table=whole.item_table,
        history=whole.matrix,
        feedback=feedback,
        fingerprint=ratings.fingerprint,
        account=None if ratings.account is None else ratings.account.to_dict(),
        search=search,
        user_table=whole.user_table,
        features=worth,
    )


def check_features(ratings: Ratings, features: Names | None) -> None:
    """Checks, before work that takes long, that there are such columns and that they are of use.

    Raises:
        ArgumentError: no table has a column of such a name.
        DataError: nothing of use is known of the items and users.
    """
    if features:
        codings_of(ratings, features)


def _check_feedback(spec: Spec, feedback: Feedback) -> None:
    # Models that predict ratings are trained on the ratings as they are.
    if spec.predicts_ratings and feedback.centered:
        raise ArgumentError(
            f"{spec.name} predicts ratings and already includes means: leave out the feedback"
        )
    if spec.predicts_ratings and feedback.half_life is not None:
        raise ArgumentError(
            f"{spec.name} predicts ratings, which do not decay: leave out the half-life, or choose "
            "a model of confidences such as implicit-als"
        )


def _fitted(
    spec: Spec,
    counted: Ratings,
    features: Names | None,
    on_epoch: OnEpoch | None,
    start: Mapping[str, Any],
) -> tuple[Any, dict[Side, FeatureWeights]]:
    # The fit, and what features are worth in it.
    if features:
        return fit_with_features(spec, counted, features, on_epoch, **start)
    return spec.fit(counted, on_epoch, **start), {}
