"""`Contender`: what can be evaluated, whether it is to be trained or already serves."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any, Protocol, runtime_checkable

from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.models.common import OnEpoch, Progress
from recsys.models.from_features import fit_with_features
from recsys.models.kept import NOTHING, Kept
from recsys.models.spec import Fitted, Spec, check_suits
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import Chooser, OnSearch, choose
from recsys.recommend.ranking import Ranker


@runtime_checkable
class Model(Protocol):
    """Anything with hyperparameters that can be fitted: a spec, a `Grid` of specs, or `auto()`."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def predicts_ratings(self) -> bool:
        """Whether a score is a predicted rating."""

    def to_dict(self) -> Mapping[str, Any]:
        """Name and hyperparameters, ready for JSON."""

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Fitted:
        """The fitted model."""


@dataclass(frozen=True, eq=False)
class Trained:
    """A contender that is ready to be measured."""

    ranker: Ranker
    spec: Mapping[str, Any]
    """Hyperparameters that were fitted: of a grid, those it chose."""
    log: tuple[Progress, ...] = ()


@runtime_checkable
class Contender(Protocol):
    """One model of an evaluation."""

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def predicts_ratings(self) -> bool:
        """Whether a score is a predicted rating, so that its error is measured, too."""

    def to_dict(self) -> Mapping[str, Any]:
        """What was asked for, ready for JSON."""

    def train(
        self,
        prepared: PreparedSplit,
        on_epoch: OnEpoch | None = None,
        on_search: OnSearch | None = None,
    ) -> Trained:
        """The contender, ready to rank the users of a split."""


@dataclass(frozen=True)
class Fresh:
    """A model that is fitted on the training part.

    Models that predict ratings are fitted on the ratings themselves, the others on what counts as
    feedback. A `Chooser` looks at nothing but the training part; where the evaluation does not say
    what counts, it also chooses how ratings enter the training.
    """

    model: Model
    kept: Kept = field(default=NOTHING, compare=False, repr=False)
    """What a checkpoint has of its search and its fit."""

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model.name

    @property
    def predicts_ratings(self) -> bool:
        """Whether a score is a predicted rating."""
        return self.model.predicts_ratings

    def to_dict(self) -> Mapping[str, Any]:
        """Name and hyperparameters."""
        return self.model.to_dict()

    def train(
        self,
        prepared: PreparedSplit,
        on_epoch: OnEpoch | None = None,
        on_search: OnSearch | None = None,
    ) -> Trained:
        """Fits the model.

        May raise what `fit` raises, and DataError where there are no ratings to predict. The
        baselines are fitted all the same.
        """
        if self.model.name not in BASELINES:
            check_suits(self.model, prepared.split.train)
        if isinstance(self.model, Chooser):
            return self._chosen(self.model, prepared, on_epoch, on_search)
        ratings = prepared.split.train if self.predicts_ratings else prepared.trained_on
        fitted, described = self._fitted(self.model, ratings, prepared, on_epoch)
        return Trained(prepared.ranker(fitted, described), fitted.spec.to_dict(), fitted.log)

    def _chosen(
        self,
        model: Chooser,
        prepared: PreparedSplit,
        on_epoch: OnEpoch | None,
        on_search: OnSearch | None,
    ) -> Trained:
        ratings = prepared.split.train
        rated = ratings.without_empty() if prepared.features else ratings
        chosen = choose(model, rated, prepared.feedback, on_search, self.kept.part("search"))
        trained_on = chosen.feedback.apply(ratings)
        fitted, described = self._fitted(chosen.spec, trained_on, prepared, on_epoch)
        # The history has what counts in the evaluation, as it was given or chosen.
        entering = chosen.feedback.fitted(ratings) if prepared.feedback is None else None
        ranker = replace(prepared.ranker(fitted, described), feedback=entering)
        spec = fitted.spec.to_dict() | {"feedback": str(chosen.feedback)}
        return Trained(ranker, spec, fitted.log)

    def _fitted(
        self, model: Any, ratings: Ratings, prepared: PreparedSplit, on_epoch: OnEpoch | None
    ) -> tuple[Any, bool]:
        # The fit, and whether users without ratings have factors.
        resumable = isinstance(model, Spec) and model.resumable
        with self.kept.fitting("fit", model) if resumable else nullcontext({}) as going_on:
            if not prepared.features or model.name in BASELINES:
                return model.fit(ratings, on_epoch, **going_on), False
            names = prepared.features
            fitted, worth = fit_with_features(model, ratings, names, on_epoch, **going_on)
            return fitted, "users" in worth


def seed_of(model: Any) -> int | None:
    """The seed a model trains with; None where it draws nothing, or has several seeds."""
    return None if hasattr(model, "with_seed") else getattr(model, "seed", None)


def with_seed(model: Any, seed: int) -> Any | None:
    """The model with another seed; None where nothing in it is drawn at random."""
    if hasattr(model, "with_seed"):  # a grid: its candidates have seeds of their own
        return model.with_seed(seed)
    if is_dataclass(model) and hasattr(model, "seed"):
        return replace(model, seed=seed)  # type: ignore[type-var]
    return None
