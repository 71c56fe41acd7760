"""Rates per version and their differences, measured on lists that were served.

The independent draws are people, not lists: somebody who clicks a lot does so in all of their
lists. People are resampled with everything they were served, by whichever version, so that one
draw serves all versions: the difference is paired for people who were served by both and unpaired
for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.evaluation.online.exchange import exchange_test
from recsys.evaluation.result.statistics import SIGNIFICANT, holm, quantiles, resampled_ratios
from recsys.evaluation.result.wording import signed

MEASURES: Mapping[str, str] = {
    "click_through": "lists with a click / lists",
    "hit_rate": "lists with an item that the person then rated or clicked / lists",
    "dismissed": "lists with an item that the person dismissed / lists",
}
"""Name of a measure → what it is."""

CURRENT = "current"
"""The arm of a version that serves everybody."""
LEAST_PEOPLE = 30
"""People that both versions need before a difference is called one."""

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """One measure of one version."""

    mean: float
    low: float
    """Of the 95 % bootstrap interval over people."""
    high: float


@dataclass(frozen=True)
class Difference:
    """One measure of one version against that of the version it is compared with."""

    measure: str
    version: str
    against: str
    difference: float
    low: float
    high: float
    p: float
    """Of the exchange of versions between people, corrected for all comparisons (Holm)."""
    n_people: tuple[int, int]
    at_once: bool
    """Whether both versions served in the same time."""

    @property
    def answer(self) -> str:
        """more, less, or undecided."""
        if min(self.n_people) < LEAST_PEOPLE or self.p >= SIGNIFICANT:
            return "undecided"
        return "more" if self.difference > 0 else "less"

    @property
    def sentence(self) -> str:
        """The answer with the numbers behind it."""
        words = {
            "more": f"{self.version} has more than {self.against}",
            "less": f"{self.version} has less than {self.against}",
            "undecided": f"{self.version} against {self.against} is undecided",
        }
        said = (
            f"{self.measure}: {words[self.answer]}, difference {signed(self.difference)} "
            f"[{signed(self.low)}, {signed(self.high)}], p = {self.p:.2g}"
        )
        if min(self.n_people) < LEAST_PEOPLE:
            said += f"; each needs {LEAST_PEOPLE} people"
        if not self.at_once:
            said += "; they served at different times, so the time may be the reason"
        return said


@dataclass(frozen=True)
class Served:
    """What one version served, and its rates."""

    version: str
    arm: str
    n_lists: int
    n_people: int
    first: float
    """Time of its first list, in seconds since 1970."""
    last: float
    rates: Mapping[str, Rate]


@dataclass(frozen=True)
class Online:
    """Versions in the order in which they began to serve, and how they differ."""

    versions: tuple[Served, ...]
    differences: tuple[Difference, ...]
    """Of every other version from the one that is compared with, for each measure."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "versions": [
                {
                    "version": one.version,
                    "arm": one.arm,
                    "lists": one.n_lists,
                    "people": one.n_people,
                    "first": one.first,
                    "last": one.last,
                    **{name: vars(rate) for name, rate in one.rates.items()},
                }
                for one in self.versions
            ],
            "differences": [
                {**vars(one), "n_people": list(one.n_people), "answer": one.answer,
                 "sentence": one.sentence}
                for one in self.differences
            ],
            "measures": dict(MEASURES),
        }  # fmt: skip


def measured(lists: pd.DataFrame, against: str | None = None) -> Online:
    """The rates of each version, and their differences from one of them.

    Args:
        lists: a row per list that was served: `person` (None for somebody unknown, who counts as
            a person of their own), `version`, `arm`, `time`, and a column of 0 and 1 for each of
            `MEASURES`.
        against: the version that the others are compared with; None for the one with most lists.
    """
    if lists.empty:
        return Online((), ())
    people = _people(lists["person"])
    which, versions = pd.factorize(lists["version"])
    shape = int(people.max()) + 1, len(versions)
    cell = people * shape[1] + which

    def per_person(weights: npt.NDArray[Any] | None = None) -> Counts:
        sums = np.bincount(cell, weights, minlength=shape[0] * shape[1])
        return np.asarray(sums.reshape(shape), np.float64)

    belows = per_person()
    tops = {name: per_person(lists[name].to_numpy(np.float64)) for name in MEASURES}
    # All at once, because the draws of people are the same for all.
    together = np.hstack(list(tops.values())), np.hstack([belows] * len(tops))
    columns = np.split(resampled_ratios(*together), len(tops), axis=1)
    found = dict(zip(tops, columns, strict=True))
    times = lists.groupby("version")["time"].agg(["min", "max"])
    order = sorted(versions, key=lambda one: (times.loc[one, "min"], one))
    served = tuple(
        _served(lists[lists["version"] == one], at, belows, tops, found)
        for one in order
        for at in [list(versions).index(one)]
    )
    if against is None:
        against = max(served, key=lambda one: one.n_lists).version
    return Online(served, _differences(served, list(versions), against, (belows, tops, found)))


def _people(given: pd.Series[Any]) -> npt.NDArray[np.int64]:
    # A code for each list; somebody unknown gets one of their own.
    codes, known = pd.factorize(given)
    unknown = np.flatnonzero(codes < 0)
    codes = codes.astype(np.int64)
    codes[unknown] = len(known) + np.arange(len(unknown))
    return codes


def _served(
    own: pd.DataFrame,
    at: int,
    belows: Counts,
    tops: Mapping[str, Counts],
    resampled: Mapping[str, Counts],
) -> Served:
    rates = {}
    for name in MEASURES:
        low, high = quantiles(resampled[name][:, [at]])[:, 0]
        mean = tops[name][:, at].sum() / belows[:, at].sum()
        rates[name] = Rate(float(mean), float(low), float(high))
    return Served(
        version=str(own["version"].iloc[0]),
        arm=str(own["arm"].iloc[-1] or CURRENT),
        n_lists=len(own),
        n_people=int((belows[:, at] > 0).sum()),
        first=float(own["time"].min()),
        last=float(own["time"].max()),
        rates=rates,
    )


def _differences(
    served: Sequence[Served],
    columns: list[str],
    against: str,
    counted: tuple[Counts, Mapping[str, Counts], Mapping[str, Counts]],
) -> tuple[Difference, ...]:
    belows, tops, resampled = counted
    base = next((one for one in served if one.version == against), None)
    if base is None:
        return ()
    found: list[Difference] = []
    for name in MEASURES:
        for one in served:
            if one is base:
                continue
            at = [columns.index(one.version), columns.index(against)]
            gap = resampled[name][:, at[0]] - resampled[name][:, at[1]]
            low, high = quantiles(gap[:, None])[:, 0]
            found.append(
                Difference(
                    measure=name,
                    version=one.version,
                    against=against,
                    difference=one.rates[name].mean - base.rates[name].mean,
                    low=float(low),
                    high=float(high),
                    p=exchange_test(tops[name][:, at], belows[:, at]),
                    n_people=(one.n_people, base.n_people),
                    at_once=_at_once(one, base),
                )
            )
    corrected = holm([one.p for one in found])
    return tuple(
        Difference(**{**vars(one), "p": float(p)}) for one, p in zip(found, corrected, strict=True)
    )


def _at_once(one: Served, other: Served) -> bool:
    # Whether the time in which both served is at least half of that of the shorter one.
    both = min(one.last, other.last) - max(one.first, other.first)
    return both >= min(one.last - one.first, other.last - other.first) / 2
