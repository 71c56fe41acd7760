"""`Reranker`: chooses a list from the items with the best scores."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from recsys.settings import NamedSettings, option

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pool:
    """The items that a list may be chosen from, best score first. What a way needs not is None."""

    relevance: Vector
    """(m,) scores, moved and scaled so that the best is 1 and the last is 0."""
    directions: Matrix | None = None
    """(m, d) the items as vectors of length 1 (0 where nothing is known): a product of two is their
    cosine."""
    genres: Matrix | None = None
    """(m, n_genres) shares of the genres of each item."""
    taste: Vector | None = None
    """(n_genres,) shares of the genres in what the person liked."""
    popularity: Vector | None = None
    """(m,) 0 for an item without ratings to 1 for the most rated one, on a logarithmic scale."""


@dataclass(frozen=True)
class Reranker(NamedSettings):
    """A way to choose a list; its strength says how much variety is worth."""

    noun: ClassVar[str] = "setting"
    needs: ClassVar[tuple[str, ...]] = ()
    """The fields of `Pool` that it reads, besides `relevance`."""

    strength: float = option(
        0.3, low=0, high=1, meaning="0 leaves the list unchanged, 1 considers variety alone."
    )
    pool: int = option(100, low=1, meaning="Number of best items to choose from.")

    @abstractmethod
    def order(self, pool: Pool, k: int) -> npt.NDArray[np.int64]:
        """Positions (k,) in the pool, in the order of the list; fewer where the pool is smaller."""

    def __str__(self) -> str:
        return f"{self.name}={self.strength:g}"


def greedy(gains: Any, m: int, k: int) -> npt.NDArray[np.int64]:
    """Positions (min(k, m),), each the one with the largest gain given those before it.

    Args:
        gains: from the positions so far to the gains (m,) of all.
        m: size of the pool.
        k: length of the list.
    """
    chosen: list[int] = []
    free = np.ones(m, bool)
    for _ in range(min(k, m)):
        best = int(np.where(free, gains(chosen), -np.inf).argmax())
        free[best] = False
        chosen.append(best)
    return np.array(chosen, np.int64)
