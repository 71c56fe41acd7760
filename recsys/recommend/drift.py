"""`Drift`: what updates have added to a model since its training, and when to train again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

LIMIT = 0.1
"""Share of the training's ratings from which on a model should be trained again."""


@dataclass(frozen=True)
class Drift:
    """Counters since the last training; all but the first are 0 for a model as it was trained."""

    trained: int
    """Ratings at the training."""
    added: int = 0
    """Ratings that updates added."""
    changed: int = 0
    """Stored ratings whose value updates changed."""
    users: int = 0
    """Users that joined."""
    items: int = 0
    """Items that joined."""
    updates: int = 0
    """Number of updates."""

    @property
    def share(self) -> float:
        """Ratings added and changed / ratings at the training."""
        return (self.added + self.changed) / max(1, self.trained)

    @property
    def due(self) -> bool:
        """Whether the model should be trained again."""
        return self.share >= LIMIT

    def since(self, before: Drift) -> Drift:
        """What came after an earlier state of the same model."""
        names = ("added", "changed", "users", "items", "updates")
        return Drift(self.trained, **{n: getattr(self, n) - getattr(before, n) for n in names})

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return vars(self) | {"share": self.share, "due": self.due, "said": str(self)}

    def __str__(self) -> str:
        r"""One sentence, without its period.

        >>> print(str(Drift(90_000, added=900, users=12, updates=2)).replace("; ", "\n"))
        1.0 % of the ratings are newer than the model (12 users, 0 items, 2 updates)
        retrain at 10 %
        >>> print(Drift(90_000))
        none: no update since training
        """
        if not self.updates:
            return "none: no update since training"
        counts = ((self.users, "user"), (self.items, "item"), (self.updates, "update"))
        said = ", ".join(f"{n:,} {noun}{'' if n == 1 else 's'}" for n, noun in counts)
        line = f"{100 * self.share:.1f} % of the ratings are newer than the model ({said})"
        return f"{line}; retrain {'now' if self.due else f'at {100 * LIMIT:.0f} %'}"
