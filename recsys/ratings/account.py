"""`Account`: what was understood of a source of ratings, in a form for people and for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from recsys.errors import ArgumentError

Kind = Literal["ratings", "counts", "seen"]
"""What values are: ratings on a scale, counts of events, or nothing but that there was one."""


@dataclass(frozen=True)
class Taken:
    """A column of the source that was taken for a role."""

    name: str
    """As the source calls it; "column 1" where it has no names."""
    example: str
    """Its value in the first row."""


@dataclass(frozen=True)
class Account:
    """What was read, which column was taken for what, and what became of each row."""

    source: str
    """File, folder or address; "the table" for a table in memory."""
    layout: str
    """Name of the layout."""
    columns: Mapping[str, Taken]
    """Role (user, item, rating, timestamp) → the column taken for it."""
    unused: tuple[str, ...] = ()
    """Other columns of the source."""
    n_rows: int = 0
    """Rows of the source."""
    kind: Kind = "seen"
    why_kind: str = ""
    """What the kind was recognized by."""
    low: float | None = None
    """Least value; None without values."""
    high: float | None = None
    n_zeros: int = 0
    """Values that are zero."""
    first_time: str | None = None
    """Earliest time, ISO 8601 in UTC; None without times."""
    last_time: str | None = None
    n_repeats: int = 0
    """Rows that repeat the user and item of another row."""
    duplicates: str = ""
    """What became of repeats: latest, mean, sum, count, max."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Reason → number of rows that were left out."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Role → kind of its ids: "whole numbers" or "text"."""
    n_titles: int = 0
    """Items with a title."""
    remarks: tuple[str, ...] = ()
    """What else to know, each in one sentence without its period."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ArgumentError(f"kind must be one of {get_args(Kind)}, not {self.kind!r}")

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Account:
        """The account that `to_dict` described; keys that are not known here are left out."""
        known = {name: saved[name] for name in cls.__dataclass_fields__ if name in saved}
        known["columns"] = {role: Taken(**taken) for role, taken in saved["columns"].items()}
        for name in ("unused", "remarks"):
            known[name] = tuple(saved.get(name, ()))
        return cls(**known)

    def lines(self) -> Iterator[tuple[str, str]]:
        """What a person should see first: pairs of a heading and a sentence."""
        taken = [f"{role} = {one.name} ({one.example})" for role, one in self.columns.items()]
        yield "read", f"{self.source} ({self.layout}), {self.n_rows:,} rows"
        yield (
            "columns",
            ", ".join(taken) + (f"; not used: {', '.join(self.unused)}" if self.unused else ""),
        )
        yield "values", self._values()
        if self.first_time is not None:
            yield "times", f"{self.first_time} to {self.last_time}"
        if self.n_repeats:
            yield "repeats", f"{self.n_repeats:,} rows repeat a pair; kept: {self.duplicates}"
        for reason, n in self.dropped.items():
            yield "dropped", f"{n:,} rows: {reason}"
        for remark in self.remarks:
            yield "note", remark

    def _values(self) -> str:
        if self.low is None or self.high is None:
            return "none: every row is read as seen"
        span = f"{self.low:g} to {self.high:g}"
        zeros = f", {self.n_zeros:,} of them 0" if self.n_zeros else ""
        why = f" ({self.why_kind})" if self.why_kind else ""
        return f"{self.kind}{why}, {span}{zeros}"
