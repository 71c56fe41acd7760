"""The search: models take turns, and those that fall far behind leave."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.errors import ArgumentError, FitError
from recsys.evaluation.protocol.failures import failure
from recsys.evaluation.tuning.family import (
    COMPLETE,
    FAILED,
    PRUNED,
    Family,
    Trial,
    best_of,
    storage_at,
)
from recsys.evaluation.tuning.objective import MOST_PARTS, MOST_USERS, SHARE, Bench, Goal
from recsys.evaluation.tuning.spaces import space_of
from recsys.models.registry import SPECS
from recsys.models.spec import check_suits
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import OnSearch, Searching

STUDY = "study.db"
"""Name of the database in the folder of a search."""


_CLOSE = 0.1
"""A model stays while it is behind the best one by less than this share of what that one gains over
the baseline."""


class _BehindError(Exception):
    # A trial is given up.
    pass


@dataclass(frozen=True)
class Limits:
    """How much a search may try."""

    trials: int
    seconds: float
    """Infinity for no limit."""


class Search:
    """A search for the model and hyperparameters that are best on validation parts of ratings."""

    def __init__(
        self,
        ratings: Ratings,
        models: Mapping[str, Mapping[str, Any]],
        goal: Goal,
        feedback: Feedback | None,
        limits: Limits,
        seed: int,
        folder: Path | None = None,
    ) -> None:
        """Opens the studies; nothing is tried yet.

        Args:
            ratings: what to choose a model for; nothing else is looked at.
            models: name → hyperparameters that are fixed or have a range of their own.
            goal: what to choose by.
            feedback: what counts as liked, and how it enters the training; None to count every
                rating as liked, and to search how ratings enter.
            limits: how much to try.
            seed: of the validation parts, the proposals and the fits.
            folder: where the trials are kept, and found again; None to keep them in memory.

        Raises:
            ArgumentError: a name or value is wrong, a model does not suit the metric, Optuna is
                missing, or the folder has the study of something else.
            DataError: the ratings do not suit a model, or nothing can be held out.
        """
        for name in models:
            kind = SPECS[name]
            check_suits(kind, ratings)
            if goal.of_ratings and not kind.predicts_ratings:
                raise ArgumentError(
                    f"metric {goal.name} is for models that predict ratings, and {name} does not"
                )
        self.goal, self.limits, self.feedback = goal, limits, feedback
        self.bench = Bench(ratings, feedback, goal, seed)
        spaces = [space_of(name, ratings, feedback, own, seed) for name, own in models.items()]
        storage = None if folder is None else storage_at(folder / STUDY)
        self.families = [Family(space, goal, seed, storage) for space in spaces]
        about = {
            "ratings": ratings.fingerprint,
            "metric": goal.name,
            "feedback": "searched" if feedback is None else str(feedback),
            "seed": str(seed),
            "validation parts": f"{SHARE:g} of the ratings, {MOST_PARTS} × {MOST_USERS} users",
        }
        for family in self.families:
            _check_same(folder, family, about)

    @property
    def trials(self) -> list[Trial]:
        """Everything that was tried, in order."""
        return sorted(
            (trial for family in self.families for trial in family.trials),
            key=lambda trial: trial.number,
        )

    @property
    def best(self) -> Trial | None:
        """The best complete trial, the earlier one of equal ones."""
        return best_of(self.trials, self.goal.higher_is_better)

    def run(self, on_search: OnSearch | None = None) -> None:
        """Tries until a limit is reached; what was tried before counts.

        Args:
            on_search: called after each trial; an exception stops the search, and what was tried
                stays.

        Raises:
            FitError: no trial could be completed.
        """
        done = self.trials
        while (family := self._next(done)) is not None:
            self._try(family, len(done))
            done = self.trials
            best = self.best
            if on_search is not None and best is not None:
                on_search(
                    Searching(self._share(done), len(done), best.value, self.goal.name, best.model)
                )
        if self.best is None:
            raise FitError(f"no trial could be completed: {done[-1].why}")

    def _share(self, done: list[Trial]) -> float:
        # Of the trials or of the time, whichever is used up sooner.
        spent = sum(trial.seconds for trial in done)
        return min(1.0, max(len(done) / self.limits.trials, spent / self.limits.seconds))

    def _next(self, done: list[Trial]) -> Family | None:
        # The model whose turn it is: a model of more hyperparameters has more turns.
        share = self._share(done)
        if share >= 1:
            return None
        rounds = math.ceil(math.log2(len(self.families))) + 1
        n = math.ceil(len(self.families) / 2 ** int(share * rounds))
        there = [family for family in self._staying(n) if not family.exhausted]
        return min(
            there,
            key=lambda family: len(family.trials) / (1 + len(family.space.dimensions)),
            default=None,
        )

    def _staying(self, n: int) -> list[Family]:
        # The n best models, all that are close to the best, and those that have only begun.
        sign = 1 if self.goal.higher_is_better else -1
        level = {family: _level(family, -sign * math.inf) for family in self.families}
        ranked = sorted(self.families, key=lambda one: sign * level[one], reverse=True)
        best = level[ranked[0]]
        close = _CLOSE * abs(best - self.bench.baseline[1])
        return [
            family
            for i, family in enumerate(ranked)
            if i < n
            or abs(best - level[family]) <= close
            or len(family.trials) < len(family.space.starts)
        ]

    def _try(self, family: Family, number: int) -> None:
        trial, params = family.ask()
        began = time.perf_counter()

        def on_step(step: int, value: float) -> None:
            if math.isfinite(value) and family.behind(trial, step, value):
                raise _BehindError

        state, value, why = COMPLETE, math.nan, ""
        try:
            spec, feedback = family.space.spec(params), family.space.feedback(params)
            value = self.bench.value(spec, feedback, on_step)
            if not math.isfinite(value):
                state, why = FAILED, f"no user has a value of {self.goal.name}"
        except _BehindError:
            state = PRUNED
        except Exception as error:
            state, why = FAILED, failure(error)
        except BaseException:
            family.tell(trial, FAILED)
            raise
        family.tell(trial, state, value, number, seconds=time.perf_counter() - began, why=why)


def _level(family: Family, worst: float) -> float:
    best = family.best
    return worst if best is None else best.value


def _check_same(folder: Path | None, family: Family, about: Mapping[str, str]) -> None:
    # What is in the folder must be the same search.
    for name, own in {**about, "space": str(family.space)}.items():
        there = family.keep(name, own)
        if there != own:
            raise ArgumentError(
                f"{folder} holds a study of {family.space.model} with {name} {there}, not {own}; "
                "choose another folder, or remove it to begin again"
            )
