"""`Grid`: hyperparameters chosen on a part of the training ratings, never on the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from recsys.errors import ArgumentError, FitError
from recsys.evaluation.metrics import METRICS
from recsys.evaluation.protocol.contenders import Model, with_seed
from recsys.evaluation.protocol.failures import failure
from recsys.evaluation.protocol.validation import validation_score
from recsys.models.common import OnEpoch
from recsys.models.spec import Fitted
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import random


@dataclass(frozen=True)
class Grid:
    """Several candidates that count as one model: the best on held-back training ratings is fitted.

    `fit` keeps a share of the training ratings back, fits every candidate on the rest, takes the
    one with the highest NDCG@k on what was kept back (of models that predict ratings: the lowest
    RMSE), and fits that one on all training ratings.

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
        if len({c.name for c in self.candidates}) != 1:
            raise ArgumentError("candidates must be of one model, and at least one")

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

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Fitted:
        """The best candidate, fitted on all of `ratings`; its spec says which it was.

        Raises:
            FitError: no candidate could be fitted.
        """
        if len(self.candidates) == 1:
            return self.candidates[0].fit(ratings, on_epoch)
        split = random(ratings, self.validation, self.seed)
        metric = METRICS["rmse" if self.predicts_ratings else "ndcg"]
        scores = np.full(len(self.candidates), -np.inf)
        why = f"no user has a value of {metric.label}"
        for i, candidate in enumerate(self.candidates):
            try:
                fitted = candidate.fit(split.train, on_epoch)
                score = validation_score(fitted, split, self.k, metric.name)
            except Exception as error:
                why = failure(error)
                continue
            if np.isfinite(score):
                scores[i] = score if metric.higher_is_better else -score
        if not np.isfinite(scores).any():
            raise FitError(f"no candidate of the grid could be fitted: {why}")
        return self.candidates[int(np.argmax(scores))].fit(ratings, on_epoch)
