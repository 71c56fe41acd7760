"""Trials: settings that are fitted on a validation part and compared by NDCG@10."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recsys.errors import FitError
from recsys.evaluation.search.rule import Point, Shape
from recsys.evaluation.search.validation import N_PARTS, Part, Values, carve
from recsys.evaluation.search.work import Ledger, fit_work, ranking_work
from recsys.models.baselines import Popularity
from recsys.models.implicit_als import ImplicitALS
from recsys.models.kept import NOTHING, Entry, Kept
from recsys.ratings.feedback import Feedback
from recsys.ratings.ratings import Ratings
from recsys.recommend.chosen import OnSearch, Searching

ENOUGH_USERS = 12_000
"""Small data have so many validation parts that about as many ranked users decide."""

MOST_HELD = 20_000_000
"""Ratings of all validation parts together; of more ratings than that there is one part."""


def most_parts(n_ratings: int) -> int:
    """Validation parts that may be made of so many ratings."""
    return int(np.clip(MOST_HELD // max(1, n_ratings), 1, N_PARTS))


class Setting(NamedTuple):
    """What is tried."""

    point: Point
    width: int
    feedback: Feedback


@dataclass(frozen=True, eq=False)
class Trial:
    """A setting that was fitted for some epochs on some validation parts."""

    setting: Setting
    spec: ImplicitALS
    n_epochs: int
    n_parts: int
    values: Values
    """NDCG@10 of every ranked user of every part."""

    @property
    def score(self) -> float:
        """Mean of the values."""
        return float(self.values.mean())


class Bench:
    """Tries settings on validation parts of some ratings, and keeps the account of the work."""

    def __init__(
        self,
        ratings: Ratings,
        liked: npt.NDArray[np.bool_],
        ledger: Ledger,
        seed: int,
        on_search: OnSearch | None = None,
        kept: Kept = NOTHING,
    ) -> None:
        self.ledger, self.trials = ledger, list[Trial]()
        self._ratings, self._liked, self._seed = ratings, liked, seed
        self._on_search, self._kept, self._share = on_search, kept, 0.0
        self._shapes: dict[Feedback, tuple[Shape, float, int]] = {}
        self._parts: list[Part | None] = []

    @property
    def widest(self) -> int:
        """Width beyond which factors carry nothing more."""
        return max(1, min(self._ratings.n_users, self._ratings.n_items))

    @property
    def n_parts(self) -> int:
        """Validation parts that together have enough users, none where nothing can be held out."""
        first = self.part(0)
        if first is None:
            return 0
        return min(-(-ENOUGH_USERS // len(first.users)), most_parts(self._ratings.n_ratings))

    def part(self, i: int) -> Part | None:
        """The i-th validation part, carved when it is first asked for."""
        while len(self._parts) <= i:
            self._parts.append(carve(self._ratings, self._liked, self._seed, len(self._parts)))
        return self._parts[i]

    def spec(self, setting: Setting, n_epochs: int) -> ImplicitALS:
        """The model of a setting on all ratings."""
        shape, confidence, _ = self._shape(setting.feedback)
        spec = shape.spec(setting.point, setting.width, n_epochs, confidence)
        return replace(spec, seed=self._seed)

    def final_work(self, setting: Setting, n_epochs: int) -> float:
        """Work of the fit on all ratings."""
        return self._fit_work(self.spec(setting, n_epochs), setting.feedback)

    def trial_work(self, setting: Setting, n_epochs: int, n_parts: int = 1) -> float:
        """Work of a trial."""
        spec, first = self.spec(setting, n_epochs), self.part(0)
        n_users = 0 if first is None else len(first.users)
        ranking = ranking_work(n_users, self._ratings.n_items, spec.n_factors)
        return n_parts * (self._fit_work(spec, setting.feedback) + ranking)

    def tried(self, setting: Setting, n_epochs: int, n_parts: int, final: float) -> Trial | None:
        """The trial of a setting, which is not made again on fewer parts.

        None where it has no finite solution, or where the ledger forbids it.

        Args:
            setting: what to try.
            n_epochs: epochs of each fit.
            n_parts: validation parts to try it on.
            final: work of the final fit, by which the budget is counted.
        """
        spec = self.spec(setting, n_epochs)
        for made in self.trials:
            same = (made.spec, made.setting.feedback) == (spec, setting.feedback)
            if same and made.n_parts >= n_parts:
                return made
        work = self.trial_work(setting, n_epochs, n_parts)
        if not self.ledger.allows(work, final):
            return None
        self.ledger.spent += work
        try:
            values = self._values(spec, setting.feedback, n_parts)
        except FitError:
            return None
        trial = Trial(setting, spec, n_epochs, n_parts, values)
        self.trials.append(trial)
        if self._on_search is not None:
            left = self.ledger.left(final)
            share = self.ledger.spent / max(1.0, self.ledger.spent + left)
            # What is left depends on the width that is best so far.
            self._share = max(self._share, min(1.0, share))
            best = max(one.score for one in self.trials)
            self._on_search(Searching(self._share, len(self.trials), best))
        return trial

    def _values(self, spec: ImplicitALS, feedback: Feedback, n_parts: int) -> Values:
        # NDCG@10 of every user of every part. A trial that was kept takes the time that it took.
        def made() -> Entry:
            values = []
            for i in range(n_parts):
                if (part := self.part(i)) is not None:
                    values.append(part.ndcg(spec.fit(part.trained_on(feedback))))
            took = time.perf_counter() - began
            return Entry({"values": np.concatenate(values)}, {"seconds": took})

        began = time.perf_counter()
        key = {"spec": spec.to_dict(), "feedback": str(feedback), "parts": n_parts}
        found = self._kept.remember(f"trial-{len(self.trials)}", key, made)
        self.ledger.add(found.about["seconds"] - (time.perf_counter() - began))
        return found.arrays["values"]

    def popularity(self, feedback: Feedback, n_parts: int) -> float:
        """Mean NDCG@10 of the same users with the most popular items that they have not seen."""
        parts = [part for i in range(n_parts) if (part := self.part(i)) is not None]
        values = [part.ndcg(Popularity().fit(part.trained_on(feedback))) for part in parts]
        return float(np.concatenate(values).mean())

    def _fit_work(self, spec: ImplicitALS, feedback: Feedback) -> float:
        n_ratings = self._shape(feedback)[2]
        return fit_work(spec, self._ratings.n_users, self._ratings.n_items, n_ratings)

    def _shape(self, feedback: Feedback) -> tuple[Shape, float, int]:
        # Shape, mean confidence and number of the ratings that count.
        if feedback not in self._shapes:
            counted = feedback.apply(self._ratings)
            confidence = float(np.abs(counted.matrix.data).mean(dtype=np.float64)) or 1.0
            self._shapes[feedback] = Shape.of(counted), confidence, counted.n_ratings
        return self._shapes[feedback]
