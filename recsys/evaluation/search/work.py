"""The modelled work of a search: what a fit and a ranking cost, whatever the machine and its load.

A unit is about a tenth of a nanosecond of a core with AVX-512. The constants were read off
measured times; that they are about right is enough, because they only decide how much is tried.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from recsys.models.implicit_als import ImplicitALS

LEAST_UNIT = 3.5e10
"""Work of one unit of budget, at least: about two seconds of two cores. Small data are searched
thoroughly."""

MARGIN = 0.88
"""Share of a budget that is planned. Measured times are up to an eighth above the model's."""

_ENTRY, _ENTRY_OVERHEAD, _ROW_OVERHEAD, _AXES = 5.0, 20.0, 1e4, 5.0


def fit_work(spec: ImplicitALS, n_users: int, n_items: int, n_ratings: int) -> float:
    """Work of a fit: passes over the ratings, Gram matrices and rotations of both tables, and the
    axes of the rotations.
    """
    f = spec.n_factors
    entries = _ENTRY * n_ratings * (f + _ENTRY_OVERHEAD)
    rows = (n_users + n_items) * (f * f + _ROW_OVERHEAD)
    return spec.n_epochs * (entries + rows + _AXES * f**3)


def ranking_work(n_users: int, n_items: int, width: int) -> float:
    """Work of ranking all items for some users."""
    return n_users * n_items * (width / 3 + 4)


@dataclass
class Ledger:
    """What a search may spend and has spent: modelled work, and seconds where there is a limit."""

    budget: float
    """Multiples of one fit at the chosen width."""
    time_limit: float | None = None
    spent: float = 0.0
    out_of_time: bool = False
    _began: float = field(default_factory=time.perf_counter)

    def allows(self, work: float, final: float) -> bool:
        """Whether `work` more may be spent, where the final fit is to cost `final`."""
        if self.time_limit is not None and time.perf_counter() - self._began >= self.time_limit:
            self.out_of_time = True
        return not self.out_of_time and work <= self.left(final)

    def add(self, seconds: float) -> None:
        """Counts time that a trial took before the search was interrupted."""
        self._began -= max(0.0, seconds)

    def left(self, final: float) -> float:
        """Work that is left for trials, where the final fit is to cost `final`."""
        return MARGIN * self.budget * max(final, LEAST_UNIT) - final - self.spent
