"""What a job yields (`Case`), and where it finds its data and its peers (`Setting`)."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import scipy.sparse as sp

from benchmark_jobs.data import synthetic
from benchmark_jobs.peer import PEERS, Answer, Peer, peer_python

Contender = Callable[[], Answer | None]


@dataclass
class Case:
    """One comparison: the contenders by name, this project first."""

    title: str
    contenders: dict[str, Contender]
    target: str = ""
    """What the project set out to reach."""
    shown: str = "seconds"
    """The number that is compared."""
    once: bool = False
    """Takes too long for several rounds."""
    rounds: int = 1
    """The least number of rounds; the loss is compared after as many epochs."""
    add: Callable[[dict[str, Answer]], dict[str, Answer]] = field(default=lambda found: {})
    """Further numbers, computed from the medians of all contenders."""


@dataclass(frozen=True)
class Setting:
    """Size of the synthetic data, the folder it is kept in, and the number of threads."""

    folder: Path
    size: float
    threads: int

    def matrix(self, size: float | None = None) -> Path:
        """The file of the synthetic matrix, which is made on first use."""
        size = self.size if size is None else size
        path = self.folder / f"matrix-{size:.4f}.npz"
        if not path.exists():
            sp.save_npz(path, synthetic(size), compressed=False)
        return path

    def peer(
        self, library: str, job: str, settings: dict[str, Any], threads: int = 0
    ) -> dict[str, Peer]:
        """The worker of a library under its name; empty where the library is not installed."""
        python = peer_python(library) if library in PEERS else Path(sys.executable)
        if python is None:
            return {}
        settings = {"threads": threads or self.threads} | settings
        return {library: Peer(python, library, job, settings)}

    def peers(self, libraries: tuple[str, ...], job: str, **settings: Any) -> dict[str, Contender]:
        """The workers of several libraries at the same job, each under its name."""
        found: dict[str, Contender] = {}
        for library in libraries:
            found |= self.peer(library, job, settings)
        return found


def timed(job: Callable[[], object]) -> Answer:
    """Runs the job and returns its seconds."""
    started = time.perf_counter()
    job()
    return {"seconds": time.perf_counter() - started}
