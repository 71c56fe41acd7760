"""The search: from the rule outwards, cheap trials first and the winners refined.

1. Explore: points around the rule, narrow factors and few epochs; the kinds of feedback.
2. Refine: where the surface of the scores promises most, wider and longer.
3. Width: doubled while that pays; halved while that costs nothing.
4. Polish: where the surface promises most at the chosen width. The weights that this finds may suit
   more factors, so the width is doubled again while that pays, and polished again.
5. Dislikes: feedback that knows them, where that costs next to nothing.
6. Epochs: those of the trials where more gain nothing.

The best setting of a round is the one whose mean on the surface is highest, not the one with the
highest score, which depends more on chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recsys.evaluation.search.rule import EPOCHS, RULE, SPREAD, WIDTH, Point
from recsys.evaluation.search.surface import Surface
from recsys.evaluation.search.trials import Bench, Setting, Trial
from recsys.ratings.feedback import Feedback

NARROWEST, WIDEST = 16, 512
"""Widths that are tried."""

POPULAR = Point(contrast=1000.0, ridge=1.0, exponent=1.0)
"""Tried with one factor where nothing is better than popularity: close to the same lists."""

PAYS, COSTS_NOTHING = 1.002, 0.998
"""NDCG of a doubled width over that of the best so far to be chosen, and of a halved one or of
fewer epochs."""

DISLIKES = 0.01
"""Share of the NDCG that feedback which knows dislikes may cost and still be chosen. To a model
without it, one star is the same as five, which an NDCG that counts every rated item as relevant
does not show."""

CANDIDATES = 256
"""Settings among which the surface finds the most promising one."""


@dataclass(frozen=True)
class Stage:
    """How many points a round tries, and how thoroughly."""

    n_points: int
    """At most; fewer where the share of the budget does not suffice."""
    n_epochs: int
    share: float
    """Of the work that is left."""
    enough: int = 1
    """Points that are tried on several validation parts sooner than more points on one."""


EXPLORE = Stage(16, 4, 0.25, enough=16)
REFINE = Stage(10, 6, 0.3, enough=6)
LADDER = Stage(1, 6, 0.2, enough=2)
POLISH = Stage(16, 6, 0.8, enough=6)


class Rounds:
    """One search. Its result is in `chosen`, `n_epochs` and `best`."""

    def __init__(
        self, bench: Bench, kinds: Sequence[Feedback], seed: int, rule: Point = RULE
    ) -> None:
        self._bench, self._kinds, self._rule = bench, kinds, rule
        self._rng = np.random.default_rng(seed)
        self._widest = min(WIDEST, bench.widest)
        self.chosen = Setting(rule, min(WIDTH, self._widest), kinds[0])
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
        explored = self._explore()
        refined = self._refine(REFINE, self.chosen.width)
        self._take(refined or explored)
        if self.best is None or not refined:
            return
        self._choose_width()
        self._take(self._refine(POLISH, self.chosen.width))
        while self._resized(2.0, PAYS):
            self._take(self._refine(POLISH, self.chosen.width))
        self._choose_dislikes(self.best)
        self._choose_epochs(self.best)

    def _take(self, trials: Sequence[Trial]) -> None:
        # The best on the surface of all trials becomes the choice.
        if trials:
            means = _worth(self._surface(), [trial.setting for trial in trials])
            self.best = trials[int(means.argmax())]
            # The first rounds are narrower than what is chosen, if only for speed.
            width = max(self.best.setting.width, self.chosen.width)
            self.chosen = self.best.setting._replace(width=width)

    def _surface(self) -> Surface:
        return Surface(self._bench.trials, self._kinds)

    def _explore(self) -> list[Trial]:
        rule = Setting(self._rule, max(1, self.chosen.width // 2), self._kinds[0])
        settings = [rule, *(rule._replace(feedback=kind) for kind in self._kinds[1:])]
        n, n_parts = self._affordable(EXPLORE, rule)
        settings += [
            rule._replace(point=point) for point in self._around(self._rule, max(1, n - 1), 1.0)
        ]
        return self._all(settings[:n], EXPLORE.n_epochs, n_parts)

    def _refine(self, stage: Stage, width: int) -> list[Trial]:
        # Trials of the most promising settings of a width, one after the other.
        if not self._bench.trials:
            return []
        n, n_parts = self._affordable(stage, self.chosen._replace(width=width))
        tried: list[Trial] = []
        for i in range(n):
            setting = self._promising(width, first=not i)
            trial = self._tried(setting, stage.n_epochs, n_parts)
            if trial is not None:
                tried.append(trial)
            elif not tried:
                break
        return tried

    def _promising(self, width: int, first: bool) -> Setting:
        # The best so far at this width; after it, where most improvement is expected.
        surface, trials = self._surface(), self._bench.trials
        known = [trial.setting._replace(width=width) for trial in trials]
        means = _worth(surface, known)
        best = known[int(means.argmax())]
        if first:
            return best
        expected = float(surface.means(known).max())
        candidates = []
        for scale in (0.3, 1.0):
            points = self._around(best.point, CANDIDATES // 2, scale)
            kinds = self._rng.integers(len(self._kinds), size=len(points))
            candidates += [
                Setting(point, width, best.feedback if i % 2 else self._kinds[kinds[i]])
                for i, point in enumerate(points)
            ]
        return candidates[int(surface.gains(candidates, expected).argmax())]

    def _affordable(self, stage: Stage, setting: Setting) -> tuple[int, int]:
        # How many points, and on how many validation parts, the share of a stage allows.
        one = self._bench.trial_work(setting, stage.n_epochs)
        final = self._bench.final_work(setting, EPOCHS)
        share = stage.share * self._bench.ledger.left(max(final, self._final_work))
        n_parts = int(np.clip(share / (one * stage.enough), 1, self._bench.n_parts))
        return int(np.clip(share / (one * n_parts), 1, stage.n_points)), n_parts

    def _all(self, settings: Sequence[Setting], n_epochs: int, n_parts: int) -> list[Trial]:
        tried = [self._tried(setting, n_epochs, n_parts) for setting in settings]
        return [trial for trial in tried if trial is not None]

    def _tried(self, setting: Setting, n_epochs: int, n_parts: int) -> Trial | None:
        return self._bench.tried(setting, n_epochs, n_parts, self._final_work)

    @property
    def _final_work(self) -> float:
        return self._bench.final_work(self.chosen, EPOCHS)

    def _around(self, centre: Point, n: int, scale: float) -> list[Point]:
        # A Latin hypercube: each of n slices of each axis has one point.
        ranks = np.array([self._rng.permutation(n) for _ in range(3)]).T
        offsets = scale * (2 * (ranks + self._rng.random((n, 3))) / n - 1)
        return [moved(centre, *map(float, offset)) for offset in offsets]

    def _choose_width(self) -> None:
        if not self._resized(2.0, PAYS):
            self._resized(0.5, COSTS_NOTHING)

    def _resized(self, step: float, needed: float) -> bool:
        # Whether another width, by this step again and again, has at least the needed NDCG.
        best, first = self.best, self.chosen.width
        while best is not None:
            width = int(self.chosen.width * step)
            if not NARROWEST <= width <= self._widest:
                break
            setting = self.chosen._replace(width=width)
            n_parts = min(self._affordable(LADDER, setting)[1], best.n_parts)
            trial = self._tried(setting, LADDER.n_epochs, n_parts)
            if trial is None or trial.score < needed * best.values[: len(trial.values)].mean():
                break
            best = self.best = trial
            self.chosen = setting
        return self.chosen.width != first

    def _choose_dislikes(self, best: Trial) -> None:
        # The same point with feedback that knows dislikes, unless that is surely worse.
        for kind in self._kinds if not self.chosen.feedback.knows_dislikes else ():
            if not kind.knows_dislikes:
                continue
            setting = self.chosen._replace(feedback=kind)
            trial = self._tried(setting, best.n_epochs, best.n_parts)
            if trial is None or len(trial.values) != len(best.values):
                continue
            lost = best.values - trial.values
            noise = 1.96 * float(lost.std()) / math.sqrt(len(lost))
            if lost.mean() <= max(noise, DISLIKES * best.score):
                self.best, self.chosen = trial, setting
                return

    def _choose_epochs(self, best: Trial) -> None:
        longer = self._tried(self.chosen, EPOCHS, best.n_parts)
        if longer is None:
            return
        if best.score >= COSTS_NOTHING * longer.score:
            self.n_epochs = best.n_epochs
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


def _worth(surface: Surface, settings: Sequence[Setting]) -> npt.NDArray[np.float64]:
    # The expected score of each setting, with what is given for knowing dislikes.
    knows = np.array([setting.feedback.knows_dislikes for setting in settings])
    return surface.means(settings) + DISLIKES * knows


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
