"""The search: models take turns, and those that fall far behind leave."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.errors import ArgumentError
from recsys.evaluation.protocol.failures import no_model
from recsys.evaluation.tuning.blends import SHARE as JOINED_SHARE
from recsys.evaluation.tuning.blends import (
    BlendSpace,
    check_members,
    is_blend_of_winners,
    space_of_best,
)
from recsys.evaluation.tuning.family import (
    FAILED,
    Family,
    Trial,
    best_of,
    kept_in,
    storage_at,
)
from recsys.evaluation.tuning.objective import MOST_PARTS, MOST_USERS, SHARE, Bench, Goal
from recsys.evaluation.tuning.spaces import Space, space_of
from recsys.evaluation.tuning.trying import Asked, Try, trying
from recsys.models.blend import Blend
from recsys.models.registry import SPECS
from recsys.models.spec import check_suits
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import OnSearch, Searching

STUDY = "study.db"
"""Name of the database in the folder of a search."""


_JOINED = "joined"  # what the study of a blend keeps its members under

_CLOSE = 0.1
"""A model stays while it is behind the best one by less than this share of what that one gains over
the baseline."""


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
        processes: int = 1,
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
            processes: trials that are made at a time, each in a process of its own.

        Raises:
            ArgumentError: a name or value is wrong, a model does not suit the metric, Optuna is
                missing, or the folder has the study of something else.
            DataError: the ratings do not suit a model, or nothing can be held out.
        """
        joined = {name for name, own in models.items() if is_blend_of_winners(name, own)}
        if joined:
            check_members(models)
        for name in models:
            kind = SPECS[name]
            check_suits(kind, ratings)
            if goal.of_ratings and not kind.predicts_ratings:
                raise ArgumentError(
                    f"metric {goal.name} is for models that predict ratings, which {name} does not"
                )
        self.goal, self.limits, self.feedback = goal, limits, feedback
        self.bench = Bench(ratings, feedback, goal, seed)
        self._seed, self._folder, self.processes = seed, folder, processes
        self.models = tuple(models)
        self._about = {
            "ratings": ratings.fingerprint,
            "metric": goal.name,
            "feedback": "searched" if feedback is None else str(feedback),
            "seed": str(seed),
            "validation parts": f"{SHARE:g} of the ratings, {MOST_PARTS} × {MOST_USERS} users",
        }
        self._storage = None if folder is None else storage_at(folder / STUDY)
        self._models = [
            self._family(space_of(name, ratings, feedback, own, seed))
            for name, own in models.items()
            if name not in joined
        ]
        self._joins = bool(joined)
        texts = kept_in(self._storage, Blend.name, _JOINED) if joined else []
        self._blends = [self._family(BlendSpace.parsed(text, seed)) for text in texts]

    def _family(self, space: Space) -> Family:
        family = Family(space, self.goal, self._seed, self._storage)
        _check_same(self._folder, family, self._about)
        return family

    @property
    def families(self) -> list[Family]:
        """The trials of each model, those of each blend last."""
        return [*self._models, *self._blends]

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
            on_search: called after each round of trials, which is one trial unless there are
                several processes; an exception stops the search, and what was tried
                stays.

        Raises:
            FitError: no trial could be completed.
            WorkerError: a process was ended, as where memory runs out.
        """
        done = self.trials
        with trying(self.bench, self.processes) as try_all:
            while asked := self._round(done):
                self._tell(asked, len(done), try_all)
                done = self.trials
                self._say(done, on_search)
        if self.best is None:
            said = f"no trial could be completed: {done[-1].why}"
            raise no_model(said, (trial.why for trial in done))

    def _round(self, done: list[Trial]) -> list[Asked]:
        # A trial for each process. None knows how the others of its round end.
        asked: list[Asked] = []
        while len(asked) < self.processes:
            family = self._next(done, len(asked))
            if family is None:
                break
            asked.append(Asked(family, *family.ask()))
        return asked

    def _tell(self, asked: list[Asked], n_done: int, try_all: Try) -> None:
        try:
            outcomes = try_all(asked)
        except BaseException:
            for one in asked:
                one.family.tell(one.trial, FAILED)
            raise
        for i, (one, (state, value, seconds, why)) in enumerate(zip(asked, outcomes, strict=True)):
            one.family.tell(one.trial, state, value, n_done + i, seconds=seconds, why=why)

    def _say(self, done: list[Trial], on_search: OnSearch | None) -> None:
        best = self.best
        if on_search is not None and best is not None:
            share = self._share(done)
            on_search(Searching(share, len(done), best.value, self.goal.name, best.model))

    def _share(self, done: list[Trial], n_open: int = 0) -> float:
        # Of the trials or of the time, whichever is used up sooner.
        spent = sum(trial.seconds for trial in done)
        n_tried = len(done) + n_open
        return min(1.0, max(n_tried / self.limits.trials, spent / self.limits.seconds))

    def _next(self, done: list[Trial], n_open: int) -> Family | None:
        # The model whose turn it is, until only the trials of the blend are left.
        share = self._share(done, n_open)
        if share >= 1:
            return None
        if not self._joins:
            return self._next_model(share)
        own = share / (1 - JOINED_SHARE)
        return (self._next_model(own) if own < 1 else None) or self._joined(done)

    def _next_model(self, share: float) -> Family | None:
        # A model of more hyperparameters has more turns.
        rounds = math.ceil(math.log2(len(self._models))) + 1
        n = math.ceil(len(self._models) / 2 ** int(share * rounds))
        there = [family for family in self._staying(n) if not family.exhausted]
        return min(
            there,
            key=lambda family: family.n_tried / (1 + len(family.space.dimensions)),
            default=None,
        )

    def _joined(self, done: list[Trial]) -> Family | None:
        # The blend of the best so far, while it has trials left.
        blends = {family.space.study: family for family in self._blends}
        others = [trial for trial in done if trial.model != Blend.name]
        space = space_of_best(others, self.goal.higher_is_better, self._seed)
        if space is None:
            return None
        if space.study not in blends:
            blends[space.study] = self._family(space)
            blends[space.study].keep(_JOINED, space.about)
            self._blends.append(blends[space.study])
        found = blends[space.study]
        enough = math.ceil(JOINED_SHARE * self.limits.trials)
        return found if found.n_tried < enough else None

    def _staying(self, n: int) -> list[Family]:
        # The n best models, all that are close to the best, and those that have only begun.
        sign = 1 if self.goal.higher_is_better else -1
        level = {family: _level(family, -sign * math.inf) for family in self._models}
        ranked = sorted(self._models, key=lambda one: sign * level[one], reverse=True)
        best = level[ranked[0]]
        close = _CLOSE * abs(best - self.bench.baseline[1])
        return [
            family
            for i, family in enumerate(ranked)
            if i < n
            or abs(best - level[family]) <= close
            or len(family.trials) < len(family.space.starts)
        ]


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
                "choose another folder, or remove it to start over"
            )
