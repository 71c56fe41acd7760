"""Other libraries, each in a process and an environment of its own; see `PEERS`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmark_jobs.peer import SCRIPTS, peer_python
from benchmark_jobs.peer import Peer as Process

from protocols.record import Part, Peer, Task
from recsys.csr import entry_rows
from recsys.threads import default_threads

SCRIPT = SCRIPTS / "reproduce_peer.py"


def is_installed(peer: Peer) -> bool:
    """Whether the library has an environment (`scripts/benchmark.py --install-peers`)."""
    return peer_python(peer.library) is not None


def answer_of(
    peer: Peer, task: Task, part: Part, seed: int
) -> tuple[npt.NDArray[np.float64], float]:
    """The scores (n,) of the pairs that a task asks for, and the seconds that the fit took."""
    python = peer_python(peer.library)
    assert python is not None  # callers ask only libraries that are installed
    train = part.prepared.trained_on
    users, items = task.pairs(part)
    with tempfile.TemporaryDirectory() as folder:
        data, scores = Path(folder) / "data.npz", Path(folder) / "scores.npy"
        np.savez(
            data,
            users=entry_rows(train.matrix), items=train.matrix.indices, values=train.matrix.data,
            shape=train.matrix.shape, test_users=users, test_items=items,
        )  # fmt: skip
        settings: dict[str, Any] = {
            "threads": default_threads(), "data": data, "scores": scores, "seed": seed,
            "model": dict(peer.settings),
        }  # fmt: skip
        process = Process(python, peer.library, "predict", settings, SCRIPT)
        try:
            seconds = process()["seconds"]
        finally:
            process.close()
        return np.load(scores).astype(np.float64), seconds
