"""The memory that a training needs, estimated before it begins."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from recsys.app.engine import LOCAL
from recsys.app.reading import OnAccount, no_account, read_and_account
from recsys.errors import ArgumentError, RecsysError
from recsys.large import is_mapped
from recsys.memory import free_memory, give_back, peak_during, process_memory

if TYPE_CHECKING:
    from recsys.app.recipe import Recipe
    from recsys.app.train import OnStage
    from recsys.models.spec import Spec
    from recsys.ratings.ratings import Ratings

_FEW = 2000, 1000
_SHORT = {"n_epochs": 1, "n_burn_in": 1, "n_samples": 2}
"""What shortens a fit that is only to load what it needs."""


@dataclass(frozen=True)
class Estimate:
    """Memory in bytes."""

    spec: Spec
    data: Mapping[str, Any]
    program: int
    """The process without the ratings, with the libraries of the model loaded, measured."""
    ratings: int
    """The ratings, measured."""
    mapped: int
    """What of them is in files, which need memory only while they are used."""
    training: int
    """What the fit allocates at most."""
    reading: int
    """Peak of the process while it read the ratings, measured."""
    free: int | None
    """Free memory of the machine, or of the container; None where the system does not say."""
    account: Mapping[str, Any] | None = None
    """What was understood of the ratings."""

    @property
    def total(self) -> int:
        """Memory of the process while it trains."""
        return self.program + self.ratings + self.training

    @property
    def peak(self) -> int:
        """The most that the process will hold, from its start to its end."""
        return max(self.total, self.reading)

    @property
    def fits(self) -> bool | None:
        """Whether the fit fits into the free memory; None where that is unknown."""
        return None if self.free is None else self.training <= self.free

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        parts = {name: getattr(self, name) for name in ("program", "ratings", "mapped", "training")}
        memory = {"peak": self.peak, "total": self.total} | parts
        memory |= {"reading": self.reading}
        return {
            "spec": self.spec.to_dict(),
            "account": self.account,
            "data": dict(self.data),
            "memory": memory | {"free": self.free},
            "fits": self.fits,
        }


def estimate(
    recipe: Recipe, on_stage: OnStage = lambda what: None, on_account: OnAccount = no_account
) -> Estimate:
    """The memory that training on all of the ratings needs; reads them, and trains nothing.

    Raises:
        ArgumentError: the recipe has a bad value.
        DataError: the ratings cannot be read.
    """
    from recsys.evaluation.search.auto import Auto
    from recsys.evaluation.search.blending import Blending
    from recsys.ratings.ratings import overview

    if recipe.engine != LOCAL:
        raise ArgumentError(
            f"estimate is for engine {LOCAL}; {recipe.engine} uses the memory of other machines"
        )
    spec = recipe.spec()
    recipe.parsed_feedback()
    on_stage("reading")
    ratings = read_and_account(recipe, on_account)
    peak = process_memory()[1]
    size = memory_of(ratings)
    sizes = ratings.n_users, ratings.n_items
    needed = spec.training_memory(*sizes, ratings.n_ratings)
    if isinstance(spec, Auto | Blending):
        spec = spec.widest(*sizes)
    give_back()  # what reading has freed, which a fit takes again
    rehearsed, few = _rehearse(spec, ratings)
    if recipe.checkpoint is not None and spec.resumable:
        needed += state_memory(spec, *sizes)
    program = max(0, rehearsed - few - size)
    account = None if ratings.account is None else ratings.account.to_dict()
    mapped = memory_of(ratings, mapped=True)
    return Estimate(
        spec, overview(ratings), program, size, mapped, needed, peak, free_memory(), account
    )


def _rehearse(spec: Spec, ratings: Ratings) -> tuple[int, int]:
    # What the process holds at most while it trains, checks and saves a model of few ratings, and
    # what of it the fit allocates. Libraries, and their buffers for each thread, take tens of
    # megabytes once they are used for matrices that are not small.
    from recsys.app.training import train
    from recsys.diagnosis.explained import collapse
    from recsys.store.model_file import save

    few = _few(ratings)
    own = spec.values()
    short: Any = replace(spec, **{name: n for name, n in _SHORT.items() if name in own})

    def rehearse() -> None:
        with TemporaryDirectory() as folder, warnings.catch_warnings(), suppress(RecsysError):
            warnings.simplefilter("ignore")
            model = train(short, few)
            collapse(model)
            save(model, Path(folder) / "model.safetensors")

    peak = peak_during(rehearse)
    return peak, short.training_memory(few.n_users, few.n_items, few.n_ratings)


def _few(ratings: Ratings) -> Ratings:
    # Ratings of the most popular items by users from the most to the least active. How much memory
    # a decomposition takes depends on the singular values, and those of random numbers are like no
    # others.
    from recsys.ratings.ratings import Ratings

    matrix, (n_users, n_items) = ratings.matrix, _FEW
    active = np.argsort(-np.diff(matrix.indptr), kind="stable")
    users = active[:: max(1, len(active) // n_users)][:n_users]
    per_item = np.bincount(matrix.indices, minlength=ratings.n_items)
    items = np.argsort(-per_item, kind="stable")[:n_items]
    return Ratings.from_matrix(matrix[np.sort(users)][:, np.sort(items)])


def state_memory(spec: Spec, n_users: int, n_items: int) -> int:
    """Bytes of the copy of both tables that a checkpoint saves."""
    width = getattr(spec, "n_factors", 0) + 1  # with the bias
    return 4 * width * (n_users + n_items)


def memory_of(ratings: Ratings, *, mapped: bool = False) -> int:
    """Bytes of the matrix and the timestamps; with `mapped`, of those that are in files."""
    matrix, times = ratings.matrix, ratings.timestamps
    arrays = [matrix.data, matrix.indices, matrix.indptr] + ([] if times is None else [times])
    return sum(int(array.nbytes) for array in arrays if is_mapped(array) or not mapped)
