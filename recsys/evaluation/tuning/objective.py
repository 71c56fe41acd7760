"""What a setting is worth: fitted without some of the ratings, and measured on these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from recsys.csr import entry_rows
from recsys.errors import ArgumentError
from recsys.evaluation.baselines import BASELINES
from recsys.evaluation.metrics.inputs import RatingErrors
from recsys.evaluation.metrics.record import Metric
from recsys.evaluation.protocol.prepared import PreparedSplit, prepare
from recsys.evaluation.protocol.validation import mean_value, validation_metric
from recsys.models.als import AlternatingModel
from recsys.models.alternating import OnState, State
from recsys.models.blend import Blend
from recsys.models.factors import Factorization, Factors
from recsys.models.spec import Fitted, Spec
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.ratings.splits import by_mask

SHARE = 0.1
"""Share of the ratings of a validation user that is held out."""

MOST_USERS = 4096
"""Users whose ratings are held out for one part."""

MOST_PARTS = 4
"""Validation parts of small data, so that about `MOST_USERS` users decide."""

CHECKED_AFTER = (4, 8, 16)
"""Epochs after which a training on the first part is measured, and given up if it is behind."""

PART = 1000
"""Step at which the mean over the first parts is reported; epochs come before it."""

OnStep = Callable[[int, float], None]
"""Called with a step and the value so far; an exception ends the trial."""


@dataclass(frozen=True)
class Goal:
    """A metric with the length of its lists."""

    metric: Metric
    k: int

    @classmethod
    def parse(cls, text: str) -> Goal:
        """The goal that a text such as "ndcg@10" or "rmse" stands for.

        >>> Goal.parse("recall@20").name
        'recall@20'

        Raises:
            ArgumentError: there is no such metric, or neither more nor less of it is better.
        """
        name, at, length = text.partition("@")
        metric = validation_metric(name)
        if metric.at_k != bool(at) or (at and not (length.isdecimal() and int(length))):
            example = f"{name}@10" if metric.at_k else name
            raise ArgumentError(f"metric must look like {example}, not {text!r}")
        if metric.higher_is_better is None:
            raise ArgumentError(f"metric must not be {text}: neither higher nor lower is better")
        return cls(metric, int(length) if at else 10)

    @property
    def higher_is_better(self) -> bool:
        """Whether more of it is better."""
        return bool(self.metric.higher_is_better)

    @property
    def name(self) -> str:
        """What tables and JSON call it."""
        return self.metric.column(self.k)

    @property
    def of_ratings(self) -> bool:
        """Whether it measures predicted ratings."""
        return self.metric.inputs is RatingErrors


class Bench:
    """Measures settings on validation parts of some ratings."""

    def __init__(self, ratings: Ratings, feedback: Feedback | None, goal: Goal, seed: int) -> None:
        self.goal = goal
        self._ratings, self._given, self._seed = ratings, feedback, seed
        self._trained_on: dict[tuple[int, Feedback], Ratings] = {}
        self._members: dict[tuple[int, Factorization, Feedback], Factors] = {}

    @cached_property
    def parts(self) -> Sequence[PreparedSplit]:
        """The validation parts.

        Raises:
            DataError: nothing can be held out.
        """
        first = self._part(0)
        n_parts = int(np.clip(-(-MOST_USERS // len(first.users)), 1, MOST_PARTS))
        return [first, *(self._part(i) for i in range(1, n_parts))]

    def prepare(self) -> None:
        """Makes the parts and measures the baseline now, before other processes share them.

        Raises:
            DataError: nothing can be held out.
        """
        _ = self.parts, self.baseline

    @property
    def n_users(self) -> int:
        """Users whose ratings are held out, over all parts."""
        return sum(len(part.users) for part in self.parts)

    def value(self, spec: Spec, feedback: Feedback, on_step: OnStep | None = None) -> float:
        """Mean of the metric over the parts; NaN where no user has a value.

        May raise what `fit` raises.

        Args:
            spec: the model.
            feedback: how ratings enter its training.
            on_step: called after some epochs on the first part, and after each part but the last.
        """
        values: list[float] = []
        for i, part in enumerate(self.parts):
            ratings = self._train_of(i, feedback)
            check = None
            if i == 0 and on_step is not None and isinstance(spec, AlternatingModel):
                check = self._check(spec, ratings, feedback, on_step)
            if isinstance(spec, Blend):
                members = [self._member(i, one, feedback) for one in spec.of]
                fitted: Fitted = spec.joined(ratings, members)
            else:
                fitted = spec.fit(ratings, on_state=check)
            values.append(self._measured(fitted, feedback, part))
            if on_step is not None and i + 1 < len(self.parts):
                on_step(PART + i, float(np.mean(values)))
        return float(np.mean(values))

    @cached_property
    def baseline(self) -> tuple[str, float]:
        """Name and value of the model that others are compared with in this metric."""
        name = self.goal.metric.baseline
        return name, self.value(BASELINES[name], self._given or Feedback())

    def _check(
        self, spec: AlternatingModel, ratings: Ratings, feedback: Feedback, on_step: OnStep
    ) -> OnState:
        # Measures a training on the first part after some of its epochs.
        def on_state(state: State) -> None:
            if state.epoch in CHECKED_AFTER:
                factors = spec.factors_at(ratings, state)
                on_step(state.epoch, self._measured(factors, feedback, self.parts[0]))

        return on_state

    def _measured(self, fitted: Fitted, feedback: Feedback, part: PreparedSplit) -> float:
        # The history of a part has what counts as liked: where that is not given, all ratings.
        entering = feedback.fitted(part.split.train) if self._given is None else None
        ranker = replace(part.ranker(fitted), feedback=entering)
        return mean_value(ranker, part, self.goal.metric)

    def _member(self, i: int, spec: Factorization, feedback: Feedback) -> Factors:
        # Fitted once: blends of the same members differ in their weights only.
        if (i, spec, feedback) not in self._members:
            self._members[i, spec, feedback] = spec.fit(self._train_of(i, feedback))
        return self._members[i, spec, feedback]

    def _train_of(self, i: int, feedback: Feedback) -> Ratings:
        if (i, feedback) not in self._trained_on:
            self._trained_on[i, feedback] = feedback.apply(self.parts[i].split.train)
        return self._trained_on[i, feedback]

    def _part(self, i: int) -> PreparedSplit:
        # A random tenth of the ratings of all users, or of a random sample of many.
        rng: Any = np.random.default_rng((self._seed, i))
        rows = entry_rows(self._ratings.matrix)
        held = rng.random(self._ratings.n_ratings) < SHARE
        order = rng.permutation(self._ratings.n_users)
        there = np.bincount(rows[held], minlength=self._ratings.n_users)[order] > 0
        chosen = np.zeros(self._ratings.n_users, bool)
        chosen[order[there][:MOST_USERS]] = True
        split = by_mask(self._ratings, held & chosen[rows], f"validation part {i + 1}")
        return prepare(split, self.goal.k, self._given)
