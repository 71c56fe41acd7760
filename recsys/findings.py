"""`Finding`: one thing that is wrong with data, a model or an evaluation, and the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]

_ORDER: dict[Level, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True)
class Finding:
    """One thing that a check found."""

    code: str
    """Stable name of the check, such as R001 or `ill-conditioned`."""
    level: Level
    """error: the numbers mean something else; warning: they mislead; note: good to know."""
    text: str
    """What was found, with its numbers."""
    remedy: str
    """What to do about it."""

    def __str__(self) -> str:
        return f"{self.code} {self.level}: {self.text}; {self.remedy}"


def by_level(findings: Iterable[Finding]) -> list[Finding]:
    """Errors first, then warnings, then notes; within a level by code.

    >>> note, error = Finding("R011", "note", "a", "b"), Finding("R012", "error", "c", "d")
    >>> [finding.code for finding in by_level([note, error])]
    ['R012', 'R011']
    """
    return sorted(findings, key=lambda finding: (_ORDER[finding.level], finding.code))
