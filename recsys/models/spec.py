"""What every model is told and tells: `Spec`, `Progress`, and the checks on hyperparameters."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from recsys import kernels
from recsys.errors import ArgumentError

if TYPE_CHECKING:
    from recsys.models.factors import Factors
    from recsys.models.row_problem import RowProblem
    from recsys.ratings.ratings import Ratings

FloatArray = npt.NDArray[np.float32]
SideName = Literal["users", "items"]


@dataclass(frozen=True)
class Progress:
    """One epoch of training, as told to `on_epoch`."""

    epoch: int
    """1 for the first."""
    n_epochs: int
    """How many there will be at most."""
    loss: float
    """Training loss after the epoch, in the unit the spec's docstring gives."""
    seconds: float
    """Since the fit began."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """What the loss is made of, where the model says: fit, unobserved, regularization."""


OnEpoch = Callable[[Progress], None]


@dataclass(frozen=True)
class Side:
    """Biases (n,) and factors (n, f), float32, of n users or items: what a fold-in returns."""

    bias: FloatArray
    factors: FloatArray


@dataclass(frozen=True)
class Settings:
    """Hyperparameters by name: immutable, comparable, checked, ready for JSON."""

    name: ClassVar[str]
    """What the command line, the registry and model files call the model."""
    predicts_ratings: ClassVar[bool] = False
    """Whether a score is a predicted rating, so that its error means something."""

    def to_dict(self) -> dict[str, Any]:
        """Name and hyperparameters, ready for JSON."""
        return {"model": self.name} | {f.name: getattr(self, f.name) for f in fields(self)}

    def _check(
        self,
        argument: str,
        low: float,
        high: float = math.inf,
        *,
        whole: bool = False,
        above: bool = False,
    ) -> None:
        # `above`: the lower end itself is not allowed.
        value = getattr(self, argument)
        try:
            number = float(value) if isinstance(value, int | float | np.number) else math.nan
        except OverflowError:
            number = math.inf
        fits = math.isfinite(number) and not isinstance(value, bool | np.bool_)
        fits = fits and (number > low if above else number >= low) and number <= high
        if not fits or (whole and number != int(number)):
            kind = "a whole number" if whole else "a number"
            start = f"above {low:g}" if above else f"of at least {low:g}"
            end = "" if high == math.inf else f" and at most {high:g}"
            raise ArgumentError(f"{argument} must be {kind} {start}{end}, not {value!r}")
        # NumPy scalars and whole floats become what JSON and loops expect.
        object.__setattr__(self, argument, int(value) if whole else number)


def initial_factors(rng: np.random.Generator, n: int, width: int) -> FloatArray:
    """(n, width) float32 drawn from N(0, (0.1/√width)²)."""
    table = kernels.aligned((n, width))
    rng.standard_normal(dtype=np.float32, out=table)
    table *= np.float32(0.1 / math.sqrt(width))
    return table


@dataclass(frozen=True)
class Spec(Settings):
    """Hyperparameters of one factorization, able to fit it and to fold in."""

    folds_in_exactly: ClassVar[bool] = True
    """Whether folding a training user back in returns their stored factors."""
    working_memory: ClassVar[tuple[float, float, float]]
    """What a fit allocates at most: bytes a rating, float32 tables of all users and items, and
    bytes for each of f × f numbers. A test holds them against measured peaks."""

    @abstractmethod
    def fit(self, ratings: Ratings, on_epoch: OnEpoch | None = None) -> Factors:
        """The factors of `ratings`. `on_epoch` hears of each epoch, and may raise to stop."""

    def training_memory(self, n_users: int, n_items: int, n_ratings: int) -> int:
        """Bytes that `fit` allocates at most, the factors it returns included, the ratings not."""
        a_rating, tables, a_square = self.working_memory
        width = getattr(self, "n_factors", 0) + 1  # with the bias
        all_tables = tables * 4 * width * (n_users + n_items)
        return round(a_rating * n_ratings + all_tables + a_square * width**2)

    @abstractmethod
    def fold_in_users(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """Biases and factors of new users, from their ratings (n, n_items), items fixed."""

    @abstractmethod
    def fold_in_items(self, factors: Factors, matrix: sp.csr_matrix) -> Side:
        """Biases and factors of new items, from their ratings (n, n_users), users fixed."""

    def problem_of(
        self, factors: Factors, matrix: sp.csr_matrix, side: SideName
    ) -> RowProblem | None:
        """The least-squares problem that the factors of one side solve, the other side fixed.

        Args:
            factors: gives the other side.
            matrix: (n, n_other) what the model trains on: users × items for the side "users", items
                × users for "items".
            side: which.

        Returns:
            None for models that are not least squares row by row.
        """
        return None
