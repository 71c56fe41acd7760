"""`train`: from a spec and ratings to a `Recommender`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recsys.errors import ArgumentError
from recsys.models.common import OnEpoch, Side
from recsys.models.from_features import FeatureWeights, Names, fit_with_features
from recsys.models.spec import Spec
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import Chooser, OnSearch
from recsys.recommend.recommender import Recommender


def train(
    spec: Spec | Chooser,
    ratings: Ratings,
    *,
    feedback: Feedback | str | None = None,
    features: Names | None = None,
    on_epoch: OnEpoch | None = None,
    on_search: OnSearch | None = None,
    **start: Any,
) -> Recommender:
    """Fits `spec` to `ratings` and returns the recommender.

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
        start: `start`, `warm` and `on_state` of models that train by alternation; see
            `Factorization.fit`.

    Raises:
        ArgumentError: an argument is of the wrong kind.
        DataError: the ratings do not suit the model.
        FitError: there is no finite solution.
    """
    if isinstance(spec, type) or not isinstance(spec, Spec | Chooser):
        raise ArgumentError(f"spec must be a model such as ImplicitALS(), not {spec!r}")
    if not isinstance(ratings, Ratings):
        raise ArgumentError(f"ratings must be Ratings (read_ratings), not {type(ratings).__name__}")
    if not isinstance(feedback, Feedback):
        feedback = Feedback.parse(feedback) if feedback else None
    search = None
    if isinstance(spec, Chooser):
        chosen = spec.choose(ratings, feedback, on_search)
        spec, feedback, search = chosen.spec, chosen.feedback, chosen.record
    feedback = (feedback or Feedback()).fitted(ratings)
    _check_feedback(spec, feedback)
    whole = ratings.with_unrated() if features else ratings
    fitted, worth = _fitted(spec, feedback.apply(whole), features, on_epoch, start)
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


def _check_feedback(spec: Spec, feedback: Feedback) -> None:
    # Models that predict ratings are trained on the ratings as they are.
    if spec.predicts_ratings and feedback.centered:
        raise ArgumentError(
            f"{spec.name} predicts ratings, and compares them with means itself: leave out the "
            "feedback"
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
