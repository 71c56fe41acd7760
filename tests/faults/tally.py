"""Outcomes of attacks, counted, and the table that shows them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

RIGHT = "right"
CLEAN = "clean"
RAW = "raw"
CRASH = "crash"
HANG = "hang"
SILENT = "silent"

COLUMNS = {
    RIGHT: "right answers",
    CLEAN: "clean errors",
    RAW: "raw exceptions",
    CRASH: "crashes",
    HANG: "hangs",
    SILENT: "silent wrong",
}
"""Kind of outcome → heading. The first two are good."""


class Outcome(NamedTuple):
    """What came of one case."""

    kind: str
    detail: str = ""

    @property
    def is_good(self) -> bool:
        return self.kind in (RIGHT, CLEAN)


@dataclass
class Tally:
    """The outcomes of one attack."""

    attack: str
    counts: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    """Each bad case: the command that repeats it, and what happened."""

    def add(self, number: int, seed: int, outcome: Outcome) -> None:
        self.counts[outcome.kind] += 1
        if not outcome.is_good:
            again = f"scripts/test --faults {self.attack} --seed {seed} --case {number}"
            self.bad.append(f"{again}\n    {outcome.kind}: {outcome.detail}")

    @property
    def tried(self) -> int:
        return self.counts.total()

    def save(self, folder: Path) -> None:
        """Adds it to what earlier runs left in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / "tallies.jsonl", "a") as file:
            about = {"attack": self.attack, "counts": self.counts, "bad": self.bad}
            file.write(json.dumps(about) + "\n")


def saved(folder: Path) -> list[Tally]:
    """What was saved in a folder, one tally an attack."""
    found: dict[str, Tally] = {}
    for line in (folder / "tallies.jsonl").read_text().splitlines():
        one = json.loads(line)
        tally = found.setdefault(one["attack"], Tally(one["attack"]))
        tally.counts.update(one["counts"])
        tally.bad += one["bad"]
    return list(found.values())


def table(tallies: Iterable[Tally]) -> Iterator[str]:
    """The lines of a Markdown table, the sum last."""
    yield f"| attack | tried | {' | '.join(COLUMNS.values())} |"
    yield f"|---|{'--:|' * (len(COLUMNS) + 1)}"
    total = Tally("all")
    for one in tallies:
        total.counts.update(one.counts)
        yield _row(one)
    yield _row(total)


def _row(tally: Tally) -> str:
    cells = [tally.tried, *(tally.counts[kind] for kind in COLUMNS)]
    return f"| {tally.attack} | {' | '.join(f'{n:,}' for n in cells)} |"
