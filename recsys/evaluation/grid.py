"""Grids: hyperparameters chosen on a part of the training ratings, never on the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from recsys.errors import ArgumentError, FitError, RecsysError
from recsys.evaluation import metrics
from recsys.evaluation.bench import contains
from recsys.evaluation.scoring import FactorScorer, Model, Scorer, WeightScorer, best_items
from recsys.models.factors import Factors
from recsys.models.spec import OnEpoch
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import random


@dataclass(frozen=True)
class Grid:
    """Several candidates that count as one model: the best on held-out training ratings is fitted.

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
    seed: int = 0
    """Of the draw of what is kept back."""

    def __post_init__(self) -> None:
        if len({c.name for c in self.candidates}) != 1:
            raise ArgumentError("candidates must be of one model, and at least one")

    @classmethod
    def over(cls, kind: Any, values: Mapping[str, Sequence[object]], **settings: Any) -> Grid:
        """Every combination of `values`, each a hyperparameter with what to try.

        Args:
            kind: a spec class, or anything that makes a model from hyperparameters.
            values: hyperparameter → values.
            settings: fields of `Grid`.
        """
        names = list(values)
        combinations = product(*values.values())
        made = tuple(kind(**dict(zip(names, each, strict=True))) for each in combinations)
        return cls(made, **settings)

    @property
    def name(self) -> str:
        """That of the candidates."""
        return self.candidates[0].name

    @property
    def predicts_ratings(self) -> bool:
        """Like the candidates."""
        return self.candidates[0].predicts_ratings

    def to_dict(self) -> dict[str, object]:
        """The candidates, ready for JSON."""
        return {
            "model": self.name,
            "grid": [candidate.to_dict() for candidate in self.candidates],
            "validation": self.validation,
        }

    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Any:
        """The best candidate, fitted on all of `ratings`; its spec says which it was.

        Raises:
            FitError: no candidate could be fitted.
        """
        if len(self.candidates) == 1:
            return self.candidates[0].fit(ratings, on_epoch)
        split = random(ratings, self.validation, self.seed)
        scores, failure = np.full(len(self.candidates), -np.inf), ""
        for i, candidate in enumerate(self.candidates):
            try:
                fitted = candidate.fit(split.train, on_epoch)
            except (RecsysError, ValueError) as error:
                failure = str(error)
                continue
            of_factors = isinstance(fitted, Factors)
            scorer: Scorer = FactorScorer(fitted) if of_factors else WeightScorer(fitted)
            if self.predicts_ratings and isinstance(scorer, FactorScorer):
                everybody = np.arange(ratings.n_users)
                test = split.test.matrix
                predicted = scorer.predicted(everybody, split.train.matrix, test)
                scores[i] = -metrics.rmse(predicted, test.data)
            else:
                scores[i] = self._ndcg(scorer, split.train, split.test)
        if not np.isfinite(scores).any():
            raise FitError(f"no candidate of the grid could be fitted: {failure}")
        return self.candidates[int(np.argmax(scores))].fit(ratings, on_epoch)

    def _ndcg(self, scorer: Scorer, train: Ratings, held_back: Ratings) -> float:
        users = np.flatnonzero(np.diff(held_back.matrix.indptr))
        seen, relevant = train.matrix[users], held_back.matrix[users]
        items = best_items(scorer, users, seen, self.k, seen)
        return float(np.mean(metrics.ndcg(contains(relevant, items), np.diff(relevant.indptr))))
