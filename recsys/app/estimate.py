"""What a training run will need, told before it begins."""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recsys.app.recipe import Recipe
from recsys.app.train import OnStage
from recsys.models.spec import Spec
from recsys.ratings.ratings import Ratings, overview
from recsys.ratings.readers import read


@dataclass(frozen=True)
class Estimate:
    """Memory in bytes."""

    spec: Spec
    data: Mapping[str, Any]
    program: int
    """The process without the ratings, measured."""
    ratings: int
    """The ratings in memory, measured."""
    training: int
    """What the fit allocates at most."""
    reading: int
    """Peak of the process while it read the ratings, measured."""
    free: int | None
    """What the machine, or the container, can still give; None where it does not say."""

    @property
    def total(self) -> int:
        """While training."""
        return self.program + self.ratings + self.training

    @property
    def fits(self) -> bool | None:
        """Whether the rest is free; None where the machine does not say."""
        return None if self.free is None else self.training <= self.free

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        parts = {name: getattr(self, name) for name in ("program", "ratings", "training")}
        memory = {"total": self.total} | parts | {"reading": self.reading, "free": self.free}
        return {
            "spec": self.spec.to_dict(),
            "data": dict(self.data),
            "memory": memory,
            "fits": self.fits,
        }


def estimate(recipe: Recipe, on_stage: OnStage = lambda what, spec: None) -> Estimate:
    """Reads the ratings and says what training on all of them will need.

    Raises:
        ValueError: the recipe has a bad value. RecsysError: see its tree.
    """
    spec = recipe.spec()
    recipe.checked_feedback()
    recipe.checked_test()
    on_stage("reading", None)
    ratings = read(recipe)
    held, peak = process_memory()
    size = memory_of(ratings)
    needed = spec.training_memory(ratings.n_users, ratings.n_items, ratings.n_ratings)
    program = max(0, held - size)
    return Estimate(spec, overview(ratings), program, size, needed, peak, free_memory())


def memory_of(ratings: Ratings) -> int:
    """Bytes of the matrix and the timestamps."""
    matrix, times = ratings.matrix, ratings.timestamps
    arrays = [matrix.data, matrix.indices, matrix.indptr] + ([] if times is None else [times])
    return sum(int(array.nbytes) for array in arrays)


def process_memory() -> tuple[int, int]:
    """Bytes that this process holds, and that it held at most."""
    found = _kilobytes("/proc/self/status")
    if {"VmRSS", "VmHWM"} <= found.keys():
        return found["VmRSS"] * 1024, found["VmHWM"] * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return peak, peak


def free_memory() -> int | None:
    """Bytes that can still be had without swapping, within the limit of the container."""
    free = _kilobytes("/proc/meminfo").get("MemAvailable")
    if free is None:
        return None
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    room = free * 1024
    if limit.exists() and used.exists() and (most := limit.read_text().strip()).isdigit():
        room = min(room, int(most) - int(used.read_text()))
    return room


def _kilobytes(path: str) -> dict[str, int]:
    file = Path(path)
    if not file.exists():
        return {}
    return {name: int(n) for name, n in re.findall(r"^(\w+):\s+(\d+) kB", file.read_text(), re.M)}
