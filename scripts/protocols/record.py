"""What a protocol consists of: its data, what it measures, who takes part, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from recsys.evaluation.protocol.contenders import Model
from recsys.evaluation.protocol.prepared import PreparedSplit
from recsys.recommend.ranking import FittedRanker

Vector = npt.NDArray[np.float64]
Rows = npt.NDArray[np.integer]
Sums = dict[str, tuple[Vector, Vector]]
"""Measure → for each user of the data, what adds up and over how much of it."""


@dataclass(frozen=True)
class Measure:
    """A number of the table: (Σ sums / Σ amounts)^(1/power) over the users of a part."""

    name: str
    power: int = 1
    """2 for a root of a mean square."""
    interval: bool = True
    """Whether the table shows its interval."""
    is_error: bool = False
    """Whether less is better."""


@dataclass(frozen=True, eq=False)
class Part:
    """A training and a test part: all of the data, or one fold."""

    name: str
    prepared: PreparedSplit
    negatives: Rows | None = None
    """(n_test_users, n) item rows that the test item of each user is ranked among."""

    @property
    def n_users(self) -> int:
        """Users of the data, with test ratings or without."""
        return self.prepared.split.test.n_users


@dataclass(frozen=True, eq=False)
class Material:
    """The data of a protocol, split."""

    parts: tuple[Part, ...]
    counts: Mapping[str, int]
    """What was counted, under the names that `Procedure.counts` uses."""
    remarks: tuple[str, ...] = ()
    """What differs from the published protocol with these files."""


class Task(Protocol):
    """What is asked of a model, and what its answer is worth."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The numbers of the table."""

    def pairs(self, part: Part) -> tuple[Rows, Rows]:
        """User and item rows whose scores are the answer of a library; see `sums`."""

    def answer(self, ranker: FittedRanker, part: Part) -> Any:
        """The answer of one of our models."""

    def sums(self, part: Part, answer: Any) -> Sums:
        """What an answer is worth."""


@dataclass(frozen=True)
class Contender:
    """One of our models."""

    name: str
    model: Model


@dataclass(frozen=True)
class Peer:
    """A model of another library, which runs in an environment of its own."""

    name: str
    library: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Published:
    """A row of a published table."""

    name: str
    values: Mapping[str, float]
    source: str


@dataclass(frozen=True)
class Procedure:
    """A published protocol."""

    name: str
    title: str
    needs: str
    """The files it takes, in words."""
    load: Callable[[Path], Material]
    task: Task
    contenders: tuple[Contender, ...]
    dataset: str | None = None
    """The set that `recsys fetch` downloads where no path is given."""
    peers: tuple[Peer, ...] = ()
    published: tuple[Published, ...] = ()
    counts: Mapping[str, int] | None = None
    """What its authors counted; another number is remarked on."""
    remarks: tuple[str, ...] = ()
    """What cannot be matched, whatever the files."""
