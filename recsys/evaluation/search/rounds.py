"""The search: from the rule outwards, cheap trials first and the winners refined.

1. Explore: points around the rule, narrow factors and few epochs.
2. Refine: the best of them, their middle and points around it, wider and longer.
3. Feedback: how ratings become confidence, at the best point.
4. Width: doubled while that pays; halved while that costs nothing.
5. Polish: points close to the best, at the chosen width.
6. Epochs: half of them where that costs nothing.

The middle of the best is tried in each round because it depends less on chance than the best.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from recsys.evaluation.search.rule import EPOCHS, RULE, WIDTH, Point
from recsys.evaluation.search.trials import Bench, Setting, Trial
from recsys.ratings.feedback import Feedback

SPREAD = Point(contrast=8.0, ridge=3.0, exponent=0.5)
"""How far from the rule the first points are: factors of contrast and ridge, ± the exponent."""

NARROWEST, WIDEST = 16, 512
"""Widths that are tried."""

POPULAR = Point(contrast=1000.0, ridge=1.0, exponent=1.0)
"""Tried with one factor where nothing is better than popularity: close to the same lists."""

PAYS, COSTS_NOTHING = 1.01, 0.998
"""NDCG of a doubled width over that of the best so far to be chosen, and of a halved one or of half
the epochs."""

_ELITE = 4


@dataclass(frozen=True)
class Stage:
    """How many points a round tries, and how thoroughly."""

    n_points: int
    """At most; fewer where the share of the budget does not suffice."""
    n_epochs: int
    share: float
    """Of the work that is left."""


EXPLORE = Stage(16, 5, 0.4)
REFINE = Stage(8, 6, 0.4)
POLISH = Stage(6, EPOCHS // 2, 0.8)


class Rounds:
    """One search. Its result is in `chosen`, `n_epochs` and `best`."""

    def __init__(self, bench: Bench, kinds: Sequence[Feedback], seed: int) -> None:
        self._bench, self._kinds = bench, kinds
        self._rng = np.random.default_rng(seed)
        self.chosen = Setting(RULE, WIDTH, kinds[0])
        self.n_epochs = EPOCHS
        self.best: Trial | None = None
        """The best trial of the last round; None where nothing could be tried."""
        self.popularity: float | None = None
        """NDCG of popularity on the same parts as the best trial."""

    def run(self) -> None:
        """Runs all rounds; each does as much as the budget allows."""
        if self._bench.n_parts:
            self._search()
        if self.best is not None:
            self._compare_with_popularity(self.best)

    def _search(self) -> None:
        first = [RULE, *self._around(RULE, EXPLORE.n_points - 1, 1.0)]
        explored = self._round(EXPLORE, WIDTH // 2, first, 1)
        best = self._best_points(explored)
        around = self._around(best[0], REFINE.n_points - len(best), 0.5)
        refined = self._round(REFINE, WIDTH, [*best, *around], self._bench.n_parts)
        self._take(refined or explored)
        if self.best is None or not refined:
            return
        self._choose_feedback(self.best)
        self._choose_width()
        near = self._around(self.chosen.point, POLISH.n_points - 1, 0.25)
        points = [self.chosen.point, *near]
        self._take(self._round(POLISH, self.chosen.width, points, self._bench.n_parts))
        self._choose_epochs(self.best)

    def _take(self, trials: Sequence[Trial]) -> None:
        if trials:
            self.best = max(trials, key=lambda trial: trial.score)
            # The first rounds are narrower than what is chosen, if only for speed.
            width = max(self.best.setting.width, self.chosen.width)
            self.chosen = self.best.setting._replace(width=width)

    def _round(
        self, stage: Stage, width: int, points: Sequence[Point], n_parts: int
    ) -> list[Trial]:
        # As many of the points, the first ones first, and parts as the stage's share allows.
        settings = [self.chosen._replace(point=point, width=width) for point in points]
        one = self._bench.trial_work(settings[0], stage.n_epochs)
        share = stage.share * self._bench.ledger.left(self._final_work)
        n_parts = max(1, min(n_parts, int(share / (one * len(points)))))
        settings = settings[: max(1, int(share / one))]
        tried = [self._tried(setting, stage.n_epochs, n_parts) for setting in settings]
        return [trial for trial in tried if trial is not None]

    def _tried(self, setting: Setting, n_epochs: int, n_parts: int) -> Trial | None:
        return self._bench.tried(setting, n_epochs, n_parts, self._final_work)

    @property
    def _final_work(self) -> float:
        return self._bench.final_work(self.chosen, EPOCHS)

    def _best_points(self, trials: Sequence[Trial]) -> list[Point]:
        # The middle of the best, then the best themselves.
        if not trials:
            return [RULE]
        best = sorted(trials, key=lambda trial: -trial.score)[:_ELITE]
        points = [trial.setting.point for trial in best]
        return [middle(points), *points[: _ELITE - 1]]

    def _around(self, centre: Point, n: int, scale: float) -> list[Point]:
        # A Latin hypercube: each of n slices of each axis has one point.
        ranks = np.array([self._rng.permutation(n) for _ in range(3)]).T
        offsets = scale * (2 * (ranks + self._rng.random((n, 3))) / n - 1)
        return [moved(centre, *map(float, offset)) for offset in offsets]

    def _choose_feedback(self, best: Trial) -> None:
        for kind in self._kinds[1:]:
            trial = self._tried(best.setting._replace(feedback=kind), best.n_epochs, best.n_parts)
            if trial is not None and trial.score > best.score:
                best = trial
        self.best, self.chosen = best, best.setting

    def _choose_width(self) -> None:
        if not self._resized(2.0, PAYS):
            self._resized(0.5, COSTS_NOTHING)

    def _resized(self, step: float, needed: float) -> bool:
        # Whether another width, by this step again and again, has at least the needed NDCG.
        best, first = self.best, self.chosen.width
        while best is not None:
            width = int(self.chosen.width * step)
            if not NARROWEST <= width <= WIDEST:
                break
            setting = self.chosen._replace(width=width)
            trial = self._tried(setting, best.n_epochs, best.n_parts)
            if trial is None or trial.score < needed * best.score:
                break
            best = self.best = trial
            self.chosen = setting
        return self.chosen.width != first

    def _choose_epochs(self, best: Trial) -> None:
        longer = self._tried(self.chosen, EPOCHS, best.n_parts)
        if longer is None:
            return
        if best.n_epochs == POLISH.n_epochs and best.score >= COSTS_NOTHING * longer.score:
            self.n_epochs = POLISH.n_epochs
        else:
            self.best = longer

    def _compare_with_popularity(self, best: Trial) -> None:
        # Where no pattern stands out of the noise, one factor ranks everybody's items alike.
        self.popularity = self._bench.popularity(best.setting.feedback, best.n_parts)
        if best.score < self.popularity:
            alone = best.setting._replace(point=POPULAR, width=1)
            trial = self._tried(alone, EPOCHS, best.n_parts)
            if trial is not None and trial.score > best.score:
                self.best, self.chosen, self.n_epochs = trial, alone, EPOCHS


def middle(points: Iterable[Point]) -> Point:
    """The mean of some points, contrast and ridge on a logarithmic scale."""
    several = list(points)
    n = len(several)
    return Point(
        math.exp(sum(math.log(point.contrast) for point in several) / n),
        math.exp(sum(math.log(point.ridge) for point in several) / n),
        sum(point.exponent for point in several) / n,
    )


def moved(centre: Point, contrast: float, ridge: float, exponent: float) -> Point:
    """A point apart from another by shares, −1 to 1, of `SPREAD`."""
    return Point(
        centre.contrast * SPREAD.contrast**contrast,
        centre.ridge * SPREAD.ridge**ridge,
        min(1.5, max(0.0, centre.exponent + SPREAD.exponent * exponent)),
    )
