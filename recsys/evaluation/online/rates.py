"""Rates per version and their differences, measured on lists that were served.

The independent draws are people, not lists: somebody who clicks a lot does so in all of their
lists. People are resampled with everything they were served, by whichever version, so that one
draw serves all versions: the difference is paired for people who were served by both and unpaired
for the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from recsys.evaluation.online.exchange import exchange_test
from recsys.evaluation.result.statistics import SIGNIFICANT, holm, quantiles, resampled_ratios
from recsys.evaluation.result.wording import signed

MEASURES: Mapping[str, str] = {
    "click_through": "lists with a click / lists",
    "hit_rate": "lists with an item that the user then rated or clicked / lists",
    "dismissed": "lists with an item that the user dismissed / lists",
}
"""Name of a measure → what it is."""
LABELS = {"click_through": "click-through", "hit_rate": "hits", "dismissed": "dismissed"}
"""Name of a measure → what tables call it."""

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
    """Whether both versions served at the same time, and only lists of that time are compared."""

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
            "more": f"version {self.version} is higher than version {self.against}",
            "less": f"version {self.version} is lower than version {self.against}",
            "undecided": f"version {self.version} against version {self.against} is undecided",
        }
        gap, *ends = (signed(100 * one, 1) for one in (self.difference, self.low, self.high))
        said = (
            f"{LABELS[self.measure]}: {words[self.answer]}, difference {gap} points "
            f"[{', '.join(ends)}], p = {self.p:.2g}"
        )
        if min(self.n_people) < LEAST_PEOPLE:
            said += f"; each needs {LEAST_PEOPLE} users"
        if not self.at_once:
            said += "; they served at different times, which may explain the difference"
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
    """Of every other version from the one that is compared with, for each measure of which
    something happened."""

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

    Where two versions shared the traffic, only lists of that time are compared.

    Args:
        lists: a row per list that was served: `person` (None for somebody unknown, who counts as
            a person of their own), `version`, `arm`, `time`, and a column of 0 and 1 for each of
            `MEASURES`.
        against: the version that the others are compared with; None for the one with most lists.
    """
    if lists.empty:
        return Online((), ())
    counts = _Counts.of(lists)
    times = lists.groupby("version")["time"].agg(["min", "max"])
    order = sorted(counts.versions, key=lambda one: (times.loc[one, "min"], one))
    served = {one: _served(one, lists[lists["version"] == one], counts) for one in order}
    if against is None:
        against = max(served.values(), key=lambda one: one.n_lists).version
    base = served.get(against)
    if base is None:
        return Online(tuple(served.values()), ())
    found = [
        each
        for one in served.values()
        if one is not base
        for each in _differences(one, base, lists)
    ]
    order_of = list(MEASURES)
    found.sort(key=lambda each: order_of.index(each.measure))  # stable: versions keep their order
    corrected = holm([each.p for each in found])
    differences = [replace(each, p=float(p)) for each, p in zip(found, corrected, strict=True)]
    return Online(tuple(served.values()), tuple(differences))


@dataclass(frozen=True)
class _Counts:
    # Lists per person and version, all of them and those with each event; and resampled rates.
    versions: tuple[str, ...]
    belows: Counts
    tops: Mapping[str, Counts]
    resampled: Mapping[str, Counts]

    @classmethod
    def of(cls, lists: pd.DataFrame) -> _Counts:
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
        named = tuple(str(one) for one in versions)
        return cls(named, belows, tops, dict(zip(tops, columns, strict=True)))

    def mean(self, measure: str, at: int) -> float:
        return float(self.tops[measure][:, at].sum() / self.belows[:, at].sum())

    def n_people(self, at: int) -> int:
        return int((self.belows[:, at] > 0).sum())


def _people(given: pd.Series[Any]) -> npt.NDArray[np.int64]:
    # A code for each list; somebody unknown gets one of their own.
    codes, known = pd.factorize(given)
    unknown = np.flatnonzero(codes < 0)
    codes = codes.astype(np.int64)
    codes[unknown] = len(known) + np.arange(len(unknown))
    return codes


def _served(version: str, own: pd.DataFrame, counts: _Counts) -> Served:
    at, rates = counts.versions.index(version), {}
    for name in MEASURES:
        low, high = quantiles(counts.resampled[name][:, [at]])[:, 0]
        rates[name] = Rate(counts.mean(name, at), float(low), float(high))
    return Served(
        version=version,
        arm=str(own["arm"].iloc[-1] or CURRENT),
        n_lists=len(own),
        n_people=counts.n_people(at),
        first=float(own["time"].min()),
        last=float(own["time"].max()),
        rates=rates,
    )


def _differences(one: Served, base: Served, lists: pd.DataFrame) -> Iterator[Difference]:
    both = lists[lists["version"].isin([one.version, base.version])]
    shared = both[both["time"].between(max(one.first, base.first), min(one.last, base.last))]
    # Whether this is a trial: most lists of the shorter one are of the time when both served.
    shorter = min((one, base), key=lambda each: each.last - each.first)
    n_shared = int((shared["version"] == shorter.version).sum())
    at_once = shared["version"].nunique() == 2 and n_shared >= shorter.n_lists / 2
    if at_once:
        both = shared
    counts = _Counts.of(both)
    at = [counts.versions.index(each.version) for each in (one, base)]
    for name in MEASURES:
        if not counts.tops[name].any():
            continue  # what nobody did is no comparison
        gap = counts.resampled[name][:, at[0]] - counts.resampled[name][:, at[1]]
        low, high = quantiles(gap[:, None])[:, 0]
        yield Difference(
            measure=name,
            version=one.version,
            against=base.version,
            difference=counts.mean(name, at[0]) - counts.mean(name, at[1]),
            low=float(low),
            high=float(high),
            p=exchange_test(counts.tops[name][:, at], counts.belows[:, at]),
            n_people=(counts.n_people(at[0]), counts.n_people(at[1])),
            at_once=at_once,
        )
