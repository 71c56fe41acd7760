"""`Grid`: hyperparameters chosen on a part of the training ratings, never on the test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from recsys.arguments import said
from recsys.errors import ArgumentError, CheckpointError
from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.metrics.record import Metric
from recsys.evaluation.protocol.contenders import Model, with_seed
from recsys.evaluation.protocol.failures import failure, no_model
from recsys.evaluation.protocol.validation import validation_score
from recsys.models.common import OnEpoch
from recsys.models.kept import NOTHING, Entry, Kept
from recsys.models.spec import Fitted, Spec
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import Split, random
from recsys.recommend.chosen import Chooser, Chosen, OnSearch, Searching, choose, record


@dataclass(frozen=True)
class Grid:
    """Several candidates that count as one model: the best on held-out training ratings is fitted.

    A share of the training ratings is held out, every candidate is fitted on the rest, and the one
    with the highest NDCG@k on the held-out ratings (for models that predict ratings: the lowest
    RMSE) is fitted on all training ratings. `recsys.train` takes a grid, and stores a record of the
    trials with the model.

    >>> from recsys.models.implicit_als import ImplicitALS
    >>> grid = Grid.over(ImplicitALS, {"n_factors": [32, 64], "regularization": [0.01, 0.1]})
    >>> len(grid.candidates), grid.candidates[0].n_factors
    (4, 32)
    """

    candidates: tuple[Model, ...]
    validation: float = 0.1
    """Share of the training ratings to choose on."""
    k: int = 10
    """Length of the lists that NDCG is computed on."""
    seed: int = 0
    """Seed for the ratings that are kept back."""

    def __post_init__(self) -> None:
        several = isinstance(self.candidates, tuple | list)
        if not several or not all(_is_model(one) for one in self.candidates):
            raise ArgumentError(
                f"candidates must be models such as ImplicitALS(), not {said(self.candidates)}"
            )
        if len({c.name for c in self.candidates}) != 1:
            raise ArgumentError("candidates must be at least one, all of the same model")

    @classmethod
    def over(cls, kind: Any, values: Mapping[str, Sequence[object]], **settings: Any) -> Grid:
        """Every combination of `values`.

        Args:
            kind: a spec class, or any function that makes a model from hyperparameters.
            values: hyperparameter → values to try.
            settings: fields of `Grid`.
        """
        names = list(values)
        combinations = product(*values.values())
        made = tuple(kind(**dict(zip(names, each, strict=True))) for each in combinations)
        return cls(made, **settings)

    @property
    def name(self) -> str:
        """Name of the candidates."""
        return self.candidates[0].name

    @property
    def predicts_ratings(self) -> bool:
        """Whether the candidates predict ratings."""
        return self.candidates[0].predicts_ratings

    def to_dict(self) -> dict[str, object]:
        """The candidates, ready for JSON."""
        return {
            "model": self.name,
            "grid": [candidate.to_dict() for candidate in self.candidates],
            "validation": self.validation,
        }

    def with_seed(self, seed: int) -> Grid | None:
        """The grid with every candidate trained by `seed`; None where no candidate has a seed.

        The ratings that are kept back stay the same.
        """
        seeded = [with_seed(candidate, seed) for candidate in self.candidates]
        if all(one is None for one in seeded):
            return None
        pairs = zip(seeded, self.candidates, strict=True)
        return replace(self, candidates=tuple(own if one is None else one for one, own in pairs))

    def choose(
        self,
        ratings: Ratings,
        feedback: Feedback | None = None,
        on_search: OnSearch | None = None,
        kept: Kept = NOTHING,
    ) -> Chosen:
        """The best candidate, and the scores of all; see `Chooser`.

        Ratings are used as they are if `feedback` is not given, and for candidates that predict
        ratings.

        Raises:
            FitError: no candidate could be fitted.
        """
        entering = Feedback() if self.predicts_ratings else feedback or Feedback()
        tried = self._tried(entering.apply(ratings), on_search, kept)
        best = tried.best
        winner = self.candidates[best]
        if isinstance(winner, Chooser):
            return choose(winner, ratings, feedback, on_search, kept.part("winner"))
        if not isinstance(winner, Spec):
            raise ArgumentError(f"candidates must be specs, such as ImplicitALS(), not {winner!r}")
        found = record(self.to_dict(), winner, entering, **tried.to_dict())
        return Chosen(winner, entering, found)

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Fitted:
        """The best candidate, fitted on all of `ratings`; its spec says which it was.

        Raises:
            FitError: no candidate could be fitted.
        """
        return self.candidates[self._tried(ratings).best].fit(ratings, on_epoch)

    def _tried(
        self, ratings: Ratings, on_search: OnSearch | None = None, kept: Kept = NOTHING
    ) -> _Tried:
        metric = METRICS["rmse" if self.predicts_ratings else "ndcg"]
        tried = _Tried(metric, self.k, [candidate.to_dict() for candidate in self.candidates])
        if len(self.candidates) == 1:
            return tried
        split = random(ratings, self.validation, self.seed)
        for i, candidate in enumerate(self.candidates):
            try:
                found = kept.remember(
                    f"candidate-{i}",
                    candidate.to_dict(),
                    lambda one=candidate: self._scored(one, split, metric),  # type: ignore[misc]
                )
                tried.add(found.about["score"])
            except CheckpointError:
                raise
            except Exception as error:
                tried.add(math.nan, failure(error))
            if on_search is not None and not math.isnan(best := tried.values[tried.best]):
                share = (i + 1) / len(self.candidates)
                on_search(Searching(share, i + 1, best, metric.column(self.k)))
        if all(math.isnan(value) for value in tried.values):
            why = tried.reasons[-1] or f"no user has a value for {metric.label}"
            raise no_model(f"no candidate of the grid could be fitted: {why}", tried.reasons)
        baseline = BASELINES[metric.baseline].fit(split.train)
        tried.baseline = validation_score(baseline, split, self.k, metric.name)
        tried.n_users = int(np.count_nonzero(np.diff(split.test.matrix.indptr)))
        return tried

    def _scored(self, candidate: Model, split: Split, metric: Metric) -> Entry:
        fitted = candidate.fit(split.train)
        return Entry(about={"score": validation_score(fitted, split, self.k, metric.name)})


@dataclass
class _Tried:
    # What the candidates are worth on the validation part.
    metric: Metric
    k: int
    candidates: Sequence[Mapping[str, Any]]
    values: list[float] = field(default_factory=list)
    """NaN where there is none."""
    reasons: list[str] = field(default_factory=list)
    baseline: float = math.nan
    n_users: int = 0

    def add(self, value: float, why: str = "") -> None:
        self.values.append(value if math.isfinite(value) else math.nan)
        self.reasons.append(why)

    @property
    def best(self) -> int:
        # The first of equal ones, and of candidates that were not tried.
        sign = 1 if self.metric.higher_is_better else -1
        ordered = [-math.inf if math.isnan(value) else sign * value for value in self.values]
        return int(np.argmax(ordered)) if ordered else 0

    def to_dict(self) -> dict[str, Any]:
        trials = [
            {**candidate, "value": None if math.isnan(value) else value, "why": why}
            for candidate, value, why in zip(
                self.candidates[: len(self.values)], self.values, self.reasons, strict=True
            )
        ]
        name = self.metric.baseline
        return {
            "metric": self.metric.column(self.k),
            "validation": self.values[self.best] if trials else None,
            "baseline": name,
            name: None if math.isnan(self.baseline) else self.baseline,
            "users": self.n_users,
            "trials": trials,
        }


def _is_model(value: object) -> bool:
    return isinstance(value, Model) and not isinstance(value, type)
