"""`Account`: what was understood of a source of ratings, in a form for people and for JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar, get_args

from recsys.errors import ArgumentError
from recsys.provenance import without_passwords
from recsys.ratings.columns import RATING_NAMES, ROLES, plain

T = TypeVar("T")

Kind = Literal["ratings", "counts", "seen"]
"""What values are: ratings on a scale, counts of events, or nothing but that there was one."""


_SHOWN = 12  # unused columns that are named
_LONGEST = 40  # characters of a name or an example
_LONGEST_NOUN = 20
_SAYS_NOTHING = ("counts", "feedback", "label", "value")  # column names that are no noun
_REPEATS = {
    "latest": "the latest counts",
    "mean": "their mean counts",
    "sum": "their values are added up",
    "count": "they are counted",
    "max": "the largest counts",
}
"""What became of repeats, in words."""


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
    """File, folder or address without its password; "the table" for a table in memory."""
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
    missing: tuple[float, ...] = ()
    """Values that were left out because they stand for "not rated"."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """Role → kind of its ids: "whole numbers" or "text"."""
    n_titles: int = 0
    """Items with a title."""
    remarks: tuple[str, ...] = ()
    """What else to know, each in one sentence without its period."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ArgumentError(f"kind must be one of {get_args(Kind)}, not {self.kind!r}")
        object.__setattr__(self, "source", without_passwords(self.source))

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        plain = asdict(self)
        return {name: list(v) if isinstance(v, tuple) else v for name, v in plain.items()}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Account:
        """The account that `to_dict` described; keys that are not known here are left out."""
        known = {name: saved[name] for name in cls.__dataclass_fields__ if name in saved}
        known["columns"] = {role: Taken(**taken) for role, taken in saved["columns"].items()}
        for name in ("unused", "missing", "remarks"):
            known[name] = tuple(saved.get(name, ()))
        return cls(**known)

    @property
    def noun(self) -> str:
        """What one value is called: "rating", or of counts "count" or their column, as "hours".

        >>> Account("", "", {"rating": Taken("Hours_played", "2.5")}, kind="counts").noun
        'hours played'
        """
        if self.kind != "counts":
            return "rating" if self.kind == "ratings" else "value"
        name = self.columns["rating"].name.split(":")[0] if "rating" in self.columns else ""
        words = " ".join(name.replace("_", " ").replace("-", " ").lower().split())
        unclear = plain(name) in (*RATING_NAMES, *_SAYS_NOTHING) or len(words) > _LONGEST_NOUN
        # With --duplicates count, the values are numbers of rows, whatever the column holds.
        if unclear or self.duplicates == "count" or not words.replace(" ", "").isalpha():
            return "count"
        return words

    def lines(self) -> Iterator[tuple[str, str]]:
        """What a person should see first: pairs of a heading and a sentence."""
        lacks = ", no rating column" if self._lacks_ratings else ""
        yield "read", f"{self.source} ({self.layout}), {counted(self.n_rows, 'row')}{lacks}"
        yield "columns", self._columns()
        if self.ids:
            yield "ids", ", ".join(f"{role}s are {kind}" for role, kind in _in_order(self.ids))
        yield "values", self._values()
        yield "times", self._times()
        if self.n_repeats:
            said = _REPEATS.get(self.duplicates, f"kept: {self.duplicates}")
            rows = counted(self.n_repeats, "row")
            again = "repeats" if self.n_repeats == 1 else "repeat"
            yield "repeats", f"{rows} {again} an earlier user and item; {said}"
        for reason, n in self.dropped.items():
            yield "dropped", f"{counted(n, 'row')}: {reason}"
        yield "titles", f"{self.n_titles:,} found" if self.n_titles else "none found"
        for remark in self.remarks:
            yield "note", remark

    def _columns(self) -> str:
        taken = [
            f"{role} = {_short(one.name)} ({_short(one.example)})"
            for role, one in _in_order(self.columns)
        ]
        unused = [_short(name) for name in self.unused[:_SHOWN]]
        if len(self.unused) > _SHOWN:
            unused.append(f"and {len(self.unused) - _SHOWN:,} more")
        if not unused:
            return ", ".join(taken)
        others = f"; not used: {', '.join(unused)}"
        if self._lacks_ratings:
            others += "; if one has ratings or counts, name it with --column rating=NAME"
        return ", ".join(taken) + others

    @property
    def _lacks_ratings(self) -> bool:
        # A matrix has ratings without a column of them.
        return self.kind != "ratings" and bool(self.columns) and "rating" not in self.columns

    def _values(self) -> str:
        if self.low is None or self.high is None:
            return "none: every row is read as seen"
        why = f" ({self.why_kind})" if self.why_kind else ""
        span = f"{_number(self.low)} to {_number(self.high)}"
        if self.low == self.high:
            span = f"all {_number(self.low)}"
        zeros = f", {self.n_zeros:,} of them 0" if self.n_zeros and self.low != self.high else ""
        return f"{self.kind}{why}, {span}{zeros}"

    def _times(self) -> str:
        if self.first_time is None or self.last_time is None:
            return "none"
        first, last = (time.replace("T", " ") for time in (self.first_time, self.last_time))
        return f"all {first} UTC" if first == last else f"{first} to {last} UTC"


def _in_order(by_role: Mapping[str, T]) -> list[tuple[str, T]]:
    # Model files sort the keys of their JSON.
    return [(role, by_role[role]) for role in ROLES if role in by_role]


def counted(n: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _number(value: float) -> str:
    # Whole numbers in full, because 1.23457e+09 hides what they are.
    return f"{int(value):,}" if value == int(value) and abs(value) < 1e15 else f"{value:g}"


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= _LONGEST else f"{one_line[: _LONGEST - 1]}…"
